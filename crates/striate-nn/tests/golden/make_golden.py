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
    tensors = {}
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
