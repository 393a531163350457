"""Reference values in tests/unit/test_cells_golden.c: PyTorch's cells, and ncps' and BrainPy's equations written down
with it. All numbers of the slab are frac(k g) - 0.5 (k = 1, 2, ...; g the golden ratio), or in a range where a name says
so. Three steps of two samples from rest; the loss is a sum of outputs with the weights below. Not part of any
test: wants PyTorch.

    python3 tests/golden/cells.py
"""

import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
BATCH, STEPS = 2, 3
ELAPSED = torch.tensor([[0.5], [1.5]])
# AutoNCP(8, 1) with two inputs, source and destination
INNER = [(1, 0, -1), (1, 1, 1), (1, 2, -1), (2, 0, 1), (3, 1, 1), (3, 2, 1), (4, 2, 1), (5, 2, 1), (6, 2, 1), (7, 1, 1), (7, 2, -1)]
SENSORY = [(0, 3, -1), (0, 4, -1), (0, 7, -1), (1, 3, 1), (1, 5, -1), (1, 6, -1)]


def fill(k):
    return math.modf(k * 0.6180339887498949)[0]


class Slab:
    """Parameters in the order of the slab."""

    def __init__(self):
        self.numbers = []

    def take(self, *shape, low=-0.5, high=0.5):
        n = math.prod(shape)
        first = sum(p.numel() for p in self.numbers)
        p = torch.tensor([low + (high - low) * fill(first + k + 1) for k in range(n)]).reshape(shape)
        p.requires_grad_(True)
        self.numbers.append(p)
        return p

    def take_edges(self, edges, low=-0.5, high=0.5):
        return self.take(len(edges), low=low, high=high)


def by_destination(edges):
    return sorted(edges, key=lambda e: (e[1], e[0]))


def inputs(width):
    x = [math.sin(1.0 + 0.7 * k) for k in range(STEPS * BATCH * width)]
    return torch.tensor(x).reshape(STEPS, BATCH, width)


def report(name, width, slab, step, state):
    xs = inputs(width)
    loss, k = 0, 0
    for t in range(STEPS):
        y, state = step(xs[t], state)
        weights = torch.tensor([math.cos(0.3 + 0.9 * (k + i)) for i in range(y.numel())])
        k += y.numel()
        loss = loss + (y.reshape(-1) * weights).sum()
    loss.backward()
    grad = torch.cat([p.grad.reshape(-1) if p.grad is not None else torch.zeros(p.numel()) for p in slab.numbers])
    print(f"    {name}: {loss.item():.15g}, {y.reshape(-1)[0].item():.15g}, {grad.norm().item():.15g}, "
          f"{(grad * torch.tensor([fill(k + 1) for k in range(grad.numel())])).sum().item():.15g}")


def zeros(n):
    return torch.zeros(BATCH, n)


# ---- PyTorch's own cells


def torch_cell(cell, width, units, state):
    slab = Slab()
    for p in cell.parameters():
        with torch.no_grad():
            p.copy_(slab.take(*p.shape))
    slab.numbers = list(cell.parameters())

    def step(x, h):
        h = cell(x, h)
        return (h[0] if isinstance(h, tuple) else h), h

    report(type(cell).__name__, width, slab, step, state)



def rnn(name, current, tau):
    slab = Slab()
    w, r, b = slab.take(4, 3), slab.take(4, 4), slab.take(1, 4)
    a = ELAPSED / tau if tau else 1

    def step(x, h):
        if current:
            h = (1 - a) * h + a * (F.linear(x, w, b[0]) + F.linear(torch.relu(h), r))
            return torch.relu(h), h
        h = (1 - a) * h + a * torch.tanh(F.linear(x, w, b[0]) + F.linear(h, r))
        return h, h

    report(name, 3, slab, step, zeros(4))


rnn("rnn", False, None)
rnn("rnn leaky", False, 4)
rnn("rnn current", True, 3)
torch_cell(torch.nn.GRUCell(3, 4), 3, 4, zeros(4))
torch_cell(torch.nn.LSTMCell(3, 4), 3, 4, (zeros(4), zeros(4)))

