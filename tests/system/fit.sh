#!/usr/bin/env bash
# Models that learn by gradients: byte-equal results on any number of ranks and threads, with batches and micro-batches
# that do not divide; stopped and killed in mid-epoch and gone on with elsewhere; files that change meanwhile; memory
# that keeps to its limit.
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1
jobs=$TAME_SOURCE/jobs
uneven=(--set 'data[0].samples=50' --set 'phases[1].fit.batch=17' --set 'phases[1].fit.gradient.micro_batch=4'
  --set 'phases[1].fit.epochs=7')

# 21 updates of each kind, of samples that know the time between steps
cat >medley.yaml <<'END'
name: medley
model:
  inputs: 1
  train_start: on
  layers: [gru: {units: 7}, cfc: {units: 6}, dense: {units: 1}]
data:
  - {name: waves, from: {irregular: {steps: 12}}, samples: 50}
  - {name: unseen, from: {irregular: {steps: 9}}, samples: 23, seed: 2}
  - {name: new, from: {irregular: {steps: 12}}, samples: 50, seed: 3, fresh: on}
phases:
  - test: {name: before, record: 3}
  - fit:
      name: adam
      epochs: 7
      batch: 17
      gradient: {micro_batch: 4, penalties: {weights_l2: 1e-3, weights_l1: 1e-4, rates_l1: 1e-3, rates_l2: 1e-3}}
      optimizer: {adam: {rate: 0.1}}
      schedules: [warm_up: {every: 3}, exponential: {factor: 0.97}, cosine: {every: 30}]
      clip: {value: 0.5, norm: 0.3}
      validate: unseen
      keep: best
      patience: 2
  - fit: {name: truncated, data: new, epochs: 7, batch: 17, gradient: {micro_batch: 4, truncate: 5},
          optimizer: {rmsprop: {rate: 0.01}}}
  - fit: {name: segmented, epochs: 21, gradient: {micro_batch: 4, segment: 5}, optimizer: {lbfgs: {rate: 0.2}}}
  - fit: {name: little, epochs: 7, batch: 17, gradient: {micro_batch: 4}, memory_mb: 0.02,
          optimizer: {sgd: {rate: 0.05, momentum: 0.9}}}
  - fit: {name: searching, epochs: 2, gradient: {micro_batch: 4}, optimizer: {hessian_free: {curvature: 21, structural: 0.1}}}
  - fit: {name: lines, epochs: 2, gradient: {micro_batch: 4}, optimizer: conjugate_gradient}
  - test: {name: after, data: unseen, states: on}
END

# same LABEL JOB ARGUMENT...: the first layout against all others
same() {
  local label=$1 job=$2
  shift 2
  rm -f one.h5
  OMP_NUM_THREADS=1 "$TAME" run "$job" -o one.h5 -q "$@"
  for n in 1 2 3 4 7; do
    for threads in 1 2; do
      OMP_NUM_THREADS=$threads ranks "$n" "$TAME" run "$job" -f -o other.h5 -q "$@"
      "$TAME" compare one.h5 other.h5 >verdict.txt || fail "$label, $n x $threads: $(cat verdict.txt)"
    done
  done
  echo "$label: equal on 1, 2, 3, 4, 7 ranks x 1, 2 threads"
}

same "medley" medley.yaml
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("one.h5") as f:
    loss = f["phases/adam/waves/validation_loss"][0]
    epochs = int(f["phases/adam/waves/epochs"][0])
    assert epochs < 7 and np.isnan(loss[epochs:]).all() and np.isfinite(loss[:epochs]).all(), loss
    assert epochs - 1 - np.argmin(loss[:epochs]) == 2, loss  # patience, from the best one on
END
same "sines" "$jobs/ncp-sines.yaml" --only 10 --set 'phases[1].fit.epochs=20'
same "noise" "$jobs/noise-integration.yaml" "${uneven[@]}" --set 'model.layers[0].rnn.units=20' \
  --set 'data[1].samples=23' --set 'phases[1].fit.validate=unseen' --set 'phases[1].fit.keep=best'
same "spikes" "$jobs/spiking-classifier.yaml" "${uneven[@]}" --set 'data[0].from.spikes.steps=40' \
  --set 'phases[1].fit.validate=trains' --set 'phases[1].fit.patience=5' \
  --set 'phases[1].fit.gradient.penalties={rates_l2: 1e-3}'

