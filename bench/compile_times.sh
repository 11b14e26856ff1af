#!/usr/bin/env bash
# What a user's translation unit costs to compile, as a markdown table: bench/compile_times.sh [COMPILER]
# "one more operator" is the difference between chains of 25 and 5 operators, divided by 20.
set -euo pipefail

compiler=${1:-${CXX:-g++}}
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
includes=(-I"$root/core/include" -I"$root/streaming/include" -I"$root/receivers/include")

# Runs its arguments and prints "<seconds> <MB at the peak>" of the largest process among them.
cat >"$work/measure.cpp" <<'CPP'
#include <chrono>
#include <cstdio>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int, char** argv) {
    const auto begin = std::chrono::steady_clock::now();
    if (const pid_t child = fork(); child == 0) {
        execvp(argv[1], argv + 1);
        _exit(127);
    }
    int status = 0;
    wait(&status);
    rusage usage{};
    getrusage(RUSAGE_CHILDREN, &usage);
    std::printf("%.3f %.0f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(),
                static_cast<double>(usage.ru_maxrss) / 1024);
    return status != 0;
}
CPP
"$compiler" -std=c++20 -O1 "$work/measure.cpp" -o "$work/measure"

# compile NAME OPTION...: the median of five compilations of $work/NAME.cpp.
compile() {
    local name=$1
    shift
    for _ in 1 2 3 4 5; do
        "$work/measure" "$compiler" -std=c++20 "$@" "${includes[@]}" -c "$work/$name.cpp" -o "$work/$name.o"
    done | sort -n | sed -n 3p
}

printf 'int main() {}\n' >"$work/empty.cpp"
printf '#include <rivulet/rivulet.h>\nint main() {}\n' >"$work/include.cpp"

cat >"$work/word_count.cpp" <<'CPP'
#include <functional>
#include <iostream>
#include <rivulet/rivulet.h>
using namespace rivulet;
int main(int, char** argv) {
    Context sc("local[*]", "word-count");
    auto counts = sc.textFile(argv[1])
                      .flatMap(words)
                      .map([](std::string_view word) { return std::pair(word, 1L); })
                      .reduceByKey(std::plus<>());
    for (auto& [word, n] : counts.top(10, byValue)) std::cout << word << '\t' << n << '\n';
}
CPP

# chain N: a sum behind N operators, maps and filters in turn.
chain() {
    printf '#include <functional>\n#include <rivulet/rivulet.h>\nint main() {\n    rivulet::Context sc("local[*]", "chain");\n'
    printf '    return static_cast<int>(sc.range(0, 100, 1, 2)'
    for ((i = 0; i < $1; ++i)); do
        if ((i % 2 == 0)); then printf '\n        .map([](long x) { return x + %d; })' "$i"
        else printf '\n        .filter([](long x) { return x != %d; })' "$i"; fi
    done
    printf '\n        .reduce(std::plus<>()));\n}\n'
}
chain 5 >"$work/chain5.cpp"
chain 25 >"$work/chain25.cpp"

row() { printf '| %s | %s | %.2f | %s |\n' "$@"; }
printf '| translation unit (%s) | options | seconds | peak MB |\n|---|---|---|---|\n' "$("$compiler" --version | head -n 1)"
for options in "-O0" "-O0 -g" "-O3"; do
    read -ra flags <<<"$options"
    for name in empty include word_count chain5 chain25; do
        result=$(compile "$name" "${flags[@]}")
        read -r seconds megabytes <<<"$result"
        declare "${name}_s=$seconds" "${name}_mb=$megabytes"
    done
    row 'empty' "$options" "$empty_s" "$empty_mb"
    row '`#include <rivulet/rivulet.h>`' "$options" "$include_s" "$include_mb"
    row 'word count' "$options" "$word_count_s" "$word_count_mb"
    row 'chain of 5 operators' "$options" "$chain5_s" "$chain5_mb"
    row 'chain of 25 operators' "$options" "$chain25_s" "$chain25_mb"
    awk -v a="$chain5_s" -v b="$chain25_s" -v m="$chain5_mb" -v n="$chain25_mb" -v o="$options" \
        'BEGIN { printf "| one more operator | %s | %.3f | %.1f |\n", o, (b - a) / 20, (n - m) / 20 }'
done