# ---- closed-form cells


def lecun(z):
    return 1.7159 * torch.tanh(0.666 * z)


def affine(slab, out, width, mask=None):
    if mask is None:
        w = slab.take(out, width)
    else:
        w = torch.zeros(out, width).index_put([torch.tensor([m[0] for m in mask]), torch.tensor([m[1] for m in mask])],
                                              slab.take(len(mask)))
    b = slab.take(1, out)
    return lambda u: F.linear(u, w, b[0])


def cfc_part(slab, width, units, mode, backbone, activation=lecun, tf=False, mask=None):
    layers = []
    heard = width + units
    for _ in range(backbone):
        layers.append(affine(slab, 5, heard))
        heard = 5
    ff1 = affine(slab, units, heard, mask)
    if mode == "pure":
        w_tau, A = slab.take(1, units), slab.take(1, units)
    else:
        ff2, ta, tb = affine(slab, units, heard, mask), affine(slab, units, heard), affine(slab, units, heard)

    def step(x, h):
        u = torch.cat([x, h], 1)
        for layer in layers:
            u = activation(layer(u))
        f1 = ff1(u)
        if mode == "pure":
            return -A * torch.exp(-ELAPSED * (w_tau.abs() + f1.abs())) * f1 + A
        f2 = ff2(u)
        if not tf:
            f1, f2 = torch.tanh(f1), torch.tanh(f2)
        s = torch.sigmoid((-1 if tf else 1) * ta(u) * ELAPSED + tb(u))
        return f1 + s * f2 if mode == "no_gate" else f1 * (1 - s) + s * f2

    return step


def cfc(name, mode, **options):
    slab = Slab()
    part = cfc_part(slab, 2, 4, mode, **options)

    def step(x, h):
        h = part(x, h)
        return h, h

    report(name, 2, slab, step, zeros(4))


cfc("cfc", "default", backbone=1)
cfc("cfc silu", "default", backbone=2, activation=F.silu)
cfc("cfc gelu", "no_gate", backbone=1, activation=F.gelu)
cfc("cfc tf", "default", backbone=1, tf=True)
cfc("cfc pure", "pure", backbone=0)


def lstm(slab, width, units):
    w, r, b = slab.take(4 * units, width), slab.take(4 * units, units), slab.take(1, 4 * units)

    def step(x, h, c):
        i, f, g, o = (F.linear(x, w, b[0]) + F.linear(h, r)).chunk(4, 1)
        c = c * torch.sigmoid(f + 1) + torch.tanh(g) * torch.sigmoid(i)
        return torch.tanh(c) * torch.sigmoid(o), c

    return step


def mixed():
    slab = Slab()
    memory, part = lstm(slab, 2, 4), cfc_part(slab, 2, 4, "default", 1)

    def step(x, state):
        h, c = memory(x, *state)
        h = part(x, h)
        return h, (h, c)

    report("cfc mixed", 2, slab, step, (zeros(4), zeros(4)))


mixed()


def wired():
    slab, layers = Slab(), [range(3, 8), range(1, 3), range(0, 1)]
    parts = []
    for k, own in enumerate(layers):
        before = range(2) if k == 0 else layers[k - 1]
        edges = SENSORY if k == 0 else INNER
        mask = []
        for j in own:
            mask += [(j - own[0], i - before[0]) for i, to, _ in by_destination(edges) if to == j and i in before]
            mask += [(j - own[0], len(before) + i) for i in range(len(own))]
        parts.append(cfc_part(slab, len(before), len(own), "default", 0, mask=mask))

    def step(x, state):
        out = []
        for part, h in zip(parts, state):
            x = part(x, h)
            out.append(x)
        return x, out

    report("cfc wired", 2, slab, step, [zeros(5), zeros(2), zeros(1)])


wired()

# ---- liquid time-constant cells


