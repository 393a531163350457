#!/usr/bin/env bash
# The program as its users meet it: help, tables, progress without a terminal, info, compare, a run
# repeated from its results, figures, and an installation with the README's example.
# timeout: 600
# shellcheck source=tests/system/_lib.sh
source "$TAME_SOURCE/tests/system/_lib.sh"

job=$TAME_SOURCE/jobs/small.yaml
has() { grep -qF -- "$2" "$1" || fail "$1 lacks '$2': $(cat "$1")"; }

# Help names every command, and each command's help its options
"$TAME" --help >help.txt
for command in run predict distances list info compare plot; do
  has help.txt "  $command "
  "$TAME" $command --help >command.txt
  grep -qi 'usage' command.txt || fail "no help for $command"
done
"$TAME" run --help >command.txt
for option in --output --set --force --quiet; do has command.txt $option; done
"$TAME" --version | grep -q '^tame [0-9]' || fail "no version"

# The tables are those that the YAML accepts
"$TAME" list >list.txt
for word in cells rate wirings random fixed_inputs none nvar learners rls signals pulse peak sines pen file lorenz \
  mackey_glass narma phases record test perturb train 'tau_ms: number, default 10' 'neurons: whole number, default 0'; do
  has list.txt "$word"
done

# Progress: plain lines where there is no terminal, one for each phase; none with --quiet
"$TAME" run "$job" -o a.h5 >out.txt 2>err.txt
has out.txt "wrote a.h5"
has err.txt "small: 150 neurons"
has err.txt "trial 10 of 10"
has err.txt "no exchange"
if grep -q $'\r\|\033' err.txt; then fail "control characters in a log"; fi
[ "$(wc -l <err.txt)" -eq 8 ] || fail "$(wc -l <err.txt) lines of progress, want 8: $(cat err.txt)"
"$TAME" run "$job" -q -o b.h5 >out.txt 2>err.txt
cat out.txt err.txt >both.txt
[ ! -s both.txt ] || fail "--quiet is not quiet: $(cat both.txt)"
OMP_NUM_THREADS=64 "$TAME" run "$job" -f -o b.h5 >out.txt 2>err.txt
has err.txt "warning: more threads than cores"

# A terminal gets one line, written over
if command -v script >/dev/null; then
  script -qec "'$TAME' run '$job' -f -o b.h5" /dev/null >terminal.txt </dev/null
  grep -q $'\r.*trial' terminal.txt || fail "no live line on a terminal"
fi

# The effective text reproduces the run by itself, and so does the file, data from files included
"$TAME" compare a.h5 b.h5 >out.txt || fail "$(cat out.txt)"
has out.txt "equal: all data"
"$TAME" info --yaml a.h5 >effective.yaml
"$TAME" run effective.yaml -q -o c.h5
"$TAME" compare a.h5 c.h5 >out.txt || fail "the effective text makes another run: $(cat out.txt)"
"$TAME" info --yaml c.h5 | cmp - effective.yaml || fail "the effective text is not its own"
"$PYTHON" -c 'for t in range(260): print(t * 0.002, -t * 0.002, sep=",")' >pen.csv
own=(--set network.outputs=2 --set "tasks[0].targets=[file: {path: $PWD/pen.csv, start_ms: 100}]")
"$TAME" run "$job" -q -o d.h5 "${own[@]}"
rm pen.csv
"$TAME" run d.h5 -q -o e.h5
"$TAME" compare d.h5 e.h5 >out.txt || fail "a results file makes another run: $(cat out.txt)"
if "$TAME" compare a.h5 d.h5 >out.txt; then fail "different experiments compare as equal"; fi
has out.txt "different: /phases/"

# Noise matters where it is on, and nowhere else
quiet=(--set network.noise=0.01 --set 'phases[4].test.noise=off' --set 'phases[2].train.noise=off' \
  --set 'phases[3].train.noise=off')
