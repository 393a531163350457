#!/usr/bin/env bash
# Killed at random instants, one rank or all, and resumed each time on another layout, a sweep ends with the bytes
# of one that was left in peace; so it does with damaged checkpoints, and on a disk that is full.
#   KILLS=200 SEED=7: how many (16; with TAME_TEST_FULL=1, 50), and from which random numbers
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1
seed=${SEED:-$(date +%s)}
RANDOM=$seed # of this shell alone: none is drawn in a subshell
echo "random numbers: SEED=$seed"
kills=${KILLS:-$([ -n "${TAME_TEST_FULL-}" ] && echo 50 || echo 16)}
cat >sweep.yaml <<'END'
name: sweep
network: {neurons: 60, outputs: 2, noise: 0.01, wiring: {random: {density: 0.4}}}
tasks:
  - {name: short, duration_ms: 300, window_ms: [50, 250], inputs: [pulse: {start_ms: 10, duration_ms: 20}],
     targets: [peak: {time_ms: 200}, sines: {channel: 1, amplitudes: [1], frequencies_hz: [5]}]}
  - {name: long, duration_ms: 500, window_ms: [50, 450], inputs: [pulse: {start_ms: 10, duration_ms: 20}],
     targets: [peak: {time_ms: 400}]}
phases:
  - record: {name: innate}
  - train: {name: recurrent, weights: recurrent, target: innate, trials: 40, every: 2}
  - train: {name: readout, weights: readout, trials: 20}
  - test: {name: after, trials: 3}
output: {weights: both, initial_state: on, rates: {phases: [recurrent, after], neurons: [0-9, 50], every: 3}}
sweep:
  axes:
    - network.neurons: [60, 90]
      network.plasticity: [per_neuron, per_synapse]
    - tasks[1].duration_ms: [500, 460]
  repeats: 2
END
"$TAME" run sweep.yaml -q -o whole.h5

