#!/usr/bin/env bash
# An independent NumPy program reads initial weights and stimuli from a results file and comes to the
# same trajectories, losses and trained weights.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

keep=(--set network.noise=0 --set output.weights=both --set output.initial_state=on)
check() { "$PYTHON" "$TAME_SOURCE/tests/golden/innate.py" "$@" || fail "NumPy differs: $*"; }

"$TAME" run "$TAME_SOURCE/jobs/small.yaml" -q -o per_neuron.h5 "${keep[@]}"
check per_neuron.h5
"$TAME" run "$TAME_SOURCE/jobs/small.yaml" -q -o per_synapse.h5 "${keep[@]}" \
  --set network.plasticity=per_synapse --set network.dt_ms=0.5 --set 'phases[2].train.every=3' \
  --set 'phases[2].train.learner={rls: {delta: 2, forgetting: 0.999}}' --set network.outputs=2
check per_synapse.h5
for kernel in ref avx2 avx512; do
  TAME_KERNEL=$kernel "$TAME" run "$TAME_SOURCE/jobs/small.yaml" -q -o $kernel.h5 "${keep[@]}" \
    2>err.txt || {
      grep -q TAME_KERNEL err.txt || fail "$(cat err.txt)"
      echo "$kernel: not on this processor" && continue
    }
  check $kernel.h5
done

# It can fail: one weight changed by a millionth
"$PYTHON" - <<'END'
import h5py
with h5py.File("per_neuron.h5", "r+") as f:
    f["weights/initial/recurrent"][0, 0] += 1e-6
END
if "$PYTHON" "$TAME_SOURCE/tests/golden/innate.py" per_neuron.h5 >out.txt; then
  fail "a changed weight goes unnoticed"
fi