# The comparison can fail: another order of the samples
"$TAME" run medley.yaml -f -q -o one.h5
"$TAME" run medley.yaml -f -q -o other.h5 --set 'phases[1].fit.shuffle=off'
if "$TAME" compare one.h5 other.h5 >verdict.txt; then fail "two orders compare as equal"; fi
grep -q '^different: /phases/' verdict.txt || fail "no place named: $(cat verdict.txt)"

# A sweep over circuits of different sizes
cat >sweep.yaml <<'END'
name: circuits
model: {inputs: 1, layers: [ltc: {circuit: {full: {units: 5, outputs: 1}}}]}
data: [{name: waves, from: {irregular: {steps: 8}}, samples: 10}]
phases:
  - fit: {name: fit, epochs: 5, batch: 4, gradient: {micro_batch: 3}}
  - test: {name: after, states: on}
sweep:
  axes:
    - model.layers[0].ltc.circuit:
        - full: {units: 5, outputs: 1}
        - random: {units: 9, outputs: 1, sparsity: 0.5}
        - autoncp: {units: 7, outputs: 1}
  repeats: 2
END
"$TAME" run sweep.yaml -q -o sweep.h5
for group in 1 2; do
  ranks 3 "$TAME" run sweep.yaml -f -q -o other.h5 --group $group
  "$TAME" compare sweep.h5 other.h5 >verdict.txt || fail "sweep, groups of $group: $(cat verdict.txt)"
done
echo "a sweep over circuits: equal by groups of 1 and 2 of 3 ranks"

# Stopped or killed in mid-epoch, gone on with on another layout each time: as if nothing had happened
long=(--set 'phases[1].fit.batch=1' --set 'phases[1].fit.epochs=40' --set 'phases[1].fit.patience=30'
  --set 'phases[3].fit.epochs=200')
"$TAME" run medley.yaml -q -o whole.h5 "${long[@]}"
layouts=(1 3 2 4)
middle=0
# interrupt SIGNAL NUMBER: a session that is ended once it has saved; gives its exit code
interrupt() {
  local signal=$1 number=$2 resume=() run victim code=0
  local n=${layouts[$((number % 4))]}
  if [ -e ended.h5.partial ]; then resume=(--resume); fi
  touch begun
  OMP_NUM_THREADS=$((number % 2 + 1)) ranks "$n" "$TAME" run medley.yaml -q -o ended.h5 --checkpoint-every 0.001 \
    "${long[@]}" "${resume[@]}" 2>err.txt &
  run=$!
  for _ in $(seq 3000); do
    if [ ended.h5.checkpoints/000000.0.h5 -nt begun ] && [ ended.h5.checkpoints/000000.1.h5 -nt begun ]; then break; fi
    kill -0 $run 2>/dev/null || break
    sleep 0.01
  done
  # The launcher is the child of that shell, the ranks are the launcher's
  victim=$(pgrep -P "$(pgrep -P $run || echo 0)" -f ended.h5 | tail -n 1) || true
  if [ -n "$victim" ]; then kill "-$signal" "$victim" 2>/dev/null || true; fi
  wait $run || code=$?
  unlocked ended.h5.partial
  return $code
}
for signal in TERM KILL; do
  rm -rf ended.h5*
  stops=0
  for number in 0 1 2 3; do
    code=0
    interrupt $signal $number || code=$?
    [ $code -ne 0 ] || break
    [ $signal = KILL ] || [ $code -eq 75 ] || fail "SIG$signal: exit code $code: $(cat err.txt)"
    absent ended.h5
    stops=$((stops + 1))
    "$TAME" info ended.h5 >info.txt || true # a slot may be half written
    if grep -q "epoch [0-9]*, sample [1-9]" info.txt; then middle=$((middle + 1)); fi
  done
  [ $stops -gt 0 ] || fail "SIG$signal: it was done before"
  [ -e ended.h5 ] || ranks 2 "$TAME" run medley.yaml -q -o ended.h5 --resume "${long[@]}"
  absent ended.h5.partial ended.h5.checkpoints
  "$TAME" compare whole.h5 ended.h5 >verdict.txt || fail "SIG$signal and --resume: $(cat verdict.txt)"
  echo "SIG$signal, $stops times: equal"
done
[ $middle -gt 0 ] || fail "no stop was in the middle of an epoch: $(cat info.txt)"

