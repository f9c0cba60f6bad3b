#!/bin/bash
# Fuzzes every target in turn, one process at a time, and sums up what was done.
#
#   fuzz/run.sh build                 targets and seeds; later builds do not disturb a run
#   fuzz/run.sh MINUTES [TARGET..]    until each target has had MINUTES of processor time in all
#   fuzz/run.sh table                 what was done so far, as the table of README.md
#   fuzz/run.sh minimise [TARGET..]   writes corpus/ anew: few small inputs that reach every edge seen
#
# What a run finds is kept in FUZZ_WORK (fuzz/work), what it did in FUZZ_LOG (fuzz/runs.csv): a run that was
# stopped goes on.
set -euo pipefail
cd "$(dirname "$0")"
work=${FUZZ_WORK:-work}
turn=${FUZZ_TURN:-300} # seconds a target runs before the next one has its turn
log=${FUZZ_LOG:-runs.csv}  # target, executions, edges, processor seconds, wall seconds, findings
targets=$(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' Cargo.toml)
mkdir -p "$work/bin" "$work/artifacts" "$work/output"
touch "$log"

build() {
    cargo run --release --example seeds
    cargo +nightly fuzz build --sanitizer none
    for target in $targets; do
        cp "target/$(rustc -vV | sed -n 's/^host: //p')/release/$target" "$work/bin/"
    done
}

# Processor seconds that a target has had.
spent() { awk -F, -v t="$1" '$1 == t { s += $4 } END { printf "%d", s }' "$log"; }

# One turn of one target; a finding ends the turn and stays in artifacts/.
run_turn() {
    local target=$1 out=$work/output/$1.log start=$SECONDS findings=0
    mkdir -p "$work/corpus/$target" "seeds/$target"
    TIMEFORMAT=%U
    { time nice -n ${FUZZ_NICE:-19} "$work/bin/$target" "$work/corpus/$target" "corpus/$target" "seeds/$target" \
        -dict=srt.dict -max_total_time="$turn" -rss_limit_mb=3000 -timeout=${FUZZ_TIMEOUT:-60} -print_final_stats=1 \
        -artifact_prefix="$work/artifacts/$target-" >"$out" 2>&1; } 2>"$out.seconds" || findings=1
    awk -v t="$target" -v user="$(tail -1 "$out.seconds")" -v wall=$((SECONDS - start)) -v found=$findings '
        match($0, /cov: [0-9]+/) { edges = substr($0, RSTART + 5, RLENGTH - 5) }
        /^stat::number_of_executed_units/ { runs = $2 }
        /^#[0-9]+/ && !runs { seen = substr($1, 2) }
        END { printf "%s,%d,%d,%s,%d,%d\n", t, runs ? runs : seen, edges, user, wall, found }' "$out" >>"$log"
    [ $findings = 0 ] || echo "$target found something: see $out and $work/artifacts"
}

run() {
    local minutes=$1 busy=1
    shift
    ./pack.sh unpack
    while [ $busy = 1 ]; do
        busy=0
        for target in ${*:-$targets}; do
            [ "$(spent "$target")" -ge $((minutes * 60)) ] && continue
            busy=1
            run_turn "$target"
        done
    done
    table
}

table() {
    echo "| target | executions | edges | hours | of processor time | findings fixed |"
    echo "|---|---|---|---|---|---|"
    for target in $targets; do
        awk -F, -v t="$target" -v fixed="$(grep -c "^$target," findings.csv)" '
            $1 == t { runs += $2; edges = $3; user += $4; wall += $5 }
            END { printf "| `%s` | %d | %d | %.1f | %.2f | %d |\n", t, runs, edges, wall / 3600, user / 3600, fixed }' "$log"
    done
}

# Edges only (no counters), as few inputs as reach them all: archives that fit in the repository.
minimise() {
    local target
    ./pack.sh unpack
    for target in ${*:-$targets}; do
        rm -rf "$work/minimised"
        mkdir -p "$work/minimised" "$work/corpus/$target" "seeds/$target"
        nice -n ${FUZZ_NICE:-19} "$work/bin/$target" -set_cover_merge=1 -use_counters=0 -use_value_profile=0 -rss_limit_mb=3000 \
            "$work/minimised" "$work/corpus/$target" "corpus/$target" "seeds/$target" >"$work/output/$target.merge" 2>&1
        rm -rf "corpus/$target"
        mv "$work/minimised" "corpus/$target"
        ./pack.sh "$target"
    done
    du -b corpus/*.tar.gz
}

case ${1:-} in
build) build ;;
table) table ;;
minimise) minimise "${@:2}" ;;
[0-9]*) run "$@" ;;
*)
    sed -n "2,10s/^# \{0,1\}//p" "$0"
    exit 2
    ;;
esac
