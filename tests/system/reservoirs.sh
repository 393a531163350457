#!/usr/bin/env bash
# Reservoirs do what is known of them: echo state networks with LASSO readouts, FORCE, full-FORCE, generated
# series. And one that feeds itself, stopped again and again in mid-trial, ends as if nothing had happened.
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
