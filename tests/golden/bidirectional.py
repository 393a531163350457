"""Reference values in tests/mpi/test_bidirectional.c: PyTorch's own nn.RNN, nn.GRU and nn.LSTM, bidirectional, of two
layers. All parameters, in the order of PyTorch's parameters(), with start states a layer's direction after its
weights, are frac(k g) - 0.5 (k = 1, 2, ...; g the golden ratio). Six steps of two samples; the loss is the mean of
squares of outputs less sin(0.4 + 1.3 k). Not part of any test: wants PyTorch.

    python3 tests/golden/bidirectional.py
"""

import math

import torch

torch.set_default_dtype(torch.float64)
BATCH, STEPS, INPUTS, UNITS, LAYERS = 2, 6, 3, 4, 2


def fill(k):
    return math.modf(k * 0.6180339887498949)[0]


def wave(a, b, *shape):
    return torch.tensor([math.sin(a + b * k) for k in range(math.prod(shape))]).reshape(shape)


def report(name, net, one_bias, variables):
    """variables: of the state, learnt at the start; 0: zeros."""
    parameters, starts, taken = [], [[] for _ in range(variables)], 0

    def take(p):
        nonlocal taken
        with torch.no_grad():
            p.copy_(torch.tensor([fill(taken + k + 1) - 0.5 for k in range(p.numel())]).reshape(p.shape))
        taken += p.numel()
        parameters.append(p)

    for layer in range(LAYERS):
        for way in ("", "_reverse"):
            for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                p = getattr(net, f"{kind}_l{layer}{way}")
                if one_bias and kind == "bias_hh":
                    torch.nn.init.zeros_(p)
                else:
                    take(p)
            for v in range(variables):
                p = torch.zeros(UNITS, requires_grad=True)
                take(p)
                starts[v].append(p)
    start = [torch.stack(s).unsqueeze(1).expand(-1, BATCH, -1).contiguous() for s in starts]
    y, _ = net(wave(1.0, 0.7, STEPS, BATCH, INPUTS), *((start[0],) if variables == 1 else (tuple(start),) if start else ()))
    loss = torch.nn.functional.mse_loss(y, wave(0.4, 1.3, *y.shape))
    loss.backward()
    grad = torch.cat([p.grad.reshape(-1) for p in parameters])
    share = sum(g * fill(k + 1) for k, g in enumerate(grad.tolist()))
    print(f"{name}: {loss.item():.15g}, {y[0, 0, 0].item():.15g}, {y[0, 0, UNITS].item():.15g}, "
          f"{y[-1, -1, -1].item():.15g}, {grad.norm().item():.15g}, {share:.15g}")


sizes = dict(input_size=INPUTS, hidden_size=UNITS, num_layers=LAYERS, bidirectional=True)
report("rnn", torch.nn.RNN(**sizes), True, 0)
report("gru", torch.nn.GRU(**sizes), False, 0)
report("gru, start", torch.nn.GRU(**sizes), False, 1)
report("lstm", torch.nn.LSTM(**sizes), False, 0)
report("lstm, start", torch.nn.LSTM(**sizes), False, 2)
