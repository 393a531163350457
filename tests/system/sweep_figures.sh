#!/usr/bin/env bash
# What users see of a sweep: the table of info, what compare says of networks, and the figures, whose numbers are
# computed a second time.
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

# says FILE PATTERN...: each of them is in it
says() {
  local file=$1 pattern
  shift
  for pattern; do grep -Eq -- "$pattern" "$file" || fail "$file lacks '$pattern': $(cat "$file")"; done
}

# edit FILE STATEMENT: Python that changes the HDF5 file f
edit() {
  "$PYTHON" -c "import h5py
with h5py.File('$1', 'r+') as f: $2"
}

# may_fail COMMAND...: some networks of its sweep are meant to fail
may_fail() {
  local code=0
  "$@" 2>err.txt || code=$?
  [ $code -eq 0 ] || [ $code -eq 6 ] || fail "$*: exit code $code: $(cat err.txt)"
}

cat >base.yaml <<'END'
name: tiny
network: {neurons: 30, inputs: 2, gain: 1.5, noise: 0.001, wiring: {random: {density: 0.3}}}
tasks:
  - name: timing
    duration_ms: 150
    window_ms: [40, 140]
    inputs:  [pulse: {start_ms: 10, duration_ms: 20, amplitude: 5}]
    targets: [peak: {time_ms: 90, width_ms: 15}]
    perturbation: [pulse: {channel: 1, start_ms: 60, duration_ms: 10, amplitude: 0.5}]
phases:
  - record:  {name: innate}
  - train:   {name: early, weights: recurrent, target: innate, trials: 2, every: 2}
  - train:   {name: recurrent, weights: recurrent, target: innate, trials: 3, every: 2}
  - train:   {name: readout, weights: readout, trials: 3, every: 2}
  - test:    {name: after, trials: 2}
  - perturb: {name: after_perturbed, trials: 2}
output: {weights: none}
END
printf '# published\ndelay_ms,A 2001,A 2001 error\n50,0.9,0.1\n70,0.5,\n' >published.csv
cat base.yaml - >sweep.yaml <<'END'
sweep:
  axes:
    - label.delay_ms: [50, 60, 70]                # the window of the last ends after the trial
      tasks[0].targets[0].peak.time_ms: [90, 100, 110]
      tasks[0].window_ms: [[40, 140], [40, 150], [40, 160]]
    - network.gain: {from: 1.2, to: 1.8, step: 0.3}
  repeats: 2
  reference: published.csv
END
code=0
"$TAME" run sweep.yaml -q -o sweep.h5 2>err.txt || code=$?
[ $code -eq 6 ] || fail "networks that cannot be: exit code $code: $(cat err.txt)"

# Info: the summary, a row for each network, why it failed
"$TAME" info sweep.h5 >info.txt
says info.txt "18 networks: 12 done, 6 failed" \
  "swept: delay_ms, tasks\[0\].targets\[0\].peak.time_ms, tasks\[0\].window_ms, network.gain, network.seed" \
  "^ +network +delay_ms +time_ms +window_ms +gain +seed +state +progress +loss +wall s$" \
  "^ +5 +50 +90 +\[40, 140\] +1.8 +2 +done +100 % +[0-9.e-]+ +[0-9.e-]+$" \
  "^ +17 +70 +110 +\[40, 160\] +1.8 +2 +failed +.*window_ms: found \[40, 160\], want start < end inside the trial"
if grep -q ' $' info.txt; then fail "blanks at the ends of lines: $(cat -A info.txt)"; fi
"$TAME" info --network 5 sweep.h5 >info.txt
says info.txt "network 5: delay_ms 50, .*network.gain 1.8, network.seed 2; done" \
  "readout \(train\) .* 3 trials, loss"
"$TAME" info --network 5 --yaml sweep.h5 >member.yaml
"$TAME" run member.yaml -q -o member.h5
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("sweep.h5") as f, h5py.File("member.h5") as g:
    name = "phases/after/timing/readout"
    assert g[name].shape[0] == 1 and np.array_equal(f[name][5], g[name][0]), "another network"
END
refuse 2 "'sweep.h5' has no network 18, but 18 from 0 to 17" "$TAME" info --network 18 sweep.h5
refuse 2 "want the index of a network" "$TAME" info --network x sweep.h5
printf 'sweep: {repeats: 43}\n' | cat base.yaml - >more.yaml
"$TAME" run more.yaml -q -o more.h5
"$TAME" info more.h5 >info.txt
says info.txt '^  \.\.\. and 3 more: --networks shows all$'
[ "$(grep -c ' done ' info.txt)" -eq 40 ] || fail "not 40 rows: $(cat info.txt)"
"$TAME" info --networks more.h5 >info.txt
[ "$(grep -c ' done ' info.txt)" -eq 43 ] || fail "--networks does not show all: $(cat info.txt)"

