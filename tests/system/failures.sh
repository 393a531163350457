#!/usr/bin/env bash
# What goes wrong in the middle: a rank that dies, a disk that fills, memory that runs out, a network that
# diverges. All ranks end, soon, with one message, and nothing stands under the final name.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

job=$TAME_SOURCE/jobs/small.yaml
long=(--set 'phases[2].train.trials=100000')

# kill -9 of one rank of three: the others end within seconds
ranks 3 "$TAME" run "$job" -q -o killed.h5 "${long[@]}" >out.txt 2>&1 &
mpirun=$!
rank=
for _ in $(seq 100); do
  sleep 0.1
  launcher=$(pgrep -P $mpirun) || true # of which the shell function's process is the parent
  rank=$(pgrep -P "${launcher:-0}" -f killed.h5 | tail -n 1) || true
  if [ -n "$rank" ] && [ -e killed.h5.partial ]; then break; fi
done
[ -n "$rank" ] || fail "no rank to kill: $(cat out.txt)"
began=$SECONDS
kill -9 "$rank"
code=0
wait $mpirun || code=$?
[ $code -ne 0 ] || fail "the death of a rank goes unnoticed"
[ $((SECONDS - began)) -lt 30 ] || fail "it took $((SECONDS - began)) s to end"
[ ! -e killed.h5 ] || fail "a results file of a run that was killed"
echo "a rank killed: all ended after $((SECONDS - began)) s"

unlocked killed.h5.partial
# ... and what it left is not thrown away by chance, nor taken for results
refuse 4 "'killed.h5.partial' holds an unfinished run: --resume goes on with it, --force begins anew" \
  "$TAME" run "$job" -q -o killed.h5

# Files may grow to 32 MB (MPI has some of its own), the results have 65 MB: the space is found missing before the first trial
full() { # COMMAND...: a disk too small for the results
  code=0
  "$@" >out.txt 2>err.txt || code=$?
  [ $code -eq 4 ] || fail "a full disk: exit code $code: $(cat err.txt)"
  if grep -q 'trial' err.txt; then fail "trials were run though the results do not fit"; fi
}
full bash -c 'trap "" XFSZ; ulimit -f 32768; exec "$@"' - "$TAME" run "$job" -o full.h5 \
  --set 'phases[1].test.trials=200'
grep -q "tame: cannot write 'full.h5.partial.new': File too large" err.txt || fail "$(cat err.txt)"
absent full.h5 full.h5.partial full.h5.partial.new
echo "a file too large: refused before the first trial"

# A real one, where we may mount
mkdir disk
if mount -t tmpfs -o size=500k tmpfs disk 2>/dev/null; then
  trap 'umount disk' EXIT
  for n in 1 3; do
    full ranks $n "$TAME" run "$job" -o disk/full.h5
    grep -q "tame: the disk is full: 'disk/full.h5.partial.new' needs 2.* MB" err.txt || fail "$(cat err.txt)"
    [ -z "$(ls -A disk)" ] || fail "a full disk left $(ls -A disk)"
  done
  echo "a full file system: refused before the first trial"
else
  echo "no right to mount: a full file system was not tried"
fi

# Too little address space: refused beforehand, with the need
code=0
(ulimit -v 600000; "$TAME" run "$job" -q -o small.h5 --set network.neurons=6000 \
  --set output.weights=none 2>err.txt) || code=$?
[ $code -eq 3 ] || fail "too little memory: exit code $code: $(cat err.txt)"
grep -q "too little memory: each of 1 ranks needs about" err.txt || fail "$(cat err.txt)"
absent small.h5 small.h5.partial

# Stopped, a run keeps all and says 75; killed outright, too. What it leaves nothing takes for results but
# info, which tells how far it came; --resume ends it as if nothing had happened
long=(--set 'phases[2].train.trials=400')
"$TAME" run "$job" -q -o whole.h5 "${long[@]}"
for signal in TERM INT USR1 HUP KILL; do
  heard "$TAME" run "$job" -q -o ended.h5 --checkpoint-every 0 "${long[@]}" 2>err.txt &
  run=$!
  for _ in $(seq 100); do
    if [ -e ended.h5.checkpoints/000000.1.h5 ]; then break; fi
    sleep 0.05
  done
  kill -$signal $run
  code=0
  wait $run || code=$?
  want=75
  [ $signal != KILL ] || want=137
  [ $code -eq $want ] || fail "SIG$signal: exit code $code: $(cat err.txt)"
  unlocked ended.h5.partial
  [ $signal = KILL ] || grep -q "tame: stopped by [A-Za-z0-9 ]*, 0 of 1 network done; --resume goes on" err.txt ||
    fail "SIG$signal: $(cat err.txt)"
  absent ended.h5
  for command in plot "compare ended.h5.partial"; do
    # shellcheck disable=SC2086
    refuse 2 "incomplete: the run that wrote it has not finished" "$TAME" $command ended.h5.partial
  done
  "$TAME" info ended.h5 >info.txt || fail "info of an unfinished run: $(cat info.txt)"
  grep -q "^ended.h5.partial: small, .* unfinished" info.txt || fail "info: $(cat info.txt)"
  sound=2
  [ $signal != KILL ] || sound='[12]' # it may have been writing the other
  grep -q "checkpoints of network 0: $sound of [12] sound" info.txt || fail "info: $(cat info.txt)"
  share=$(sed -n 's/.*MB; \([0-9]*\) %, phase.*/\1/p' info.txt) # the table says what the checkpoint says
  [ $signal = KILL ] || grep -q "running, progress $share %" info.txt || fail "progress: $(cat info.txt)"
  ranks 2 "$TAME" run "$job" -q -o ended.h5 --resume "${long[@]}"
  absent ended.h5.partial ended.h5.checkpoints
  "$TAME" compare whole.h5 ended.h5 || fail "SIG$signal and --resume: other results"
  rm ended.h5