"$TAME" run "$job" -q -o noise.h5 "${quiet[@]}"
"$TAME" run "$job" -q -o none.h5 "${quiet[@]}" --set network.noise=0
"$PYTHON" - <<'END'
import h5py
import numpy as np
with h5py.File("noise.h5") as a, h5py.File("none.h5") as b:
    def same(phase):
        name = "phases/%s/timing/rates" % phase
        return np.array_equal(a[name], b[name])
    assert same("innate") and same("after"), "noise where it is off"
    assert not same("before") and not same("after_perturbed"), "no noise where it is on"
END
# Info
"$TAME" info --datasets a.h5 >info.txt
for word in "small, " "task timing: 400 ms, window 80 to 330 ms" "recurrent (train)" "10 trials, loss" \
  "/phases/after/timing/rates" "network, trial, neuron, time"; do
  has info.txt "$word"
done

# Five lines of h5py
"$PYTHON" - <<'END'
import h5py
with h5py.File("a.h5") as f:
    rates = f["phases/after/timing/rates"]
    assert rates.shape == (1, 2, 100, 400) and rates.attrs["dims"] == "network, trial, neuron, time"
    assert f["phases/recurrent/timing/loss"].shape == (1, 10)
    assert f.attrs["experiment"].startswith("name: small")
    every = []
    f.visititems(lambda n, d: every.append((n, d)) if isinstance(d, h5py.Dataset) else None)
    for name, data in every:
        assert data.shape[0] == 1 and data.attrs["units"] and data.attrs["dims"], name
        assert len(data.attrs["dims"].split(", ")) == data.ndim, name
END

# Figures
"$TAME" plot a.h5 -o figures >plot.txt
"$TAME" plot d.h5 -o figures >>plot.txt
for figure in a-training d-training d-plane; do
  for format in png pdf; do
    [ -s figures/$figure.$format ] || fail "no $figure.$format: $(cat plot.txt)"
  done
done

# Installed, and moved: the program, its figures, and a program of 20 lines by CMake and pkg-config
cmake --install "$TAME_BUILD" --prefix "$PWD/first" >install.txt
mv first moved
for file in bin/tame share/man/man1/tame.1 share/bash-completion/completions/tame \
  share/tame/jobs/laje-fig1.yaml share/tame/jobs/data/chaos.csv share/tame/torch_weights.py include/tame/tame.h; do
  [ -e moved/$file ] || fail "not installed: $file"
done
moved/bin/tame run moved/share/tame/jobs/small.yaml -q -o f.h5
moved/bin/tame plot f.h5 -o figures >plot.txt
mkdir example
awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$TAME_SOURCE/README.md" >example/main.c
[ "$(wc -l <example/main.c)" -ge 15 ] || fail "no example in README.md"
cat >example/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.18)
project(example C)
find_package(tame REQUIRED)
add_executable(example main.c)
target_link_libraries(example tame::tame)
END
cmake -S example -B example/build -DCMAKE_PREFIX_PATH="$PWD/moved" >cmake.txt 2>&1 || fail "$(cat cmake.txt)"
cmake --build example/build >>cmake.txt 2>&1 || fail "$(cat cmake.txt)"
example/build/example >example.txt
ranks 2 example/build/example >example2.txt
cmp example.txt example2.txt || fail "the example depends on the ranks"
cat example.txt
awk '{ e = $NF < 0 ? -$NF : $NF } END { exit !(e > 0 && e < 0.02) }' example.txt ||
  fail "the example has not learnt: $(cat example.txt)"
pc=$(find moved -name tame.pc)
flags=$(PKG_CONFIG_PATH=$(dirname "$pc") pkg-config --cflags --libs tame)
# shellcheck disable=SC2086
"${CC:-cc}" example/main.c -o example/by-pkg-config $flags || fail "pkg-config: $flags"
example/by-pkg-config | cmp - example.txt
