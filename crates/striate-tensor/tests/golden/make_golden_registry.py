"""Writes `registry.safetensors`: every operation of `src/ops/registry.rs`, computed by PyTorch.

    STRIATE_REGISTRY_INPUTS=/tmp/inputs.safetensors cargo test -p striate-tensor --test golden_registry
    pip install torch numpy safetensors
    python make_golden_registry.py /tmp/inputs.safetensors

The first command writes the inputs that the registry makes. Their values are the same everywhere, so only outputs and
gradients are stored here; the name of each operation in PyTorch goes to the file's metadata, for `docs/engine-ops.md`.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
WINDOWS = dict(kernel_size=(3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2))
STRIDED = dict(stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
MEAN, VAR = torch.tensor([0.3, -0.2], dtype=torch.float64), torch.tensor([1.7, 0.6], dtype=torch.float64)


SDPA = "F.scaled_dot_product_attention"


def attention(query, key, value, **settings):
    return F.scaled_dot_product_attention(query, key.expand(2, -1, -1, -1), value, **settings)


def unary(name, where=torch):
    prefix = "torch" if where is torch else "F"
    return (f"{prefix}.{name}", getattr(where, name))


TABLE = {
    "add": ("torch.add", lambda a, b: a + b),
    "sub": ("torch.sub", lambda a, b: b - a),
    "mul": ("torch.mul", lambda a, b: a * b),
    "div": ("torch.div", lambda a, b: a / b),
    "add_scalar": ("x + number", lambda x: x + 1.5),
    "mul_scalar": ("x * number", lambda x: x * -2.5),
    "div_scalar": ("x / number", lambda x: x / 4),
    **{name: unary(name) for name in "neg relu sigmoid tanh erf exp log sqrt square abs sin cos".split()},
    **{name: unary(name) for name in "log1p expm1 reciprocal rsqrt atan floor ceil round trunc sign".split()},
    **{name: unary(name, F) for name in "gelu silu selu mish".split()},
    "tan": ("torch.tan", lambda x: (0.5 * x).tan()),
    "asin": ("torch.asin", lambda x: (0.9 * x.tanh()).asin()),
    "acos": ("torch.acos", lambda x: (0.9 * x.tanh()).acos()),
    "leaky_relu": ("F.leaky_relu", lambda x: F.leaky_relu(x, 0.1)),
    "elu": ("F.elu", lambda x: F.elu(x, 1.3)),
    "softplus": ("F.softplus", lambda x: F.softplus(x, 1.5, 1e9)),
    "hardsigmoid": ("F.hardsigmoid", lambda x: F.hardsigmoid(2 * x)),
    "hardswish": ("F.hardswish", lambda x: F.hardswish(2 * x)),
    "pow": ("torch.pow", lambda x: x**2.7),
    "pow, whole exponent": ("torch.pow", lambda x: x**3.0),
    "pow, exponent 0": ("torch.pow", lambda x: x**0.0),
    "clamp": ("torch.clamp", lambda x: x.clamp(-0.21, 0.83)),
    "maximum": ("torch.maximum", torch.maximum),
    "minimum": ("torch.minimum", torch.minimum),
    "where_": ("torch.where", torch.where),
    "to_dtype": ("Tensor.to", lambda x: x * 1.0),
    "sum, all": ("torch.sum", lambda x: x.sum()),
    "sum, dims": ("torch.sum", lambda x: x.sum((0, -1))),
    "sum, keepdim": ("torch.sum", lambda x: x.sum(1, keepdim=True)),
    "mean": ("torch.mean", lambda x: x.mean(1)),
    "mean, keepdim": ("torch.mean", lambda x: x.mean((0, 2), keepdim=True)),
    "var": ("torch.var", lambda x: x.var((1, 2))),
    "std": ("torch.std", lambda x: x.std((0, 2), keepdim=True)),
    "norm, 2": ("torch.linalg.vector_norm", lambda x: torch.linalg.vector_norm(x, 2, 1)),
    "norm, 1": ("torch.linalg.vector_norm", lambda x: torch.linalg.vector_norm(x, 1, (0, 2), True)),
    "norm, 3.5": ("torch.linalg.vector_norm", lambda x: torch.linalg.vector_norm(x, 3.5)),
    "norm, maximum": ("torch.linalg.vector_norm", lambda x: torch.linalg.vector_norm(x, torch.inf, 1, True)),
    "logsumexp": ("torch.logsumexp", lambda x: x.logsumexp((0, 2))),
    "prod": ("torch.prod", lambda x: x.prod(2).prod(0)),
    "prod, one zero": ("torch.prod", lambda x: x.prod(1, keepdim=True)),
    "median": ("torch.median", lambda x: x.median(1).values),
    "cumsum": ("torch.cumsum", lambda x: x.cumsum(1)),
    "cumprod": ("torch.cumprod", lambda x: x.cumprod(1)),
    "cumprod, one zero": ("torch.cumprod", lambda x: x.cumprod(-1)),
    "sort": ("torch.sort", lambda x: x.sort(1).values),
    "topk": ("torch.topk", lambda x: x.topk(2).values),
    "max": ("torch.amax", lambda x: x.amax((2, 0))),
    "max, keepdim": ("torch.amax", lambda x: x.amax(1, keepdim=True)),
    "min": ("torch.amin", lambda x: x.amin()),
    "max_with_indices": ("torch.max", lambda x: x.max(1).values),
    "min_with_indices": ("torch.min", lambda x: x.min(-1, keepdim=True).values),
    "reshape": ("torch.reshape", lambda x: x.reshape(4, 6)),
    "flatten": ("torch.flatten", lambda x: x.flatten(1)),
    "unsqueeze and squeeze": ("torch.unsqueeze", lambda x: x.unsqueeze(1).squeeze(1)),
    "permute": ("torch.permute", lambda x: x.permute(2, 0, 1)),
    "transpose": ("torch.transpose", lambda x: x.transpose(0, 2)),
    "broadcast_to": ("Tensor.expand", lambda x: x.expand(2, 3, 4)),
    "contiguous": ("Tensor.contiguous", lambda x: x.mT.contiguous()),
    "channels_last": ("Tensor.contiguous", lambda x: x.contiguous(memory_format=torch.channels_last)),
    "narrow": ("torch.narrow", lambda x: x.narrow(1, 1, 2)),
    "select": ("torch.select", lambda x: x.select(2, -2)),
    "slice": ("x[a:b:c]", lambda x: x[1:, ::2, 1:-1]),
    "gather": ("torch.gather", lambda x, i: x.gather(1, i)),
    "index_select": ("torch.index_select", lambda x, i: x.index_select(1, i)),
    "scatter_add": ("torch.scatter_add", lambda x, i, s: x.scatter_add(1, i, s)),
    "scatter": ("torch.scatter", lambda x, i, s: x.scatter(1, i, s)),
    "index_add": ("torch.index_add", lambda x, i, s: x.index_add(1, i, s)),
    "index": ("x[i, j]", lambda x, i, j: x[i, j]),
    "index, mask": ("x[i, j]", lambda x, m: x[m]),
    "masked_select": ("torch.masked_select", torch.masked_select),
    "masked_fill": ("Tensor.masked_fill", lambda x, m: x.masked_fill(m, 7.0)),
    "cat": ("torch.cat", lambda a, b: torch.cat([a, b, a], 1)),
    "stack": ("torch.stack", lambda a, b: torch.stack([a, b], 1)),
    "pad": ("F.pad", lambda x: F.pad(x, (2, 1, 0, 0, 1, 0), value=0.5)),
    "pad_with, reflect": ("F.pad", lambda x: border(x, "reflect", [(1, 0), (0, 2), (3, 2)])),
    "pad_with, replicate": ("F.pad", lambda x: border(x, "replicate", [(0, 3), (2, 0), (1, 1)])),
    "pad_with, circular": ("F.pad", lambda x: border(x, "circular", [(1, 0), (0, 2), (4, 1)])),
    "flip": ("torch.flip", lambda x: x.flip(0, -1)),
    "roll": ("torch.roll", lambda x: x.roll(-5, 1)),
    "repeat": ("Tensor.repeat", lambda x: x.repeat(2, 1, 3, 1)),
    "repeat_interleave": ("torch.repeat_interleave", lambda x: x.repeat_interleave(3, 1)),
    "tril": ("torch.tril", lambda x: x.tril(-1)),
    "triu": ("torch.triu", lambda x: x.triu(1)),
    "embedding": ("F.embedding", lambda w, i: F.embedding(i, w)),
    **{
        name: ("torch.matmul", torch.matmul)
        for name in ["matmul", "matmul, vectors", "matmul, vector and matrix", "matmul, batched", "matmul, broadcast"]
    },
    "matmul, batch and matrix": ("torch.matmul", torch.matmul),
    "einsum": ("torch.einsum", lambda a, b, c: torch.einsum("bij,kjb,ii->kb", a, b, c)),
    "linear": ("F.linear", F.linear),
    "linear, no bias": ("F.linear", F.linear),
    "conv2d, strided, dilated, in groups": ("F.conv2d", lambda x, w, b: F.conv2d(x, w, b, **STRIDED)),
    "conv2d": ("F.conv2d", F.conv2d),
    "conv_transpose2d, strided, dilated, in groups": (
        "F.conv_transpose2d",
        lambda x, w, b: F.conv_transpose2d(x, w, b, output_padding=(1, 0), **STRIDED),
    ),
    "conv_transpose2d": ("F.conv_transpose2d", F.conv_transpose2d),
    "conv1d": ("F.conv1d", lambda x, w, b: F.conv1d(x, w, b, 2, 1, 2, 2)),
    "conv_transpose1d": ("F.conv_transpose1d", lambda x, w, b: F.conv_transpose1d(x, w, b, 2, 1, 1, 2, 2)),
    "adaptive_avg_pool2d": ("F.adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (3, 6))),
    "adaptive_max_pool2d": ("F.adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, (2, 3))),
    "interpolate, nearest": ("F.interpolate", lambda x: F.interpolate(x, (3, 7))),
    "interpolate, linear": ("F.interpolate", lambda x: F.interpolate(x, (7, 3), mode="bilinear")),
    "interpolate, cubic": ("F.interpolate", lambda x: F.interpolate(x, (3, 6), mode="bicubic", align_corners=True)),
    "grid_sample": ("F.grid_sample", lambda x, g: F.grid_sample(x, g, align_corners=False)),
    "grid_sample, reflection": ("F.grid_sample", lambda x, g: F.grid_sample(x, g, "bilinear", "reflection", True)),
    "grid_sample, bicubic": ("F.grid_sample", lambda x, g: F.grid_sample(x, g, "bicubic", "border", False)),
    "unfold": ("F.unfold", lambda x: F.unfold(x, **WINDOWS)),
    "fold": ("F.fold", lambda x: F.fold(x, (5, 4), **WINDOWS)),
    "max_pool2d": ("F.max_pool2d", lambda x: F.max_pool2d(x, 2)),
    "max_pool2d, overlapping": ("F.max_pool2d", lambda x: F.max_pool2d(x, 3, (2, 1), 1)),
    "max_pool2d_with_indices": (
        "F.max_pool2d, return_indices=True",
        lambda x: sum(F.max_pool2d(x, 3, (2, 1), 1, return_indices=True)),
    ),
    "max_unpool2d": ("F.max_unpool2d", lambda x: unpool(x)),
    "max_pool2d, ceil_mode": ("F.max_pool2d", lambda x: F.max_pool2d(x, (2, 3), 2, (0, 1), ceil_mode=True)),
    "avg_pool2d, ceil_mode": ("F.avg_pool2d", lambda x: F.avg_pool2d(x, (2, 3), 2, (0, 1), ceil_mode=True)),
    "avg_pool2d": ("F.avg_pool2d", lambda x: F.avg_pool2d(x, 3, (2, 1), 1, count_include_pad=False)),
    "batch_norm, training": (
        "F.batch_norm",
        lambda x, w, b: F.batch_norm(x, MEAN.clone(), VAR.clone(), w, b, training=True),
    ),
    "batch_norm, evaluation": ("F.batch_norm", lambda x, w, b: F.batch_norm(x, MEAN, VAR, w, b)),
    "layer_norm": ("F.layer_norm", lambda x, w, b: F.layer_norm(x, (3, 4), w, b)),
    "layer_norm, not affine": ("F.layer_norm", lambda x: F.layer_norm(x, (4,), eps=1e-3)),
    "group_norm": ("F.group_norm", lambda x, w, b: F.group_norm(x, 3, w, b)),
    "scaled_dot_product_attention": (SDPA, lambda q, k, v: attention(q, k, v)),
    "scaled_dot_product_attention, weights kept": (SDPA, lambda q, k, v: attention(q, k, v)),
    "scaled_dot_product_attention, causal": (SDPA, lambda q, k, v: attention(q, k, v, is_causal=True, scale=0.3)),
    "scaled_dot_product_attention, masked": (SDPA, lambda q, k, v, mask: attention(q, k, v, attn_mask=mask)),
    "scaled_dot_product_attention, fixed mask": (
        SDPA,
        lambda q, k, v, mask: attention(q, k, v, attn_mask=mask | (torch.arange(5) == 1)),
    ),
    "attention_weights": (
        "(q @ k.mT * scale).softmax(-1)",
        lambda q, k: (q @ k.mT / 2).masked_fill(torch.ones(3, 5).tril() == 0, -torch.inf).softmax(-1),
    ),
    "softmax": ("F.softmax", lambda x: x.softmax(1)),
    "log_softmax": ("F.log_softmax", lambda x: x.log_softmax(-1)),
    "cross_entropy": ("F.cross_entropy", F.cross_entropy),
    "cross_entropy, per position": ("F.cross_entropy", lambda x, t: F.cross_entropy(x, t, reduction="none")),
    "nll_loss": ("F.nll_loss", lambda x, t: F.nll_loss(x, t, reduction="sum")),
    "ctc_loss": ("F.ctc_loss", lambda x, t: F.ctc_loss(own(x), t, (5, 4, 3), (2, 3, 0), blank=1)),
    "ctc_loss, per sample": (
        "F.ctc_loss",
        lambda x, t: F.ctc_loss(own(x), t, (5, 2, 3), (2, 3, 1), 1, "none", zero_infinity=True),
    ),
    "gelu_tanh": ('F.gelu, approximate="tanh"', lambda x: F.gelu(x, approximate="tanh")),
    "lstm": ("nn.LSTM", lambda *x: lstm(*x)),
    "lstm, reverse": ("nn.LSTM", lambda x, *rest: lstm(x.flip(0), *rest, reverse=True)),
    "gru": ("nn.GRU", lambda x, h, *w: torch.gru(x, h[None], w, True, 1, 0.0, False, False, False)[0]),
    "gru, reverse": (
        "nn.GRU",
        lambda x, h, *w: torch.gru(x.flip(0), h[None], w, True, 1, 0.0, False, False, False)[0].flip(0),
    ),
    "rnn_tanh": ("nn.RNN", lambda x, h, *w: torch.rnn_tanh(x, h[None], w, True, 1, 0.0, False, False, False)[0]),
    "rnn_tanh, reverse": (
        "nn.RNN",
        lambda x, h, *w: torch.rnn_tanh(x.flip(0), h[None], w, True, 1, 0.0, False, False, False)[0].flip(0),
    ),
    "rnn_relu": (
        'nn.RNN, nonlinearity="relu"',
        lambda x, h, *w: torch.rnn_relu(x, h[None], w, True, 1, 0.0, False, False, False)[0],
    ),
    "cross_entropy, smoothed": ("F.cross_entropy", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1)),
    # The mask is Striate's own.
    "dropout": ("F.dropout", None),
}


class own(torch.autograd.Function):
    """The identity. PyTorch's gradient of the CTC loss is that of the logits before a log_softmax: `exp(x)` too much."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        # Where a step counts the gradient holds scale * (exp(x) - share), and the shares of a step sum to 1.
        scale = gradient.sum(2, keepdim=True) / (x.exp().sum(2, keepdim=True) - 1)
        return gradient - scale * x.exp()