# Compare: networks by their index; what came out, not how it was done
"$TAME" run sweep.yaml -q -o some.h5 --only 0-3,8
"$TAME" run sweep.yaml -q -o other.h5 --only 2-4,8
differ() { # WORDS A B
  local code=0
  "$TAME" compare "${@:2}" >out.txt || code=$?
  [ $code -eq 1 ] || fail "compare ${*:2}: exit code $code"
  grep -qF -- "$1" out.txt || fail "compare ${*:2} does not say '$1': $(cat out.txt)"
}
differ "other networks: 0-1 (2) only in 'some.h5'; 4 (1) only in 'other.h5'" some.h5 other.h5
cp some.h5 same.h5
edit same.h5 "f['run/wall_s'][0] = 77; f['run/finished'][0] = b'never'"
"$TAME" compare some.h5 same.h5 >out.txt || fail "/run is compared: $(cat out.txt)"
edit same.h5 "f['message'][3] = b'why'"
differ "/message[3] (network 3): '' and 'why'" some.h5 same.h5
cp some.h5 same.h5
edit same.h5 "f['phases/after/timing/loss'][4, 1] = 0.5"
differ "/phases/after/timing/loss[4][1] (network 8): " some.h5 same.h5

# Newer formats: said so by every command
cp some.h5 newer.h5
edit newer.h5 "f.attrs['format_version'] = 3"
for command in info "compare some.h5" "run -o bad.h5" plot; do
  # shellcheck disable=SC2086
  refuse 2 "format version 3, this program reads up to 2" "$TAME" $command newer.h5
done

# Unfinished: told about, its checkpoints verified; damaged ones are an error
"$TAME" run sweep.yaml -q -o killed.h5 --only 2 --checkpoint-every 0 --set 'phases[2].train.trials=100000' &
run=$!
steady= # in a phase that is long, so that no slot is laid out anew; what is being written is no damage
for _ in $(seq 200); do
  if [ -e killed.h5.partial ] && "$TAME" info killed.h5 >info.txt 2>err.txt &&
    grep -q "of 2 sound, .* phase 'recurrent'" info.txt; then steady=yes && break; fi
  sleep 0.05
done
kill -9 $run
[ -n "$steady" ] || fail "info of a run that goes on: $(cat info.txt err.txt)"
wait $run || true
unlocked killed.h5.partial
"$TAME" info killed.h5 >info.txt || fail "info of an unfinished run: $(cat info.txt)"
says info.txt "^killed.h5.partial: tiny, .*, unfinished: --resume goes on with it$" \
  "network 2: delay_ms 50, .*; running" \
  "checkpoints of network 2: [12] of 2 sound, .* phase '[a-z]+', task 'timing', trial"
