#!/usr/bin/env bash
# Two linear neurons, a ring behind an input that turns, a ring that remembers: published numbers, closed forms, the same
# bytes on any number of ranks and threads, and what is drawn of them.
# ranks: 5
# timeout: 120
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

export TAME_THREAD_GRAIN=1
job() { echo "$TAME_SOURCE/jobs/$1.yaml"; }
run() { "$TAME" run "$(job "$1")" -q -o "$2.h5" "${@:3}"; } # JOB NAME ARGUMENT...
rest=(--set network.initial_mean=0 --set network.initial_range=0)
run two-neurons two-neurons
run two-neurons float --set network.precision=float
run ring ring
run ring rest "${rest[@]}"
run ring cycle "${rest[@]}" --set 'tasks[0].duration_ms=40'
run ring-attractor ring-attractor
run ring-attractor weak --set network.wiring.cosine.amplitude=1
run ring-attractor between --set 'tasks[0].inputs[1].cosine.position=30.3' --set 'tasks[0].inputs[2].cosine.amplitude=0'

"$PYTHON" - <<'END'
import h5py
import numpy as np

def rates(name, phase="run", task="turning"):
    with h5py.File(name + ".h5") as f:
        return f["phases"][phase][task]["rates"][0, 0].T  # [time][neuron], after steps 1, 2, ...

def near(found, want, tolerance):
    worst = np.abs(np.asarray(found, float) - want).max()
    assert worst <= tolerance, "off by %g, want at most %g" % (worst, tolerance)

# Two neurons: v after so many steps; the last input is the seed's
v = np.vstack([[0, 0], rates("two-neurons", "trajectory", "inputs")])
near(v[31], (0.25, 0), 0)
near(v[40], (1.28023183, 0.72608347), 5e-9)
near(v[41], (1.10539057, 0.80060897), 5e-9)
near(v[60], (0.35961967, 0.35961612), 5e-9)
near(v[729], (-1.2401e-4, -1.2401e-4), 5e-9)
n = np.arange(1, 11)  # of the input (1, 0), from rest
both, apart = 5 * (1 - 0.95 ** n), (1 - 0.55 ** n) / 1.8
near(v[30 + n], np.transpose([both + apart, both - apart]) / 2, 1e-14)
near(rates("float", "trajectory", "inputs"), v[1:], 5e-6)  # 2 in 2^-24, a step, over 1 - 0.95
with h5py.File("two-neurons.h5") as f:
    u = f["tasks/inputs/input"][0]
    spectrum = f["phases/trajectory/inputs/spectrum"]
    root = np.sqrt(0.5)
    near(spectrum["eigenvalues"][0, 0], [[0.8, 0], [-0.8, 0]], 1e-15)
    near(spectrum["vectors_real"][0, 0], [[root, root], [-root, root]], 1e-15)
    near(spectrum["vectors_imaginary"][0, 0], 0, 0)
M = np.array([[0, 0.8], [0.8, 0]])
near(u[:, 630:640], [[-root]] * 1 + [[root]], 1e-15)
assert (u[:, 730:740] == u[:, 730:731]).all() and (u[:, 740:] == 0).all()
assert 0 < u[0, 730] < 1 and 0 < u[1, 730] < 1 and u[0, 730] != u[1, 730]
w = np.zeros(2)
for t in range(800):
    w = w + (-w + M @ w + u[:, t]) / 4
    near(v[t + 1], w, 1e-14)

# The ring: highest, where, lowest, mean, after so many steps from rest
for steps, highest, where, lowest, mean in ((100, 0.325823, 78, 0.187221, 0.254724),
                                            (500, 0.755184, 77, 0.336816, 0.616364),
                                            (1000, 0.842378, 76, 0.339029, 0.695539)):
    a = rates("rest")[steps - 1]
    near((a.max(), a.min(), a.mean()), (highest, lowest, mean), 5e-7)
    assert a.argmax() == where, (steps, a.argmax())
near(rates("cycle")[-1].max(), 0.858832, 5e-7)
a = rates("ring")
near(a[-1].max(), 0.842378, 0.0105)
near(a[-1], rates("rest")[-1], 0.0105)
with h5py.File("ring.h5") as f:
    peak = f["tasks/turning/input"][0, :, 999]
