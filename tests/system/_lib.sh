# shellcheck shell=bash
# Functions for the system tests: sourced first. TAME is the program, TAME_SOURCE the sources, PYTHON an
# interpreter with h5py; the working folder is empty and the test's own. TAME_TEST_FULL=1: more of the same.
set -euo pipefail
: "${TAME:?}" "${TAME_SOURCE:?}" "${PYTHON:?}" "${MPIEXEC:?}"

fail() { echo "FAILED: $*" >&2 && exit 1; }

# ranks N COMMAND...: under mpirun, the test's environment taking care of root and few cores
ranks() { "$MPIEXEC" -n "$1" "${@:2}"; }

# equal_on LABEL "RANKS..." "THREADS..." JOB ARGUMENT...: on one rank and thread, into one.h5, and with the same bytes on
# each of these numbers of ranks, in turn with one of the numbers of threads; TAME_TEST_FULL=1: with each of them. The
# turn goes on from call to call, so that where the two lists' lengths have no common divisor all pairs have theirs.
turn=0
equal_on() {
  local label=$1 job=$4 ranks threads choice n t tried=
  read -ra ranks <<<"$2"
  read -ra threads <<<"$3"
  shift 4
  rm -f one.h5
  OMP_NUM_THREADS=1 "$TAME" run "$job" -q -o one.h5 "$@"
  for n in "${ranks[@]}"; do
    choice=("${threads[turn++ % ${#threads[@]}]}")
    [ -z "${TAME_TEST_FULL-}" ] || choice=("${threads[@]}")
    for t in "${choice[@]}"; do
      OMP_NUM_THREADS=$t ranks "$n" "$TAME" run "$job" -f -q -o other.h5 "$@"
      "$TAME" compare one.h5 other.h5 >verdict.txt || fail "$label, $n x $t: $(cat verdict.txt)"
      tried+=" ${n}x$t"
    done
  done
  echo "$label: equal on ranks x threads$tried"
}

# absent FILE...: none of them exists
absent() {
  local file
  for file; do [ ! -e "$file" ] || fail "there is a $file"; done
}

# refuse CODE WORDS COMMAND...: the command must end with that exit code, say the words on standard
# error, once, and leave no file of the name bad.h5
refuse() {
  local code=0 want=$1 words=$2
  shift 2
  rm -f bad.h5 bad.h5.partial
  timeout 60 "$@" >out.txt 2>err.txt || code=$?
  [ "$code" -eq "$want" ] || fail "$* gave exit code $code, want $want: $(cat err.txt)"
  [ "$(grep -cF -- "$words" err.txt)" -eq 1 ] || fail "$* does not say '$words' once: $(cat err.txt)"
  absent bad.h5 bad.h5.partial
}

# unlocked FILE: wait until no process of a run that was killed holds it any more
unlocked() {
  for _ in $(seq 200); do
    if [ ! -e "$1" ] || flock -n "$1" true; then return; fi
    sleep 0.05
  done
  fail "$1 stays locked"
}

# heard COMMAND...: hears SIGINT, which the shell lets commands in the background ignore
heard() {
  exec "$PYTHON" -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
