#!/bin/sh
# Download a file; call it again to resume. A file that has changed is downloaded anew.
#   clients/curl/file_download.sh [URL] [PATH]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/files/readings.csv}
path=${2:-${url##*/}}
stall_seconds=${STALL_SECONDS:-30}

start_again() {
    echo "The file has changed: starting again." >&2
    rm -f "$path.part" "$path.etag" "$path.headers"
    exec "$0" "$url" "$path"
}

# The last value of a field, that of the last answer behind redirects.
field() {
    tr -d '\r' <"$path.headers" | grep -i "^$1: " | tail -n 1 | cut -d ' ' -f 2-
}

# Keep the ETag of the last answer beside the part.
remember() {
    etag=$(field ETag)
    length=$(field Content-Length)$(field Transfer-Encoding)
    # RFC 9530: base64 between colons.
    digest=$(field Repr-Digest | sed -n 's/.*sha-256=:\([A-Za-z0-9+/=]*\):.*/\1/p')
    rm -f "$path.headers"
    if [ -n "$etag" ] && [ -s "$path.etag" ] && [ "$etag" != "$(cat "$path.etag")" ]; then
        start_again
    fi
    [ -s "$path.etag" ] || case $etag in \"*) printf '%s\n' "$etag" >"$path.etag" ;; esac
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

[ ! -s "$path.headers" ] || remember # of a call that was killed
set -- --header "Want-Repr-Digest: sha-256=10"
if [ -s "$path.etag" ] && [ -s "$path.part" ]; then
    # The last byte comes again, so that there is an answer when none is missing, with its digest.
    dd if=/dev/null of="$path.part" bs=1 seek=$(($(wc -c <"$path.part") - 1)) 2>/dev/null
    set -- "$@" --continue-at - --header "If-Range: $(cat "$path.etag")"
else
    rm -f "$path.part" "$path.etag"
fi
curl --fail --location --show-error --progress-bar --remote-time --dump-header "$path.headers" \
    --connect-timeout "$stall_seconds" --speed-limit 1 --speed-time "$stall_seconds" \
    --output "$path.part" "$@" "$url"
status=$?
[ ! -s "$path.headers" ] || remember
case $status in
0) ;;
22) # refused: the part stays as it is, so another request, for one byte, has to ask why
    curl --location --silent --range 0-0 "$url" | head -c 4000 >&2
    echo >&2
    exit $status
    ;;
33) start_again ;; # the server sent the whole where curl wanted the rest
*) exit $status ;;
esac

if [ -n "$digest" ]; then
    expected=$(printf %s "$digest" | base64 -d | od -An -vtx1 | tr -d ' \n')
    if [ "$(sha256 <"$path.part")" != "$expected" ]; then
        rm -f "$path.part" "$path.etag"
        echo "The SHA-256 of what has come is not that of the file." >&2
        exit 1
    fi
elif [ -z "$length" ]; then
    echo "No length and no digest: nobody can tell whether the file is whole." >&2
    exit 1
fi
mv "$path.part" "$path" && rm -f "$path.etag"
echo "Saved $path ($(wc -c <"$path" | tr -d ' ') bytes)" >&2
