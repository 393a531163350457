#!/usr/bin/env bash
# Benchmarks of reservoirs: the jobs show what they say, and NumPy finds the same.
# timeout: 300
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

for job in esn-narma esn-memory; do "$TAME" run "$TAME_SOURCE/jobs/$job.yaml" -q -o $job.h5; done
"$TAME" run "$TAME_SOURCE/jobs/ngrc-lorenz.yaml" -q -o ngrc-lorenz.h5 --set output.rates.neurons=all
"$PYTHON" "$TAME_SOURCE/tests/golden/reservoirs.py" ngrc-lorenz.h5 esn-narma.h5 esn-memory.h5

# A sweep over the number of features repeats from its results: how many there are is not part of the text
"$TAME" run "$TAME_SOURCE/jobs/ngrc-lorenz.yaml" -q -o delays.h5 --set output.rates.neurons=all \
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
