#!/bin/bash
# The paper's Table 1 and Fig. 6 and 7 on a field: profile `paper` with and without octree, interpolated and with networks,
# the default profile and the peers; what reduction and reconstruction take. Markdown on standard output.
#
#   tools/srt-bench/paper.sh FIELD.npy [FOLDER]
#
# FOLDER gets the pages of Fig. 6 (rates.html: rate and distortion at all LEVELS) and Fig. 7 (spectra.html: power spectra at
# the ratio RATIO) and, where chromium is installed, the pictures of their charts. SRT names the program, LEVELS the PSNRs,
# PAYLOADS the codecs; payload sz3 needs srt-sz3 beside the program, FOLDER srt-bench. CHUNKS: minChunk of the timings, may be
# empty; full trials take minutes at 8, hours at 4.
set -euo pipefail

field=${1:?"usage: tools/srt-bench/paper.sh FIELD.npy [FOLDER]"}
folder=${2:-}
program=${SRT:-$(dirname "$0")/../../target/release/srt}
read -ra levels <<<"${LEVELS:-30 35 40 45 50}"
read -ra payloads <<<"${PAYLOADS:-zstd sz3}"
read -ra chunks <<<"${CHUNKS-16 32}"
ratio=${RATIO:-119}
field_name=$(basename "$field" .npy)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

number() { # number KEY < JSON
    # Of the file; its frame has some of the same names.
    sed -n "/^ *\"$1\": \([-0-9.e+]*\),\{0,1\}$/{s//\1/p;q}"
}

encode() { # encode NAME OPTIONS..; leaves the report in NAME.json
    local name=$1
    shift
    "$program" encode "$field" "$work/$name.srt" --embed-weights no --json -q -f "$@" >"$work/$name.json" 2>"$work/$name.err"
}

label() { # label NAME SERIES: the curve that the file is a point of
    printf '{ "series": "%s" }\n' "$2" >"$work/$1.srt.eval.json"
}

