#!/bin/sh
# Save an export as csv, jsonl, parquet (default) or arrow, which gets its name only when it is
# complete: direct, or as a job, whose segments come in parallel and are checked; call it again to
# resume. CSV is always a job: nothing else tells where it ends.
#   [ATTEMPTS=10] [STALL_SECONDS=60] [PARALLEL=4] clients/curl/batch_export.sh [--job] [URL] [FORMAT] [PATH]
# ATTEMPTS are those at a request; one that is silent for so long is made anew.
case "${1:-}" in -h | --help) sed -n '2,6s/^# *//p' "$0"; exit ;; esac
how=--direct
case "${1:-}" in --job | --segment) how=$1 && shift ;; esac
for number in "${ATTEMPTS:-10}" "${STALL_SECONDS:-60}" "${PARALLEL:-4}"; do
    case $number in *[!0-9]* | 0*)
        echo "ATTEMPTS, STALL_SECONDS and PARALLEL must be whole numbers from 1 on." >&2
        exit 2
        ;;
    esac
done
attempts=${ATTEMPTS:-10}
patience="--connect-timeout 10 --speed-limit 1 --speed-time ${STALL_SECONDS:-60}"

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
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

# One segment, called by xargs: URL, digest and file.
if [ "$how" = --segment ]; then
    failures=0
    while :; do
        [ -e "$3" ] && [ "$(sha256 <"$3")" = "$2" ] && exit
        [ $failures -lt "$attempts" ] || break
        [ $failures = 0 ] || pause $failures 0
        failures=$((failures + 1))
        status=$(curl --fail --location --globoff --silent --show-error $patience \
            --continue-at - --output "$3" --write-out '%{http_code}' "$1") && continue
        # What is complete, and wrong, has no rest.
        case $?,$status in 22,416 | 33,* | 36,*) rm -f "$3" ;; esac
    done
    echo "$1 is not what the service has made." >&2
    exit 1
fi

url=${1:-http://127.0.0.1:8000/exports/readings}
format=${2:-parquet}
table=${url%%\?*} && table=${table##*/}
path=${3:-$table.$format} && path=${path%/}
[ "$format" != csv ] || how=--job
parts=$path.parts
case $how in --direct) kept=$path.part ;; *) kept=$parts/answer ;; esac

# A folder is replaced by the files of a job, if it has such files alone.
check_target() {
    [ -d "$path" ] || return 0
    case $how,$format in
    --job,parquet | --job,arrow)
        foreign=$(cd -- "$path" && {
            find . ! -name . ! -type f
            find . ! -name . | grep -v "^\./[0-9]\{5,\}\.$format\$"
        } | head -n 1) && [ -z "$foreign" ] && return
        echo "$path is a folder with more than an export: $foreign" >&2
        ;;
    *) echo "$path is a folder." >&2 ;;
    esac
    exit 1
}
check_target

# ask CHECK OPTIONS…: leaves the body of an answer that CHECK finds whole in $kept, and asks again
# while there is none. A refusal says why.
ask() {
    check=$1 && shift
    failures=0
    while :; do
        status=$(curl --location --globoff --show-error $patience --output "$kept" --dump-header "$path.headers" \
            --write-out '%{http_code}' "$@")
        result=$?
        retry_after=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$path.headers" 2>/dev/null)
        rm -f "$path.headers"
        case $result,$status in
        0,2*) ! $check || return 0 ;; # for curl an end within headers is none too soon
        0,408 | 0,425 | 0,429) ;;
        0,4*)
            cat "$kept" >&2
            echo >&2
            rm -f "$kept"
            # Another refusal may pass, and what has come of the job is still good then.
            case $how,$status in --job,404 | --job,410) rm -f "$parts/job" ;; esac
            [ $how = --direct ] || [ -s "$parts/job" ] || rm -rf "$parts"
            exit 22
            ;;
        23,* | 3,*) exit $result ;; # a full disk, a wrong URL
        esac
        failures=$((failures + 1))
        if [ $failures -ge "$attempts" ]; then
            echo "The export is not complete." >&2
            exit 1
        fi
        pause $failures "$retry_after"
    done
}

# A text of the status; no text of ours has a quote in it.
text() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$kept"
}

is_answer() {
    [ -n "$(text status)" ]
}

