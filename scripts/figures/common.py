"""What all figures have in common: formats, colours, style, and what stops them."""
import atexit
import importlib
import os
import shutil
import sys
import tempfile

STILL, MOVING = ("png", "pdf", "svg"), ("gif", "mp4")
FORMATS = STILL + MOVING
WIDTH = 7.2  # inches: two columns of a journal page
MOST_TRIALS, MOST_OUTPUTS = 20, 6  # to draw in one panel
MOST_PIXELS = 1500  # rows and columns of an image

# Okabe and Ito's palette, told apart by all kinds of colour vision
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
PURPLE, SKY = "#CC79A7", "#56B4E9"
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
INNATE, WINDOW, QUIET, BEFORE = "0.72", "0.94", "0.4", "0.6"

STYLE = {
    "font.family": "DejaVu Sans", "font.size": 7, "axes.titlesize": 7.5, "axes.labelsize": 7,
    "xtick.labelsize": 6.5, "ytick.labelsize": 6.5, "legend.fontsize": 6.5,
    "axes.linewidth": 0.6, "lines.linewidth": 0.8, "xtick.major.width": 0.6,
    "ytick.major.width": 0.6, "xtick.major.size": 2.5, "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5, "ytick.minor.size": 1.5, "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlelocation": "left", "axes.titlepad": 4, "legend.frameon": False, "pdf.fonttype": 42,
    "svg.fonttype": "none", "svg.hashsalt": "tame", "savefig.dpi": 200,
    "mathtext.default": "regular",
}


FORMAT = 2  # version of the results format
SEEDS = ("network.seed", "model.seed")  # keys of which values are of no interest
DONE, FAILED = 2, 3  # of /state


class Problem(Exception):
    """Nothing can be drawn; the message says why, in one line. path: the file, if not the first."""

    def __init__(self, words, path=None):
        super().__init__(words)
        self.path = path


def prepare():
    """Have matplotlib draw without a display or a writable home; Problem where packages miss."""
    os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")  # read-only and network file systems
    if "MPLCONFIGDIR" not in os.environ:
        scratch = tempfile.mkdtemp(prefix="tame-plot-")
        atexit.register(shutil.rmtree, scratch, ignore_errors=True)
        os.environ["MPLCONFIGDIR"] = scratch
    missing = []
    for package in ("numpy", "h5py", "PIL", "matplotlib"):  # which itself wants PIL
        try:
            importlib.import_module(package)
        except ImportError:
            missing.append(package)
    if missing:
        names = [{"PIL": "pillow"}.get(one, one) for one in missing]
        raise Problem("missing Python packages: %s (Debian: apt install %s; or: pip install %s)" % (
            ", ".join(names), " ".join("python3-" + one.lower() for one in missing),
            " ".join(names)))
    matplotlib = importlib.import_module("matplotlib")
    matplotlib.use("Agg")
    matplotlib.rcParams.update(STYLE)


def warn(words):
    print("tame plot: warning: %s" % words, file=sys.stderr)
