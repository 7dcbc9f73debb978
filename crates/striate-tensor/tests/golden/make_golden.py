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
    add(
        "conv_transpose1d",
        lambda x, w, b: F.conv_transpose1d(x, w, b, 3, 1, 2, groups=2, dilation=2),
        (2, 4, 5), (4, 3, 3), (6,),
    )
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
    for name in ["elu", "selu", "softplus", "mish", "hardswish", "silu"]:
        add(name, lambda x: getattr(F, name)(3 * x), (3, 4, 5))
    # Not F.hardsigmoid, whose gradient uses 1/6 in single precision.
    add("hardsigmoid", lambda x: (3 * x / 6 + 0.5).clamp(0, 1), (3, 4, 5))
    add("leaky_relu", lambda x: F.leaky_relu(x, 0.1), (3, 4, 5))
    add("erf", torch.erf, (3, 4, 5))
    table = torch.tensor([[2, 0, 2], [4, 1, 0]])
    add("embedding", lambda w, i: F.embedding(i, w), (5, 3), table)
    add("flip", lambda x: x.flip(0, 2), (2, 3, 4))
    add("roll", lambda x: x.roll(-5, 1), (2, 3, 4))
    add("tril", lambda x: x.tril(-1), (2, 4, 3))
    add("triu", lambda x: x.triu(1), (2, 4, 3))


def choices():
    index = torch.tensor([[2, 0, 2, 1], [1, 1, 0, 2]])
    add("scatter_add", lambda x, i, s: x.scatter_add(1, i, s), (2, 3), index, (2, 4))
    mask = torch.tensor([[True, False, True, False], [False, False, True, True], [True] * 4])
    add("masked_select", lambda x, m: x.masked_select(m), (2, 3, 4), mask)
    add("masked_fill", lambda x, m: x.masked_fill(m, 7.0), (2, 3, 4), mask)
    for descending in [False, True]:
        add(f"sort_{str(descending).lower()}", lambda x: x.sort(1, descending=descending).values, (2, 5, 3))
    add("argsort", lambda x: x.argsort(0), (4, 3))
    add("topk_largest", lambda x: x.topk(3, -1).values, (2, 3, 6))
    add("topk_smallest", lambda x: x.topk(2, 1, largest=False).values, (2, 5, 3))


def reductions():
    add("cumsum", lambda x: x.cumsum(1), (2, 4, 3))
    for label, p in [("1", 1), ("2", 2), ("3", 3), ("half", 0.5), ("infinity", float("inf"))]:
        add(f"norm_{label}", lambda x: torch.linalg.vector_norm(x, p, dim=(0, 2)), (2, 4, 3))
    constant = torch.zeros(2, 3, dtype=torch.float64)
    add("norm_of_zero", lambda x: torch.linalg.vector_norm(x, 2, dim=1), constant)
    add("std", lambda x: x.std((0, 2), keepdim=True), (2, 4, 3))
    add("std_of_constant", lambda x: x.std(1), constant)
    add("logsumexp", lambda x: (100 * x).logsumexp((0, 2)), (2, 4, 3))
    add("linspace", lambda: torch.linspace(-1, 2, 8, dtype=torch.float64))


def products():
    add("einsum_batched", lambda a, b: torch.einsum("bij,bkj->bik", a, b), (2, 3, 4), (2, 5, 4))
    add("einsum_three", lambda a, b, c: torch.einsum("bij,kjb,ii->kb", a, b, c), (2, 3, 4), (5, 4, 2), (3, 3))
    add("einsum_implicit", lambda a, b: torch.einsum("kj,ij", a, b), (3, 4), (5, 4))
    add("einsum_outer", lambda a, b: torch.einsum("i,j->ji", a, b), (3,), (4,))
    add("einsum_trace", lambda a: torch.einsum("iji->j", a), (3, 2, 3))


def samples():
    for outside in ["zeros", "border", "reflection"]:
        for corners in [False, True]:
            for mode in ["bilinear", "nearest", "bicubic"]:
                add(
                    f"grid_sample_{mode}_{outside}_{str(corners).lower()}",
                    lambda x, g: F.grid_sample(x, 1.2 * g, mode, outside, corners),
                    (2, 3, 5, 4), (2, 2, 3, 2),
                )


def normalisations():
    add("layer_norm", lambda x, w, b: F.layer_norm(x, (3, 40), w, b), (5, 3, 40), (3, 40), (3, 40))
    add("layer_norm_plain", lambda x: F.layer_norm(x, (4,), eps=1e-3), (2, 3, 4))
    add("group_norm", lambda x, w, b: F.group_norm(x, 3, w, b), (2, 6, 5, 7), (6,), (6,))
    add("group_norm_flat", lambda x, w, b: F.group_norm(x, 2, w, b), (5, 6), (6,), (6,))
    add("instance_norm", lambda x: F.instance_norm(x), (2, 3, 5, 4))


def more_elements():
    for name in ["log1p", "reciprocal", "rsqrt"]:
        add(name, lambda x: getattr(torch, name)(x.abs() + 0.1), (3, 4))
    for name in ["expm1", "tan", "atan", "floor", "ceil", "round", "trunc", "sign"]:
        add(name, lambda x: getattr(torch, name)(2.5 * x), (3, 4))
    for name in ["asin", "acos"]:
        add(name, lambda x: getattr(torch, name)(0.9 * x.tanh()), (3, 4))
    add("prod", lambda x: x.prod(1), (3, 4, 2))
    zeros = randn(torch.Generator().manual_seed(1), 3, 4)
    zeros[0, 1] = zeros[1, 0] = zeros[1, 2] = 0
    add("prod_zeros", lambda x: x.prod(1, keepdim=True), zeros)
    add("median_odd", lambda x: x.median(1).values, (3, 5, 2))
    add("median_even", lambda x: x.median(-1, keepdim=True).values, (3, 4))
    add("repeat", lambda x: x.repeat(2, 1, 3), (2, 3))
    add("repeat_interleave", lambda x: x.repeat_interleave(3, 0), (2, 3))
    add("nonzero", lambda x: x.nonzero(), torch.tensor([[True, False, True], [False, False, True]]))


def sequences():
    """Lengths are written again in the test. The last pair of sequences cannot be read out."""
    def loss(labels, inputs, lengths, **settings):
        return lambda x: F.ctc_loss(x.log_softmax(2), labels, inputs, lengths, **settings)

    padded = torch.tensor([[1, 2, 2, 3], [4, 4, 0, 0], [3, 0, 0, 0]])
    flat = torch.tensor([1, 2, 2, 3, 4, 4, 3])
    for reduction in ["mean", "sum", "none"]:
        add(f"ctc_{reduction}", loss(padded, (8, 6, 7), (4, 2, 1), reduction=reduction), (8, 3, 5))
    add("ctc_flat", loss(flat, (8, 6, 7), (4, 2, 1)), (8, 3, 5))
    add("ctc_blank", loss(torch.tensor([[0, 2], [3, 0]]), (5, 4), (2, 2), blank=1), (5, 2, 4))
    add("ctc_no_labels", loss(torch.tensor([[1], [0]]), (5, 4), (1, 0), reduction="none"), (5, 2, 4))
    # Two equal labels need a blank between them: three steps.
    endless = torch.tensor([[2, 2], [1, 2]])
    add("ctc_zero_infinity", loss(endless, (2, 4), (2, 2), zero_infinity=True), (4, 2, 3))


images()
elements()
more_elements()
sequences()
choices()
reductions()
products()
samples()
normalisations()
save_file({key: value.clone().contiguous() for key, value in CASES.items()}, HERE / "ops.safetensors")
