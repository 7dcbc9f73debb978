"""Writes the expected values of the tests next to this file, computed by PyTorch.

    pip install torch numpy safetensors
    python make_golden.py

The tests read the files; PyTorch is needed only to make them anew.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.optim import lr_scheduler

HERE = Path(__file__).parent
GENERATOR = torch.Generator().manual_seed(20)


def randn(*shape):
    return torch.randn(shape, generator=GENERATOR, dtype=torch.float64)


def integers(high, *shape):
    return torch.randint(high, shape, generator=GENERATOR)


class Cases(dict):
    """Tensors by `case.part`."""

    def add(self, case, function, options=None, **inputs):
        """Runs `function(**inputs)`, backpropagates a random gradient, stores inputs, output and all gradients."""
        leaves = {
            name: value.clone().requires_grad_(True) if value.is_floating_point() else value
            for name, value in inputs.items()
        }
        output = function(**leaves)
        grad_output = randn(*output.shape)
        output.backward(grad_output)
        for name, leaf in leaves.items():
            self[f"{case}.{name}"] = inputs[name]
            if leaf.grad is not None:
                self[f"{case}.grad_{name}"] = leaf.grad
        self[f"{case}.output"] = output.detach()
        self[f"{case}.grad_output"] = grad_output
        if options is not None:
            self[f"{case}.options"] = torch.tensor(options)

    def save(self, name):
        save_file({key: value.clone().contiguous() for key, value in self.items()}, HERE / f"{name}.safetensors")


def convolutions(cases):
    #        n, c, h, w, out, kernel, stride, padding, dilation, groups, bias
    table = [
        (2, 1, 6, 7, 3, (3, 3), (1, 1), (0, 0), (1, 1), 1, True),
        (2, 3, 7, 5, 4, (5, 3), (2, 1), (2, 1), (1, 1), 1, True),
        (1, 4, 8, 9, 6, (3, 2), (3, 2), (1, 2), (2, 1), 2, True),
        (3, 4, 5, 6, 4, (3, 3), (1, 2), (1, 1), (1, 2), 4, False),
        (2, 5, 4, 3, 2, (1, 1), (1, 1), (0, 0), (1, 1), 1, True),
        (2, 2, 9, 8, 3, (2, 4), (3, 3), (0, 2), (3, 1), 1, False),
    ]
    for index, (n, c, h, w, out, kernel, stride, padding, dilation, groups, bias) in enumerate(table):
        inputs = {"input": randn(n, c, h, w), "weight": randn(out, c // groups, *kernel)}
        if bias:
            inputs["bias"] = randn(out)
        settings = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
        cases.add(
            f"conv2d_{index}",
            lambda settings=settings, **leaves: F.conv2d(**leaves, **settings),
            options=[*stride, *padding, *dilation, groups],
            **inputs,
        )


def poolings(cases):
    #        shape, kernel, stride, padding, dilation
    table = [
        ((2, 3, 6, 8), (2, 2), (2, 2), (0, 0), (1, 1)),
        ((1, 2, 7, 9), (3, 2), (2, 3), (1, 1), (1, 1)),
        ((2, 4, 8, 5), (3, 3), (1, 1), (1, 1), (2, 1)),
    ]
    for index, (shape, kernel, stride, padding, dilation) in enumerate(table):
        options = [*kernel, *stride, *padding, *dilation]
        # Small integers, so that windows have ties.
        x = integers(4, *shape).double()
        cases.add(
            f"max_pool2d_{index}",
            lambda input: F.max_pool2d(input, kernel, stride, padding, dilation),
            options=options,
            input=x,
        )
        if dilation != (1, 1):
            continue
        for name, include in [("", True), ("_exclude", False)]:
            cases.add(
                f"avg_pool2d{name}_{index}",
                lambda input: F.avg_pool2d(input, kernel, stride, padding, count_include_pad=include),
                options=options,
                input=randn(*shape),
            )


def normalisations(cases):
    shape, channels = (3, 4, 5, 2), 4
    for name, training, eps in [("train", True, 1e-5), ("eval", False, 1e-3)]:
        mean, var = randn(channels), randn(channels).abs() + 0.5
        cases[f"batch_norm_{name}.running_mean_before"] = mean.clone()
        cases[f"batch_norm_{name}.running_var_before"] = var.clone()
        cases.add(
            f"batch_norm_{name}",
            lambda input, weight, bias: F.batch_norm(input, mean, var, weight, bias, training, 0.1, eps),
            input=randn(*shape) * 2 + 1,
            weight=randn(channels),
            bias=randn(channels),
        )
        cases[f"batch_norm_{name}.running_mean_after"] = mean
        cases[f"batch_norm_{name}.running_var_after"] = var


def activations(cases):
    x = randn(3, 4, 5) * 3
    for name in ["relu", "tanh", "sigmoid", "gelu"]:
        cases.add(name, getattr(F, name), input=x)
    for dim in [0, 1, -1]:
        label = dim % 3
        cases.add(f"softmax_{label}", lambda input: F.softmax(input, dim), input=x * 5)
        cases.add(f"log_softmax_{label}", lambda input: F.log_softmax(input, dim), input=x * 5)
    cases.add("linear", F.linear, input=randn(5, 7), weight=randn(3, 7), bias=randn(3))
    cases.add("linear_batched", F.linear, input=randn(2, 3, 4), weight=randn(5, 4))


def losses(cases):
    for reduction in ["mean", "sum", "none"]:
        flat, targets = randn(6, 5) * 4, integers(5, 6)
        flat[0, 1], flat[1, 2] = 1e4, -1e4
        for name in ["cross_entropy", "nll_loss"]:
            function = getattr(F, name)
            cases.add(f"{name}_{reduction}", lambda input, target: function(input, target, reduction=reduction), input=flat, target=targets)
            cases.add(
                f"{name}_map_{reduction}",
                lambda input, target: function(input, target, reduction=reduction),
                input=randn(2, 3, 4, 2),
                target=integers(3, 2, 4, 2),
            )
        cases.add(f"mse_loss_{reduction}", lambda input, target: F.mse_loss(input, target, reduction=reduction), input=randn(4, 3), target=randn(4, 3))
        logits = randn(4, 3) * 5
        logits[0] = torch.tensor([0.0, 300.0, -300.0])
        cases.add(
            f"bce_with_logits_{reduction}",
            lambda input, target: F.binary_cross_entropy_with_logits(input, target, reduction=reduction),
            input=logits,
            target=torch.rand(4, 3, generator=GENERATOR, dtype=torch.float64),
        )


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of Chen et al. 2023; PyTorch has none."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (beta1, beta2), lr, decay = group["betas"], group["lr"], group["weight_decay"]
            for p in group["params"]:
                if p.grad is not None:
                    m = self.state[p].setdefault("m", torch.zeros_like(p))
                    p -= lr * (torch.sign(beta1 * m + (1 - beta1) * p.grad) + decay * p)
                    m.copy_(beta2 * m + (1 - beta2) * p.grad)


class Lamb(torch.optim.Optimizer):
    """Algorithm 2 of You et al. 2020 with phi(z) = z; PyTorch has none."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is not None:
                    state = self.state[p]
                    t = state["t"] = state.get("t", 0) + 1
                    m = state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * p.grad
                    v = state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * p.grad**2
                    r = (m / (1 - beta1**t)) / ((v / (1 - beta2**t)).sqrt() + group["eps"])
                    r = r + group["weight_decay"] * p
                    ratio = p.norm() / r.norm() if p.norm() > 0 and r.norm() > 0 else 1.0
                    p -= group["lr"] * ratio * r


