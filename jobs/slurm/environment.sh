# shellcheck shell=bash
# What the job scripts of this folder share; sourced by them. Set in your shell before sbatch, or here:
#   TAME           the program; default: tame in PATH, else build/tame of the clone
#   TAME_MODULES   environment modules to load, "gcc openmpi hdf5-mpi"
#   TAME_SPACK     a Spack environment to activate
#   TAME_SLURM     the folder of this file, if you submit from elsewhere than the clone
#   TAME_LAUNCHER  srun or mpirun; default: srun where SLURM has a plugin for PMIx, else mpirun
if [ -n "${TAME_MODULES:-}" ] && type module >/dev/null 2>&1; then
  # shellcheck disable=SC2086
  module load $TAME_MODULES
fi
if [ -n "${TAME_SPACK:-}" ] && type spack >/dev/null 2>&1; then spack env activate "$TAME_SPACK"; fi

if [ -z "${TAME:-}" ]; then
  TAME=$(command -v tame) || TAME=${SLURM_SUBMIT_DIR:-$PWD}/build/tame
fi
[ -x "$TAME" ] || {
  echo "no program '$TAME': set TAME, or submit from the clone after scripts/demo" >&2
  exit 2
}

if [ -z "${TAME_LAUNCHER:-}" ]; then
  TAME_LAUNCHER=mpirun
  if srun --mpi=list 2>&1 | grep -q pmix; then TAME_LAUNCHER=srun; fi
fi

# Threads: the cores of each task. Ranks that wait give way where they share cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-1}}
# mpirun passes SIGTERM on and kills a second later, unless told to wait.
export OMPI_MCA_odls_base_sigkill_timeout=${OMPI_MCA_odls_base_sigkill_timeout:-30}
# tame stops by itself before this moment.
if [ -z "${SLURM_JOB_END_TIME:-}" ] && [ -n "${SLURM_JOB_ID:-}" ]; then
  end=$(squeue -h -j "$SLURM_JOB_ID" -o %e 2>/dev/null | head -n 1) || end=
  if [ -n "$end" ]; then SLURM_JOB_END_TIME=$(date -d "$end" +%s 2>/dev/null) || SLURM_JOB_END_TIME=; fi
  if [ -n "${SLURM_JOB_END_TIME:-}" ]; then export SLURM_JOB_END_TIME; else unset SLURM_JOB_END_TIME; fi
fi

# launch RANKS COMMAND...: all ranks, in the background of a wait that signals can interrupt. A rank that
# dies takes the others along. Returns the program's exit code.
launch() {
  local ranks=$1 code=0 child
  shift
  if [ "$TAME_LAUNCHER" = srun ]; then
    srun --mpi=pmix --ntasks="$ranks" --kill-on-bad-exit=1 "$@" &
  else
    local root=()
    if [ "$(id -u)" -eq 0 ]; then root=(--allow-run-as-root); fi
    mpirun "${root[@]}" --bind-to none -n "$ranks" "$@" &
  fi
  child=$!
  # The step, or mpirun, passes SIGUSR1 on to every rank: tame keeps all and ends with 75.
  trap 'kill -USR1 $child 2>/dev/null' USR1 TERM
  while :; do
    code=0
    wait $child || code=$?
    kill -0 $child 2>/dev/null || break # else a signal has interrupted the wait
  done
  trap - USR1 TERM
  return $code
}

# run_or_resume RANKS OUTPUT ARGUMENT...: begin, or go on with what an earlier job has left. Where a rank dies
# (a node that fails, a crash in MPI) it goes on from the last checkpoints, twice at most.
run_or_resume() {
  local ranks=$1 output=$2 tries=0 code resume
  shift 2
  while :; do
    if [ -e "$output" ] && [ -n "${experiment:-}" ] && [ "$experiment" -nt "$output" ]; then
      echo "$output is there, and older than $experiment: remove it, or name another file" >&2
      return 2
    fi
    if [ -e "$output" ] && [ ! -e "$output.partial" ]; then
      echo "$output is there, whole"
      return 0
    fi
    resume=()
    if [ -e "$output.partial" ]; then resume=(--resume); fi
    code=0
    launch "$ranks" "$TAME" run "$@" -o "$output" "${resume[@]}" || code=$?
    tries=$((tries + 1))
    case $code in
      134 | 135 | 136 | 137 | 139) [ $tries -lt 3 ] || return $code ;;
      *) return $code ;;
    esac
    echo "a rank died, exit code $code: on from the last checkpoints"
    sleep 2
  done
}

# again_if_stopped CODE: what a job ends with; one that has stopped by itself goes back into the queue. One that
# SLURM preempts goes there without us, and one that was cancelled does not.
again_if_stopped() {
  if [ "$1" -ne 75 ] || [ -z "${SLURM_JOB_ID:-}" ]; then exit "$1"; fi
  local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_}${SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}
  sleep 2 # until the step is gone from all nodes
  if scontrol show job "$job" | grep -q JobState=RUNNING; then
    echo "stopped, all is kept: back into the queue"
    scontrol requeue "$job"
    sleep 60 # until SLURM ends this job
  fi
  exit 75
}
