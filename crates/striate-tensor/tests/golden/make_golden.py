"""Writes the expected values of `../golden.rs` next to this file, computed by PyTorch.

    pip install torch numpy safetensors
    python make_golden.py

The tests read the file; PyTorch is needed only to make it anew.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = Path(__file__).parent
CASES = {}


def randn(generator, *shape):
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def add(case, function, *inputs):
    """Runs `function(*inputs)`, where shapes stand for random inputs, backpropagates a random gradient, stores all."""
    # A generator of its own per case: adding a case leaves the others as they are.
    generator = torch.Generator().manual_seed(sum(case.encode()))
    values = [randn(generator, *x) if isinstance(x, tuple) else x for x in inputs]
    leaves = [x.clone().requires_grad_(True) if x.is_floating_point() else x for x in values]
    output = function(*leaves)
    CASES[f"{case}.output"] = output.detach()
    if output.requires_grad:
        gradient = randn(generator, *output.shape)
        output.backward(gradient)
        CASES[f"{case}.grad_output"] = gradient
    for i, (value, leaf) in enumerate(zip(values, leaves)):
        CASES[f"{case}.input{i}"] = value
        if leaf.grad is not None:
            CASES[f"{case}.grad{i}"] = leaf.grad


def images():
    add(
        "conv_transpose2d",
        lambda x, w, b: F.conv_transpose2d(x, w, b, (2, 3), (1, 2), (1, 0), groups=2, dilation=(1, 2)),
        (2, 4, 3, 4), (4, 3, 3, 2), (6,),
    )
    add("conv1d", lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2, 2), (2, 4, 9), (6, 2, 3), (6,))
    add("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 6)), (2, 3, 5, 4))
    add("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (3, 2)), (2, 3, 5, 4))
    for label, size in [("up", (7, 11)), ("down", (3, 2))]:
        add(f"nearest_{label}", lambda x: F.interpolate(x, size, mode="nearest"), (2, 3, 5, 4))
        for corners in [False, True]:
            for mode in ["bilinear", "bicubic"]:
                add(
                    f"{mode}_{label}_{str(corners).lower()}",
                    lambda x: F.interpolate(x, size, mode=mode, align_corners=corners),
                    (2, 3, 5, 4),
                )
    windows = dict(kernel_size=(3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
    add("unfold", lambda x: F.unfold(x, **windows), (2, 3, 5, 4))
    add("fold", lambda x: F.fold(x, (5, 4), **windows), (2, 12, 18))
    for mode in ["reflect", "replicate", "circular"]:
        add(f"pad_{mode}", lambda x: F.pad(x, (3, 2, 1, 0), mode=mode), (2, 3, 4, 5))


def elements():
    table = torch.tensor([[2, 0, 2], [4, 1, 0]])
    add("embedding", lambda w, i: F.embedding(i, w), (5, 3), table)
    add("flip", lambda x: x.flip(0, 2), (2, 3, 4))
    add("roll", lambda x: x.roll(-5, 1), (2, 3, 4))
    add("tril", lambda x: x.tril(-1), (2, 4, 3))
    add("triu", lambda x: x.triu(1), (2, 4, 3))


images()
elements()
save_file({key: value.clone().contiguous() for key, value in CASES.items()}, HERE / "ops.safetensors")
