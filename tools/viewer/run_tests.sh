#!/bin/sh
# Tests of the page of `srt view`: Chromium opens it and does what a user does. Where Chromium, Node.js or playwright-core (installed
# outside the repository) are not there or cannot be had, says why not and succeeds.
#
#   tools/viewer/run_tests.sh [PROGRAM]
#
# SRT_PICTURES: a folder for pictures of the page; tools/viewer/pictures is made by SRT_PICTURES=tools/viewer/pictures.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${1:-$root/target/release/srt}
modules=${SRT_NODE_MODULES:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-playwright}

skip() {
    echo "tests of the page of srt view left out: $1"
    exit 0
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "no Chromium"
command -v node >/dev/null || skip "no Node.js"
if [ ! -d "$modules/node_modules/playwright-core" ]; then
    command -v npm >/dev/null || skip "no npm to install playwright-core with"
    mkdir -p "$modules"
    timeout 120 npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$modules" playwright-core ||
        skip "playwright-core could not be installed within two minutes"
fi
[ -x "$program" ] || { echo "no program $program: cargo build --release"; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -n "${SRT_PICTURES:-}" ]; then
    mkdir -p "$SRT_PICTURES"
    SRT_PICTURES=$(cd "$SRT_PICTURES" && pwd)
    export SRT_PICTURES
fi
cd "$work"
SRT_PROGRAM=$program SRT_SAMPLE=$root/tests/data/turbulence_64.npy SRT_CHROMIUM=$chromium SRT_PLAYWRIGHT=$modules/node_modules/playwright-core \
    timeout 170 node --test --test-reporter=spec "$root/tools/viewer/tests/page.test.mjs"