# until_gone PID FILE: the run has ended, and nobody holds its file
until_gone() {
  wait "$1" 2>/dev/null || true
  unlocked "$2"
}
killed=0 one=0 all=0 runs=0 finished=0
while [ $killed -lt "$kills" ]; do
  resume=()
  if [ -e victim.h5.partial ]; then resume=(--resume); fi
  n=$((RANDOM % 5 + 1))
  group=$((RANDOM % n + 1))
  every=0.02
  if [ $((RANDOM % 3)) -eq 0 ]; then every=0; fi
  OMP_NUM_THREADS=$((RANDOM % 3 + 1)) ranks $n "$TAME" run sweep.yaml -q -o victim.h5 --group $group \
    --checkpoint-every "$every" "${resume[@]}" 2>err.txt &
  run=$!
  runs=$((runs + 1))
  instant=$((RANDOM % 1200 + 30))
  sleep "$((instant / 1000)).$(printf %03d $((instant % 1000)))"
  # The launcher is the child of that shell, the ranks are the launcher's
  mapfile -t victims < <(pgrep -P "$(pgrep -P $run || echo 0)" -f victim.h5)
  if [ ${#victims[@]} -gt 0 ]; then
    if [ $((RANDOM % 2)) -eq 0 ]; then
      victims=("${victims[RANDOM % ${#victims[@]}]}")
      one=$((one + 1))
    else
      all=$((all + 1))
    fi
    if kill -9 "${victims[@]}" 2>/dev/null; then killed=$((killed + 1)); fi
  fi
  until_gone $run victim.h5.partial
  if [ -e victim.h5 ]; then
    [ ! -e victim.h5.checkpoints ] || fail "it is done, but there are checkpoints"
    "$TAME" compare whole.h5 victim.h5 >verdict.txt || fail "after $killed kills: $(cat verdict.txt)"
    finished=$((finished + 1))
    rm victim.h5
  elif [ ! -e victim.h5.partial ]; then
    rm -rf victim.h5* # killed before there was anything
  fi
done
# the last one to its end
if [ -e victim.h5.partial ]; then
  ranks 2 "$TAME" run sweep.yaml -q -o victim.h5 --resume
  "$TAME" compare whole.h5 victim.h5 || fail "the last run ends otherwise"
fi
if [ $one -eq 0 ] || [ $all -eq 0 ]; then fail "$one kills of one rank, $all of all"; fi
echo "$killed kills, $one of one rank and $all of all, in $runs runs; $((finished + 1)) files, all equal"

# Damaged checkpoints: the other one is taken, or the network begins anew; never a wrong number
job=$TAME_SOURCE/jobs/small.yaml
long=(--set 'phases[2].train.trials=60')
"$TAME" run "$job" -q -o small.h5 "${long[@]}"
stopped() { # one that is stopped in the middle, with two sound checkpoints
  rm -rf d.h5*
  "$TAME" run "$job" -q -o d.h5 --checkpoint-every 0 "${long[@]}" 2>err.txt &
  local run=$! code=0
  for _ in $(seq 200); do
    if [ -e d.h5.checkpoints/000000.1.h5 ]; then break; fi
    sleep 0.02
  done
  kill $run
  wait $run || code=$?
  [ $code -eq 75 ] || fail "not stopped: $code"
}
damage() { # FILE KIND
  "$PYTHON" - "$1" "$2" <<'END'
import h5py, os, random, sys
path, kind = sys.argv[1:]
size = os.path.getsize(path)
if kind == "truncated":
    os.truncate(path, size // 2)
elif kind == "empty":
    os.truncate(path, 0)
else:
    with h5py.File(path) as f:
        name = {"header": "header", "P": "recurrent.P", "x": "network.x"}[kind]
        if name not in f:
            name = "network.x"
        at, bytes_ = f[name].id.get_offset(), f[name].nbytes
    with open(path, "r+b") as f:
        f.seek(at + random.randrange(min(bytes_, 300 if kind == "header" else bytes_)))
        byte = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([byte ^ (1 << random.randrange(8))]))
END
}
for kind in header P x truncated empty; do
  for slots in 0 1 "0 1"; do
    stopped
    for slot in $slots; do damage d.h5.checkpoints/000000."$slot".h5 $kind; done
    code=0
    "$TAME" info d.h5 >info.txt 2>err.txt || code=$?
    [ $code -eq 4 ] || fail "info of a damaged checkpoint ($kind, $slots): exit code $code: $(cat info.txt err.txt)"
    grep -q "damaged" err.txt || fail "$(cat err.txt)"
    ranks 2 "$TAME" run "$job" -o d.h5 --resume "${long[@]}" >out.txt 2>err.txt || fail "$kind, $slots: $(cat err.txt)"
    grep -q "damaged; it goes on from" err.txt || fail "no word of the damage ($kind, $slots): $(cat err.txt)"
    "$TAME" compare small.h5 d.h5 >verdict.txt || fail "damaged ($kind, $slots): $(cat verdict.txt)"
  done
done
echo "damaged checkpoints: bits, headers, lengths, one or both: always the same results"

# A file that vanishes: one clear message
stopped
rm d.h5.partial
refuse 2 "nothing to resume: there is no 'd.h5.partial'" "$TAME" run "$job" -q -o d.h5 --resume "${long[@]}"
stopped
rm -r d.h5.checkpoints
"$TAME" run "$job" -q -o d.h5 --resume "${long[@]}"
"$TAME" compare small.h5 d.h5 || fail "without checkpoints it begins anew, and ends otherwise"

# A disk with room for the results, none for checkpoints: the run goes on without; told to stop, it says what is lost
mkdir disk
if mount -t tmpfs -o size=3200k tmpfs disk 2>/dev/null; then
  trap 'umount disk' EXIT
  "$TAME" run "$job" -o disk/f.h5 --checkpoint-every 0 "${long[@]}" >out.txt 2>err.txt || fail "$(cat err.txt)"
  grep -q "warning: no checkpoint: the disk is full" err.txt || fail "no warning: $(cat err.txt)"
  "$TAME" compare small.h5 disk/f.h5 || fail "a full disk: other results"
  rm -rf disk/f.h5*
  "$TAME" run "$job" -q -o disk/f.h5 --set 'phases[2].train.trials=3000' --checkpoint-every 0 2>err.txt &
  run=$!
  sleep 1
  code=0
  kill $run
  wait $run || code=$?
  [ $code -eq 4 ] || fail "stopped on a full disk: exit code $code"
  grep -q "^tame: the disk is full" err.txt || fail "stopped on a full disk: $(cat err.txt)"
  echo "a full disk: goes on without checkpoints, and says so"
else
  echo "no right to mount: a full disk was not tried"
fi
