#!/bin/sh
# Read records as JSON Lines: resumes after a break, and fails when they do not come to an end.
#   [ATTEMPTS=10] [STALL_SECONDS=30] clients/curl/jsonl.sh [URL]
# ATTEMPTS are connections in a row that bring nothing; one that is silent for so long is made anew.
case "${1:-}" in -h | --help) sed -n '2,4s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/records/readings}
attempts=${ATTEMPTS:-10} stall_seconds=${STALL_SECONDS:-30}
case $attempts,$stall_seconds in *[!0-9,]* | 0* | *,0*)
    echo "ATTEMPTS and STALL_SECONDS must be whole numbers from 1 on." >&2
    exit 2
    ;;
esac
# Debian's awk would collect its input in a buffer.
case $(awk -W version 2>&1 </dev/null) in mawk*) interactive="-W interactive" ;; *) interactive= ;; esac
is_shown=$([ ! -t 2 ] || [ -t 1 ] || echo 1)
result=$(mktemp) || exit
trap 'rm -f "$result"' EXIT
trap 'exit 130' INT TERM

# Prints records, and leaves in the file how many they were, the server's Retry-After and the last
# one's cursor. Returns 0 if they are complete, 3 after a break, and 4 if the request was refused.
read_once() {
    curl --include --location --globoff --silent --show-error --no-buffer \
        --connect-timeout 10 --speed-limit 1 --speed-time "$stall_seconds" \
        --header "Accept: application/jsonl" "$1" |
        awk $interactive -v result="$result" -v is_shown="$is_shown" '
            !in_body && /^HTTP/ { status = $2; retry_after = 0 }
            !in_body && tolower($1) == "retry-after:" && $2 ~ /^[0-9]/ { retry_after = $2 + 0 }
            !in_body { in_body = /^\r?$/ && (status < 300 || status >= 400); next }
            status != 200 { print > "/dev/stderr"; next }
            /^\{"@end": / { complete = /"status": "complete"/ }
            /^\{"@end": / && !complete { print > "/dev/stderr" }
            match($0, /,?"@cursor":"[^"]*"}$/) {
                print substr($0, 1, RSTART - 1) "}"
                fflush()
                count++
                if (is_shown && count % 10000 == 0) printf "\r%d records\033[K", count > "/dev/stderr"
                split(substr($0, RSTART), parts, "\"")
            }
            END {
                if (is_shown) printf "\r\033[K" > "/dev/stderr"
                print count + 0, retry_after + 0, parts[4] > result
                is_refused = status >= 400 && status < 500 && status !~ /^(408|425|429)$/
                exit complete ? 0 : is_refused ? 4 : 3
            }
        '
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

url=$(printf '%s' "${url%%#*}" | sed 's/\([?&]\)format=[^&]*/\1/')
case $url in *\?*) url="$url&end=true&cursors=true" ;; *) url="$url?end=true&cursors=true" ;; esac
left=$(printf '%s' "$url" | sed -n 's/.*[?&]limit=\([0-9]*\).*/\1/p')
whole=$(printf '%s' "$url" | sed 's/\([?&]\)limit=[^&]*/\1/; s/\([?&]\)after=[^&]*/\1/')
failures=0
until read_once "$url"; do
    [ $? = 3 ] || exit 1
    read -r count retry_after cursor <"$result"
    if [ "$count" -gt 0 ]; then
        failures=0
        left=${left:+$((left - count))}
        [ "$left" != 0 ] || exit 0 # only the end record was missing
        url="$whole&after=$cursor${left:+&limit=$left}"
    fi
    # The heartbeats of a stream that is followed are too small for curl to see.
    case $url in *follow=true*) failures=0 ;; esac
    failures=$((failures + 1))
    if [ $failures -ge "$attempts" ]; then
        echo "The stream is not complete." >&2
        exit 1
    fi
    pause $failures "$retry_after"
done
