#!/usr/bin/env bash
# The published experiments: what a faithful run of figures 1 and 2 must show.
# timeout: 900
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

for job in laje-fig1 laje-fig2; do "$TAME" run "$TAME_SOURCE/jobs/$job.yaml" -q -o $job.h5; done
"$TAME" run "$TAME_SOURCE/jobs/laje-fig1.yaml" -q -o per-synapse.h5 \
  --set network.plasticity=per_synapse --set network.seed=1
"$PYTHON" "$TAME_SOURCE/tests/golden/published.py" laje-fig1.h5 per-synapse.h5 laje-fig2.h5
