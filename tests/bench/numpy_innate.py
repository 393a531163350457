#!/usr/bin/env python3
"""Time the straightforward NumPy program for innate training (figure 1 of Laje & Buonomano 2013,
doi:10.1038/nn.3405): the yardstick for ours. 800 neurons, 480 of them plastic with about 80 inputs,
2950 steps of 1 ms, 1075 updates; a dense W, a list of P, a loop over neurons, in-place vector
arithmetic inside, and as many BLAS threads as NumPy takes by itself.

    python3 tests/bench/numpy_innate.py [--precision double|float] [--updates 100]

prints one line, `update_ms=... trial_s=... precision=...`: the median time of one recursive
least-squares update of all plastic neurons, and the time of one whole recurrent training trial, run
from end to end.
"""
import argparse
import statistics
import sys
import time

try:
    import numpy as np
except ImportError:
    sys.exit("numpy_innate.py: Python package 'numpy' is missing (Debian: python3-numpy)")

NEURONS, DENSITY, PLASTIC, GAIN = 800, 0.1, 480, 1.8
DT, TAU, NOISE = 1.0, 10.0, 0.001
STEPS, PULSE, WINDOW, EVERY = 2950, (200, 250), (250, 2400), 2


class Network:
    def __init__(self, precision, seed=1):
        self.rng = np.random.default_rng(seed)
        self.real = np.float32 if precision == "float" else np.float64
        connected = self.rng.random((NEURONS, NEURONS)) < DENSITY
        np.fill_diagonal(connected, False)
        scale = GAIN / np.sqrt(DENSITY * NEURONS)
        self.W = (connected * self.rng.normal(0, scale, connected.shape)).astype(self.real)
        self.W_in = self.rng.normal(0, 1, (NEURONS, 2)).astype(self.real)
        self.W_out = self.rng.normal(0, 1 / np.sqrt(NEURONS), (1, NEURONS)).astype(self.real)
        self.inputs = [np.flatnonzero(row) for row in connected[:PLASTIC]]
        self.P = [np.eye(len(inputs), dtype=self.real) for inputs in self.inputs]
        self.reset()

    def reset(self):
        self.x = self.rng.uniform(-1, 1, NEURONS).astype(self.real)
        self.r = np.tanh(self.x)

    def step(self, u, noise):
        current = np.dot(self.W, self.r) + np.dot(self.W_in, u)
        if noise:
            current += NOISE * self.rng.standard_normal(NEURONS, dtype=self.real)
        self.x += (DT / TAU) * (current - self.x)
        self.r = np.tanh(self.x)

    def update(self, target):
        """One recursive least-squares update of all plastic neurons. Returns the errors."""
        r, W = self.r, self.W
        error = r - target
        for i in range(PLASTIC):
            inputs, P = self.inputs[i], self.P[i]
            mine = r[inputs]
            k = np.dot(P, mine)
            c = self.real(1) / (self.real(1) + np.dot(mine, k))
            P -= np.outer(k, c * k)
            W[i, inputs] -= error[i] * c * k
        return error


def pulse(net):
    u = np.zeros((STEPS, 2), dtype=net.real)
    u[PULSE[0]:PULSE[1], 0] = 5.0
    return u


def innate_trial(net, u):
    net.reset()
    rates = np.empty((STEPS, NEURONS), dtype=net.real)
    for t in range(STEPS):
        net.step(u[t], noise=False)
        rates[t] = net.r
    return rates


def training_trial(net, u, target):
    net.reset()
    updates = 0
    loss = 0.0
    z = np.empty((STEPS, 1), dtype=net.real)
    for t in range(STEPS):
        net.step(u[t], noise=True)
        z[t] = np.dot(net.W_out, net.r)
        if WINDOW[0] <= t < WINDOW[1] and t % EVERY == 0:
            error = net.update(target[t])
            loss += float(np.mean(error * error))
            updates += 1
    return updates, loss / updates


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--precision", choices=("double", "float"), default="double")
    parser.add_argument("--updates", type=int, default=100, help="updates to take the median of")
    parser.add_argument("--trials", type=int, default=1, help="whole trials; the fastest counts")
    args = parser.parse_args()
    if args.updates < 1 or args.trials < 1:
        parser.error("--updates and --trials must be at least 1")

    net = Network(args.precision)
    u = pulse(net)
    target = innate_trial(net, u)
    trials = []
    for _ in range(args.trials):
        began = time.perf_counter()
        updates, loss = training_trial(net, u, target)
        trials.append(time.perf_counter() - began)

    updates_ms = []
    for t in range(args.updates):
        net.step(u[t % STEPS], noise=True)
        began = time.perf_counter()
        net.update(target[WINDOW[0] + t % 1000])
        updates_ms.append(1e3 * (time.perf_counter() - began))
    print("update_ms=%.4f trial_s=%.3f precision=%s updates=%d loss=%.6g" % (
        statistics.median(updates_ms), min(trials), args.precision, updates, loss))


if __name__ == "__main__":
    main()
