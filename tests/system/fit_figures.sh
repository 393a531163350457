#!/usr/bin/env bash
# Figures of models that learn by gradients: the jobs in short form, and what is drawn of them, number for number.
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

# run JOB FILE ARGUMENT...: a job, cut short
run() { "$TAME" run "$TAME_SOURCE/jobs/$1.yaml" -q -o "$2" "${@:3}"; }
sines=(--set 'phases[1].fit.epochs=4' --set sweep.repeats=3)
run ncp-sines ncp-sines.h5 "${sines[@]}"
run noise-integration noise-integration.h5 --set 'phases[1].fit.epochs=3' --set 'data[0].samples=256' --set 'data[1].samples=16'
run spiking-classifier spiking-classifier.h5 --set 'phases[1].fit.epochs=3' --set 'data[0].samples=32'
run cfc-irregular cfc-irregular.h5 --set 'phases[1].fit.epochs=3' --set 'data[0].samples=64' --set 'data[1].samples=16' --set sweep.repeats=1

# A model of several outputs and spiking layers that learns nothing, over data that are always new
cat >look.yaml <<'END_OF_YAML'
name: look
model:
  inputs: 2
  layers:
    - lif: {units: 12}
    - alif: {units: 3}
    - ltc: {circuit: {ncp: {inter: 5, command: 4, motor: 2, sensory_fanout: 2, inter_fanout: 2,
                            recurrent_command: 3, motor_fanin: 2}}}
data:
  - {name: flips, from: {flip_flop: {bits: 2, steps: 20}}, samples: 5, fresh: on}
phases:
  - test: {name: look, states: on, record: 3}
END_OF_YAML
"$TAME" run look.yaml -q -o look.h5
# ... and one that learns twice, whose samples before are not those after
sed 's/^name: look/name: twice/' look.yaml >twice.yaml
cat >>twice.yaml <<'END_OF_YAML'
  - fit: {name: first, epochs: 2}
  - fit: {name: second, epochs: 3}
  - test: {name: after, record: 9}
END_OF_YAML
"$TAME" run twice.yaml -q -o twice.h5

drawn() { # FILE FIGURE...: plot makes these files and says nothing else
  local stem=$1 figure
  "$TAME" plot "$stem.h5" --format svg -o figures >plot.txt 2>err.txt || fail "plot $stem.h5: $(cat err.txt)"
  [ ! -s err.txt ] || fail "plot $stem.h5: $(cat err.txt)"
  for figure in "${@:2}"; do echo "figures/$stem-$figure.svg"; done | diff - plot.txt || fail "$stem: $(cat plot.txt)"
}
drawn ncp-sines sweep fit
drawn cfc-irregular sweep fit
drawn noise-integration fit
drawn spiking-classifier fit
drawn look fit
drawn twice fit
"$TAME" plot cfc-irregular.h5 --network 2 --format png -o figures >plot.txt # has no wiring, others do
[ -s figures/cfc-irregular-network2-fit.png ] || fail "no figure of a network: $(cat plot.txt)"
for k in 1 2; do run ncp-sines part-$k.h5 "${sines[@]}" --shard $k/2; done
"$TAME" plot part-2.h5 part-1.h5 --format svg -o figures >plot.txt
for figure in sweep fit; do
  cmp "figures/ncp-sines-$figure.svg" "figures/part-2-$figure.svg" || fail "shards draw another figure '$figure'"
done

cat >look.py <<'END_OF_PYTHON'
import sys

import h5py
import numpy as np

sys.path.insert(0, sys.argv[1])
from figures.common import BEFORE, BLUE, COLOURS, GREEN, ORANGE, SKY, VERMILION, prepare
prepare()
import matplotlib
from figures.fit import FitFigure
from figures.reading import Results
from figures.sweeps import Sweep
GREY = matplotlib.colors.to_rgba(BEFORE)


def draw(path):
    """(file, figure as planned, panels by title) of one network or a sweep."""
    with h5py.File(path) as file:
        several = len(file["network"]) > 1
    drawing = FitFigure.of_sweep(Sweep([path])) if several else \
        FitFigure.of_network(Results(path, None))
    panels = {}
    for axes in drawing.draw().axes:
        panels.setdefault(axes.get_title("left"), []).append(axes)
    return h5py.File(path), drawing, panels


