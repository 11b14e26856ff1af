#!/usr/bin/env bash
# What a user's translation unit costs to compile, as the markdown table of docs/compile_times.md:
# bench/compile_times.sh [COMPILER]. Each row is the median of three compilations, in seconds of the compiler's own user
# time, so that a busy machine disturbs it little.
set -euo pipefail
export CCACHE_DISABLE=1

compiler=${1:-${CXX:-g++}}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
includes=(-I"$root/core/include" -I"$root/streaming/include" -I"$root/receivers/include")

"$compiler" -std=c++20 "$root/tests/compile_time/measure_compiler.cpp" -o "$work/measure"

# compile FILE OPTION...: "<seconds> <MB>"
compile() {
    local file=$1
    shift
    for _ in 1 2 3; do
        "$work/measure" 1000 100000 "$compiler" -std=c++20 "$@" "${includes[@]}" -c "$file" -o "$work/unit.o"
    done | sort -n | sed -n 2p | awk '{ print $1, $7 }' # "1.60 s of at most 1000, 215 MB of at most 100000"
}

# row TITLE FILE OPTION...: prints a row and leaves its figures in $seconds and $megabytes.
row() {
    local title=$1 file=$2 result
    shift 2
    result=$(compile "$file" "$@")
    read -r seconds megabytes <<<"$result"
    printf '| %s | `%s` | %.2f | %.0f |\n' "$title" "$*" "$seconds" "$megabytes"
}

# chain N: a sum behind N operators, maps and filters in turn.
chain() {
    local i
    printf '#include <functional>\n#include <rivulet/rivulet.h>\nint main() {\n'
    printf '    rivulet::Context sc("local[*]", "chain");\n    return static_cast<int>(sc.range(0, 100, 1, 2)'
    for ((i = 0; i < $1; ++i)); do
        if ((i % 2 == 0)); then
            printf '\n        .map([](long x) { return x + %d; })' "$i"
        else
            printf '\n        .filter([](long x) { return x != %d; })' "$i"
        fi
    done
    printf '\n        .reduce(std::plus<>()));\n}\n'
}

printf '#include <rivulet/rivulet.h>\nint main() {}\n' >"$work/include.cpp"
chain 5 >"$work/chain5.cpp"
chain 25 >"$work/chain25.cpp"

printf '| translation unit (%s) | options | seconds | peak MB |\n|---|---|---|---|\n' "$("$compiler" --version | head -n 1)"
row '`#include <rivulet/rivulet.h>` and an empty `main`' "$work/include.cpp" -O0
for options in -O0 -O3; do
    row 'word count (`examples/word_count.cpp`)' "$root/examples/word_count.cpp" "$options"
    row 'streaming word count (`examples/streaming_word_count.cpp`)' "$root/examples/streaming_word_count.cpp" "$options"
done
row 'chain of 5 operators' "$work/chain5.cpp" -O0
seconds_of_5=$seconds megabytes_of_5=$megabytes
row 'chain of 25 operators' "$work/chain25.cpp" -O0
awk -v s="$seconds_of_5" -v t="$seconds" -v m="$megabytes_of_5" -v n="$megabytes" \
    'BEGIN { printf "| one more operator: (25 - 5) / 20 | `-O0` | %.3f | %.1f |\n", (t - s) / 20, (n - m) / 20 }'
row '30 operators, of every kind (`tests/compile_time/thirty_operators.cpp`)' "$root/tests/compile_time/thirty_operators.cpp" -O0 -g
