#!/usr/bin/env bash
# usage: bash ci/on-demand/recording.sh [--fuserig PROGRAM] [--rounds N]
#
# What recording costs: seconds of processor time, of the server and of what runs in the mount
# together, without a recording and with one that keeps hashes of the data. Two workloads: a source
# tree is unpacked, searched, packed, compared and removed, three times, so that what starts and
# ends does not count for much; and, as the worst that there is, 4 KiB are read at random places,
# one after the other, with nothing done with them (needs fio). Of each round which of the two comes
# first is drawn. On demand, because it means something on an idle machine only. Needs root and
# /dev/fuse. Without --fuserig a release is built. Ends with 1 where a median is above 5 % more.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/common.sh"

program="" rounds=5
while (($# > 0)); do
    case $1 in
    --fuserig) program=$2 ;;
    --rounds) rounds=$2 ;;
    *) fail "unknown option $1" ;;
    esac
    shift 2
done
[[ $(id -u) == 0 && -c /dev/fuse ]] || skip recording "needs root and /dev/fuse"
if [[ -z $program ]]; then
    cargo build --quiet --release --package fuserig
    program=$CARGO_TARGET_DIR/release/fuserig
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/mnt"
git archive --format=tar --output="$work/tree.tar" HEAD

project() {
    cd "$work/mnt"
    for _ in 1 2 3; do tree; done
}

tree() {
    tar xf "$work/tree.tar"
    grep -rc prefilter . >/dev/null
    tar c . | gzip -1 >"$work/packed.gz"
    tar df "$work/tree.tar"
    find . -type f -exec sha256sum {} + >/dev/null
    find . -mindepth 1 -delete
}

reads() {
    dd if=/dev/zero of="$work/mnt/f" bs=1M count=32 status=none
    fio --name=r --filename="$work/mnt/f" --rw=randread --bs=4k --direct=1 --size=32m --loops=40 \
        --ioengine=psync >/dev/null
}

# seconds WORKLOAD [OPTION...]: of this shell's children, which are the server and the workload.
seconds() (
    workload=$1
    shift
    "$program" mount "$work/mnt" "$@" 2>"$work/said" &
    server=$!
    for _ in {1..100}; do
        ! mountpoint -q "$work/mnt" || break
        sleep 0.1
    done
    mountpoint -q "$work/mnt" || fail "nothing was mounted: $(cat "$work/said")"
    ("$workload")
    umount "$work/mnt"
    wait "$server" || fail "the server ended with $?: $(cat "$work/said")"
    # Not through a pipe: that is a shell with children of its own.
    times >"$work/times"
    awk -F'[ms ]+' 'NR == 2 { printf "%.2f\n", $1 * 60 + $2 + $3 * 60 + $4 }' "$work/times"
)

median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

above=0
for workload in project reads; do
    if [[ $workload == reads ]] && ! command -v fio >/dev/null; then
        echo "skipped: reads: fio is not installed"
        continue
    fi
    : >"$work/plain" && : >"$work/recorded"
    for ((round = 0; round < rounds; round++)); do
        for arm in $(shuf -e plain recorded); do
            options=()
            [[ $arm == plain ]] || options=(--output "$work/t.frt" --force --payload hash)
            seconds "$workload" "${options[@]}" >>"$work/$arm"
        done
    done
    awk -v name="$workload" -v rounds="$rounds" -v plain="$(median <"$work/plain")" \
        -v recorded="$(median <"$work/recorded")" 'BEGIN {
            more = (recorded / plain - 1) * 100
            printf "%-8s %6.2f s plain, %6.2f s recorded: %+.1f %% of 5 %% (%d rounds)\n",
                name, plain, recorded, more, rounds
            exit more > 5
        }' || above=1
done
((above == 0))