"$PYTHON" - killed.h5.checkpoints/*.h5 <<'END'
import sys
import h5py
for path in sys.argv[1:]:  # one byte in the middle of the largest array
    with h5py.File(path, "r") as f:
        at = max((d for d in f.values() if isinstance(d, h5py.Dataset)), key=lambda d: d.size * d.dtype.itemsize)
        offset = at.id.get_offset() + at.size * at.dtype.itemsize // 2
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 255]))
END
code=0
"$TAME" info killed.h5 >info.txt 2>err.txt || code=$?
[ $code -eq 4 ] || fail "damaged checkpoints: exit code $code: $(cat info.txt err.txt)"
says info.txt "checkpoints of network 2: 0 of 2 sound, .* DAMAGED: 'killed.h5.checkpoints/000002"
says err.txt "^tame: .*damaged, --resume begins a network that has no other anew"

# Figures: shards draw what the whole draws; one network; what cannot go together
for k in 1 2; do may_fail "$TAME" run sweep.yaml -q -o part-$k.h5 --shard $k/2; done
"$TAME" plot sweep.h5 --format png,svg -o whole >plot.txt 2>err.txt || fail "plot: $(cat err.txt)"
[ ! -s err.txt ] || fail "plot: $(cat err.txt)"
"$TAME" plot part-2.h5 part-1.h5 --format svg -o parts >>plot.txt
for figure in sweep map; do
  for format in png svg; do
    [ -s whole/sweep-$figure.$format ] || fail "no sweep-$figure.$format: $(cat plot.txt)"
  done
  cmp whole/sweep-$figure.svg parts/part-2-$figure.svg || fail "shards draw another figure '$figure'"
done
says whole/sweep-sweep.svg "18 networks, of which 6 failed and are left out" "n = 2 networks a point" "A 2001"
"$TAME" plot part-1.h5 part-2.h5 --network 5 --format png -o one >plot.txt
[ -s one/part-2-network5-training.png ] || fail "no figure of network 5: $(cat plot.txt)"
"$TAME" run sweep.yaml -q -o large.h5 --only 5 --set network.neurons=31
refuse 2 "large.h5: of another experiment: 'neurons: 31', where some.h5 has 'neurons: 30'" \
  "$TAME" plot some.h5 large.h5

# ... with the right numbers: the last test, not the perturbed trials; the last train phases; SD of the population
cat >look.py <<'END'
import sys

import h5py
import numpy as np

sys.path.insert(0, sys.argv[1])
from figures.common import Problem, prepare
prepare()
from figures.choice import file_with
from figures.reading import Results
from figures.sweep import MapFigure, SweepFigure
from figures.sweeps import Sweep, is_log_spaced

figure = SweepFigure(Sweep(["sweep.h5"]))
drawn = figure.draw()
f = h5py.File("sweep.h5")
want = [(f["phases/after/timing/correlation"][:, :, 0] ** 2).mean(axis=1),
        f["phases/recurrent/timing/loss"][:, -1], f["phases/readout/timing/loss"][:, -1]]
titles = ["after (test)", "recurrent (train)", "readout (train)"]
assert [m.title for m in figure.measures] == titles, [m.title for m in figure.measures]
assert figure.plan.x_key == "delay_ms" and figure.plan.curve_keys == ["network.gain"]
gain, delay = f["sweep/network.gain"][:], f["sweep/delay_ms"][:]
for measure, values, axes in zip(figure.measures, want, drawn.axes):
    assert np.array_equal(measure.values[:12], values[:12]), measure.title
    lines = [line for line in axes.lines if line.get_marker() == "o"]
    errors = [c for c in axes.collections if len(c.get_segments())][-3:]  # those before are published
    assert len(lines) == len(errors) == 3, (len(lines), len(errors))
    for one, line, bars in zip((1.2, 1.5, 1.8), lines, errors):
        groups = [values[(abs(gain - one) < 1e-9) & (delay == at)] for at in (50, 60)]
        mean = np.array([g.mean() for g in groups])
        error = np.array([np.sqrt(((g - g.mean()) ** 2).mean() / 2) for g in groups])
        assert np.allclose(line.get_ydata(), mean, rtol=1e-12), (measure.title, one)
        assert np.allclose(line.get_xdata(), [50, 60], atol=0.5)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert np.allclose(ends[:, 0], mean - error, rtol=1e-9), (measure.title, one)
        assert np.allclose(ends[:, 1], mean + error, rtol=1e-9), (measure.title, one)
name, x, y, error, is_sd = figure.published[0]
assert (name, is_sd) == ("A 2001", False) and list(y) == [0.9, 0.5] and np.isnan(error[1])
heat = MapFigure(Sweep(["sweep.h5"]))
assert heat.keys == ["delay_ms", "network.gain"]
table, members = heat.table(figure.measures[0], np.ones(18, bool), np.unique(delay), np.unique(gain))
assert np.array_equal(members, [[2, 2, 0]] * 3) and np.isnan(table[:, 2]).all()
assert np.isclose(table[1, 0], want[0][2:4].mean())
steps = [250, 500, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000]
assert is_log_spaced(np.geomspace(1e-4, 0.1, 4)) and not is_log_spaced(np.array(steps, float))

def refused(words, attempt, *arguments):
    try:
        attempt(*arguments)
    except Problem as problem:
        assert words in str(problem), (words, str(problem))
    else:
        assert False, "not refused: " + words


refused("network 17 failed: ", Results, "sweep.h5", 17)
refused("there is no network 18 in it, but 18 from 0 to 17", Results, "sweep.h5", 18)
refused("none of the 2 files has network 18", file_with, ["part-1.h5", "part-2.h5"], 18)
refused("network 0 is in two of the files", Sweep, ["part-1.h5", "sweep.h5"])
refused("of another sweep: it sweeps network.seed", Sweep, ["sweep.h5", "more.h5"])
refused("holds no sweep", Sweep, ["member.h5", "member.h5"])

# Networks of other sizes, steps and numbers of trials: each in its own length
for network, neurons, dt, outputs, trials in ((0, 20, 0.5, 1, 3), (1, 30, 1, 2, 1)):
    results = Results("sizes.h5", network)
    task, after = results.tasks[0], next(p for p in results.phases if p.name == "after")
    readouts, rates = after.readouts(task), after.rates(task, 0)
    assert np.isnan(after.data(task, "readout").attrs["step_ms"])
    assert task.dt_ms == dt and task.pulses == [(10, 30)] and task.kicks == [(60, 70)], task.pulses
    assert readouts.values.shape == (trials, outputs, 150 / dt) and after.outputs(task) == outputs
    assert rates.values.shape == (neurons, 150 / dt) and readouts.time_ms[-1] == 150 - dt
    assert after.trials(task, "readout") == trials and len(after.scalars(task, "loss")) == trials
END
cat base.yaml - >sizes.yaml <<'END'
sweep:
  axes:
    - network.neurons: [20, 30]
      network.dt_ms: [0.5, 1]
      network.outputs: [1, 2]
      phases[4].test.trials: [3, 1]
END
"$TAME" run sizes.yaml -q -o sizes.h5
"$PYTHON" look.py "$TAME_SOURCE/scripts"

# Published values that make no sense are left out, with a warning
printf 'gain,A\n1,2,3\n' >published.csv
"$TAME" run sweep.yaml -q -o ragged.h5 --only 0-3
"$TAME" plot ragged.h5 --format png -o whole 2>err.txt >plot.txt
says err.txt "^tame plot: warning: the published values are left out: '1,2,3' has 3 cells, want 2$"
