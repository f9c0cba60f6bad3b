#!/bin/bash
# The paper's Table 1 and Fig. 6 and 7 on a field: profile `paper` with and without octree, interpolated and with networks,
# its reduction time beside that of the full reconstruction per trial, and the default profile. Markdown on standard output.
#
#   tools/srt-bench/paper.sh FIELD.npy [PAGE.html]
#
# PAGE gets the files of the plots (srt eval --html). SRT names the program, LEVELS the PSNRs, PAYLOADS the codecs; payload sz3
# needs srt-sz3 beside the program. CHUNKS: minChunk of the timings; full trials take minutes at 8, hours at 4.
set -euo pipefail

field=${1:?"usage: tools/srt-bench/paper.sh FIELD.npy [PAGE.html]"}
page=${2:-}
program=${SRT:-$(dirname "$0")/../../target/release/srt}
read -ra levels <<<"${LEVELS:-30 35 40 45 50}"
read -ra payloads <<<"${PAYLOADS:-zstd sz3}"
read -ra chunks <<<"${CHUNKS:-16 32}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

number() { # number KEY < JSON
    # Of the file; its frame has some of the same names.
    sed -n "/^ *\"$1\": \([-0-9.e+]*\),\{0,1\}$/{s//\1/p;q}"
}

encode() { # encode NAME DB OPTIONS..; leaves the report in NAME.json
    local name=$1 db=$2
    shift 2
    "$program" encode "$field" "$work/$name.srt" --psnr "$db" --embed-weights no --json -q -f "$@" >"$work/$name.json" 2>"$work/$name.err"
}

rows() { # rows LABEL NAME OPTIONS..: one row of ratios
    local label=$1 name=$2 db
    shift 2
    printf '| %s |' "$label"
    for db in "${levels[@]}"; do
        if encode "$name-$db" "$db" "$@"; then
            printf ' %.1f |' "$(number ratio <"$work/$name-$db.json")"
            awk -v p="$(number psnr_db <"$work/$name-$db.json")" -v d="$db" 'BEGIN { exit !(p < d) }' && missed+=("$label at $db dB")
        else
            printf ' - |'
            tail -1 "$work/$name-$db.err" >&2
        fi
    done
    printf '\n'
}

missed=()
printf '%s: compression ratio by PSNR asked for, weights by reference\n\n' "$(basename "$field" .npy)"
printf '| |'; printf ' %s dB |' "${levels[@]}"; printf '\n|---|'; printf -- '---|%.0s' "${levels[@]}"; printf '\n'
for payload in "${payloads[@]}"; do
    common=(--profile paper --payload "$payload" --model none)
    rows "octree, linear, $payload" "tree-linear-$payload" "${common[@]}" --upscale linear
    rows "one level, linear, $payload" "one-linear-$payload" "${common[@]}" --upscale linear --no-octree
    rows "octree, cubic, $payload" "tree-cubic-$payload" "${common[@]}" --upscale cubic
    rows "one level, cubic, $payload" "one-cubic-$payload" "${common[@]}" --upscale cubic --no-octree
    common=(--profile paper --payload "$payload" --upscale network)
    rows "octree, networks, $payload" "tree-network-$payload" "${common[@]}"
    rows "one level, networks, $payload" "one-network-$payload" "${common[@]}" --no-octree
done
rows "profile default, no networks" none --model none
rows "profile default" default

printf '\nReduction at 40 dB, linear, zstd, one thread:\n\n| minChunk | trials | seconds to encode | of these, to reconstruct and compare | ratio |\n|---|---|---|---|---|\n'
for chunk in "${chunks[@]}"; do
    for trials in local full; do
        encode time 40 --profile paper --model none --min-chunk "$chunk" --trials "$trials" --threads 1
        printf '| %s | %s | %.2f | %.2f | %.1f |\n' "$chunk" "$trials" "$(number encode_seconds <"$work/time.json")" \
            "$(number verify_seconds <"$work/time.json")" "$(number ratio <"$work/time.json")"
        cp "$work/time.srt" "$work/time-$trials.srt"
    done
    cmp -s "$work/time-local.srt" "$work/time-full.srt" || missed+=("minChunk $chunk: the files of local and full trials differ")
done

if [ -n "$page" ]; then
    files=()
    payload=${payloads[-1]}
    for name in tree-{linear,network}-"$payload" one-{linear,network}-"$payload" none default; do
        for db in "${levels[@]}"; do
            [ -s "$work/$name-$db.srt" ] && files+=("$work/$name-$db.srt")
        done
    done
    "$program" eval "$field" "${files[@]}" --html "$page" -f >/dev/null
fi
for miss in "${missed[@]}"; do echo "missed: $miss"; done
[ ${#missed[@]} -eq 0 ]
