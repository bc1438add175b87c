#!/bin/sh
# Read records as JSON Lines; fails when the stream ends without its end record.
#   clients/curl/jsonl.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/records/readings}
case $url in *\?*) url="$url&end=true" ;; *) url="$url?end=true" ;; esac

curl --fail-with-body --silent --show-error --no-buffer \
    --header "Accept: application/jsonl" "$url" |
    awk '
        /^\{"@end": / { complete = /"status": "complete"/; next }
        { print; fflush() }
        END { if (!complete) { print "The stream is not complete." > "/dev/stderr"; exit 1 } }
    '