rows() { # rows LABEL NAME OPTIONS..: one row of ratios
    local label=$1 name=$2 db
    shift 2
    printf '| %s |' "$label"
    for db in "${levels[@]}"; do
        if encode "$name-$db" --psnr "$db" "$@"; then
            label "$name-$db" "$label"
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
printf '%s: compression ratio by PSNR asked for, weights by reference\n\n' "$field_name"
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

[ ${#chunks[@]} -eq 0 ] || printf '\nReduction at 40 dB, linear, zstd, one thread:\n\n| minChunk | trials | seconds to encode | of these, to reconstruct and compare | ratio |\n|---|---|---|---|---|\n'
for chunk in "${chunks[@]}"; do
    for trials in local full; do
        encode time --psnr 40 --profile paper --model none --min-chunk "$chunk" --trials "$trials" --threads 1
        printf '| %s | %s | %.2f | %.2f | %.1f |\n' "$chunk" "$trials" "$(number encode_seconds <"$work/time.json")" \
            "$(number verify_seconds <"$work/time.json")" "$(number ratio <"$work/time.json")"
        cp "$work/time.srt" "$work/time-$trials.srt"
    done
    cmp -s "$work/time-local.srt" "$work/time-full.srt" || missed+=("minChunk $chunk: the files of local and full trials differ")
done

seconds() { # seconds COMMAND..: what it takes on the clock
    local start=$EPOCHREALTIME
    "$@" >/dev/null
    awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'
}

# Table 1: the field, its networks and the time.
payload=${payloads[-1]}
encode table --psnr 40 --profile paper --payload "$payload"
model=$(sed -n 's/^ *"model": "\(.*\)",\{0,1\}$/\1/p' "$work/table.json" | head -1)
networks=$({ "$program" model info "$model" 2>/dev/null || true; } | sed -n 's/.* \([0-9]*\) bytes$/\1/p' | awk '{ s += $1 } END { print NR " | " s + 0 }')
printf '\nProfile paper at 40 dB, %s, all threads:\n\n' "$payload"
printf '| field | bytes | networks | their bytes | seconds to reduce | to reconstruct |\n|---|---|---|---|---|---|\n'
printf '| %s | %s | %s | %.2f | %s |\n' "$field_name" "$(stat -c %s "$field")" "$networks" \
    "$(number encode_seconds <"$work/table.json")" "$(seconds "$program" decode "$work/table.srt" "$work/table.npy")"

at_ratio() { # at_ratio SERIES NAME OPTIONS..: NAME.srt of the highest PSNR that has the ratio; the profile takes a PSNR alone
    local series=$1 name=$2 low=10 high=70 middle
    shift 2
    for _ in 1 2 3 4 5 6 7 8 9; do
        middle=$(awk -v a="$low" -v b="$high" 'BEGIN { print (a + b) / 2 }')
        if encode try --psnr "$middle" "$@" && awk -v r="$(number ratio <"$work/try.json")" -v w="$ratio" 'BEGIN { exit !(r >= w) }'; then
            low=$middle
            mv "$work/try.srt" "$work/$name.srt"
        else
            high=$middle
        fi
    done
    label "$name" "$series"
}

picture() { # picture PAGE ID HEIGHT: the charts of a page as PAGE.png
    # Nothing but the charts, as wide as the text of a README.
    sed "s|</style>|main>:not(#$2){display:none}main{padding:0 8px}</style>|" "$folder/$1.html" >"$work/$1.html"
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --window-size="1000,$3" --screenshot="$folder/$1.png" "file://$work/$1.html" 2>/dev/null
}

if [ -n "$folder" ]; then
    mkdir -p "$folder"
    bench() { # bench OPTIONS..: the peers' fields, kept in work
        "$(dirname "$program")/srt-bench" "$field" --codecs sz3,zfp,sperr --rel-error "" --speed-at none --keep "$work" "$@" >/dev/null
    }
    bench --psnr "$(IFS=,; echo "${levels[*]}")" --ratio "$ratio"
    series=({tree,one}-linear-"$payload" {tree,one}-network-"$payload" none default)
    rates=() spectra=()
    for name in "${series[@]}"; do
        for db in "${levels[@]}"; do
            [ -s "$work/$name-$db.srt" ] && rates+=("$work/$name-$db.srt")
        done
    done
    for codec in sz3 zfp sperr; do
        for db in "${levels[@]}"; do
            kept="$work/$field_name-$codec-psnr-$db.npy"
            [ -s "$kept" ] && rates+=("$kept")
        done
    done
    common=(--profile paper --payload "$payload")
    at_ratio "octree, linear, $payload" tree-linear "${common[@]}" --model none --upscale linear
    at_ratio "one level, linear, $payload" one-linear "${common[@]}" --model none --upscale linear --no-octree
    at_ratio "octree, networks, $payload" tree-network "${common[@]}" --upscale network
    at_ratio "one level, networks, $payload" one-network "${common[@]}" --upscale network --no-octree
    encode none --ratio "$ratio" --model none && label none "profile default, no networks"
    encode default --ratio "$ratio" && label default "profile default"
    for kept in "$work"/{{tree,one}-linear,{tree,one}-network,none,default}.srt "$work/$field_name"-{sz3,zfp,sperr}-ratio-"$ratio".npy; do
        # Not every codec reaches every ratio.
        [ -s "$kept" ] && spectra+=("$kept")
    done
    "$program" eval "$field" "${rates[@]}" --html "$folder/rates.html" -f >/dev/null
    printf '\nAt ratio %s (Fig. 7):\n\n| | ratio | PSNR dB | SSIM |\n|---|---|---|---|\n' "$ratio"
    "$program" eval "$field" "${spectra[@]}" --html "$folder/spectra.html" -f --json | awk -F '": ' '
        /"psnr_db"/ { psnr = $2 } /"ssim"/ { ssim = $2 } /"ratio"/ { ratio = $2 }
        /"series"/ { gsub(/^"|",?$/, "", $2); series = $2 }
        /^ *}/ && series { printf "| %s | %.1f | %.2f | %.4f |\n", series, ratio, psnr, ssim; series = "" }'
    if command -v chromium >/dev/null; then
        picture rates rates 540
        picture spectra spectra 556
    fi
fi
for miss in "${missed[@]}"; do echo "missed: $miss"; done
[ ${#missed[@]} -eq 0 ]
