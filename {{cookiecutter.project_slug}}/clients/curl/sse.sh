#!/bin/sh
# Follow server-sent events as they are on the wire: reconnects, and resumes after the last event.
#   [LAST_EVENT_ID=…] [STALL_SECONDS=45] clients/curl/sse.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/events/readings}
stall_seconds=${STALL_SECONDS:-45}
case $stall_seconds in *[!0-9]* | 0*)
    echo "STALL_SECONDS must be a whole number from 1 on." >&2
    exit 2
    ;;
esac
export LC_ALL=C # numbers with a point
# Debian's awk would collect its input in a buffer.
case $(awk -W version 2>&1 </dev/null) in mawk*) interactive="-W interactive" ;; *) interactive= ;; esac

# follow ID RETRY FAILURES: passes whole blocks on to the standard output, which is 3 here. Prints
# "FAILURES RETRY WAIT ID": what the next connection needs, and the seconds until then.
follow() {
    curl --include --globoff --silent --show-error --no-buffer \
        --connect-timeout 10 --speed-limit 1 --speed-time "$stall_seconds" \
        --header "Accept: text/event-stream, application/problem+json" \
        --header "Last-Event-ID: $1" "$url" |
        awk $interactive -v id="$1" -v retry="$2" -v failures="$3" -v pid=$$ '
            { sub(/\r$/, "") }
            NR == 1 { status = $2 }
            !in_body {
                name = tolower($1)
                if (name == "content-type:") is_stream = tolower($2) ~ /^text\/event-stream(;|$)/
                if (name == "retry-after:" && $2 ~ /^[0-9]+$/) retry_after = $2
                in_body = /^$/
                next
            }
            status != 200 || !is_stream { print > "/dev/stderr"; next }
            { block = block $0 "\n" }
            /^id(:|$)/ { new_id = $0; sub(/^id:? ?/, "", new_id); has_id = 1 }
            /^retry: ?[0-9]+$/ { retry = $0; sub(/^retry: ?/, "", retry); retry /= 1000 }
            /^$/ {
                printf "%s", block | "cat >&3"; fflush("cat >&3")
                if (has_id) id = new_id
                block = ""; has_id = 0; failures = 0
            }
            END {
                srand(); srand(srand() + pid) # the time and the process
                wait = retry * 2 ^ failures
                if (wait > 60 && wait > retry) wait = retry > 60 ? retry : 60
                if (wait < retry_after) wait = retry_after
                printf "%d %s %.3f %s\n", failures + 1, retry, wait * (1 + rand() / 2), id
                # For curl an end within headers is none too soon.
                is_worth_retrying = !in_body || status >= 500 || status ~ /^(408|425|429)$/
                exit !is_worth_retrying && !(status == 200 && is_stream)
            }
        '
}

exec 3>&1
id=${LAST_EVENT_ID:-} retry=1 failures=0
while next=$(follow "$id" "$retry" "$failures"); do
    failures=${next%% *} next=${next#* }
    retry=${next%% *} next=${next#* }
    wait=${next%% *} id=${next#* }
    echo "Reconnecting in $wait s" >&2
    sleep "$wait" || exit
done
exit 1
