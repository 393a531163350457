"""Pieces of figures: axes in inches, words, legends, ticks; and how they are saved."""
import itertools
import os
import shutil
import string
import subprocess

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from figures.common import MOVING, ORANGE, PURPLE, QUIET, STILL, WIDTH, WINDOW, Problem


def letters():
    return itertools.chain(string.ascii_lowercase,
                           (a + b for a in string.ascii_lowercase for b in string.ascii_lowercase))


def axes_at(figure, left, top, width, height):
    """Axes placed in inches from the top left corner."""
    w, h = figure.get_size_inches()
    return figure.add_axes([left / w, 1 - (top + height) / h, width / w, height / h])


def text_at(figure, left, top, words, **how):
    w, h = figure.get_size_inches()
    return figure.text(left / w, 1 - top / h, words, **how)


def head(axes, letter, title, aside="", raised=0):
    """Panel letter, title, and a quiet remark to the right; all raised by some points."""
    axes.set_title(title, loc="left", pad=4 + raised)
    if aside:
        axes.set_title(aside, loc="right", fontsize=6.5, color=QUIET, pad=4 + raised)
    axes.annotate(letter, (0, 1), (-26, 4 + raised), xycoords="axes fraction",
                  textcoords="offset points", fontsize=9, fontweight="bold", va="baseline",
                  ha="left", annotation_clip=False)


def mark_times(axes, task, perturbed=False, window=True):
    """Window as a grey ground, input orange, perturbation purple."""
    if window and task.window:
        axes.axvspan(*task.window, color=WINDOW, linewidth=0, zorder=0)
    for span in task.pulses:
        axes.axvspan(*span, color=ORANGE, alpha=0.45, linewidth=0, zorder=0.5)
    for start, end in task.kicks if perturbed else []:
        axes.axvspan(start, end, color=PURPLE, alpha=0.75, linewidth=0.8, zorder=0.6)


def strip(axes, task):
    """The same over an image, which hides its ground: a strip above it."""
    above = axes.get_xaxis_transform()
    if task.window:
        axes.plot(task.window, [1.03, 1.03], color="0.8", linewidth=2.5, transform=above,
                  clip_on=False, solid_capstyle="butt")
    for span in task.pulses:
        axes.plot(span, [1.03, 1.03], color=ORANGE, linewidth=2.5, transform=above,
                  clip_on=False, solid_capstyle="butt")


def legend_line(figure, handles):
    """A line of them below the title."""
    figure.legend(handles=handles, loc="center left", ncol=max(1, len(handles)), columnspacing=1.6,
                  bbox_to_anchor=(0.2 / WIDTH, 1 - 0.42 / figure.get_figheight()), borderpad=0,
                  handlelength=1.6, handletextpad=0.5, borderaxespad=0)


def legend_rows(handles, width):
    """Columns and rows of a legend with many entries, in a figure so many inches wide."""
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    across = max(1, int((width - 0.4) / (0.55 + 0.053 * longest)))
    return across, -(-len(handles) // across)


def legend_block(figure, handles):
    """As many lines of them below the title as they need."""
    width, height = figure.get_size_inches()
    if handles:
        figure.legend(handles=handles, loc="upper left", ncol=legend_rows(handles, width)[0],
                      borderpad=0, bbox_to_anchor=(0.2 / width, 1 - 0.36 / height),
                      columnspacing=1.6, handletextpad=0.5, borderaxespad=0)


def some_of(things, most):
    """The first, the last, and some between, if there are more."""
    if len(things) <= most:
        return things
    return [things[int(k)] for k in np.linspace(0, len(things) - 1, most).round()]


def label_y(axes, words):
    """Label of the y axis, at the same distance in all panels."""
    axes.set_ylabel(words, va="center")
    width = axes.get_position().width * axes.figure.get_figwidth()
    axes.yaxis.set_label_coords(-0.37 / width, 0.5)


def round_ticks(axis, count):
    axis.set_major_locator(matplotlib.ticker.MaxNLocator(count, steps=[1, 2, 5, 10]))


def number(value):
    return ("%.2g" % value).replace("-", "\N{MINUS SIGN}")


def power_of_ten(value):
    """2.3 x 10^-5, typeset."""
    if not np.isfinite(value):
        return "not finite"
    if value == 0 or 0.01 <= value < 1000:
        return "%.2g" % value
    mantissa, exponent = ("%.1e" % value).split("e")
    return r"$%s \times 10^{%d}$" % (mantissa, int(exponent))


def error_of(phase, task):
    """Remark on the readout's error in a phase."""
    if not phase.has(task, "loss"):
        return ""
    return "MSE " + power_of_ten(np.mean(phase.scalars(task, "loss")))


def several(count, what):
    return "%d %s%s" % (count, what, "" if count == 1 else "s")


def finite_limits(arrays, margin=0.05):
    """Limits that hold all finite values, with a margin."""
    values = [a[np.isfinite(a)] for a in arrays if a is not None]
    values = [a for a in values if a.size]
    if not values:
        return -1.0, 1.0
    low, high = min(a.min() for a in values), max(a.max() for a in values)
    pad = margin * (high - low) or 0.1 * abs(high) or 1.0
    return low - pad, high + pad


def log_axis(axes, values):
    """Logarithmic y axis round these values."""
    good = np.concatenate([v[np.isfinite(v) & (v > 0)] for v in values] or [np.zeros(0)])
    if not good.size:
        return
    axes.set_yscale("log")
    low, high = np.log10(good.min()), np.log10(good.max())
    middle, half = (low + high) / 2, max((high - low) / 2 * 1.1, 0.55)
    low, high = middle - half, middle + half
    if np.floor(high) <= np.ceil(low):  # one power of ten inside: on to the next, or no scale shows
        below, above = low - (np.ceil(low) - 1), np.floor(high) + 1 - high
        low, high = (low - below - 0.03, high) if below < above else (low, high + above + 0.03)
    axes.set_ylim(10 ** low, 10 ** high)
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(numticks=5))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def put(path, write):
    """Have write(path) make a file, under its final name only once complete; print the path."""
    part = "%s.part%d" % (path, os.getpid())
    try:
        write(part)
        os.replace(part, path)
    except OSError as error:
        raise Problem("cannot write %s: %s" % (path, error.strerror or error)) from None
    finally:
        if os.path.exists(part):
            os.remove(part)
    print(path, flush=True)


