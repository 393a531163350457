#!/usr/bin/env bash
# The job scripts on a real cluster of four SLURM nodes, all on this machine, which talk over TCP: a sweep that
# is preempted, requeued, cancelled, run into its time limit; its file ends byte-equal to that of a run that
# was left in peace.
#   tests/slurm/sweep.sh [--short]      TAME: the program; default build/tame of the clone
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
short=
[ "${1:-}" != --short ] || short=1
TAME=${TAME:-$source_dir/build/tame}
export TAME TAME_SLURM=$source_dir/jobs/slurm
# shellcheck source=tests/slurm/cluster.sh
source "$here/cluster.sh"

fail() {
  echo "FAILED: $*" >&2
  tail -n 20 ./*.log >&2
  exit 1
}
for program in munged slurmctld slurmd sbatch; do
  command -v $program >/dev/null || fail "no $program: scripts/setup --dev installs it"
done
work=$(mktemp -d)
trap 'cluster_stop; [ -n "${KEEP:-}" ] || rm -rf "$work"' EXIT
[ -z "${KEEP:-}" ] || echo "in $work"
cd "$work" || exit 1
cluster_start cluster || exit 1
sinfo -N

# Nodes talk over TCP, as on a cluster; four ranks share few cores here.
export OMPI_MCA_pml=ob1 OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OMP_WAIT_POLICY=passive
cp "$source_dir/jobs/small.yaml" sweep.yaml
cat >>sweep.yaml <<'END'
sweep:
  axes:
    - network.gain: [1.3, 1.5, 1.7]
  repeats: 4
END
size=(--nodes=4 --ntasks-per-node=1 --mem-per-cpu=0)
work_of=(--set 'phases[2].train.trials=400' --set output.rates.every=0 --checkpoint-every 1)
submit() { # OUTPUT SBATCH-OPTION...: prints the job's id
  local output=$1
  shift
  sbatch --parsable "${size[@]}" "$@" "$TAME_SLURM/sweep.sbatch" sweep.yaml "$output" "${work_of[@]}"
}
until_it() { # SECONDS WHAT COMMAND...
  local left=$((10 * $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    sleep 0.1
    left=$((left - 1))
    if [ $left -le 0 ]; then
      squeue >&2
      fail "$what did not happen"
    fi
  done
}
state_is() { scontrol show job "$1" | grep -q "JobState=$2"; }
restarts() { scontrol show job "$1" | sed -n 's/.*Restarts=\([0-9]*\).*/\1/p'; }
# On its way back into the queue a job is FAILED for a moment.
failed() { state_is "$1" FAILED && sleep 3 && state_is "$1" FAILED; }
ended() { state_is "$1" COMPLETED || state_is "$1" CANCELLED || failed "$1"; }
same() { # OUTPUT WHAT
  "$TAME" compare whole.h5 "$1" || fail "$2: other results"
  if [ -e "$1.partial" ] || [ -e "$1.checkpoints" ]; then fail "$2: something is left"; fi
}
# a requeued job waits a while, unless told not to
hurry() {
  state_is "$1" PENDING || return 0
  sleep 1 # its step is gone from all nodes
  scontrol release "$1" 2>/dev/null
  scontrol update JobId="$1" StartTime=now 2>/dev/null
  return 0
}
finish() { # JOB WHAT: until it has ended well
  local left=1200
  until ended "$1"; do
    hurry "$1"
    sleep 0.5
    left=$((left - 1))
    [ $left -gt 0 ] || fail "$2: does not end"
  done
  state_is "$1" COMPLETED || fail "$2: $(scontrol show job "$1" | grep JobState)"
}

echo "== undisturbed"
job=$(submit whole.h5)
finish "$job" "the undisturbed run"
[ "$(restarts "$job")" = 0 ] || fail "the undisturbed run was disturbed"
"$TAME" info whole.h5 | head -n 3

echo "== preempted by a higher partition, requeued"
job=$(submit preempted.h5)
until_it 60 "the first checkpoint" test -d preempted.h5.checkpoints
higher=$(sbatch --parsable -p high --nodes=4 --ntasks-per-node=2 -o higher.log --wrap 'sleep 3')
until_it 60 "preemption" state_is "$higher" RUNNING
until_it 60 "the end of the higher job" ended "$higher"
finish "$job" "the preempted run"
[ "$(restarts "$job")" -ge 1 ] || fail "it was never preempted"
echo "restarts: $(restarts "$job")"
same preempted.h5 "preempted"

echo "== run into its time limit, again and again"
# SLURM counts minutes: tame is told of an end that is nearer
# shellcheck disable=SC2016
sed 's/^set -uo pipefail/&\nexport SLURM_JOB_END_TIME=$(($(date +%s) + 8))/' "$TAME_SLURM/sweep.sbatch" >limited.sbatch
job=$(sbatch --parsable "${size[@]}" limited.sbatch sweep.yaml limited.h5 "${work_of[@]}" --grace 4)
finish "$job" "the limited run"
[ "$(restarts "$job")" -ge 1 ] || fail "it never met its limit"
echo "restarts: $(restarts "$job")"
same limited.h5 "limited"

if [ -z "$short" ]; then
  echo "== cancelled, submitted again"
  job=$(submit cancelled.h5)
  until_it 60 "the first checkpoint" test -d cancelled.h5.checkpoints
  scancel "$job"
  until_it 60 "the end of the cancelled job" state_is "$job" CANCELLED
  [ -e cancelled.h5.partial ] || fail "cancelled, it left nothing"
  sleep 1
  job=$(submit cancelled.h5)
  finish "$job" "the run after the cancelled one"
  same cancelled.h5 "cancelled"

  echo "== a rank killed outright: its step ends at once, and goes on from the last checkpoints"
  job=$(submit killed.h5)
  until_it 60 "the first checkpoint" test -d killed.h5.checkpoints
  kill -9 "$(pgrep -n -f "tame run sweep.yaml.*killed.h5")"
  finish "$job" "the run after a rank was killed"
  grep -q "a rank died, exit code 137: on from the last checkpoints" "tame-sweep-$job.log" || fail "nobody died"
  same killed.h5 "killed"

  echo "== a job array of two shards"
  array=$(sbatch --parsable --array=1-2 --nodes=1 --ntasks-per-node=2 --mem-per-cpu=0 \
    "$TAME_SLURM/array.sbatch" sweep.yaml "${work_of[@]}")
  finish "${array}_1" "shard 1"
  finish "${array}_2" "shard 2"
  "$TAME" info sweep-1of2.h5 | grep -q '6 networks: 6 done' || fail "shard 1: $("$TAME" info sweep-1of2.h5)"
  "$TAME" info sweep-2of2.h5 | grep -q '6 networks: 6 done' || fail "shard 2: $("$TAME" info sweep-2of2.h5)"

  echo "== one network on 4 nodes; a scaling study"
  job=$(sbatch --parsable --nodes=4 --ntasks-per-node=1 --cpus-per-task=1 --mem-per-cpu=0 \
    "$TAME_SLURM/run.sbatch" "$source_dir/jobs/small.yaml" one.h5)
  finish "$job" "the single run"
  "$TAME" run "$source_dir/jobs/small.yaml" -q -o alone.h5
  "$TAME" compare alone.h5 one.h5 || fail "four nodes: other results"
  job=$(sbatch --parsable --nodes=2 --ntasks-per-node=1 --mem-per-cpu=0 "$TAME_SLURM/scaling.sbatch" \
    "$source_dir/jobs/small.yaml")
  finish "$job" "the scaling study"
  cat scaling-small-"$job"/small.csv
fi
echo "all as undisturbed"