assert peak.argmax() in (98, 99) and a[-1].argmax() == 76  # 22 behind

# As it is written, step by step
theta = np.arange(100) * 2 * np.pi / 99
W = np.zeros((100, 100))
W[:99, :99] = (0.9 + np.cos(theta[:99, None] - theta[:99])) / 100
now = np.zeros(100)
for t in range(1000):
    drive = W @ now + 2 + np.cos(np.roll(theta, t)) - 2
    now = now + 0.01 * (-now + np.maximum(drive, 0))
    near(rates("rest")[t], now, 1e-13) if t % 100 == 99 else None

# A bump that stays: the fixed point N tan(pi / N) [cos]+, at neuron 30, until the second cue; the second bump where it
# is when the cue goes
def place_of(a):
    return np.angle(a @ np.exp(2j * np.pi * np.arange(100) / 100)) / (2 * np.pi) * 100 % 100

a = rates("ring-attractor", task="cues")
shape = 100 * np.tan(np.pi / 100) * np.maximum(np.cos(2 * np.pi * (np.arange(100) - 30) / 100), 0)
near(a[499], shape, 2e-6)
place = place_of(a)
near(place[99:500], 30, 1e-9)
near(place[650:], place[-1], 0.03)  # of a neuron, as the edges of the bump find their neurons
assert 55 < place[-1] < 57 and abs(a[-1].max() - shape.max()) < 0.005
a = rates("between", task="cues")  # as good a place as any
place = place_of(a)
near(place[200:], 30.3, 0.05)
near(a[300:].max(axis=1), shape.max(), 0.01)
# ... and one that does not: 20 time constants after the cue all are alike again
a = rates("weak", task="cues")
assert np.ptp(a[99]) > 1.5 and a[99].argmax() == 30
near(a[300], 0.5, 1e-4)
END
echo "as published"

equal_on ring "1 2 3 5" "1 2" "$(job ring)" --set 'tasks[0].duration_ms=2' # more of it: jobs.sh

# Figures: what they show follows from the wiring and the rates that were kept
drawn() { # FORMATS FILE FIGURE...
  "$TAME" plot "$2.h5" --format "$1" -o figures >plot.txt 2>err.txt || fail "plot $2.h5: $(cat err.txt)"
  printf 'figures/%s\n' "${@:3}" | diff - plot.txt || fail "$2: $(cat plot.txt)"
}
drawn svg,gif two-neurons two-neurons-trajectory.{svg,gif} two-neurons-chaos.svg
drawn svg ring-attractor ring-attractor-ring.svg
drawn gif ring ring-ring.gif
run ring some --set 'output.rates.neurons=[0-49]' --set 'tasks[0].duration_ms=0.5'
run ring sweep --set 'sweep.repeats=2' --set 'tasks[0].duration_ms=0.5'
refuse 2 "tame plot: sweep.h5: figures of a sweep do not move, as gif wants" "$TAME" plot sweep.h5 --format gif -o figures
drawn svg,gif some some-training.svg
refuse 2 "tame plot: some.h5: holds nothing that moves, to be drawn as gif" "$TAME" plot some.h5 --format gif -o figures
"$PYTHON" - <<'END'
import os
from PIL import Image
for name, frames in (("two-neurons-trajectory", 160), ("ring-ring", 120)):
    path = "figures/%s.gif" % name
    with Image.open(path) as movie:
        assert movie.n_frames == frames and movie.info["loop"] == 0, (name, movie.n_frames)
        seen = set()
        for k in range(0, frames, 10):
            movie.seek(k)
            seen.add(movie.convert("RGB").tobytes())
        assert len(seen) > frames // 10 * 0.8, (name, len(seen))  # it moves
    assert os.path.getsize(path) < 1.5e6, (name, os.path.getsize(path))
END
cat >look.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from figures.common import prepare
prepare()
import h5py
import numpy as np
from figures.reading import Results
from figures.ring import RingFigure
from figures.trajectory import TrajectoryFigure

def panels(kind, path):
    results = Results(path, None)
    drawing = kind(results, results.tasks[0])
    return drawing, {axes.get_title("left"): axes for axes in drawing.draw().axes}

