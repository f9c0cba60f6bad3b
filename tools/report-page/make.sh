#!/bin/bash
# Makes the page of `srt eval --html` for the sample field, and its pictures on a desk and on a phone beside
# this script. Needs chromium (Debian: apt-get install chromium).
#
#   tools/report-page/make.sh [PROGRAM]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
program=$(realpath "${1:-$root/target/release/srt}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

field=$root/tests/data/turbulence_64.npy
for db in 35 45 55; do
    "$program" encode "$field" "psnr$db.srt" --psnr "$db" -q
    "$program" encode "$field" "psnr$db-none.srt" --psnr "$db" --model none -q
done
"$program" eval "$field" psnr{35,45,55}.srt psnr{35,45,55}-none.srt --html page.html >/dev/null

# A window cannot become as narrow as a phone, a frame in it can.
picture() { # picture NAME WIDTH HEIGHT
    printf '<body style="margin:0"><iframe src="page.html" style="border:0;width:%dpx;height:%dpx"></iframe>' "$2" "$3" >"frame.html"
    chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
        --window-size="$2,$3" --screenshot="$here/$1.png" "file://$work/frame.html" 2>/dev/null
}
picture desk 1280 1900
picture phone 390 1900
ls -l "$here"/*.png
