#!/bin/sh
# Download a file: resumes after a break, and when it is called again; what has changed is
# downloaded anew.
#   [ATTEMPTS=10] [STALL_SECONDS=30] clients/curl/file_download.sh [URL] [PATH]
# ATTEMPTS are connections in a row that bring nothing; one that is silent for so long is made anew.
case "${1:-}" in -h | --help) sed -n '2,5s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/files/readings.csv}
path=${2:-${url##*/}}
attempts=${ATTEMPTS:-10} stall_seconds=${STALL_SECONDS:-30}
case $attempts,$stall_seconds in *[!0-9,]* | 0* | *,0*)
    echo "ATTEMPTS and STALL_SECONDS must be whole numbers from 1 on." >&2
    exit 2
    ;;
esac
[ -t 2 ] && progress=--progress-bar || progress=--silent

# Reads the last answer's headers, behind redirects; none if the connection ended inside them: for
# curl that is no error.
read_headers() {
    headers=$(tr -d '\r' <"$path.headers" | awk '
        /^HTTP\// { text = "" }
        { text = text $0 "\n" }
        END { if (text ~ /\n\n$/) printf "%s", text }')
    rm -f "$path.headers"
    status=$(printf '%s\n' "$headers" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
    etag=$(field ETag)
    [ -s "$path.etag" ] || case $etag in \"*) printf '%s\n' "$etag" >"$path.etag" ;; esac
}

field() {
    printf '%s\n' "$headers" | grep -i "^$1:" | tail -n 1 | cut -d ' ' -f 2-
}

size() {
    if [ -e "$path.part" ]; then wc -c <"$path.part" | tr -d ' '; else echo 0; fi
}

forget() {
    rm -f "$path.part" "$path.etag"
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

# Brings what is missing. Returns 0 if the file is whole, 3 after a break, and 4 if it was refused.
fetch_rest() {
    set -- --header "Want-Repr-Digest: sha-256=10"
    if [ -s "$path.etag" ] && [ -s "$path.part" ]; then
        # The last byte comes again, so that there is an answer when none is missing, with its digest.
        dd if=/dev/null of="$path.part" bs=1 seek=$(($(size) - 1)) 2>/dev/null
        set -- "$@" --continue-at - --header "If-Range: $(cat "$path.etag")"
    else
        forget
    fi
    curl --fail --location --globoff --show-error $progress --remote-time --dump-header "$path.headers" \
        --connect-timeout "$stall_seconds" --speed-limit 1 --speed-time "$stall_seconds" \
        --output "$path.part" "$@" "$url"
    result=$?
    headers= status= etag=
    [ ! -s "$path.headers" ] || read_headers
    case $result,$status in
    0,20[06]) ;;
    33,* | *,412 | *,416) # the server sent the whole where curl wanted the rest
        echo "The file has changed: starting again." >&2
        forget
        return 3
        ;;
    22,408 | 22,425 | 22,429 | 22,5*) return 3 ;;
    22,*) # the part stays as it is, so another request, for one byte, has to ask why
        curl --location --globoff --silent --range 0-0 "$url" | head -c 4000 >&2
        echo >&2
        return 4
        ;;
    1,* | 3,* | 23,*) return 4 ;; # a wrong URL, a full disk
    *) return 3 ;;
    esac
    if [ "$status" = 206 ] && [ "$etag" != "$(cat "$path.etag")" ]; then # not every cache heeds If-Range
        forget
        return 3
    fi
    check
}

check() {
    length=$(field Content-Range | sed -n 's/.*\///p')
    length=${length:-$(field Content-Length)}
    # RFC 9530: base64 between colons.
    digest=$(field Repr-Digest | sed -n 's/.*sha-256=:\([A-Za-z0-9+/=]*\):.*/\1/p')
    [ -e "$path.part" ] || : >"$path.part" # curl makes no empty file
    if [ -n "$length" ]; then
        [ "$length" = "$(size)" ] || return 3
    elif [ -z "$digest$(field Transfer-Encoding)" ]; then
        echo "No length and no digest: nobody can tell whether the file is whole." >&2
        return 4
    fi
    [ -n "$digest" ] || return 0
    expected=$(printf %s "$digest" | base64 -d | od -An -vtx1 | tr -d ' \n')
    [ "$(sha256 <"$path.part")" != "$expected" ] || return 0
    forget
    echo "The SHA-256 of what has come is not that of the file." >&2
    return 4
}

# Twice as long after each further failure, at least as long as asked, and not all at once.
pause() {
    seconds=$(awk -v failures="$1" -v at_least="$2" -v pid=$$ 'BEGIN {
        srand(); srand(srand() + pid)
        wait = 0.2 * 2 ^ (failures - 1)
        if (wait > 60) wait = 60
        if (wait < at_least) wait = at_least
        printf "%.1f", wait * (1 + rand() / 2)
    }')
    echo "Again in $seconds s" >&2
    sleep "$seconds"
}

if [ -s "$path.headers" ]; then # of a call that was killed
    read_headers
    case $status in 20[06])
        [ -z "$etag" ] || [ "$etag" = "$(cat "$path.etag" 2>/dev/null)" ] || forget
        ;;
    esac
fi
failures=0 had=$(size)
until fetch_rest; do
    [ $? = 3 ] || exit 1
    [ "$(size)" -le "$had" ] || failures=0
    had=$(size) failures=$((failures + 1))
    if [ $failures -ge "$attempts" ]; then
        echo "$path is not complete; call again to resume." >&2
        exit 1
    fi
    pause $failures "$(field Retry-After | sed 's/[^0-9].*//')"
done
mv "$path.part" "$path" && rm -f "$path.etag"
echo "Saved $path ($(wc -c <"$path" | tr -d ' ') bytes)" >&2
