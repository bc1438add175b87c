#!/bin/sh
# Save an export, which gets its name only when it is complete: direct, or as a job, whose segments
# come in parallel and are checked; call it again to resume. CSV is a job unless you say --direct.
#   clients/curl/batch_export.sh [--job | --direct] [URL] [FORMAT] [PATH]
case "${1:-}" in -h | --help) sed -n '2,4s/^# *//p' "$0"; exit ;; esac
how=
case "${1:-}" in --job | --direct | --segment) how=$1 && shift ;; esac

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}

# One segment, called by xargs: URL, digest and file.
if [ "$how" = --segment ]; then
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        [ -e "$3" ] && [ "$(sha256 <"$3")" = "$2" ] && exit
        [ $attempt = 1 ] || sleep 1
        curl --fail --location --silent --show-error --continue-at - --speed-limit 1 \
            --speed-time 30 --output "$3" "$1" && continue
        # What is complete, and wrong, has no rest.
        case $? in 22 | 33 | 36) rm -f "$3" ;; esac
    done
    echo "$1 is not what the service has made." >&2
    exit 1
fi

url=${1:-http://127.0.0.1:8000/exports/readings}
format=${2:-parquet}
path=${3:-${url##*/}.$format}
[ -n "$how" ] || case $format in csv) how=--job ;; *) how=--direct ;; esac

# A refusal says why.
ask() {
    curl --fail-with-body --location --silent --show-error --retry 5 --retry-connrefused "$@" >"$parts/answer" && return
    status=$?
    cat "$parts/answer" >&2
    rm -r "$parts"
    exit $status
}

# A text of the status; no text of ours has a quote in it.
text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$parts/answer"
}

if [ "$how" = --job ]; then
    parts=$path.parts
    exports=${url%/exports/*}/exports
    host=$(printf %s "$url" | cut -d / -f 1-3)
    case $url in *\?* | *%*) echo "Ask for columns, filters and other names with --direct." >&2; exit 2 ;; esac
    mkdir -p "$parts"
    if [ ! -s "$parts/job" ]; then
        ask --header "Content-Type: application/json" --header "Prefer: respond-async" \
            --data "{\"source\": \"${url##*/exports/}\", \"format\": \"$format\"}" "$exports"
        echo "$exports/jobs/$(text id)" >"$parts/job"
    fi
    job=$(cat "$parts/job")
    while ask "$job" && case $(text status) in accepted | running) true ;; *) false ;; esac; do
        [ ! -t 2 ] || printf '\r%s\033[K' "$(sed 's/.*"progress":{\([^}]*\)}.*/\1/' "$parts/answer")" >&2
        sleep 1
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ "$(text status)" != complete ]; then
        cat "$parts/answer" >&2
        rm -r "$parts"
        exit 1
    fi
    # The URL, digest and file of each segment.
    tr '{' '\n' <"$parts/answer" |
        sed -n "s/^\"url\":\"\([^\"]*\)\".*\"sha256\":\"\([0-9a-f]*\)\".*/\1 \2/p" |
        awk -v host="$host" -v to="$parts" -v format="$format" \
            '{ printf "%s%s\n%s\n%s/%05d.%s\n", host, $1, $2, to, NR, format }' |
        tr '\n' '\0' | xargs -0 -n 3 -P 4 sh "$0" --segment || exit
    case $format in
    csv | jsonl)
        for part in "$parts"/0*; do
            # A column whose name has a line end takes another client.
            case $format$part in csv*/00001.csv | jsonl*) cat "$part" ;; *) tail -n +2 "$part" ;; esac
        done >"$path.part"
        rm -r "$parts"
        mv "$path.part" "$path"
        ;;
    *)
        rm "$parts/job" "$parts/answer"
        rm -rf "$path"
        mv "$parts" "$path"
        ;;
    esac
    curl --silent --request DELETE "$job" # it would be there until it expires
    echo "Saved $path ($(find "$path" -type f -exec cat {} + | wc -c | tr -d ' ') bytes)" >&2
    exit
fi

curl --fail-with-body --location --show-error --progress-bar --get --data "format=$format" \
    --data end=true --output "$path.part" "$url"
status=$?
if [ $status -eq 22 ]; then # refused: what has come says why
    cat "$path.part" >&2
    echo >&2
    rm "$path.part"
fi
[ $status -eq 0 ] || exit $status
case $format in
parquet) end=$(tail -c 4 "$path.part") && [ "$end" = PAR1 ] ;;
arrow) end=$(tail -c 8 "$path.part" | od -An -tx1 | tr -d ' ') && [ "$end" = ffffffff00000000 ] ;;
jsonl) tail -n 1 "$path.part" | grep -q '^{"@end": {"status": "complete"' ;;
esac || { echo "The export is not complete." >&2; exit 1; }
mv "$path.part" "$path"
echo "Saved $path ($(wc -c <"$path" | tr -d ' ') bytes)" >&2