def lines(axes, **wanted):
    """Data [y] of lines whose attributes are such."""
    return [line.get_ydata() for line in axes.lines
            if all(getattr(line, "get_" + key)() == value for key, value in wanted.items())]


def same(found, want):
    assert len(found) == len(want), (len(found), len(want))
    for one, other in zip(found, want):
        assert np.array_equal(one, other, equal_nan=True), (one, other)


# A sweep: each network thin, the median thick, a colour for each wiring; one network of each below
f, drawing, panels = draw("ncp-sines.h5")
loss = f["phases/training/sines/loss"][:]
axes, = panels["Loss in training"]
assert axes.get_yscale() == "log" and axes.get_xlabel() == "Epoch"
labels = ["wiring " + one for one in ("full", "random", "autoncp")]
assert [text.get_text() for text in drawing.figure.legends[0].get_texts()] == \
    labels + ["target", "before training"]
for k, colour in enumerate((BLUE, VERMILION, GREEN)):
    same(lines(axes, color=colour, linewidth=0.4), loss[3 * k:3 * k + 3])
    same(lines(axes, color=colour, linewidth=1.5), [np.median(loss[3 * k:3 * k + 3], axis=0)])
    outputs, wiring = panels[labels[k]]
    same(lines(outputs, color="black"), [f["phases/after/sines/target"][3 * k, 0, :, 0]])
    same(lines(outputs, color=BEFORE), [f["phases/before/sines/y"][3 * k, 0, :, 0]])
    same(lines(outputs, color=colour), [f["phases/after/sines/y"][3 * k, 0, :, 0]])
    sparsity = f["wiring/0.ltc/sparsity"][3 * k]
    assert wiring.get_title("right") == "sparsity %.2f" % sparsity, wiring.get_title("right")
    # arrows from place to place and loops, coloured by their signs
    inner, sensory = (f["wiring/0.ltc/" + name][3 * k] for name in ("inner", "sensory"))
    inputs, units = (np.transpose(line.get_data()) for line in wiring.lines[:2])
    assert len(units) == 8 and len(inputs) == 2 and len(wiring.lines[2].get_xdata()) == 1
    found = {}
    for patch in wiring.patches:
        sign = {ORANGE: 1, SKY: -1}[matplotlib.colors.to_hex(
            patch.get_edgecolor()).upper()]
        if isinstance(patch, matplotlib.patches.Circle):
            key = "unit", int(np.argmin(np.hypot(*(units - patch.center).T)))
            key += key
        else:
            ends = [(what, n) for end in patch._posA_posB for what, places in
                    (("input", inputs), ("unit", units)) for n, place in enumerate(places)
                    if np.allclose(place, end)]
            key = ends[0] + ends[1]
        assert key not in found
        found[key] = sign
    want = {("unit", i, "unit", j): inner[i, j] for i, j in np.argwhere(inner)}
    want.update({("input", i, "unit", j): sensory[i, j] for i, j in np.argwhere(sensory)})
    assert found == want, (labels[k], len(found), len(want))
    columns = sorted(set(np.round(units[:, 0], 9)))
    if labels[k] == "wiring autoncp":  # in columns, by layer
        layers = f["wiring/0.ltc/layers"][3 * k]
        assert {text.get_text() for text in wiring.texts} >= {"inputs", "inter", "command", "motor"}
        for x, (first, count) in zip(columns, layers):
            assert np.allclose(units[first:first + count, 0], x)
    else:
        middle = units.mean(axis=0)
        assert np.ptp(np.hypot(*(units - middle).T)) < 1e-9 and (inputs[:, 0] < units[:, 0].min()).all()
measures = Sweep(["ncp-sines.h5"]).measures()
assert [measure.title for measure in measures] == ["after (test)", "training (fit)"]
same([measure.values for measure in measures], [f["phases/after/sines/loss"][:], loss[:, -1]])

