#!/usr/bin/env bash
# usage: bash ci/slurm.sh
#
# A campaign as an array job of a real Slurm, all on this machine: replays and simulations in one
# plan, split over an array. One worker is killed in the middle and its task is submitted again.
# Nothing may be lost, nothing counted twice, and the merged result must be, byte for byte, that of
# one process without Slurm. Slurm comes from Debian; its whole state is in a temporary directory
# and its daemons, without munge, listen on ports of their own. Needs root.
set -euo pipefail
# shellcheck source=ci/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

readonly shards=4 wait_seconds_max=120

[[ $(id -u) -eq 0 ]] || skip slurm "only root starts slurmd"
have slurmctld && have slurmd && have sbatch ||
    apt_install slurmctld slurmd slurm-client ||
    skip slurm "slurmctld and slurmd cannot be installed"
plugins=$(dirname "$(find /usr/lib -name auth_none.so -path '*slurm*' -print -quit)")
[[ -e $plugins/auth_none.so && -e $plugins/cred_none.so ]] ||
    skip slurm "this Slurm has no auth/none and cred/none"

build_fuserig
fuserig=$CARGO_TARGET_DIR/debug/fuserig

work=$(mktemp -d)
controller='' worker=''
finish() {
    [[ -z $worker ]] || kill "$worker" 2>/dev/null || true
    [[ -z $controller ]] || kill "$controller" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# free_port: one that nobody listens on.
free_port() {
    local port
    for port in $(seq 21000 21400 | shuf); do
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

host=$(hostname -s)
mkdir "$work"/{state,spool,run}
cat >"$work/slurm.conf" <<CONF
ClusterName=fuserig
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/run/slurmctld.pid
SlurmdPidFile=$work/run/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MinJobAge=300
KillWait=1
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$work/slurm.conf

slurmctld -D -f "$SLURM_CONF" >"$work/slurmctld.out" 2>&1 &
controller=$!
slurmd -D -f "$SLURM_CONF" -N "$host" >"$work/slurmd.out" 2>&1 &
worker=$!

# until_true WHAT COMMAND...: waits for a condition; its absence is the machine's failure.
until_true() {
    local what=$1 end=$((SECONDS + wait_seconds_max))
    shift
    until "$@"; do
        if ((SECONDS > end)); then
            tail -n 20 "$work"/slurm*.log "$work"/slurm*.out >&2 || true
            skip slurm "$what took more than $wait_seconds_max seconds on this machine"
        fi
        sleep 0.2
    done
}

node_is_up() {
    if ! kill -0 "$controller" 2>/dev/null || ! kill -0 "$worker" 2>/dev/null; then
        tail -n 5 "$work"/slurm*.log "$work"/slurm*.out || true
        skip slurm "its daemons do not start here"
    fi
    sinfo --noheader --format=%T 2>/dev/null | grep -qx idle
}
until_true "the node" node_is_up
slurmctld -V

plan=$work/plan.json results=$work/results
"$fuserig" campaign plan traces/corpus/shell.frt traces/corpus/sqlite.frt \
    --seeds 0..40 --runs 60 --require read_only --abi v3 --abi v4 \
    --filter none --filter 'hide:*.jpg' --filter quota:100000 -o "$plan"
works=$(grep -c '"id"' "$plan")
status=0
"$fuserig" campaign run "$plan" --results "$work/alone" >/dev/null || status=$?
[[ $status -eq 1 ]] || fail "the run in one process ends with $status instead of findings"

PATH=$PATH:$(dirname "$fuserig")
submit() {
    sbatch --parsable --array="$1" --output="$work/task-%a.out" --export=ALL \
        ci/templates/slurm.sbatch "$plan" "$results" "$shards"
}
count() {
    find "$results" -name '*.json' 2>/dev/null | wc -l
}
in_the_middle() {
    (($(count) >= 5))
}
gone() {
    [[ -z $(squeue --noheader --jobs="$1" 2>/dev/null) ]]
}

job=$(submit "0-$((shards - 1))")
until_true "the first results" in_the_middle
# The first task that runs is killed as a failing machine would kill it: without a word.
victim=$(pgrep -f "campaign run $plan" | head -n 1)
[[ -n $victim ]] || skip slurm "every worker had ended before one could be killed"
task=$(tr '\0' '\n' <"/proc/$victim/environ" | sed -n 's/^SLURM_ARRAY_TASK_ID=//p')
kill -KILL "$victim"
left=$(count)
until_true "the array" gone "$job"
after=$(count)
echo "killed task $task when $left of $works works were done; the others brought $after"
((after < works)) || skip slurm "the killed worker had nothing left to do"

# Submitted again, the task goes on where it was.
job=$(submit "$task")
until_true "the second attempt" gone "$job"
cat "$work"/task-*.out
[[ $(count) -eq $works ]] || fail "$(count) results for $works works"

for directory in alone results; do
    status=0
    "$fuserig" campaign merge "$work/$directory" --plan "$plan" -o "$work/$directory.json" \
        >"$work/$directory.txt" || status=$?
    [[ $status -eq 1 ]] || fail "merge of $directory ends with $status instead of findings"
done
cmp "$work/alone.json" "$work/results.json"
tail -n 1 "$work/results.txt"
echo "$works works over $shards shards of Slurm are those of one process"
