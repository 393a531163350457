#!/usr/bin/env bash
# Reservoirs do what is known of them: echo state networks with LASSO readouts, FORCE, full-FORCE,
# benchmarks, generated series. And one that feeds itself, stopped again and again in mid-trial, ends as if nothing had happened.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"
jobs=$TAME_SOURCE/jobs

"$TAME" run "$jobs/esn-step.yaml" -q -o step.h5 --set sweep.repeats=5 --set 'output.rates.neurons=all' \
  --set 'phases[0].train.learner={lasso: {alpha: 0.001, tolerance: 1e-6, max_sweeps: 1000000}}'
"$TAME" run "$jobs/force.yaml" -q -o force.h5 --set sweep.repeats=3
"$TAME" run "$jobs/full-force.yaml" -q -o full-force.h5 --set 'phases[3].train.trials=60' --set 'phases[5].test.trials=3'
"$TAME" run "$jobs/esn-lorenz.yaml" -q -o lorenz.h5
"$TAME" run "$jobs/esn-mackey-glass.yaml" -q -o mackey-glass.h5
for job in esn-narma esn-memory; do "$TAME" run "$jobs/$job.yaml" -q -o $job.h5; done
"$TAME" run "$jobs/ngrc-lorenz.yaml" -q -o ngrc-lorenz.h5 --set output.rates.neurons=all
"$PYTHON" "$TAME_SOURCE/tests/golden/reservoirs.py" .

# Stopped in mid-trial, twice a second, and gone on with on other layouts
short=(--set network.neurons=500 --set 'phases[2].test={name: after, teacher_ms: 5000}')
"$TAME" run "$jobs/force.yaml" -q -o whole.h5 "${short[@]}"
resume=() stops=0
while :; do
  code=0
  ranks $((stops % 3 + 1)) "$TAME" run "$jobs/force.yaml" -q -o stopped.h5 "${short[@]}" "${resume[@]}" \
    --time-limit 2.5 --grace 2 2>err.txt || code=$?
  [ $code -ne 0 ] || break
  [ $code -eq 75 ] || fail "stopped in mid-trial: exit code $code: $(cat err.txt)"
  resume=(--resume)
  stops=$((stops + 1))
  [ $stops -lt 60 ] || fail "never ends"
done
[ $stops -gt 0 ] || fail "was never stopped"
"$TAME" compare whole.h5 stopped.h5 || fail "stopped $stops times: other results"
echo "a network that feeds itself: stopped $stops times, equal"

# A sweep over the number of features repeats from its results: how many there are is not part of the text
"$TAME" run "$jobs/ngrc-lorenz.yaml" -q -o delays.h5 --set output.rates.neurons=all \
  --set 'sweep.axes=[network.cell.nvar.delay: [1, 3]]'
"$TAME" run delays.h5 -q -o again.h5
"$TAME" compare delays.h5 again.h5
"$PYTHON" - <<'END'
import h5py
with h5py.File("delays.h5") as f:
    assert f["features"].shape == (2, 54) and [(row != b"").sum() for row in f["features"][:]] == [9, 54]
    assert [(row >= 0).sum() for row in f["recorded_neurons"][:]] == [9, 54]
    assert "input" not in f["weights"] and "row_start" not in f["weights"]
    assert f["weights/final/readout"].shape == (2, 3, 54)
END