class Muon(torch.optim.Optimizer):
    """Jordan 2024 in double precision. PyTorch's own rounds to bfloat16; the script checks that both agree that far."""

    def __init__(self, params, lr, weight_decay=0.1, momentum=0.95, nesterov=True):
        params = list(params)[:1]
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov))
        self.twin = params[0].detach().clone().requires_grad_(True)
        self.reference = torch.optim.Muon(
            [self.twin], lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov
        )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            mu = group["momentum"]
            for p in group["params"]:
                g = p.grad.double()
                b = self.state[p]["b"] = mu * self.state[p].get("b", torch.zeros_like(g)) + (1 - mu) * g
                u = mu * b + (1 - mu) * g if group["nesterov"] else b
                x = u.T if u.shape[0] > u.shape[1] else u
                x = x / x.norm().clamp(min=1e-7)
                for _ in range(5):
                    a = x @ x.T
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                x = x.T if u.shape[0] > u.shape[1] else x
                scale = max(1, u.shape[0] / u.shape[1]) ** 0.5
                p.copy_(p * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * scale * x)
                self.twin.grad = p.grad.clone()
                self.reference.step()
                assert torch.allclose(p, self.twin, atol=0.05 * group["lr"], rtol=1e-2), (p, self.twin)


def in_groups(params, **settings):
    """The second parameter with a tenth of the rate and its own decay."""
    first, second = params
    second = dict(params=[second], lr=0.1 * settings["lr"], weight_decay=0.3)
    return torch.optim.AdamW([dict(params=[first]), second], **settings)


