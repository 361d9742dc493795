#!/usr/bin/env bash
# usage: bash ci/pjdfstest.sh [sim|host]...
#
# The crate pjdfstest (the POSIX conformance suite in Rust) through `fuserig mount`, over the
# simulated lower filesystem and over a directory of a host tmpfs: no case may fail, and as many
# must pass as pass on a native tmpfs. Needs root and /dev/fuse; installs the crate when it is
# missing. Everything happens in a mount and pid namespace of its own, so nothing stays mounted.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=ci/lib/mounted.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/mounted.sh"

# What a native tmpfs passes; one case asks for a limit that libc knows of ext4 alone.
readonly passed_min=397
readonly skipped_max=1
readonly seconds_max=400

need_mounts
need_crate pjdfstest 0.2.2
judge=$REPLY
build_fuserig
in_namespaces "$@"

# run LOWER: one session, scored.
run() {
    local lower=$1 work passed failed skipped log
    begin_mount "$lower"
    work=$REPLY
    mkdir -m 1777 "$work/second" && mount -t tmpfs -o mode=1777 second "$work/second"
    configuration false >"$work/conf.toml"
    configuration true >"$work/conf-ro.toml"
    # A remount must reach the kernel and not a mount helper.
    mkdir "$work/bin"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase "$*" in *remount*) exec %s -i "$@" ;; esac\nexec %s "$@"\n' \
        "$(command -v mount)" "$(command -v mount)" >"$work/bin/mount"
    chmod +x "$work/bin/mount"
    log=$work/log
    one "$work" "$work/conf.toml" >"$log"
    # The read-only cases want no file open for writing, which an earlier case may leave.
    grep -v '::erofs_' "$log" >"$work/cases" || true
    one "$work" "$work/conf-ro.toml" ::erofs_ >>"$work/cases"
    passed=$(scored ok "$work/cases" | wc -l)
    failed=$(scored FAILED "$work/cases" | wc -l)
    skipped=$(scored skipped "$work/cases" | wc -l)
    scored FAILED "$work/cases"
    ((passed >= passed_min)) || tail -20 "$work/cases"
    end_mount "$work"
    echo "$lower: $passed passed, $failed failed, $skipped skipped"
    [[ $failed == 0 ]] || fail "$lower: $failed cases failed"
    ((passed >= passed_min)) || fail "$lower: only $passed passed"
    ((skipped <= skipped_max)) || fail "$lower: $skipped cases were skipped"
}

configuration() { # REMOUNT
    cat <<CONF
[features]
posix_fallocate = {}
utime_now = {}
utimensat = {}
rename_ctime = {}
[settings]
naptime = 0.05
allow_remount = $1
[dummy_auth]
entries = [["nobody", "nogroup"], ["daemon", "daemon"]]
CONF
}

scored() { # RESULT FILE: the cases with that result
    awk -v result="$1" 'NF == 2 && $2 == result { print "  " $0 }' "$2"
}

one() { # WORK CONFIGURATION PATTERN...
    local work=$1 configuration=$2
    shift 2
    PATH=$work/bin:$PATH timeout --kill-after=10 "$seconds_max" \
        "$judge" -v -c "$configuration" -p "$work/mnt" -s "$work/second" "$@" 2>&1 |
        sed 's/\x1b\[[0-9;]*m//g' || true
}

if [[ $# == 0 ]]; then
    set -- sim host
fi
for lower in "$@"; do
    run "$lower"
done