drawing, found = panels(TrajectoryFigure, "two-neurons.h5")
with h5py.File("two-neurons.h5") as f:
    rates, u = f["phases/trajectory/inputs/rates"][0, 0], f["tasks/inputs/input"][0]
for title, values in (("Inputs", u), ("Rates", rates)):
    assert np.array_equal([line.get_ydata() for line in found[title].lines], values)
episodes = [line.get_xydata() for line in found["Both rates"].lines if len(line.get_xdata()) > 2]
assert len(episodes) == 8 and np.array_equal(episodes[2], rates[:, 229:330].T)
assert [words.get_text() for words in found["Both rates"].texts if "eigen" in words.get_text()] == \
    ["eigenvalue 0.8", "eigenvalue \N{MINUS SIGN}0.8"]

drawing, found = panels(RingFigure, "ring.h5")
with h5py.File("ring.h5") as f:
    rates, u = f["phases/run/turning/rates"][0, 0], f["tasks/turning/input"][0]
assert np.array_equal(found["Rates"].images[0].get_array(), rates)
assert np.array_equal(found["At the end"].lines[0].get_xdata(), rates[:, -1])
assert np.array_equal(found["Its input"].lines[0].get_xdata(), u[:, -1])
assert np.array_equal(found["Height of the bump"].lines[0].get_ydata(), rates.max(axis=0))
assert any("22 neurons behind the input" in words.get_text() for words in drawing.figure.texts)
line = found["Rates"].lines[0].get_xydata()
line = line[np.isfinite(line[:, 1])]
assert len(line) == 1000  # the peak moves on by a neuron a step, but for the step in its angles
assert np.abs((line[:, 1] - 0.5 - np.arange(1000) + 50) % 100 - 50).max() < 1.1
movie = drawing.movie()
movie.show(60)
lines = [axes.lines[0].get_ydata() for axes in movie.figure.axes]
at = round(60 * 999 / 119)
assert np.array_equal(lines[0], rates[:, at]) and np.array_equal(lines[1], u[:, at])

drawing, found = panels(RingFigure, "ring-attractor.h5")
assert np.isfinite(found["Rates"].lines[0].get_ydata()).sum() == 200  # while there is a cue
assert not any("behind" in words.get_text() for words in drawing.figure.texts)
END
"$PYTHON" look.py "$TAME_SOURCE/scripts"
# Films: all frames go to ffmpeg, of which one is made here that writes what it hears; without any, in so many words
mkdir films
cat >films/ffmpeg <<'END'
#!/bin/sh
for last; do :; done
/bin/cat >"$last"
END
chmod +x films/ffmpeg
PATH=$PWD/films "$PYTHON" "$TAME_SOURCE/scripts/plot.py" ring.h5 -o figures --format mp4 >plot.txt
[ "$(stat -c %s figures/ring-ring.mp4)" -eq $((120 * 459 * 459 * 3)) ] || fail "$(ls -l figures)"
refuse 2 "tame plot: ring.h5: mp4 wants the program ffmpeg" env PATH=/nowhere "$PYTHON" "$TAME_SOURCE/scripts/plot.py" ring.h5 \
  -o figures --format mp4
cat >films/ffmpeg <<'END'
#!/bin/sh
/bin/cat >/dev/null
echo no such encoder >&2
exit 1
END
refuse 2 "tame plot: ring.h5: ffmpeg fails: no such encoder" env PATH="$PWD/films" "$PYTHON" "$TAME_SOURCE/scripts/plot.py" \
  ring.h5 -o figures --format mp4
if compgen -G 'figures/*.part*' >leftovers.txt; then fail "left behind: $(cat leftovers.txt)"; fi
# Without Pillow
mkdir -p hidden/PIL && echo 'raise ImportError("hidden")' >hidden/PIL/__init__.py
code=0
PYTHONPATH=hidden "$PYTHON" "$TAME_SOURCE/scripts/plot.py" ring.h5 2>err.txt || code=$?
if [ $code -ne 2 ] || ! grep -q "^tame plot: missing Python packages: pillow.* (Debian: apt install python3-pil" err.txt; then
  fail "without Pillow: $(cat err.txt)"
fi
echo "figures"
