#!/usr/bin/env python3
"""Draw the figures of a results file; `tame plot` runs this.

    python3 scripts/plot.py FILE... [-o DIR] [--format png,pdf,gif] [--network K]

Of a sweep, the figure `sweep`: how well the last test follows its target, the last losses of
training, the largest Lyapunov exponents, the periods of units, mean and standard error over
networks, against the first swept number; published values beside them, if the sweep names some.
Other swept keys make curves; over two numbers with three values or more the figure `map` is a heat
map. Several files are shards of one sweep.

Of one network, --network K of a sweep: for every task, the figure `training`: rates of the
recorded neurons as an image, three of them as traces, the readout, the readout under perturbation,
each before and after training; and how training went. For tasks with two outputs, the figure
`plane`: what the readout draws in the plane inside the window. Where a test recorded rates of two
trials, the figure `pair`: five units in both trials, and how these part; a sweep that follows no
target has a column for each network in it. For tests that follow a fast target, the figure
`prediction`: readout and target in close-up, their attractors, and the error. For phases that
analyse, the figure `chaos`: eigenvalues, Lyapunov exponents, principal components. Where a phase
recorded all neurons: of a network of two the figure `trajectory`, inputs and rates, their way
through the plane, and the eigenvectors of W; of one with wiring cosine the figure `ring`, rates over
neurons and time with the peak of the input. These two move, too: animated GIFs. What the file does
not hold is left out.

Where variables of units were recorded (output.states), the figure `states`: each of them over time,
with spikes, the phases of a respiratory rhythm and its period; of many units one variable as an
image, three units, and the distribution of their periods. Of a sweep that follows no target: a
column for each of up to four networks.

Of a model that learns by gradients, the figure `fit`: losses over epochs; outputs before and after
training against the target, of up to four samples; spikes and membrane voltages, if a test recorded
states; wirings. Of a sweep of models: losses of all networks, a colour for each value of the first
swept key, and outputs and wirings of one network of each of up to four values.

Where an optimizer searches by itself, the figure `search`: losses against passes over the data, and
damping, iterations, reduction and step of each epoch.

Of networks that were condensed, the figure `condense`: loss, components and ramps against the units
that are left, and how many these are at the end. Of what `tame distances` wrote: matrices of
likeness, and the networks in the plane.

The panels follow figures 1 to 3 of Laje & Buonomano (2013), Nat. Neurosci. 16:925-933,
doi:10.1038/nn.3405, as far as these have them.

Prints the path of each file written. Exit codes: 0, or 2 with one line that says what is wrong.
"""
import argparse
import os
import sys

from figures.common import FORMATS, Problem, prepare


def formats_of(words):
    formats = [word.strip().lower() for word in words.split(",") if word.strip()]
    unknown = [one for one in formats if one not in FORMATS]
    if unknown or not formats:
        raise Problem("--format: '%s' is not one of %s" % (",".join(unknown), ", ".join(FORMATS)))
    return formats


def main():
    parser = argparse.ArgumentParser(prog="tame plot", description=__doc__.split("\n")[0])
    parser.add_argument("files", metavar="FILE", nargs="+",
                        help="results of tame run; several: shards of one sweep, drawn together")
    parser.add_argument("-o", "--output", metavar="DIR", help="folder; default: that of FILE")
    parser.add_argument("--format", default="png,pdf,gif", help="of %s; gif and mp4, which wants "
                        "ffmpeg: of figures that move; default: png,pdf,gif" % ", ".join(FORMATS))
    parser.add_argument("--network", type=int, metavar="K",
                        help="draw one network of a sweep, by its index, as tame info lists it")
    args = parser.parse_args()
    try:
        formats = formats_of(args.format)
        prepare()
        from figures import choice  # wants the packages
    except Problem as problem:
        return complain(problem)
    path = args.files[0]
    try:
        folder = args.output or os.path.dirname(args.files[0]) or "."
        if args.network is not None:
            path = choice.file_with(args.files, args.network)
            choice.draw_network(path, folder, formats, args.network)
        elif len(args.files) > 1 or choice.holds_several(path):
            choice.draw_sweep(args.files, folder, formats)
        else:
            choice.draw_network(path, folder, formats, None)
    except Problem as problem:
        return complain("%s: %s" % (problem.path or path, problem))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # who reads the names has left; the file is not to blame
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:  # a damaged file can fail anywhere: one line, no traceback
        if os.environ.get("TAME_DEBUG"):
            raise
        words = " ".join(str(error).split())
        return complain("%s: damaged, or not of this format: %s: %s" % (
            path, type(error).__name__, words))
    return 0


def complain(problem):
    print("tame plot: %s" % problem, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
