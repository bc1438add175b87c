#!/bin/sh
# Follow server-sent events as they are on the wire: reconnects, and resumes after the last event.
#   [LAST_EVENT_ID=…] clients/curl/sse.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/events/readings}
# Debian's awk would collect its input in a buffer.
case $(awk -W version 2>&1 </dev/null) in mawk*) interactive="-W interactive" ;; *) interactive= ;; esac

# Passes whole blocks on to the standard output, which is 3 here, and prints the last event's id.
follow() {
    curl --include --silent --show-error --no-buffer --header "Last-Event-ID: $1" "$url" |
        awk $interactive -v id="$1" '
            NR == 1 { status = $2 }
            !in_body { in_body = /^\r?$/; next }
            status != 200 { print > "/dev/stderr"; next }
            { block = block $0 "\n" }
            /^id: / { new_id = substr($0, 5) }
            /^$/ { printf "%s", block | "cat >&3"; fflush("cat >&3"); block = ""; id = new_id }
            END { print id; exit status >= 400 && status < 500 }
        '
}

id=${LAST_EVENT_ID:-}
exec 3>&1
while id=$(follow "$id"); do
    echo "Reconnecting in 1 s" >&2
    sleep 1
done
exit 1
