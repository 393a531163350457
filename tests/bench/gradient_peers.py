#!/usr/bin/env python3
"""Time training steps in PyTorch with ncps, and in JAX: yardsticks for ours, of the same models, batches and precision.

    python3 tests/bench/gradient_peers.py [ncp] [ltc] [noise] [jax] [hidden] [spikes]

prints a line for each that can be timed here, `NAME SECONDS`, the median of some updates (of noise and jax: of an epoch,
100 updates). pip install torch ncps jax; double precision; two threads.
"""
import statistics
import sys
import time

THREADS = 2


def median_of(update, rounds, warm=2):
    times = []
    for k in range(rounds + warm):
        began = time.perf_counter()
        update()
        if k >= warm:
            times.append(time.perf_counter() - began)
    return statistics.median(times)


def torch_here():
    import torch

    torch.set_num_threads(THREADS)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    return torch


def ltc_step(wiring, inputs, x, y, rounds):
    """An update of ncps' LTC with Adam, the weights kept positive, as its tutorials train it."""
    torch = torch_here()
    from ncps.torch import LTC

    model = LTC(inputs, wiring, batch_first=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def update():
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x)[0], y)
        loss.backward()
        optimizer.step()
        model.apply_weight_constraints() if hasattr(model, "apply_weight_constraints") else None

    return median_of(update, rounds)


def ncp():
    torch = torch_here()
    from ncps.wirings import AutoNCP

    p = torch.linspace(0, 3 * torch.pi, 48)
    x = torch.stack([torch.sin(p), torch.cos(p)], -1)[None]
    return ltc_step(AutoNCP(8, 1), 2, x, torch.sin(2 * p)[None, :, None], 10)


def ltc():
    torch = torch_here()
    from ncps.wirings import Random

    x = torch.randn(32, 25, 1)
    return ltc_step(Random(256, 1, sparsity_level=0.9), 1, x, x.cumsum(1), 3)


def rnn_step(units, batch, steps, activation, rounds, penalty=0.0):
    torch = torch_here()
    rnn = torch.nn.RNN(1, units, nonlinearity=activation, batch_first=True)
    head = torch.nn.Linear(units, 1)
    parameters = [*rnn.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.025, eps=0.1)

    def update():
        x = 0.05 * torch.randn(batch, steps, 1)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(head(rnn(x)[0]), x.cumsum(1))
        if penalty:
            loss = loss + penalty * sum((p * p).sum() for p in parameters)
        loss.backward()
        optimizer.step()

    return median_of(update, rounds)


def noise():
    return 100 * rnn_step(100, 128, 25, "relu", 50, 2e-4)


def hidden():
    return rnn_step(1024, 64, 25, "tanh", 5)


def jax():
    import jax as j

    j.config.update("jax_enable_x64", True)
    np = j.numpy
    keys = j.random.split(j.random.PRNGKey(1), 3)
    theta = {"wi": j.random.normal(keys[0], (1, 100)) * 0.14,
             "wh": j.random.normal(keys[1], (100, 100)) * 0.1, "b": np.zeros(100),
             "h0": np.zeros(100), "wo": j.random.normal(keys[2], (100, 1)) * 0.14, "bo": np.zeros(1)}
    zeros = j.tree_util.tree_map(np.zeros_like, theta)

    def loss(theta, x):
        def step(h, u):
            h = np.maximum(0, u @ theta["wi"] + h @ theta["wh"] + theta["b"])
            return h, h @ theta["wo"] + theta["bo"]

        h = np.broadcast_to(theta["h0"], (x.shape[1], 100))
        _, y = j.lax.scan(step, h, x)
        l2 = sum(np.sum(p * p) for p in j.tree_util.tree_leaves(theta))
        return np.mean((y - np.cumsum(x, 0)) ** 2) + 2e-4 * l2

    @j.jit
    def update(theta, m, v, key, t):
        x = 0.05 * j.random.normal(key, (25, 128, 1))
        g = j.grad(loss)(theta, x)
        tree = j.tree_util.tree_map
        m = tree(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = tree(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        c = 0.025 * np.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        return tree(lambda p, m, v: p - c * m / (np.sqrt(v) + 0.1), theta, m, v), m, v

    state = [theta, zeros, zeros, 1]

    def one():
        *rest, t = state
        state[:3] = update(*rest, j.random.PRNGKey(t), float(t))
        j.block_until_ready(state[0])
        state[3] = t + 1

    return 100 * median_of(one, 100, warm=5)


def spikes():
    """The spiking classifier in plain PyTorch: 256 trains of 100 steps, 100 inputs, 10 neurons, 2 classes."""
    torch = torch_here()

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, v):
            ctx.save_for_backward(v)
            return (v >= 0).to(v.dtype)

        @staticmethod
        def backward(ctx, g):
            (v,) = ctx.saved_tensors
            return g / (100 * v.abs() + 1) ** 2

    x = (torch.rand(100, 256, 100) < 0.01).double()
    labels = torch.randint(0, 2, (256,))
    w1, w2 = torch.nn.Linear(100, 10), torch.nn.Linear(10, 2)
    optimizer = torch.optim.Adam([*w1.parameters(), *w2.parameters()], lr=4e-3)
    a, b = torch.exp(torch.tensor(-0.1)), torch.exp(torch.tensor(-0.2))

    def update():
        g1 = v = torch.zeros(256, 10)
        g2 = o = torch.zeros(256, 2)
        most = torch.full((256, 2), -1e9)
        drive = w1(x)
        for t in range(100):
            g1 = a * g1 + drive[t]
            v = a * v + (1 - a) * g1
            s = Spike.apply(v - 1)
            v = v - s
            g2 = a * g2 + w2(s)
            o = b * o + (1 - b) * g2
            most = torch.maximum(most, o)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(most, labels).backward()
        optimizer.step()

    return median_of(update, 15)


def main():
    rows = {"ncp": ncp, "ltc": ltc, "noise": noise, "jax": jax, "hidden": hidden, "spikes": spikes}
    for name in sys.argv[1:] or rows:
        try:
            print(name, f"{rows[name]():.6g}", flush=True)
        except ImportError as error:
            print(f"gradient_peers.py: {name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
