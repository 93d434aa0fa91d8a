#!/bin/sh
# Checks and measures the CUDA backend on this machine, with the programs that lie beside this script.
#
#   ./check.sh [--output DIR] [--plugin FILE] [--min-log N] [--max-log N] [--cpu-max-log N] [--runs N] [--limit SECONDS]
#
# Needs a driver and a card, or a plugin that needs none (--plugin); neither a compiler nor the network. Writes report.md,
# report.json, the lines they are made of and a log of each step to DIR, and prints the report. Exit status 1 if a step failed;
# one that takes longer than the limit has.
set -u

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
bin=$here/bin
output=$here/results
plugin=
min_log=12
max_log=24
cpu_max_log=20
runs=5
limit=3600
while [ $# -gt 0 ]; do
    case $1 in
        --output | --plugin | --min-log | --max-log | --cpu-max-log | --runs | --limit) ;;
        *) echo "error: unknown option $1" >&2; sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    [ $# -ge 2 ] || { echo "error: $1 needs a value" >&2; exit 2; }
    case $1 in
        --output) output=$2 ;;
        --plugin) plugin=$2 ;;
        --min-log) min_log=$2 ;;
        --max-log) max_log=$2 ;;
        --cpu-max-log) cpu_max_log=$2 ;;
        --runs) runs=$2 ;;
        --limit) limit=$2 ;;
    esac
    shift 2
done
mkdir -p "$output" || exit 2
output=$(CDPATH= cd -- "$output" && pwd) || exit 2
# What an earlier check wrote, and nothing else.
for name in devices conformance proofs memcheck racecheck initcheck kernels-cuda kernels-cpu models-cpu models-cuda; do
    rm -f "$output/$name.log" "$output/$name.jsonl"
done
rm -f "$output/steps.jsonl" "$output/report.md" "$output/report.json" "$output/environment.txt"

# The card, or why there is none.
if [ -n "$plugin" ]; then
    case $plugin in /*) ;; *) plugin=$PWD/$plugin ;; esac
    card=none
else
    plugin=$bin/libsworn_cuda.so
    if ! devices=$("$bin/sworn" inspect --devices) || ! echo "$devices" | grep -q '^cuda  *[0-9]'; then
        reason=$(echo "${devices:-}" | sed -n 's/^cuda  *none: //p')
        echo "error: there is no device to check: ${reason:-sworn inspect --devices fails}" >&2
        echo "hint: this needs an NVIDIA driver, a card, and libsworn_cuda.so beside the programs in $bin" >&2
        exit 1
    fi
    card=$(echo "$devices" | sed -n 's/^cuda  *\([0-9]\)/\1/p' | head -n 1)
fi
{
    echo "card: $card"
    echo "plugin: $(basename -- "$plugin")"
    if command -v nvidia-smi > /dev/null; then
        echo "nvidia-smi: $(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv,noheader | head -n 1)"
    fi
    echo "processor: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) cores"
    echo "date: $(date -u +%Y-%m-%d)"
    "$bin/sworn" --version | sed 's/^/program: /'
} > "$output/environment.txt"
cat "$output/environment.txt"

# What ends a step that hangs.
timeout=
if command -v timeout > /dev/null; then
    timeout="timeout -k 30 $limit"
fi

# A line of the report.
say() {
    printf '{"step":"%s","status":"%s","seconds":%s,"note":"%s"}\n' "$1" "$2" "$3" "$4" >> "$output/steps.jsonl"
    echo "$2 $1 ($3 s) $4"
}

# Runs a command as a step; its stdout goes to a file of lines if one is named, everything else to the step's log.
step() {
    step=$1 lines=$2
    shift 2
    start=$(date +%s)
    if [ -n "$lines" ]; then
        "$@" > "$output/$lines" 2> "$output/$step.log"
    else
        "$@" > "$output/$step.log" 2>&1
    fi
    status=$?
    seconds=$(($(date +%s) - start))
    if [ $status -eq 0 ]; then
        say "$step" ok $seconds ""
    elif [ -n "$timeout" ] && { [ $status -eq 124 ] || [ $status -eq 137 ]; }; then
        say "$step" failed $seconds "not done after $limit s, see $step.log"
    else
        say "$step" failed $seconds "exit status $status, see $step.log"
        tail -n 20 "$output/$step.log" >&2
    fi
}

# Runs one test, under a tool if one is named; a test that is not there fails.
one_test() {
    name=$1
    shift
    report=$($timeout "$@" "$bin/cuda-tests" --ignored --test-threads 1 --nocapture --exact "$name" 2>&1)
    status=$?
    echo "$report"
    [ $status -eq 0 ] || return $status
    echo "$report" | grep -q '^test result: ok. 1 passed'
}

export SWORN_CUDA_PLUGIN="$plugin"
step devices "" one_test it_lists_devices_or_says_why_there_are_none
step conformance "" one_test the_conformance_suite
step proofs "" one_test proofs_are_the_cpus

sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2> /dev/null)
for tool in memcheck racecheck initcheck; do
    options=
    [ $tool = memcheck ] && options="--track-stream-ordered-races all"
    if [ -n "$sanitizer" ] && [ "$card" != none ]; then
        # shellcheck disable=SC2086
        step "$tool" "" one_test the_conformance_suite "$sanitizer" --tool "$tool" $options --error-exitcode 1
    elif [ "$card" = none ]; then
        say "$tool" skipped 0 "the plugin that was named may have no card"
    else
        say "$tool" skipped 0 "there is no compute-sanitizer on this machine"
    fi
done

step kernels-cuda kernels-cuda.jsonl \
    $timeout "$bin/gpu-check" kernels --backend cuda --plugin "$plugin" --min-log "$min_log" --max-log "$max_log" --runs "$runs"
step kernels-cpu kernels-cpu.jsonl \
    $timeout "$bin/gpu-check" kernels --backend cpu --min-log "$min_log" --max-log "$cpu_max_log" --runs "$runs"
step models-cpu models-cpu.jsonl $timeout "$bin/sworn" bench "$here"/models/* --runs "$runs" --again --backend cpu
step models-cuda models-cuda.jsonl \
    $timeout "$bin/sworn" bench "$here"/models/* --runs "$runs" --again --backend cuda --device-plugin "$plugin"

"$bin/gpu-check" report "$output"
