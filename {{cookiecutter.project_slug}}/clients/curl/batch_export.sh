#!/bin/sh
# Save an export to a file, which gets its name only when the export is complete.
#   clients/curl/batch_export.sh [URL] [FORMAT] [PATH]
case "${1:-}" in -h | --help) sed -n '2,3s/^# *//p' "$0"; exit ;; esac
url=${1:-http://127.0.0.1:8000/exports/readings}
format=${2:-parquet}
path=${3:-${url##*/}.$format}

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
