#!/bin/sh
# Follow server-sent events as they are on the wire; LAST_EVENT_ID=… resumes after an event.
#   clients/curl/sse.sh [URL]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac

exec curl --fail-with-body --silent --show-error --no-buffer \
    --header "Last-Event-ID: ${LAST_EVENT_ID:-}" \
    "${1:-http://127.0.0.1:8000/events/readings}"
