#!/bin/sh
# Download a file; call it again to resume. A file that has changed is downloaded anew.
#   clients/curl/file_download.sh [URL] [PATH]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/files/readings.csv}
path=${2:-${url##*/}}

start_again() {
    echo "The file has changed: starting again." >&2
    rm "$path.part" "$path.etag"
    exec "$0" "$url" "$path"
}

etag=
if [ -s "$path.part" ] && [ -s "$path.etag" ]; then
    etag=$(cat "$path.etag")
    set -- --continue-at - --header "If-Range: $etag"
else
    set --
fi
curl --fail --location --show-error --progress-bar --remote-time --dump-header "$path.headers" \
    --output "$path.part" "$@" "$url"
status=$?
new_etag=$(tr -d '\r' <"$path.headers" | sed -n 's/^[Ee][Tt][Aa][Gg]: //p' | tail -n 1)
rm -f "$path.headers"
if [ -n "$etag" ] && [ -n "$new_etag" ] && [ "$etag" != "$new_etag" ]; then
    start_again
fi
[ -z "$new_etag" ] || printf '%s\n' "$new_etag" >"$path.etag"
case $status in
0)
    mv "$path.part" "$path" && rm -f "$path.etag"
    echo "Saved $path ($(wc -c <"$path" | tr -d ' ') bytes)" >&2
    ;;
22) # refused: the part stays as it is, so another request, for one byte, has to ask why
    curl --location --silent --range 0-0 "$url" | head -c 4000 >&2
    echo >&2
    exit $status
    ;;
33) start_again ;; # the server sent the whole where curl wanted the rest
*) exit $status ;;
esac