own = own.apply


def border(x, mode, sides):
    """PyTorch pads the last dimensions only, in front of which two are needed: one dimension after the other."""
    for dim, pair in enumerate(sides):
        moved = x.movedim(dim, -1)
        flat = moved.reshape(1, -1, moved.shape[-1])
        x = F.pad(flat, pair, mode=mode).reshape(*moved.shape[:-1], -1).movedim(-1, dim)
    return x


def unpool(x):
    """The means of windows at the places of their largest."""
    places = F.max_pool2d(x, 2, return_indices=True)[1]
    return F.max_unpool2d(F.avg_pool2d(x[:, :, :4], 2), places, 2, output_size=(5, 4))


def lstm(x, hidden, cell, *weights, reverse=False):
    """The outputs, with the last cell below them. `x` is in the order of reading, the outputs in that of the sequence."""
    states = (hidden.unsqueeze(0), cell.unsqueeze(0))
    outputs, _, cell = torch.lstm(x, states, weights, True, 1, 0.0, False, False, False)
    return torch.cat((outputs.flip(0) if reverse else outputs, cell))


def main():
    inputs, stored, names = load_file(sys.argv[1]), {}, {}
    for case, (name, function) in TABLE.items():
        names[case.split(",")[0]] = name
        if function is None:
            continue
        found = [inputs[f"{case}.input{i}"] for i in range(9) if f"{case}.input{i}" in inputs]
        leaves = [x.clone().requires_grad_(True) if x.is_floating_point() else x for x in found]
        output = function(*leaves)
        weights = torch.cos(torch.arange(output.numel(), dtype=torch.float64)) + 0.2
        output.backward(weights.reshape(output.shape))
        stored[f"{case}.output"] = output.detach()
        for i, leaf in enumerate(leaves):
            if leaf.is_floating_point():
                stored[f"{case}.grad{i}"] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    stored = {name: tensor.clone().contiguous() for name, tensor in stored.items()}
    save_file(stored, HERE / "registry.safetensors", metadata=names)


main()
