#!/usr/bin/env bash
# usage: bash ci/bpf-objects.sh [--update]
#
# Compiles every C filter of the tree with clang-19 and compares it with the committed object, byte
# for byte. With --update the committed objects are written instead. The header that the filters
# include is the one that `fuserig abi header` prints, so this gate also shows that it compiles.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

update=${1:-}
[[ -z $update || $update == --update ]] || fail "unknown argument $update"
if ! have clang-19 || ! have llvm-strip-19 || [[ ! -f /usr/include/bpf/bpf_helpers.h ]]; then
    apt_install clang-19 llvm-19 libbpf-dev ||
        skip bpf-objects "clang-19, llvm-19 and libbpf-dev cannot be installed"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
build_fuserig
for abi in v3 v4 v3-grouped android; do
    mkdir "$work/$abi"
    "$CARGO_TARGET_DIR/debug/fuserig" abi header --abi "$abi" >"$work/$abi/vmlinux.h"
done

compared=0
different=0

# object SOURCE ABI CPU OBJECT: compiles and compares, or updates.
object() {
    local source=$1 abi=$2 cpu=$3 object=$4 built="$work/built.o"
    # A name without directories, so that nothing of this machine is in the object.
    (
        cd "$(dirname "$source")"
        clang-19 -target bpf "-mcpu=$cpu" -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror \
            "-I$work/$abi" "-ffile-prefix-map=$work=." "-ffile-prefix-map=$PWD=." \
            -fdebug-compilation-dir=. -c "$(basename "$source")" -o "$built"
    )
    llvm-strip-19 --strip-debug "$built"
    compared=$((compared + 1))
    if [[ $update == --update ]]; then
        cp "$built" "$object"
    elif ! cmp "$built" "$object"; then
        different=$((different + 1))
    fi
}

# The library: one object a source, for the ABI that its name says, v4 without one.
for source in filters/bpf/*.bpf.c; do
    [[ -f $source ]] || continue
    name=$(basename "$source" .bpf.c)
    case $name in
        *.android) abi=android ;;
        *.v3) abi=v3 ;;
        *.grouped) abi=v3-grouped ;;
        *) abi=v4 ;;
    esac
    object "$source" "$abi" v3 "filters/bpf/$name.o"
done

# Filters with a mistake planted in each.
for source in harness/tests/data/planted/*.bpf.c; do
    object "$source" v4 v3 "${source%.bpf.c}.o"
done

# The tests of the loader: one object for every instruction set, and mistakes.
data=filters/tests/object/data
for cpu in v1 v2 v3 v4; do
    object "$data/kitchen.bpf.c" v4 "$cpu" "$data/kitchen-$cpu.o"
done
object "$data/sins.bpf.c" v4 v3 "$data/sins.o"
object "$data/traps.bpf.c" v4 v3 "$data/traps.o"
for source in "$data"/bad/*.bpf.c; do
    object "$source" v4 v3 "${source%.bpf.c}.o"
done

[[ $compared -gt 0 ]] || fail "no source was found"
[[ $different -eq 0 ]] ||
    fail "$different of $compared objects differ; read why, then run ci/bpf-objects.sh --update"
echo "$compared objects are as clang-19 makes them"
