"""Writes `settings.safetensors`: layers, losses and optimisers with settings other than the defaults, and the mean of weights over a
training, computed by PyTorch.

    pip install torch numpy safetensors
    python make_golden_settings.py
"""

import make_golden
import make_golden_layers
import torch
import torch.nn.functional as F
from make_golden import Cases, integers, randn
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class Additive(nn.Module):
    """Bahdanau et al. 2015; PyTorch has none."""

    def __init__(self):
        super().__init__()
        self.query, self.key = nn.Linear(3, 5, bias=False), nn.Linear(4, 5)
        self.score = nn.Linear(5, 1, bias=False)

    def forward(self, query, keys):
        scores = self.score(torch.tanh(self.query(query)[:, :, None] + self.key(keys)[:, None])).squeeze(-1)
        return scores.softmax(-1) @ keys


class Maxout(nn.Module):
    """Goodfellow et al. 2013; PyTorch has none."""

    def forward(self, x):
        return x.reshape(x.shape[0], x.shape[1] // 3, 3, *x.shape[2:]).amax(2)


class Sinusoids(nn.Module):
    """Vaswani et al. 2017, section 3.5; PyTorch has none."""

    def forward(self, x):
        length, width = x.shape[1:]
        position = torch.arange(length, dtype=torch.float64)[:, None]
        rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-torch.log(torch.tensor(1e4)) / width))
        table = torch.zeros(length, width, dtype=torch.float64)
        table[:, 0::2], table[:, 1::2] = torch.sin(position * rate), torch.cos(position * rate)
        return x + table


class Patches(nn.Module):
    def forward(self, x):
        return F.unfold(x, 2, stride=2).mT


def layers():
    add = make_golden_layers.add
    image, sequence = randn(2, 4, 5, 6), randn(2, 4, 7)
    pairs = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)
    add("conv2d_pairs", pairs, image)
    add("conv2d_same", nn.Conv2d(4, 3, (2, 5), padding="same", dilation=(3, 1)), image)
    for mode in ["reflect", "replicate", "circular"]:
        add(f"conv2d_{mode}", nn.Conv2d(4, 3, 3, padding=(1, 2), padding_mode=mode), image)
    add("conv1d_same", nn.Conv1d(4, 3, 4, padding="same"), sequence)
    add("conv1d_circular", nn.Conv1d(4, 3, 3, stride=2, padding=2, padding_mode="circular"), sequence)
    transposed = nn.ConvTranspose2d(4, 6, (3, 2), stride=(2, 3), padding=(1, 0), output_padding=(1, 0), bias=False)
    add("conv_transpose2d_pairs", transposed, image)
    add("max_pool1d", nn.MaxPool1d(3, stride=2, padding=1), sequence)
    add("max_pool1d_dilated", nn.MaxPool1d(3, stride=1, dilation=2), sequence)
    add("avg_pool1d", nn.AvgPool1d(3, stride=2, padding=1, count_include_pad=False), sequence)
    add("adaptive_avg_pool1d", nn.AdaptiveAvgPool1d(3), sequence)
    add("adaptive_max_pool1d", nn.AdaptiveMaxPool1d(3), sequence)
    add("batch_norm_plain", nn.BatchNorm2d(4, affine=False, eps=1e-3), image * 2 + 1)
    add("batch_norm_untracked", nn.BatchNorm2d(4, track_running_stats=False), image * 2 + 1)
    cumulative = nn.BatchNorm1d(3, momentum=None)
    add("batch_norm_cumulative", cumulative, randn(6, 3) * 2 + 1, training=True, call=lambda m, x: m(x) + m(2 * x) * m(x**2))
    for name in ["running_mean", "running_var"]:
        make_golden_layers.LAYERS[f"cumulative.{name}"] = getattr(cumulative, name).clone()
    add("layer_norm_plain", nn.LayerNorm([3, 4], elementwise_affine=False), randn(2, 5, 3, 4) * 2 + 1)
    add("layer_norm_biasless", nn.LayerNorm(4, bias=False), randn(2, 5, 4) * 2 + 1)
    add("group_norm_plain", nn.GroupNorm(2, 6, affine=False), randn(2, 6, 3) * 2 + 1)
    add("instance_norm1d", nn.InstanceNorm1d(4, affine=True), sequence * 2 + 1)
    add("rnn_relu", nn.RNN(3, 4, nonlinearity="relu"), randn(5, 2, 3), call=lambda m, x: m(x)[0])
    for name, cell in {"rnn_cell": nn.RNNCell, "lstm_cell": nn.LSTMCell, "gru_cell": nn.GRUCell}.items():
        states = [randn(2, 4) for _ in range(2 if name == "lstm_cell" else 1)]

        def step(m, x, *states):
            after = m(x, states if len(states) > 1 else states[0])
            return torch.cat(after) if isinstance(after, tuple) else after

        add(name, cell(3, 4), randn(2, 3), *states, call=step)
    add("additive_attention", Additive(), randn(2, 3, 3), randn(2, 5, 4))
    add("maxout", Maxout(), randn(2, 6, 5))
    add("sinusoids", Sinusoids(), randn(2, 5, 6))
    add("patches", Patches(), randn(2, 3, 4, 6))
    add("pixel_unshuffle", nn.PixelUnshuffle(2), randn(2, 3, 4, 6))
    for name, module in {
        "celu": nn.CELU(1.7),
        "glu": nn.GLU(1),
        "gelu_tanh": nn.GELU(approximate="tanh"),
        "log_sigmoid": nn.LogSigmoid(),
        "softsign": nn.Softsign(),
        "tanhshrink": nn.Tanhshrink(),
        "softshrink": nn.Softshrink(0.7),
        "hardshrink": nn.Hardshrink(0.7),
        "relu6": nn.ReLU6(),
        "softmin": nn.Softmin(1),
        "elu": nn.ELU(0.7),
        "hardswish": nn.Hardswish(),
    }.items():
        add(name, module, randn(2, 4, 5) * 4)
    add("max_pool2d_ceil", nn.MaxPool2d(3, 2, ceil_mode=True), image)
    add("avg_pool2d_ceil", nn.AvgPool2d(3, 2, 1, ceil_mode=True), image)
    add("avg_pool2d_ceil_inside", nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), image)
    add("max_pool1d_ceil", nn.MaxPool1d(2, ceil_mode=True), sequence)
    add("avg_pool1d_ceil", nn.AvgPool1d(4, 3, 1, ceil_mode=True), sequence)
    attention()
    return {k: v.float() if v.is_floating_point() else v for k, v in make_golden_layers.LAYERS.items()}


