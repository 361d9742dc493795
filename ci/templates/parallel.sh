#!/usr/bin/env bash
# usage: parallel.sh PLAN RESULTS [SHARDS]
# All shards on this machine (or on more, with `parallel --sshlogin`), by GNU parallel.
set -euo pipefail
plan=$1 results=$2 shards=${3:-$(nproc)}
# A shard ends with 1 when it has findings, which is not a failure here; merge says which.
seq 0 "$((shards - 1))" | parallel --halt never \
    "fuserig campaign run '$plan' --results '$results' --shard {}/$shards || test \$? -eq 1"
fuserig campaign merge "$results" --plan "$plan"
