"""Reference values in tests/unit/test_gradient.c: PyTorch's optimizers and losses. The problem is
sum_k a_k (theta_k - b_k)^2 / 2 + 0.1 theta_k^4, k < 6, from theta = 0.5, 1, ...; printed are thetas after updates 1, 2 and
25. Not part of any test: wants PyTorch.

    python3 tests/golden/optimizers.py
"""

import math

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
a = torch.tensor([1.0, 2.0, 0.5, 4.0, 0.1, 3.0])
b = torch.tensor([math.sin(1.0 + k) for k in range(6)])


def run(name, make):
    theta = torch.tensor([0.5 * (k + 1) for k in range(6)], requires_grad=True)
    optimizer = make([theta])

    def closure():
        optimizer.zero_grad()
        loss = (a * (theta - b) ** 2 / 2 + 0.1 * theta**4).sum()
        loss.backward()
        return loss

    out = []
    for step in range(25):
        optimizer.step(closure)
        if step in (0, 1, 24):
            out.append(theta.detach().clone())
    print(f"    {name}")
    for t in out:
        print("      {" + ", ".join("%.17g" % v for v in t.tolist()) + "},")


O = torch.optim
run("sgd: {rate: 0.05}", lambda p: O.SGD(p, lr=0.05))
run("sgd: {rate: 0.02, momentum: 0.9, decay: 0.1}", lambda p: O.SGD(p, lr=0.02, momentum=0.9, weight_decay=0.1))
run("sgd: {rate: 0.02, momentum: 0.9, nesterov: on}", lambda p: O.SGD(p, lr=0.02, momentum=0.9, nesterov=True))
run("adam: {rate: 0.1, decay: 0.2}", lambda p: O.Adam(p, lr=0.1, weight_decay=0.2))
run("adamw: {rate: 0.1, decay: 0.2, beta1: 0.8, epsilon: 0.01}", lambda p: O.AdamW(p, lr=0.1, weight_decay=0.2, betas=(0.8, 0.999), eps=0.01))
run("rmsprop: {rate: 0.02}", lambda p: O.RMSprop(p, lr=0.02))
run("rmsprop: {rate: 0.02, momentum: 0.5, centered: on, alpha: 0.9}", lambda p: O.RMSprop(p, lr=0.02, momentum=0.5, centered=True, alpha=0.9))
run("adagrad: {rate: 0.3, rate_decay: 0.1, first: 0.2}", lambda p: O.Adagrad(p, lr=0.3, lr_decay=0.1, initial_accumulator_value=0.2))
run("lbfgs: {history: 4}", lambda p: O.LBFGS(p, lr=1, max_iter=1, history_size=4, tolerance_grad=0, tolerance_change=0))

# ---- losses: y[t][b][o] = sin(1 + 0.7 k), 4 steps, 3 samples, 2 outputs


def show(name, loss, y):
    loss.backward()
    print(f"    {name}: {loss.item():.16g}, {y.grad.norm().item():.16g}, {y.grad.reshape(-1)[9].item():.16g}")


def outputs():
    return torch.tensor([math.sin(1 + 0.7 * k) for k in range(24)]).reshape(4, 3, 2).requires_grad_(True)


target = torch.tensor([math.cos(0.4 * k) for k in range(24)]).reshape(4, 3, 2)
classes = torch.tensor([[(t + b) % 2 for b in range(3)] for t in range(4)])
one = torch.tensor([1, 0, 1])
keep = torch.tensor([k % 5 != 0 for k in range(24)]).reshape(4, 3, 2)
y = outputs()
show("mse", F.mse_loss(y, target), y)
y = outputs()
show("mse masked", F.mse_loss(y[keep], target[keep]), y)
y = outputs()
show("mse masked, samples", sum(F.mse_loss(y[:, b][keep[:, b]], target[:, b][keep[:, b]]) for b in range(3)) / 3, y)
y = outputs()
show("poisson", F.poisson_nll_loss(y, target.abs(), log_input=True), y)
y = outputs()
show("cross_entropy steps", F.cross_entropy(y.reshape(12, 2), classes.reshape(12)), y)
y = outputs()
show("cross_entropy max", F.cross_entropy(y.amax(0), one), y)
y = outputs()
show("cross_entropy mean", F.cross_entropy(y.mean(0), one), y)
y = outputs()
show("cross_entropy last", F.cross_entropy(y[-1], one), y)
y = torch.zeros(4, 3, 2).requires_grad_(True)
show("cross_entropy max, ties", F.cross_entropy(y.amax(0), one), y)