def attention():
    """Queries of other lengths and widths than keys and values; output, and weights of each head, in one tensor."""
    add = make_golden_layers.add

    def both(m, q, k, v, **settings):
        output, weights = m(q, k, v, average_attn_weights=False, **settings)
        return torch.cat([output.flatten(), weights.flatten()])

    qkv = randn(4, 2, 6), randn(5, 2, 3), randn(5, 2, 7)
    add("attention_kdim", nn.MultiheadAttention(6, 2, kdim=3, vdim=7), *qkv, call=both)
    qkv = randn(2, 4, 6), randn(2, 5, 6), randn(2, 5, 6)
    add("attention_biasless", nn.MultiheadAttention(6, 3, bias=False, batch_first=True), *qkv, call=both)
    mask = torch.triu(torch.full((4, 5), -torch.inf, dtype=torch.float64), 1)
    behind = nn.MultiheadAttention(6, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True)
    add("attention_behind", behind, *qkv, call=lambda *x: both(*x, attn_mask=mask))
    # The first sequence has three keys, the second all.
    hidden = torch.tensor([[0.0, 0.0, 0.0, -torch.inf, -torch.inf], [0.0] * 5], dtype=torch.float64)
    padded = nn.MultiheadAttention(6, 2, batch_first=True)
    add("attention_padded", padded, *qkv, call=lambda *x: both(*x, key_padding_mask=hidden))


def losses(cases):
    weight = torch.tensor([0.5, 2.0, 1.0, 0.1], dtype=torch.float64)
    signs = torch.sign(randn(5, 3))
    target = torch.sigmoid(randn(5, 4))
    counts = integers(4, 5, 3).double()
    cases["signs.fixed"], cases["target.fixed"], cases["counts.fixed"] = signs, target, counts
    for reduction in ["mean", "sum", "none"]:
        settings = dict(reduction=reduction)
        bce = lambda input: F.binary_cross_entropy_with_logits(input, target, weight, pos_weight=weight + 1, **settings)
        cases.add(f"bce_weighted_{reduction}", bce, input=randn(5, 4) * 3)
        for name, options in {"weighted": dict(weight=weight), "ignoring": dict(weight=weight, ignore_index=1)}.items():
            nll = lambda input, target: F.nll_loss(input, target, **options, **settings)
            cases.add(f"nll_{name}_{reduction}", nll, input=torch.log_softmax(randn(7, 4), 1), target=integers(4, 7))
            cases.add(f"nll_{name}_map_{reduction}", nll, input=randn(2, 4, 3), target=integers(4, 2, 3))
        soft = lambda input, target: F.cross_entropy(input, target, **settings)
        cases.add(f"soft_{reduction}", soft, input=randn(2, 4, 3) * 2, target=torch.softmax(randn(2, 4, 3), 1))
        kl = lambda input, target: F.kl_div(input, target, log_target=True, **settings)
        cases.add(f"kl_log_{reduction}", kl, input=torch.log_softmax(randn(4, 3), 1), target=torch.log_softmax(randn(4, 3), 1))
        triplet = lambda a, p, n: F.triplet_margin_loss(a, p, n, margin=0.7, p=3, swap=True, **settings)
        cases.add(f"triplet_{reduction}", triplet, a=randn(6, 3), p=randn(6, 3), n=randn(6, 3))
        margin = lambda input, target: F.multi_margin_loss(input, target, p=2, margin=0.8, weight=weight, **settings)
        cases.add(f"multi_margin_{reduction}", margin, input=randn(5, 4), target=integers(4, 5))
        gaussian = lambda input, target, variance: F.gaussian_nll_loss(input, target, variance, full=True, **settings)
        variance = randn(4, 3).abs()
        variance[0, 0] = 0
        cases.add(f"gaussian_{reduction}", gaussian, input=randn(4, 3) * 0.01, target=randn(4, 3) * 0.01, variance=variance)
        cases.add(f"soft_margin_{reduction}", lambda input: F.soft_margin_loss(input, signs, **settings), input=randn(5, 3) * 3)
        cases.add(f"poisson_{reduction}", lambda input: F.poisson_nll_loss(input, counts, **settings), input=randn(5, 3))
        reduce = {"mean": torch.mean, "sum": torch.sum, "none": lambda x: x}[reduction]

        def sampling(input, context, negatives):
            """Mikolov et al. 2013, equation 4; PyTorch has none."""
            together = F.logsigmoid((input * context).sum(1))
            apart = F.logsigmoid(-(negatives @ input.unsqueeze(2)).squeeze(2)).sum(1)
            return reduce(-together - apart)

        cases.add(f"sampling_{reduction}", sampling, input=randn(3, 4), context=randn(3, 4), negatives=randn(3, 5, 4))

    def kl(input, variance):
        normal = torch.distributions.Normal(input, torch.exp(variance / 2))
        return torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum() / len(input)

    cases.add("gaussian_kl", kl, input=randn(4, 3), variance=randn(4, 3))


