#!/bin/sh
# Read records as JSON Lines: resumes after a break, and fails when they do not come to an end.
#   clients/curl/jsonl.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/records/readings}
most_attempts=4
# Debian's awk would collect its input in a buffer.
case $(awk -W version 2>&1 </dev/null) in mawk*) interactive="-W interactive" ;; *) interactive= ;; esac
progress=$(mktemp) || exit
trap 'rm -f "$progress"' EXIT
trap 'exit 130' INT TERM

# Prints records, and leaves in the file how many they were and the last one's cursor. Returns 0 if
# they are complete, 3 after a break, and 4 if the request was refused.
read_once() {
    curl --include --location --globoff --silent --show-error --no-buffer \
        --header "Accept: application/jsonl" "$1" |
        awk $interactive -v progress="$progress" '
            !in_body && /^HTTP/ { status = $2 }
            !in_body { in_body = /^\r?$/ && (status < 300 || status >= 400); next }
            status != 200 { print > "/dev/stderr"; next }
            /^\{"@end": / { complete = /"status": "complete"/ }
            /^\{"@end": / && !complete { print > "/dev/stderr" }
            match($0, /,?"@cursor":"[^"]*"}$/) {
                print substr($0, 1, RSTART - 1) "}"
                fflush()
                count++
                split(substr($0, RSTART), parts, "\"")
            }
            END {
                print count + 0, parts[4] > progress
                exit complete ? 0 : status >= 400 && status < 500 ? 4 : 3
            }
        '
}

url=$(printf '%s' "${url%%#*}" | sed 's/\([?&]\)format=[^&]*/\1/')
case $url in *\?*) url="$url&end=true&cursors=true" ;; *) url="$url?end=true&cursors=true" ;; esac
left=$(printf '%s' "$url" | sed -n 's/.*[?&]limit=\([0-9]*\).*/\1/p')
whole=$(printf '%s' "$url" | sed 's/\([?&]\)limit=[^&]*/\1/; s/\([?&]\)after=[^&]*/\1/')
attempt=1
until read_once "$url"; do
    [ $? = 3 ] || exit 1
    read -r count cursor <"$progress"
    if [ "$count" -gt 0 ]; then
        attempt=1
        left=${left:+$((left - count))}
        [ "$left" != 0 ] || exit 0 # only the end record was missing
        url="$whole&after=$cursor${left:+&limit=$left}"
    fi
    if [ $attempt -ge $most_attempts ]; then
        echo "The stream is not complete." >&2
        exit 1
    fi
    sleep $attempt
    attempt=$((attempt + 1))
done
