# shellcheck shell=bash
# Functions for the system tests: sourced first. TAME is the program, TAME_SOURCE the sources, PYTHON an
# interpreter with h5py; the working folder is empty and the test's own.
set -euo pipefail
: "${TAME:?}" "${TAME_SOURCE:?}" "${PYTHON:?}" "${MPIEXEC:?}"

fail() { echo "FAILED: $*" >&2 && exit 1; }

# ranks N COMMAND...: under mpirun, the test's environment taking care of root and few cores
ranks() { "$MPIEXEC" -n "$1" "${@:2}"; }

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
