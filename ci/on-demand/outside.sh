#!/usr/bin/env bash
# usage: bash ci/on-demand/outside.sh [fio|fsstress|pjdfstest-c|xfstests]...     default: all
#
# Judges from outside that take too long for a gate, or need a tree that is not in a registry,
# through `fuserig mount` over the simulated lower filesystem and over a directory of a host tmpfs:
#
#   fio           throughput, beside a native tmpfs and every peer in PEERS
#   fsstress      random operations of four processes; XFSTESTS_DIR names a built tree
#   pjdfstest-c   the POSIX suite in shell; PJDFSTEST_DIR names a built tree
#   xfstests      the group quick of generic; XFSTESTS_DIR names a built tree
#
# PEERS holds lines `NAME COMMAND`, where {} in a command is the mount point and {back} a directory,
# for instance `ll passthrough_ll -o allow_other,source={back} {}`. The runners are those beside the
# specification (FUSERIG_SHARED). Needs root and /dev/fuse. BENCHMARKS.md has the last figures.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"
# shellcheck source=ci/lib/mounted.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/mounted.sh"

need_mounts
suites=${FUSERIG_SHARED:-../shared}/suites
[[ -d $suites ]] || skip "$gate" "the runners are not there: FUSERIG_SHARED names no directory"
cargo build --quiet --release -p fuserig
rig=$(readlink -f "$CARGO_TARGET_DIR/release/fuserig")
out=$(mktemp -d)
# A mount that is attached again stays read-only once it was: the runner says "ro", never "rw".
cp "$suites"/*.sh "$out"
# shellcheck disable=SC2016 # the runner's own variables
wanted='"remount,$([ -n "$ro" ] \&\& echo ro || echo rw)"'
# shellcheck disable=SC2016 # and here
sed -i 's/^\[ -z "$ro" \] || \(.*\) remount,ro /\1 '"$wanted"' /' "$out/xfstests.sh"

mounted() { # LOWER
    case $1 in
        sim) echo "$rig mount {}" ;;
        host) echo "$rig mount {} --lower host:{back}" ;;
    esac
}

# What says nothing about a mount here; a line is a test and the reason.
excluded() { # LOWER
    echo "# the runner's directory has a dot in its name, which is in the expected output"
    echo generic/469
    echo "# in a pid namespace /proc/locks hides the lock of a process that ended, everywhere"
    echo generic/504
    if ! (ulimit -f 10 && ulimit -f unlimited) 2>/dev/null; then
        echo "# this machine lets root lower its limit of file size and not raise it again"
        printf 'generic/%s\n' 394 564
    fi
    [[ $1 == host ]] || return 0
    echo "# access times below a host directory are those of the host's own mount"
    echo generic/003
    echo "# numbers of nodes are minted by a server, and file handles end with it"
    printf 'generic/%s\n' 477 777
}

judge() { # SUITE LOWER
    local suite=$1 lower=$2 extra=()
    echo "== $suite over $lower"
    case $suite in
        fio) bash "$out/fio.sh" --mount "$(mounted "$lower")" --reference "$out/tmpfs/perf.tsv" ;;
        fsstress) bash "$out/fsstress.sh" --mount "$(mounted "$lower")" --ops 1000 ;;
        pjdfstest-c) bash "$out/pjdfstest.sh" --suite c --mount "$(mounted "$lower")" ;;
        xfstests)
            # What lives in memory must outlive an unmount.
            [[ $lower == host ]] || extra=(--keep)
            excluded "$lower" | tee "$out/excluded"
            bash "$out/xfstests.sh" --mount "$(mounted "$lower")" --exclude "$out/excluded" \
                --per-test 600 --timeout 7200 "${extra[@]}"
            ;;
        *) fail "there is no suite $suite" ;;
    esac
}

peers() {
    bash "$out/fio.sh" --mount 'mount -t tmpfs x {}' --out "$out/tmpfs"
    local name command
    while read -r name command; do
        [[ -n $name ]] || continue
        echo "== fio over $name"
        bash "$out/fio.sh" --mount "$command" --reference "$out/tmpfs/perf.tsv"
    done <<<"${PEERS:-}"
}

chosen=("$@")
((${#chosen[@]})) || chosen=(fsstress pjdfstest-c xfstests fio)
failed=()
for suite in "${chosen[@]}"; do
    [[ $suite != fio ]] || peers
    for lower in sim host; do
        code=0
        judge "$suite" "$lower" || code=$?
        # 77 is a skip, with the reason in the last line.
        [[ $code == 0 || $code == 77 ]] || failed+=("$suite/$lower")
    done
done
[[ ${#failed[@]} == 0 ]] || fail "these judges found something: ${failed[*]}"