def ltc(name, solver, unfolds, implicit=False):
    slab = Slab()
    inner, sensory = by_destination(INNER), by_destination(SENSORY)
    gleak, vleak, cm = slab.take(1, 8, low=0.1, high=1), slab.take(1, 8), slab.take(1, 8, low=0.4, high=0.6)

    def synapses(edges, sources):
        sigma, mu = slab.take_edges(edges, low=3, high=8), slab.take_edges(edges)
        w, erev = slab.take_edges(edges, low=0.1, high=1), slab.take_edges(edges)
        source, to = [e[0] for e in edges], torch.tensor([e[1] for e in edges])

        def run(v):
            a = positive(w) * torch.sigmoid(sigma * (v[:, source] - mu))
            return (torch.zeros(BATCH, 8).index_add(1, to, a * erev), torch.zeros(BATCH, 8).index_add(1, to, a))

        return run

    def positive(p):
        return F.softplus(p) if implicit else p

    in_run = synapses(inner, 8)
    sense = synapses(sensory, 2)
    input_w, input_b, output_w, output_b = slab.take(1, 2), slab.take(1, 2), slab.take(1, 1), slab.take(1, 1)
    h = ELAPSED / unfolds

    def step(x, v):
        Ns, Ds = sense(x * input_w + input_b)

        def sums(v):
            num, den = in_run(v)
            return num + Ns + positive(gleak) * vleak, den + Ds + positive(gleak)

        def slope(v):
            A, D = sums(v)
            return (A - D * v) / positive(cm)

        for _ in range(unfolds):
            if solver == "fused":
                A, D = sums(v)
                c = positive(cm) / h
                v = (c * v + A) / (c + D + 1e-8)
            elif solver == "euler":
                v = v + h * slope(v)
            else:
                k1 = slope(v)
                k2 = slope(v + h / 2 * k1)
                k3 = slope(v + h / 2 * k2)
                k4 = slope(v + h * k3)
                v = v + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return v[:, :1] * output_w + output_b, v

    report(name, 2, slab, step, zeros(8))


ltc("ltc", "fused", 6)
ltc("ltc implicit", "fused", 6, implicit=True)
ltc("ltc euler", "euler", 4)
ltc("ltc rk4", "rk4", 2)

# ---- spikes


def surrogate(slope):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x >= 0).to(x.dtype)

        @staticmethod
        def backward(ctx, g):
            return g * slope(ctx.saved_tensors[0])

    return Spike.apply


def lif(name, slope, hard=False, detach=False, recurrent=False, beta=None):
    slab = Slab()
    spike = surrogate(slope)
    w = slab.take(4, 3)
    w_rec = slab.take(4, 4) if recurrent else None
    b = slab.take(1, 4)
    ps, pm, pa = torch.exp(-ELAPSED / 2), torch.exp(-ELAPSED / 3), torch.exp(-ELAPSED / 20)

    def step(x, state):
        g, v, s, a = state
        g = ps * g + F.linear(x, w, b[0]) + (F.linear(s, w_rec) if recurrent else 0)
        v = pm * v + (1 - pm) * g
        s = spike(v - 0.05 - (beta * a if beta else 0))
        r = s.detach() if detach else s
        v = v + r * (0.02 - v) if hard else v - (0.05 - 0.02) * r
        if beta:
            a = pa * a + s
        return s + 0 * v, (g, v, s, a)

    report(name, 3, slab, step, (zeros(4),) * 4)


def inverse_square(x):
    return 1 / (100 * x.abs() + 1) ** 2


lif("lif", inverse_square)
lif("lif hard", lambda x: 4 * torch.sigmoid(4 * x) * (1 - torch.sigmoid(4 * x)), hard=True, recurrent=True)
lif("lif detached", lambda x: 0.3 * torch.relu(1 - x.abs()), detach=True)
lif("alif", lambda x: 1 / (1 + (math.pi * x) ** 2), beta=0.6, recurrent=True)
