#!/usr/bin/env python3
"""Time one step of a reservoir in ReservoirPy (pip install reservoirpy): the yardstick for ours. Leaky units, one
input, a bias; 400 units all to all, W an array, and 10,000 units with 1 % of the synapses, W a sparse matrix; as many
BLAS threads as NumPy takes by itself. W is drawn here, for the time that finding its spectral radius would take.

    python3 tests/bench/reservoirpy_step.py [--rounds 9]

prints one line, `dense_us=... sparse_us=...`: the median over rounds of the time of a step in a run of some
hundred.
"""
import argparse
import statistics
import sys
import time

try:
    import numpy as np
    import scipy.sparse
    from reservoirpy.nodes import Reservoir
except ImportError as error:
    sys.exit(f"reservoirpy_step.py: {error}; pip install reservoirpy")


def step_us(units, W, steps, rounds):
    rng = np.random.default_rng(2)
    reservoir = Reservoir(units=units, lr=0.5, W=W, Win=rng.normal(size=(units, 1)),
                          bias=rng.normal(size=units))
    inputs = rng.random((steps, 1))
    reservoir.run(inputs)  # warms up
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        rates = reservoir.run(inputs)
        times.append((time.perf_counter() - began) / steps * 1e6)
    if rates.shape != (steps, units) or not 0 < np.abs(rates).max() <= 1:
        sys.exit("reservoirpy_step.py: what it made is not rates")
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(1)
    dense = rng.normal(0, 0.9 / np.sqrt(400), (400, 400))
    sparse = scipy.sparse.random(10000, 10000, 0.01, format="csr", random_state=1,
                                 data_rvs=lambda n: rng.normal(0, 0.9 / 10, n))
    print(f"dense_us={step_us(400, dense, 2000, rounds):.1f} "
          f"sparse_us={step_us(10000, sparse, 100, rounds):.1f}")


if __name__ == "__main__":
    main()
