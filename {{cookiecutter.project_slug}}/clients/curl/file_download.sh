#!/bin/sh
# Download a file; call it again to resume. A file that has changed is downloaded anew.
#   clients/curl/file_download.sh [URL] [PATH]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/files/readings.csv}
path=${2:-${url##*/}}

if [ -s "$path.part" ] && [ -s "$path.etag" ]; then
    set -- --continue-at - --header "If-Range: $(cat "$path.etag")"
else
    set --
fi
curl --fail --show-error --progress-bar --remote-time --dump-header "$path.headers" \
    --output "$path.part" "$@" "$url"
status=$?
tr -d '\r' <"$path.headers" | sed -n 's/^[Ee][Tt][Aa][Gg]: //p' >"$path.etag"
rm -f "$path.headers"
case $status in
0) mv "$path.part" "$path" && rm "$path.etag" ;;
33)
    # The server sent the whole of another version where curl wanted the rest of this one.
    echo "The file has changed: starting again." >&2
    rm "$path.part" "$path.etag"
    exec "$0" "$url" "$path"
    ;;
*) exit $status ;;
esac
