#!/usr/bin/env bash
# What --resume must not take for its own, and what it must refuse: checkpoints of an earlier run, other data, other
# instructions, damaged lists of networks, a name that is taken, another run where there are no locks.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

job=$TAME_SOURCE/jobs/small.yaml
sweep=(--set sweep.repeats=3 --set 'phases[2].train.trials=150')

# stopped FILE NETWORK ARGUMENT...: begun with checkpoints after every trial, killed once that network has some
stopped() {
  local file=$1 slot=$1.checkpoints/00000$2.1.h5 run
  shift 2
  "$TAME" run "$@" -q -o "$file" --checkpoint-every 0 2>err.txt &
  run=$!
  for _ in $(seq 3000); do
    if [ -e "$slot" ] || ! kill -0 $run 2>/dev/null; then break; fi
    sleep 0.02
  done
  kill -9 $run || fail "$file was done too soon"
  wait $run 2>/dev/null || true
  [ -e "$slot" ] || fail "no $slot: $(cat err.txt)"
  unlocked "$file.partial"
}

"$TAME" run "$job" -q -o whole.h5 "${sweep[@]}"

# A run begun anew over an unfinished one, and killed before it comes to the network whose checkpoints are there
stopped a.h5 1 "$job" "${sweep[@]}"
stopped a.h5 0 "$job" "${sweep[@]}" --force
absent a.h5.checkpoints/000001.0.h5 a.h5.checkpoints/000001.1.h5
"$TAME" run "$job" -q -o a.h5 --resume "${sweep[@]}"
"$TAME" compare whole.h5 a.h5 || fail "checkpoints of an earlier run were taken over"
absent a.h5.checkpoints a.h5.partial

# Killed after a network was done and before its checkpoints were gone: these go with the others
stopped a.h5 1 "$job" "${sweep[@]}" --force
cp a.h5.checkpoints/000001.1.h5 a.h5.checkpoints/000000.1.h5
"$TAME" run "$job" -q -o a.h5 --resume --force "${sweep[@]}"
"$TAME" compare whole.h5 a.h5 || fail "with checkpoints of a network that is done: other results"
absent a.h5.checkpoints

# Refused, and nothing lost: kernels that are not there, or whose bits are others; a name that is taken
rm a.h5
stopped a.h5 1 "$job" "${sweep[@]}"
keeps() { # CODE WORDS COMMAND...: refused, with all that was kept
  local code=0 want=$1 words=$2
  shift 2
  cp a.h5.partial kept
  "$@" 2>err.txt || code=$?
  [ $code -eq "$want" ] || fail "$*: exit code $code, want $want: $(cat err.txt)"
  grep -qF -- "$words" err.txt || fail "$* does not say '$words': $(cat err.txt)"
  cmp a.h5.partial kept || fail "$* has changed the unfinished file"
}
again=("$TAME" run "$job" -q -o a.h5 --resume "${sweep[@]}")
keeps 2 "TAME_KERNEL: found 'sse', want one of" env TAME_KERNEL=sse "${again[@]}"
if [ "$("$TAME" info whole.h5 | sed -n 's/.*kernels //p')" != ref ]; then
  keeps 2 "and here they are ref, whose bits differ" env TAME_KERNEL=ref "${again[@]}"
fi
cp whole.h5 a.h5
keeps 4 "'a.h5' exists beside 'a.h5.partial': --force replaces it in the end" "${again[@]}"
rm a.h5

# A list of networks that is damaged
for id in 1 -1 1099511627776; do
  cp a.h5.partial sound
  "$PYTHON" -c 'import h5py, sys
with h5py.File("a.h5.partial", "r+") as f: f["network"][2] = int(sys.argv[1])' $id
  keeps 4 "'a.h5.partial' is damaged: its row 2 is of network $id" "${again[@]}"
  mv sound a.h5.partial
done
"${again[@]}"
"$TAME" compare whole.h5 a.h5 || fail "refused and gone on with: other results"

# Data that have changed meanwhile, of all networks or of one of them
"$PYTHON" -c 'for t in range(400): print(0.2 if t < 250 else 0.9)' >target.csv
mine=(--set 'tasks[0].targets=[file: {path: target.csv}]')
cp "$job" mine.yaml
for each in shared own; do
  rm -f a.h5*
  if [ $each = own ]; then
    mine=()
    printf 'sweep:\n  axes:\n    - tasks[0].targets: [[file: {path: target.csv}], [peak: {time_ms: 200}]]\n' >>mine.yaml
  fi
  stopped a.h5 0 mine.yaml "${mine[@]}" --set 'phases[3].train.trials=3000'
  sed -i.kept 's/0.9/0.8/' target.csv
  again=("$TAME" run mine.yaml -q -o a.h5 --resume "${mine[@]}" --set 'phases[3].train.trials=3000')
  keeps 2 "tasks/timing/target is not what the run began with: has a file changed?" "${again[@]}"
  mv target.csv.kept target.csv
  "${again[@]}"
done

# A file system without locks: a file beside the results keeps others off, and gives way when its owner is dead
cat >nolock.c <<'END'
#include <errno.h>
int flock(int file, int operation);
int flock(int file, int operation)
{
  (void)file, (void)operation;
  errno = ENOLCK;
  return -1;
}
END
if [ "$(nm -D "$TAME" 2>/dev/null | grep -c asan)" -eq 0 ]; then
  "${CC:-cc}" -shared -fPIC -o nolock.so nolock.c
  rm -f a.h5*
  export LD_PRELOAD=$PWD/nolock.so
  "$TAME" run "$job" -q -o a.h5 "${sweep[@]}" --set 'phases[2].train.trials=200' &
  first=$!
  for _ in $(seq 3000); do
    if [ -e a.h5.partial ]; then break; fi
    sleep 0.02
  done
  refuse 4 "another run is writing 'a.h5': process $first on " "$TAME" run "$job" -q -o a.h5 --resume "${sweep[@]}" \
    --set 'phases[2].train.trials=200'
  kill -9 $first
  wait $first 2>/dev/null || true
  [ -e a.h5.lock ] || fail "no lock was left"
  "$TAME" run "$job" -q -o a.h5 --force "${sweep[@]}"
  unset LD_PRELOAD
  "$TAME" compare whole.h5 a.h5 || fail "without locks: other results"
  absent a.h5.lock a.h5.partial
fi

# Messages in any script, on any number of ranks
mkdir josé
{ cat "$job" && printf 'sweep:\n  axes:\n    - tasks[0].targets: [[peak: {time_ms: 200}], [file: {path: Größe.csv}]]\n'; } >josé/bad.yaml
"$TAME" run josé/bad.yaml -q -o one.h5 2>err.txt && fail "a network without its file is fine"
ranks 2 "$TAME" run josé/bad.yaml -q -o two.h5 2>err.txt && fail "a network without its file is fine"
"$TAME" compare one.h5 two.h5 || fail "messages differ"
"$TAME" info one.h5 | grep -q "Größe" || fail "the message is cut: $("$TAME" info one.h5)"
echo "nothing taken that is another's, nothing lost"