# A time limit that is all grace: every session stops where it first looks
rm -f ended.h5
code=0
"$TAME" run medley.yaml -q -o ended.h5 "${long[@]}" --time-limit 10.001 --grace 10 2>err.txt || code=$?
[ $code -eq 75 ] || fail "a time limit: exit code $code: $(cat err.txt)"
for n in 3 2; do
  code=0
  ranks $n "$TAME" run medley.yaml -q -o ended.h5 "${long[@]}" --time-limit 10.001 --grace 10 --resume 2>err.txt || code=$?
  [ $code -eq 75 ] || fail "a time limit, $n ranks: exit code $code: $(cat err.txt)"
done
"$TAME" run medley.yaml -q -o ended.h5 --resume "${long[@]}"
"$TAME" compare whole.h5 ended.h5 >verdict.txt || fail "a time limit and --resume: $(cat verdict.txt)"
echo "a time limit, 3 times: equal"

# A file of sequences that changes meanwhile
cat >mine.py <<'END'
import h5py, numpy as np, sys
draw = np.random.default_rng(1)
with h5py.File("mine.h5", "w") as f:
    f["x"] = draw.normal(size=(50, 12, 1))
    f["y"] = draw.normal(size=(50, 12, 1))
    f["elapsed"] = draw.uniform(0.5, 2, size=(50, 12))
    if sys.argv[1:]: f["y"][49, 11, 0] = 0.25
END
"$PYTHON" mine.py
mine=(--set 'data[0]={name: waves, from: {file: {path: mine.h5, elapsed: elapsed}}}')
rm -f one.h5
OMP_NUM_THREADS=1 "$TAME" run medley.yaml -q -o one.h5 "${mine[@]}"
ranks 3 "$TAME" run medley.yaml -q -f -o other.h5 "${mine[@]}"
"$TAME" compare one.h5 other.h5 >verdict.txt || fail "a file of sequences: $(cat verdict.txt)"
rm -rf ended.h5*
code=0
"$TAME" run medley.yaml -q -o ended.h5 "${mine[@]}" --time-limit 10.001 --grace 10 2>err.txt || code=$?
[ $code -eq 75 ] || fail "not stopped: exit code $code: $(cat err.txt)"
"$PYTHON" mine.py changed
cp ended.h5.partial kept
for n in 1 3; do
  code=0
  ranks $n "$TAME" run medley.yaml -q -o ended.h5 "${mine[@]}" --resume 2>err.txt || code=$?
  [ $code -eq 2 ] || fail "a file that has changed, $n ranks: exit code $code: $(cat err.txt)"
  [ "$(grep -c "^tame: --resume: the file of data 'waves' has changed since the run began" err.txt)" -eq 1 ] ||
    fail "a file that has changed: $(cat err.txt)"
  cmp ended.h5.partial kept || fail "refused, and the unfinished file has changed"
done
"$PYTHON" mine.py
ranks 2 "$TAME" run medley.yaml -q -o ended.h5 "${mine[@]}" --resume
"$TAME" compare one.h5 ended.h5 >verdict.txt || fail "gone on with the file as it was: $(cat verdict.txt)"
echo "a file that has changed: refused"

# 10,000 steps within memory_mb, to the same bits
cat >long.yaml <<'END'
name: long
model: {inputs: 1, layers: [lstm: {units: 32}, dense: {units: 1}]}
data:
  - {name: waves, from: {irregular: {steps: 10000}}, samples: 16}
  - {name: unseen, from: {irregular: {steps: 10000}}, samples: 8, seed: 2}
phases:
  - fit: {name: fit, batch: 8, gradient: {micro_batch: 4}, validate: unseen}
  - test: {name: after, data: unseen, record: 0}
END
cat >peak.py <<'END'
import os, sys
pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
status, usage = os.wait4(pid, 0)[1:]
print(usage.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
END
if [ "$(nm -D "$TAME" 2>/dev/null | grep -c asan)" -eq 0 ]; then
  peak() { "$PYTHON" peak.py "$TAME" run long.yaml -q -f "$@"; }
  for threads in 1 2; do
    export OMP_NUM_THREADS=$threads
    own=$(peak -o other.h5 --set 'data[0].from.irregular.steps=10' --set 'data[1].from.irregular.steps=10')
    all=$(peak -o all.h5)
    little=$(peak -o little.h5 --set 'phases[0].fit.memory_mb=30')
    [ "$all" -gt $((own + 80000000)) ] || fail "there is nothing to save: $own, $all bytes"
    [ "$little" -le $((own + 31000000)) ] || fail "30 MB and the program's $own bytes: found $little"
    "$TAME" compare all.h5 little.h5 >verdict.txt || fail "in little memory: $(cat verdict.txt)"
    echo "$threads threads: $all bytes, with memory_mb: 30 $little; the program has $own"
  done
fi