def save(figure, folder, name, formats):
    """Write a figure in each format that holds still."""
    for form in formats:
        # without a date, so that the same results give the same file
        dated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
        if form in STILL:
            put(os.path.join(folder, "%s.%s" % (name, form)),
                lambda path, form=form: figure.savefig(path, format=form,
                                                       metadata=dated.get(form)))
    plt.close(figure)


class Movie:
    """A figure that moves: show(k) changes the artists in `moving` to frame k, 0 <= k < frames;
    all else is drawn once, below them."""

    COLOURS, DPI, FRAME_MS, HOLD_MS = 48, 100, 80, 1500  # the last frame is held
    SAMPLES = 16  # frames that the palette is made of

    def __init__(self, figure, frames, show, moving):
        self.figure, self.frames, self.show, self.moving = figure, frames, show, moving

    def images(self):
        self.figure.set_dpi(self.DPI)
        canvas = self.figure.canvas
        for artist in self.moving:
            artist.set_animated(True)  # left out of what is drawn once
        canvas.draw()
        ground = canvas.copy_from_bbox(self.figure.bbox)
        for k in range(self.frames):
            canvas.restore_region(ground)
            self.show(k)
            for artist in self.moving:
                self.figure.draw_artist(artist)
            yield Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")

    def gif(self, path):
        """An animated GIF with one palette for all frames, so that only what moves is stored."""
        images = list(self.images())
        some = some_of(images, self.SAMPLES)
        width, height = some[0].size
        sheet = Image.new("RGB", (width, height * len(some)))
        for k, image in enumerate(some):
            sheet.paste(image, (0, k * height))
        palette = sheet.quantize(self.COLOURS, Image.Quantize.MAXCOVERAGE)
        images = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
        images[0].save(path, format="GIF", save_all=True, append_images=images[1:], loop=0,
                       duration=[self.FRAME_MS] * (self.frames - 1) + [self.HOLD_MS],
                       optimize=False)


    def mp4(self, path):
        """A film, by ffmpeg, which wants even numbers of rows and columns."""
        encoder = shutil.which("ffmpeg")
        if not encoder:
            raise Problem("mp4 wants the program ffmpeg (Debian: apt install ffmpeg); gif does not")
        images = list(self.images())
        done = subprocess.run(
            [encoder, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
             "-s", "%dx%d" % images[0].size, "-r", "%g" % (1000 / self.FRAME_MS), "-i", "-",
             "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white,"
             "tpad=stop_mode=clone:stop_duration=%g" % (self.HOLD_MS / 1000),
             "-pix_fmt", "yuv420p", "-f", "mp4", path],
            input=b"".join(image.tobytes() for image in images), capture_output=True, check=False)
        if done.returncode:
            words = done.stderr.decode(errors="replace").split("\n")[0]
            raise Problem("ffmpeg fails: %s" % (words or "exit code %d" % done.returncode))


def save_movie(movie, folder, name, formats):
    """Write a movie in each format that moves."""
    for form in formats:
        if form in MOVING:
            put(os.path.join(folder, "%s.%s" % (name, form)), getattr(movie, form))
    plt.close(movie.figure)


def digits(value):
    """A number with as few digits as tell it."""
    words = next((w for w in ("%.*g" % (k, value) for k in range(3, 18))
                  if abs(float(w) - value) <= 1e-12 * abs(value)), repr(value))
    return words.replace("-", "\N{MINUS SIGN}") if "e" not in words else words