def optimizers():
    """Two parameters over five steps; the second one has no gradient in step 2."""
    table = {
        "sgd": (torch.optim.SGD, dict(lr=0.1)),
        "sgd_momentum": (torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
        "sgd_dampening": (torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01)),
        "sgd_nesterov": (torch.optim.SGD, dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05)),
        "adam": (torch.optim.Adam, dict(lr=0.01)),
        "adam_decay": (torch.optim.Adam, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
        "adamw": (torch.optim.AdamW, dict(lr=0.05)),
        "adamw_betas": (torch.optim.AdamW, dict(lr=0.02, betas=(0.7, 0.9), eps=1e-6, weight_decay=0.2)),
        "adamw_groups": (in_groups, dict(lr=0.05)),
        "adagrad": (torch.optim.Adagrad, dict(lr=0.1)),
        "adagrad_decay": (
            torch.optim.Adagrad,
            dict(lr=0.1, lr_decay=0.2, weight_decay=0.05, initial_accumulator_value=0.3, eps=1e-3),
        ),
        "rmsprop": (torch.optim.RMSprop, dict(lr=0.01)),
        "rmsprop_centered": (
            torch.optim.RMSprop,
            dict(lr=0.02, alpha=0.9, eps=1e-4, weight_decay=0.1, momentum=0.7, centered=True),
        ),
        "adadelta": (torch.optim.Adadelta, dict(lr=1.0)),
        "adadelta_decay": (torch.optim.Adadelta, dict(lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1)),
        "nadam": (torch.optim.NAdam, dict(lr=0.02)),
        "nadam_decay": (
            torch.optim.NAdam,
            dict(lr=0.05, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.1, momentum_decay=0.05),
        ),
        "radam": (torch.optim.RAdam, dict(lr=0.02)),
        # With this beta2 the rectified branch begins within the five steps.
        "radam_rectified": (torch.optim.RAdam, dict(lr=0.05, betas=(0.7, 0.9), eps=1e-4, weight_decay=0.1)),
        "lion": (Lion, dict(lr=0.02)),
        "lion_decay": (Lion, dict(lr=0.02, betas=(0.8, 0.95), weight_decay=0.5)),
        "lamb": (Lamb, dict(lr=0.02)),
        "lamb_decay": (Lamb, dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
        "muon": (Muon, dict(lr=0.02)),
        "muon_plain": (Muon, dict(lr=0.1, weight_decay=0.0, momentum=0.8, nesterov=False)),
    }
    tensors = {"first": randn(4, 3).float(), "second": randn(5).float()}
    gradients = [(randn(4, 3).float(), randn(5).float()) for _ in range(5)]
    for step, (first, second) in enumerate(gradients):
        tensors[f"grad_first_{step}"], tensors[f"grad_second_{step}"] = first, second
    for name, (kind, settings) in table.items():
        first, second = (tensors[key].clone().requires_grad_(True) for key in ("first", "second"))
        optimizer = kind([first, second], **settings)
        for step, (grad_first, grad_second) in enumerate(gradients):
            first.grad = grad_first
            second.grad = None if step == 2 else grad_second
            optimizer.step()
            tensors[f"{name}.first_{step}"] = first.detach().clone()
            tensors[f"{name}.second_{step}"] = second.detach().clone()
    save_file(tensors, HERE / "optimizers.safetensors")


def plateaus():
    """Forty measurements with long stretches without progress, and the rates that follow from them."""
    noise = torch.rand(40, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    metrics = torch.exp(-torch.arange(40, dtype=torch.float64).clamp(max=12) / 6) + 0.02 * noise
    tensors = {"plateau_metrics": metrics}
    table = {
        "min": dict(patience=2),
        "max": dict(mode="max", factor=0.5, patience=1, threshold=0.01, threshold_mode="abs", cooldown=3, min_lr=0.02),
    }
    for name, settings in table.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = []
        for metric in metrics.tolist():
            scheduler.step(metric)
            rates.append(optimizer.param_groups[0]["lr"])
        tensors[f"plateau_{name}"] = torch.tensor(rates, dtype=torch.float64)
    return tensors


def schedules():
    table = {
        "step": (0.5, lambda o: lr_scheduler.StepLR(o, step_size=7, gamma=0.3)),
        "cosine": (0.5, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20, eta_min=0.01)),
        "one_cycle": (0.5, lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.02, total_steps=40)),
        "one_cycle_quarter": (
            0.5,
            lambda o: lr_scheduler.OneCycleLR(
                o, max_lr=0.3, total_steps=40, pct_start=0.25, div_factor=10, final_div_factor=100
            ),
        ),
    }
    table |= {
        "multi_step": (0.5, lambda o: lr_scheduler.MultiStepLR(o, [3, 10, 31], gamma=0.3)),
        "exponential": (0.5, lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
        "polynomial": (0.5, lambda o: lr_scheduler.PolynomialLR(o, total_iters=30, power=2.0)),
        "warm_up": (0.5, lambda o: lr_scheduler.LinearLR(o, start_factor=0.2, total_iters=12)),
        "warm_restarts": (0.5, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, T_mult=2, eta_min=0.01)),
        "equal_restarts": (0.5, lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7)),
        "sequence": (
            0.5,
            lambda o: lr_scheduler.SequentialLR(
                o,
                [
                    lr_scheduler.LinearLR(o, start_factor=0.1, total_iters=6),
                    lr_scheduler.CosineAnnealingLR(o, T_max=20),
                    lr_scheduler.ExponentialLR(o, 0.5),
                ],
                milestones=[6, 26],
            ),
        ),
    }
    for mode in ["triangular", "triangular2", "exp_range"]:
        table[f"cyclic_{mode}"] = (
            0.5,
            lambda o, mode=mode: lr_scheduler.CyclicLR(
                o, 0.1, 0.5, step_size_up=4, step_size_down=7, mode=mode, gamma=0.97, cycle_momentum=False
            ),
        )
    tensors = plateaus()
    for name, (lr, make) in table.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
        scheduler = make(optimizer)
        rates = []
        for _ in range(40):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if len(rates) < 40:
                scheduler.step()
        tensors[name] = torch.tensor(rates, dtype=torch.float64)
    save_file(tensors, HERE / "schedules.safetensors")