def averages(cases):
    """Five sets of weights of a layer with buffers, and the mean after each."""
    steps = [(randn(3).float(), randn(3).float(), randn(3).float(), randn(3).float().abs()) for _ in range(5)]
    for use_buffers in [False, True]:
        model = nn.BatchNorm1d(3)
        ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8), use_buffers=use_buffers)
        for step, values in enumerate(steps):
            names = ["weight", "bias", "running_mean", "running_var"]
            with torch.no_grad():
                for name, value in zip(names, values):
                    getattr(model, name).copy_(value)
                    cases[f"ema.{name}_{step}"] = value.clone()
            ema.update_parameters(model)
            for name in names:
                suffix = "_buffers" if use_buffers else ""
                cases[f"ema{suffix}.mean_{name}_{step}"] = getattr(ema.module, name).detach().clone()


def clipping(cases):
    """Gradients of two parameters, clipped by their joint norm (1: they are larger; 100: they are not) and by value."""
    gradients = [randn(4, 3).float(), randn(5).float()]
    for i, gradient in enumerate(gradients):
        cases[f"clip.grad_{i}"] = gradient
    for name, clip in {
        "norm_1": lambda p: nn.utils.clip_grad_norm_(p, 1.0),
        "norm_100": lambda p: nn.utils.clip_grad_norm_(p, 100.0),
        "value": lambda p: nn.utils.clip_grad_value_(p, 0.4),
    }.items():
        parameters = [torch.zeros_like(gradient, requires_grad=True) for gradient in gradients]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        norm = clip(parameters)
        if norm is not None:
            cases[f"clip.{name}"] = norm.clone()
        for i, parameter in enumerate(parameters):
            cases[f"clip.{name}_{i}"] = parameter.grad.clone()


def optimizers(cases):
    """A parameter over six steps whose gradients shrink, so that the largest mean square is not the last."""
    table = {
        "adam_amsgrad": (torch.optim.Adam, dict(lr=0.05, amsgrad=True, weight_decay=0.1)),
        "adamw_amsgrad": (torch.optim.AdamW, dict(lr=0.05, amsgrad=True, betas=(0.8, 0.7), eps=1e-4)),
        "nadam_decoupled": (torch.optim.NAdam, dict(lr=0.05, decoupled_weight_decay=True, weight_decay=0.2)),
        "radam_decoupled": (
            torch.optim.RAdam,
            dict(lr=0.05, betas=(0.7, 0.9), decoupled_weight_decay=True, weight_decay=0.2),
        ),
    }
    start = randn(4, 3).float()
    gradients = [randn(4, 3).float() * 0.5**step for step in range(6)]
    cases["optimizers.start"] = start
    for step, gradient in enumerate(gradients):
        cases[f"optimizers.grad_{step}"] = gradient
    for name, (kind, settings) in table.items():
        parameter = start.clone().requires_grad_(True)
        optimizer = kind([parameter], **settings)
        for step, gradient in enumerate(gradients):
            parameter.grad = gradient.clone()
            optimizer.step()
            cases[f"optimizers.{name}_{step}"] = parameter.detach().clone()


if __name__ == "__main__":
    make_golden.GENERATOR.manual_seed(77)
    cases = Cases()
    losses(cases)
    averages(cases)
    optimizers(cases)
    cases |= layers()
    clipping(cases)
    cases.save("settings")