# One network: parts of the loss, four samples
f, drawing, panels = draw("noise-integration.h5")
axes, = panels["Loss in training"]
assert [text.get_text() for text in axes.get_legend().get_texts()] == ["total", "data", "penalty"]
same(lines(axes), [f["phases/training/noise/" + name][0] for name in ("loss", "data_loss", "penalty")])
for k in range(4):
    axes, = panels["Sample %d" % k]
    same(lines(axes, color=VERMILION), [f["phases/after/unseen/y"][0, k, :, 0]])
    same(lines(axes, color="black"), [f["phases/after/unseen/target"][0, k, :, 0]])
assert "Sample 4" not in panels and "10,401 parameters; loss " in drawing.aside

# Spikes: accuracy, classes, input, voltages and ticks
f, drawing, panels = draw("spiking-classifier.h5")
hits = [100 * f["phases/%s/trains/hits" % name][0] for name in ("before", "after")]
assert drawing.aside.endswith("accuracy %.3g %% before, %.3g %% after" % tuple(hits)), drawing.aside
for when in ("before", "after"):
    for k in range(4):
        axes, = panels["%s: Sample %d" % (when.title(), k)]
        target = int(f["phases/%s/trains/target" % when][0, k, 0, 0])
        for one in (0, 1):
            same(lines(axes, label="output %d" % one), [f["phases/%s/trains/y" % when][0, k, :, one]])
        asked = [line for line in axes.lines if line.get_label().startswith("class")]
        assert [line.get_color() for line in asked] == [COLOURS[target]]
axes, = panels["Input of sample 0"]
step, unit = axes.lines[0].get_data()
want = np.zeros((100, 100))
want[step, unit] = 1
assert np.array_equal(want, f["phases/after/trains/x"][0, 0])
for axes, when in zip(panels["Layer 0, lif"], ("before", "after")):
    assert axes.get_title("right") == when + " training"
    voltages, spikes = (f["phases/%s/trains/%s" % (when, name)][0, 0]
                        for name in ("states/0.lif.v", "outputs/0.lif"))
    base = axes.get_yticks()
    same([np.round(y - b, 9) for y, b in zip(lines(axes), base)], np.round(voltages.T, 9))
    for unit, ticks in enumerate(axes.collections):
        at = [segment[0, 0] for segment in ticks.get_segments()]
        assert at == list(np.flatnonzero(spikes[:, unit])), (unit, at)

# Irregular steps: at their times; validation; a network without a wiring beside others with one
f, drawing, panels = draw("cfc-irregular.h5")
times = np.cumsum(f["phases/after/unseen/elapsed"][:, 0], axis=1)
for k, cell in enumerate(("cfc-autoncp", "cfc-full", "gru")):
    axes = panels["cell " + cell]
    assert len(axes) == (1 if cell == "gru" else 2) and axes[0].get_xlabel() == "Time"
    assert len(axes[0].lines) == 3
    same([line.get_xdata() for line in axes[0].lines], [times[k]] * 3)
    assert {line.get_marker() for line in axes[0].lines} == {"o"}
dashed = [line.get_ydata() for line in panels["Loss in training"][0].lines if line.get_linestyle() == "--"]
same(dashed, f["phases/training/sights/validation_loss"][:])

# Two outputs, two spiking layers (of few units, and of more than show as voltages), no training
f, drawing, panels = draw("look.h5")
assert "Loss in training" not in panels and " parameters; loss " in drawing.aside
for k in range(3):
    for output, axes in enumerate(panels["Sample %d" % k]):
        assert axes.get_title("right") == "output %d" % output
        same(lines(axes, color=VERMILION), [f["phases/look/flips/y"][0, k, :, output]])
assert [len(panels[name][0].lines) for name in ("Layer 0, lif", "Layer 1, alif")] == [1, 3]
assert "Wiring of layer 2, ltc" in panels and "Input of sample 0" not in panels

# Two fits, one after the other; samples that are always new: those before are others
f, drawing, panels = draw("twice.h5")
axes, = panels["Loss in training"]
same(lines(axes)[:1], [np.concatenate([f["phases/%s/flips/loss" % name][0] for name in ("first", "second")])])
assert axes.lines[1].get_xdata()[0] == 2.5  # where the second begins
assert len(panels["Sample 0"][0].lines) == 2 and not lines(panels["Sample 0"][0], color=BEFORE)
END_OF_PYTHON
"$PYTHON" look.py "$TAME_SOURCE/scripts"