done

# A limit that is nearer than the grace time before it: at once, with all kept. Without its checkpoints a run begins
# anew, and says so
code=0
SLURM_JOB_END_TIME=$(($(date +%s) + 20)) "$TAME" run "$job" -q -o ended.h5 "${long[@]}" 2>err.txt || code=$?
[ $code -eq 75 ] || fail "a limit within the grace time: exit code $code: $(cat err.txt)"
rm -rf ended.h5.checkpoints
"$TAME" run "$job" -o ended.h5 --resume "${long[@]}" 2>err.txt
grep -q "network 0 was running, and there is no checkpoint of it: it begins anew" err.txt || fail "$(cat err.txt)"
"$TAME" compare whole.h5 ended.h5 || fail "begun anew: other results"
rm ended.h5

# Twice from the keyboard: at once
heard "$TAME" run "$job" -q -o ended.h5 --set network.neurons=1500 --set 'phases[2].train.trials=1000' &
run=$!
sleep 1
kill -INT $run
kill -INT $run
code=0
wait $run || code=$?
[ $code -eq 130 ] || [ $code -eq 75 ] || fail "SIGINT twice: exit code $code"
rm -rf ended.h5*

# A time limit: in time, by itself
code=0
SECONDS=0
"$TAME" run "$job" -q -o limit.h5 --set 'phases[2].train.trials=100000' --time-limit 4 --grace 2 2>err.txt || code=$?
[ $code -eq 75 ] || fail "a time limit: exit code $code: $(cat err.txt)"
[ $SECONDS -le 4 ] || fail "a time limit of 4 s: ended after $SECONDS s"
rm -rf limit.h5*
code=0
SLURM_JOB_END_TIME=$(($(date +%s) + 3)) "$TAME" run "$job" -q -o limit.h5 --grace 2 \
  --set 'phases[2].train.trials=100000' 2>err.txt || code=$?
[ $code -eq 75 ] || fail "SLURM_JOB_END_TIME: exit code $code: $(cat err.txt)"

# Two runs that would write one file: the second is refused, the first goes on
"$TAME" run "$job" -q -o one.h5 --set 'phases[2].train.trials=300' &
first=$!
for _ in $(seq 100); do
  if [ -e one.h5.partial ]; then break; fi
  sleep 0.05
done
code=0
"$TAME" run "$job" -q -f -o one.h5 2>err.txt || code=$?
[ $code -eq 4 ] || fail "two runs, one file: exit code $code: $(cat err.txt)"
grep -q "another run is writing 'one.h5.partial'" err.txt || fail "$(cat err.txt)"
"$TAME" info one.h5 >info.txt || true # one of its checkpoints may be in the making
grep -q "^one.h5.partial: small, .*, being written" info.txt || fail "info of a run that goes on: $(cat info.txt)"
wait $first || fail "the first of two runs failed"
"$TAME" info one.h5 >info.txt || fail "the first of two runs left a broken file"

# A loss beyond all numbers stops the run
code=0
"$TAME" run "$job" -q -o huge.h5 --set 'tasks[0].targets=[peak: {time_ms: 280, amplitude: 1e200}]' \
  2>err.txt || code=$?
[ $code -eq 5 ] || fail "an infinite loss: exit code $code: $(cat err.txt)"
absent huge.h5 huge.h5.partial

# A network that diverges: weights without bound make P meaningless, in single precision soon
code=0
ranks 2 "$TAME" run "$job" -q -o diverged.h5 --set network.precision=float \
  --set 'phases[2].train.learner={rls: {delta: 1e-12, forgetting: 0.5}}' 2>err.txt || code=$?
[ $code -eq 5 ] || fail "a network that diverges: exit code $code: $(cat err.txt)"
[ "$(grep -c "^tame: phase 'recurrent', task 'timing', trial" err.txt)" -eq 1 ] || fail "$(cat err.txt)"
absent diverged.h5 diverged.h5.partial
grep '^tame:' err.txt
