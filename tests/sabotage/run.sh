#!/usr/bin/env bash
# run.sh BUILD [PATCH...]: shows that the tests of durability can fail. Each patch of this folder breaks the library at one
# place, and says by which tests that has to be seen:
#
#     What is wrong, in a line.
#     Test: streaming: Name of a test of test_streaming
#     --- a/streaming/src/...
#
# For each, the sources of the library (no headers) that it changes are compiled with the commands of BUILD (a build by
# Ninja, in which the tests are built), and linked in place of the sound ones with what BUILD has. BUILD and the tree stay
# as they are. A patch that no test sees is an error, and so is one that does not apply any more.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
seconds_per_test=120

field() { sed -n "s/^$1: //p" "$patch"; }

# Ends the process of this patch: verdict STATUS TEXT
verdict() {
    printf '%-34s %s\n' "$(basename "$patch" .patch)" "$2"
    if (($1 != 0)) && [[ -s $work/log ]]; then tail -n 15 "$work/log" | sed 's/^/    /'; fi
    exit "$1"
}

# How BUILD compiles a file.
command_of() {
    awk -v file="\"$1\"" '/"command":/ { command = $0 } /"file":/ && index($0, file) { print command; exit }' \
        "$build/compile_commands.json" | sed -e 's/^ *"command": "//' -e 's/",$//' -e 's/\\"/"/g' -e 's/\\\\/\\/g'
}

# What BUILD compiles for a source of the tree: the source, or a file that includes it and others.
unit_of() {
    local unit
    while IFS= read -r unit; do
        if [[ -n $(command_of "$unit") ]]; then
            echo "$unit"
            return
        fi
    done < <(echo "$root/$1" && find "$build" -path '*/Unity/*' -name '*.cxx' -exec grep -lF "\"$root/$1\"" {} +)
}

# compile SOURCE: adds its object to objects.
compile() {
    local source=$1 unit command object number=${#objects[@]}
    unit=$(unit_of "$source")
    [[ -n $unit ]] || verdict 1 "ERROR: $build does not compile $source"
    if [[ " ${units[*]} " == *" $unit "* ]]; then return; fi # with another source of this patch
    units+=("$unit")
    command=$(command_of "$unit")
    object=${command##* -o }
    object=${object%% *}
    command=${command/ -o $object/ -o $work/$number.o}
    if [[ $unit == "$root/$source" ]]; then
        echo "#include \"$source\"" >"$work/$number.cpp"
    else
        sed "s#\"$root/\([^\"]*\)\"#\"\1\"#" "$unit" >"$work/$number.cpp"
    fi
    command="${command/ -c $unit/ -c $work/$number.cpp} -iquote $work -iquote $root"
    (cd "$build" && eval "$command -w") >"$work/log" 2>&1 || verdict 1 "ERROR: $source does not compile"
    objects+=("$work/$number.o")
}

# link SUITE: makes $work/SUITE. Of the archive of the library those members are not taken whose symbols are there.
link() {
    local suite=$1 command output
    command=$(ninja -C "$build" -t commands "test_$suite" | tail -n 1)
    command=${command#*&& }
    command=${command%% && *}
    output=${command##* -o }
    output=${output%% *}
    command=${command/ -o $output / ${objects[*]} -o $work/$suite }
    (cd "$build" && eval "$command") >"$work/log" 2>&1 || verdict 1 "ERROR: test_$suite cannot be linked"
}

sabotage() {
    build=$1 patch=$2 work=$(mktemp -d "${TMPDIR:-/tmp}/rivulet-sabotage-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    local file sources=() units=() objects=() tests=() test suite name status
    while IFS= read -r file; do
        mkdir -p "$work/$(dirname "$file")"
        cp "$root/$file" "$work/$file" || verdict 1 "ERROR: there is no $file any more"
        sources+=("$file")
    done < <(sed -n 's#^+++ b/\([^[:space:]]*\).*#\1#p' "$patch")
    patch --quiet --no-backup-if-mismatch -p1 -d "$work" <"$patch" >"$work/log" 2>&1 ||
        verdict 1 "ERROR: does not apply any more; make it anew"
    mapfile -t tests < <(field Test)
    if [[ ${tests[*]} == postgres:* ]] && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
        verdict 0 "skipped: PostgreSQL is not installed"
    fi
    for file in "${sources[@]}"; do compile "$file"; done
    for test in "${tests[@]}"; do
        suite=${test%%: *} name=${test#*: }
        [[ -x $work/$suite ]] || link "$suite"
        timeout "$seconds_per_test" "$work/$suite" "${name//,/\\,}" >"$work/log" 2>&1
        status=$?
        if grep -q 'No test cases matched' "$work/log"; then verdict 1 "ERROR: there is no test '$name'"; fi
        if ((status == 124)); then verdict 1 "ERROR: hangs in '$name'"; fi
        if ((status != 0)); then verdict 0 "caught by: $name"; fi
    done
    verdict 1 "NOT CAUGHT by: ${tests[*]}"
}

if [[ ${1:-} == --one ]]; then
    sabotage "$2" "$3"
fi
build=$(cd "${1:?run.sh BUILD [PATCH...]}" && pwd) || exit 64
shift
patches=("$@")
if ((${#patches[@]} == 0)); then patches=("$here"/*.patch); fi
table=$(mktemp)
trap 'rm -f "$table"' EXIT
printf '%s\0' "${patches[@]}" | xargs -0 -n 1 -P "$(nproc)" "${BASH_SOURCE[0]}" --one "$build" | tee "$table"
status=${PIPESTATUS[1]}
echo "$(grep -c ' caught by: ' "$table") of ${#patches[@]} caught, in $SECONDS s"
exit "$((status != 0))"
