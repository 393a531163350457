"""Which figures are drawn of a file: those for which it holds what they show."""
import os

from figures.chaos import ChaosFigure
from figures.common import DONE, MOVING, Problem
from figures.condense import CondenseFigure
from figures.distances import DistancesFigure
from figures.fit import FitFigure
from figures.pair import PairFigure
from figures.pieces import save, save_movie
from figures.plane import PlaneFigure
from figures.prediction import PredictionFigure
from figures.reading import Results, open_results, stem_of
from figures.ring import RingFigure
from figures.search import SearchFigure
from figures.states import StatesFigure
from figures.sweep import MapFigure, SweepFigure
from figures.sweeps import Sweep
from figures.training import TrainingFigure
from figures.trajectory import TrajectoryFigure


def prepare_folder(folder):
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise Problem("cannot make folder %s: %s" % (folder, error.strerror)) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Problem("cannot write into folder %s" % folder)


def draw_sweep(paths, folder, formats):
    if not set(formats) - set(MOVING):
        raise Problem("figures of a sweep do not move, as %s wants; --network K draws one network" %
                      ", ".join(formats))
    prepare_folder(folder)
    with open_results(paths[0]) as file:
        compares = "distances" in file
    if compares:
        save(DistancesFigure(paths[0]).draw(), folder, stem_of(paths[0]), formats)
        return
    drawn = draw_states(paths, folder, formats) or draw_pairs(paths, folder, formats)
    sweep = Sweep(paths)
    if drawn and not sweep.measures():
        return
    save(SweepFigure(sweep).draw(), folder, stem_of(paths[0]) + "-sweep", formats)
    heat = MapFigure(sweep)
    if not heat.empty():
        save(heat.draw(), folder, stem_of(paths[0]) + "-map", formats)
    for drawing, name in ((FitFigure.of_sweep(sweep), "fit"),
                          (SearchFigure.of_sweep(sweep), "search"),
                          (CondenseFigure.of_sweep(sweep), "condense")):
        if not drawing.empty():
            save(drawing.draw(), folder, "%s-%s" % (stem_of(paths[0]), name), formats)
    draw_predictions(paths, folder, formats)


def draw_predictions(paths, folder, formats):
    """Of a sweep of a few networks, which forecast something."""
    with open_results(paths[0]) as file:
        states, networks = file["state"][:], file["network"][:]
    if len(paths) > 1 or len(networks) > PairFigure.MOST:
        return
    for network in networks[states == DONE]:
        results = Results(paths[0], int(network))
        for task in results.tasks:
            drawing = PredictionFigure(results, task)
            if not drawing.empty():
                one = "" if len(results.tasks) == 1 else "-" + task.name
                save(drawing.draw(), folder, "%s-network%d-prediction%s" % (
                    stem_of(paths[0]), network, one), formats)


def draw_columns(paths, folder, formats, kind, name):
    """Of a sweep whose networks follow no target, the first ones beside each other: is there anything?"""
    with open_results(paths[0]) as file:
        states, networks = file["state"][:], file["network"][:]
        measured = any("loss" in task for phase in file["phases"].values()
                       for task in phase.values())
    done = [int(one) for one in networks[states == DONE]]
    if measured or not done:
        return False
    drawing = kind([Results(paths[0], one) for one in done[:kind.MOST]])
    if drawing.empty():
        return False
    save(drawing.draw(), folder, "%s-%s" % (stem_of(paths[0]), name), formats)
    return True


def draw_pairs(paths, folder, formats):
    return draw_columns(paths, folder, formats, PairFigure, "pair")


def draw_states(paths, folder, formats):
    return draw_columns(paths, folder, formats, StatesFigure, "states")


def draw_task(results, task, folder, stem, formats, shown):
    """Figures of one task: how many, and how many of them move. shown: are its rates in a figure of states?"""
    name_of = ("%s-%s", "%s-%s-" + task.name)[len(results.tasks) > 1]
    moving = [(TrajectoryFigure(results, task), "trajectory"), (RingFigure(results, task), "ring")]
    moving = [(drawing, name) for drawing, name in moving if not drawing.empty()]
    for drawing, name in moving:
        save(drawing.draw(), folder, name_of % (stem, name), formats)
        if set(formats) & set(MOVING):
            save_movie(drawing.movie(), folder, name_of % (stem, name), formats)
    written = len(moving)
    for drawing, name in ((TrainingFigure(results, task), "training"),
                          (PredictionFigure(results, task), "prediction")):
        if not drawing.empty() and (results.training or not (moving or shown)):
            save(drawing.draw(), folder, name_of % (stem, name), formats)
            written += 1
    return written, len(moving)


def draw_network(path, folder, formats, network):
    results = Results(path, network)
    prepare_folder(folder)
    stem = stem_of(path)
    if results.count > 1:
        stem += "-network%d" % results.network
    written = moved = 0
    states = StatesFigure([results])
    for task in results.tasks:
        shown = not states.empty() and task.target() is None
        still, moving = draw_task(results, task, folder, stem, formats, shown)
        written, moved = written + still, moved + moving
    for drawing, name in ((states, "states"), (PlaneFigure(results), "plane"),
                          (PairFigure([results]), "pair"), (ChaosFigure(results), "chaos"),
                          (FitFigure.of_network(results), "fit"),
                          (SearchFigure.of_network(results), "search"),
                          (CondenseFigure.of_network(results), "condense")):
        if not drawing.empty():
            save(drawing.draw(), folder, "%s-%s" % (stem, name), formats)
            written += 1
    if written and not moved and not set(formats) - set(MOVING):
        raise Problem("holds nothing that moves, to be drawn as %s" % ", ".join(formats))
    if not written:
        raise Problem("holds nothing to draw: no rates, states, readouts, losses or analyses")


def holds_several(path):
    with open_results(path) as file:
        return file["state"].shape[0] > 1


def file_with(paths, network):
    """The file that holds a network."""
    for path in paths:
        with open_results(path) as file:
            if network in file["network"][:]:
                return path
    if len(paths) > 1:
        raise Problem("none of the %d files has network %d" % (len(paths), network))
    return paths[0]  # which then says what it has
