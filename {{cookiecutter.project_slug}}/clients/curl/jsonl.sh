#!/bin/sh
# Read records as JSON Lines; fails when the stream ends without its end record.
#   clients/curl/jsonl.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/records/readings}
case $url in *\?*) url="$url&end=true" ;; *) url="$url?end=true" ;; esac
# Debian's awk would collect its input in a buffer.
case $(awk -W version 2>&1 </dev/null) in mawk*) interactive="-W interactive" ;; *) interactive= ;; esac

curl --include --silent --show-error --no-buffer --header "Accept: application/jsonl" "$url" |
    awk $interactive '
        NR == 1 { refused = $2 != 200 }
        !in_body { in_body = /^\r?$/; next }
        refused { print > "/dev/stderr"; next }
        /^\{"@end": / { complete = /"status": "complete"/; if (complete) next }
        /^\{"@end": / { print > "/dev/stderr"; next }
        { print; fflush() }
        END {
            if (!complete && !refused) print "The stream is not complete." > "/dev/stderr"
            exit !complete
        }
    '