# The JSON that asks for a job: the table, the format and the parameters of the URL.
job_of() {
    printf '%s\n' "$1" | LC_ALL=C awk -F '?' -v format="$format" -v table="$table" '
        function hex(digits) {
            digits = tolower(digits)
            return 16 * index("123456789abcdef", substr(digits, 1, 1)) + index("123456789abcdef", substr(digits, 2))
        }
        function text(encoded, decoded) {
            gsub(/\+/, " ", encoded)
            while (match(encoded, /%[0-9A-Fa-f][0-9A-Fa-f]/)) {
                decoded = decoded substr(encoded, 1, RSTART - 1) sprintf("%c", hex(substr(encoded, RSTART + 1, 2)))
                encoded = substr(encoded, RSTART + 3)
            }
            decoded = decoded encoded
            gsub(/["\\]/, "\\\\&", decoded)
            return "\"" decoded "\""
        }
        {
            count = split($2, pairs, "&")
            for (i = 1; i <= count; i++) {
                name = text(substr(pairs[i], 1, index(pairs[i] "=", "=") - 1))
                value = text(substr(pairs[i], index(pairs[i] "=", "=") + 1))
                separator = name in values ? ", " : ""
                values[name] = values[name] separator value
            }
            printf "{\"source\": %s, \"format\": \"%s\"", text(table), format
            for (name in values) printf ", %s: [%s]", name, values[name]
            print "}"
        }'
}

if [ $how = --job ]; then
    exports=${url%%\?*} && exports=${exports%/exports/*}/exports
    host=$(printf %s "$url" | cut -d / -f 1-3)
    mkdir -p "$parts"
    [ "$(cat "$parts/url" 2>/dev/null)" = "$format $url" ] || rm -f "$parts"/*
    if [ ! -s "$parts/job" ]; then
        # Who asks again, as the answer was lost, gets the same job.
        key=$(od -An -tx1 -N 16 /dev/urandom | tr -d ' \n')
        ask is_answer --silent --header "Content-Type: application/json" \
            --header "Prefer: respond-async" --header "Idempotency-Key: $key" \
            --data "$(job_of "$url")" "$exports"
        echo "$exports/jobs/$(text id)" >"$parts/job"
        echo "$format $url" >"$parts/url"
    fi
    job=$(cat "$parts/job")
    while ask is_answer --silent "$job" && case $(text status) in accepted | running) true ;; *) false ;; esac; do
        [ ! -t 2 ] || printf '\r%s\033[K' "$(sed 's/.*"progress":{\([^}]*\)}.*/\1/' "$kept")" >&2
        sleep 1
    done
    [ ! -t 2 ] || printf '\r\033[K' >&2
    if [ "$(text status)" != complete ]; then
        cat "$kept" >&2
        rm -r "$parts"
        exit 1
    fi
    # What a service says leads no further than to itself.
    if tr '{' '\n' <"$kept" | grep '^"url":' | grep -v '^"url":"/' >&2; then
        echo "The service names a URL of another origin." >&2
        exit 1
    fi
    # The URL, digest and file of each segment.
    tr '{' '\n' <"$kept" |
        sed -n "s/^\"url\":\"\([^\"]*\)\".*\"sha256\":\"\([0-9a-f]*\)\".*/\1 \2/p" |
        awk -v host="$host" -v to="$parts" -v format="$format" \
            '{ printf "%s%s\n%s\n%s/%05d.%s\n", host, $1, $2, to, NR, format }' |
        tr '\n' '\0' | xargs -0 -n 3 -P "${PARALLEL:-4}" sh "$0" --segment || exit
    case $format in
    csv | jsonl)
        for part in "$parts"/0*; do
            # A column whose name has a line end takes another client.
            case $format$part in csv*/00001.csv | jsonl*) cat "$part" ;; *) tail -n +2 "$part" ;; esac
        done >"$path.part" || exit
        rm -r "$parts"
        mv "$path.part" "$path"
        ;;
    *)
        check_target # the job may have taken hours
        rm "$parts/job" "$parts/url" "$kept"
        rm -rf "$path"
        mv "$parts" "$path"
        ;;
    esac
    curl --globoff --silent --request DELETE "$job" # it would be there until it expires
    echo "Saved $path ($(find "$path" -type f -exec cat {} + | wc -c | tr -d ' ') bytes)" >&2
    exit
fi

is_complete() {
    case $format in
    parquet) end=$(tail -c 4 "$kept") && [ "$end" = PAR1 ] ;;
    arrow) end=$(tail -c 8 "$kept" | od -An -tx1 | tr -d ' ') && [ "$end" = ffffffff00000000 ] ;;
    jsonl) tail -n 1 "$kept" | grep -q '^{"@end": {"status": "complete"' ;;
    esac
}

[ -t 2 ] && progress=--progress-bar || progress=--silent
case $url in *\?*) query="$url&" ;; *) query="$url?" ;; esac
rm -f "$kept"
ask is_complete $progress "${query}format=$format&end=true"
mv "$path.part" "$path"
echo "Saved $path ($(wc -c <"$path" | tr -d ' ') bytes)" >&2