def lenet():
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 5)),
    )


def batch_norm_net():
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(1, 4, 5, bias=False), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64, 5)),
    )


def parity():
    """Fifty training steps over five batches in turn: initial weights, data and the loss of every step."""
    names = {
        "lenet": ["conv1", "", "", "conv2", "", "", "", "fc1", "", "fc2"],
        "batch_norm": ["conv1", "bn1", "", "", "", "fc"],
    }
    torch.manual_seed(3)
    # Noise with two brighter rows where the class says.
    images, targets = integers(160, 5, 16, 1, 12, 12), integers(5, 5, 16)
    for label in range(5):
        images[targets == label, :, 2 * label + 1 : 2 * label + 3] += 95
    images = images.to(torch.uint8)
    tensors = {"images": images, "targets": targets}
    for name, make in [("lenet", lenet), ("batch_norm", batch_norm_net)]:
        model = make()
        for key, value in model.state_dict().items():
            index, parameter = key.split(".")
            tensors[f"{name}.initial.{names[name][int(index)]}.{parameter}"] = value.clone()
        if name == "lenet":
            optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
            scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
        else:
            optimizer = torch.optim.Adam(model.parameters(), lr=1.0)
            scheduler = lr_scheduler.OneCycleLR(optimizer, 0.005, total_steps=50, cycle_momentum=False)
        curve = []
        for step in range(50):
            x = images[step % 5].float() / 64 - 2
            loss = F.cross_entropy(model(x), targets[step % 5])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step < 49:
                scheduler.step()
            curve.append(loss.item())
        tensors[f"{name}.losses"] = torch.tensor(curve)
        model.eval()
        with torch.no_grad():
            tensors[f"{name}.evaluated"] = model(images[0].float() / 64 - 2)
    save_file(tensors, HERE / "parity.safetensors")


def main():
    cases = Cases()
    for fill in [convolutions, poolings, normalisations, activations, losses]:
        fill(cases)
    cases.save("ops")
    optimizers()
    schedules()
    parity()


if __name__ == "__main__":
    main()
