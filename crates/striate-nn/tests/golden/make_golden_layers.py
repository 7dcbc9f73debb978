"""Writes `layers.safetensors` and `losses.safetensors`: further layers and losses, computed by PyTorch.

    pip install torch numpy safetensors
    python make_golden_layers.py
"""

import torch
import torch.nn.functional as F
from make_golden import HERE, Cases, integers, randn
from safetensors.torch import save_file
from torch import nn

LAYERS = {}


def add(case, module, *inputs, training=False, call=None):
    """Random weights; output, and gradients of the inputs and weights, in double precision from single-precision values."""
    module = module.double().train(training)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                values = randn(*tensor.shape).float().double()
                tensor.copy_(values.abs() + 0.5 if "running_var" in name else values * 0.5)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        module.weight.data[module.padding_idx] = 0
    for name, tensor in module.state_dict().items():
        LAYERS[f"{case}.state.{name}"] = tensor.clone()
    inputs = [x.float().double().requires_grad_(True) if x.is_floating_point() else x for x in inputs]
    output = (call or (lambda m, *x: m(*x)))(module, *inputs)
    grad_output = randn(*output.shape).float().double()
    output.backward(grad_output)
    for index, x in enumerate(inputs):
        LAYERS[f"{case}.input_{index}"] = x.detach()
        if x.grad is not None:
            LAYERS[f"{case}.grad_input_{index}"] = x.grad
    for name, parameter in module.named_parameters():
        LAYERS[f"{case}.grad.{name}"] = parameter.grad
    LAYERS[f"{case}.output"], LAYERS[f"{case}.grad_output"] = output.detach(), grad_output


def layers():
    add("layer_norm", nn.LayerNorm([3, 4]), randn(2, 5, 3, 4) * 2 + 1)
    add("group_norm", nn.GroupNorm(2, 6), randn(2, 6, 3, 4) * 2 + 1)
    add("instance_norm", nn.InstanceNorm2d(3), randn(2, 3, 3, 4) * 2 + 1)
    add("instance_norm_affine", nn.InstanceNorm2d(3, affine=True), randn(2, 3, 3, 4) * 2 + 1)
    add("batch_norm1d_train", nn.BatchNorm1d(3), randn(6, 3) * 2 + 1, training=True)
    add("batch_norm1d_eval", nn.BatchNorm1d(3), randn(4, 3, 5) * 2 + 1)
    add("local_response_norm", nn.LocalResponseNorm(3, alpha=0.3, beta=0.7, k=1.5), randn(2, 5, 2, 3) * 2)
    add("local_response_norm_even", nn.LocalResponseNorm(4, alpha=0.5), randn(2, 5, 3) * 2)
    for name, module in {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}.items():
        first = lambda m, x: m(x)[0]
        add(name, module(3, 4), randn(5, 2, 3), call=first)
        deep = module(3, 2, num_layers=2, bidirectional=True, batch_first=True)
        add(f"{name}_deep", deep, randn(2, 4, 3), call=first)
        # With given states; output and last states in one tensor.
        states = [randn(1, 2, 4) for _ in range(2 if name == "lstm" else 1)]

        def run(m, x, *states):
            output, last = m(x, tuple(states) if len(states) > 1 else states[0])
            return torch.cat([output, *(last if isinstance(last, tuple) else (last,))])

        add(f"{name}_states", module(3, 4, bias=False), randn(3, 2, 3), *states, call=run)
    attend = lambda m, q, k, v: m(q, k, v, need_weights=False)[0]
    add("attention", nn.MultiheadAttention(6, 2), randn(4, 2, 6), randn(5, 2, 6), randn(5, 2, 6), call=attend)
    mask = torch.triu(torch.full((4, 4), -torch.inf, dtype=torch.float64), 1)
    causal = lambda m, x: m(x, x, x, attn_mask=mask)[0]
    add("attention_causal", nn.MultiheadAttention(6, 3, batch_first=True), randn(2, 4, 6), call=causal)
    for name, norm_first in [("", False), ("_norm_first", True)]:
        settings = dict(dim_feedforward=8, dropout=0.0, norm_first=norm_first, batch_first=norm_first)
        add(f"encoder{name}", nn.TransformerEncoderLayer(4, 2, **settings), randn(3, 2, 4), training=True)
        mask = torch.triu(torch.full((3, 3), -torch.inf, dtype=torch.float64), 1)
        x, memory = (randn(2, 3, 4), randn(2, 5, 4)) if norm_first else (randn(3, 2, 4), randn(5, 2, 4))
        decode = lambda m, x, memory: m(x, memory, tgt_mask=mask)
        add(f"decoder{name}", nn.TransformerDecoderLayer(4, 2, **settings), x, memory, training=True, call=decode)
    add("embedding", nn.Embedding(5, 3, padding_idx=2), integers(5, 3, 4))
    add("adaptive_avg_pool2d", nn.AdaptiveAvgPool2d((3, 2)), randn(2, 3, 7, 5))
    transposed = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)
    add("conv_transpose2d", transposed, randn(2, 4, 3, 5))
    add("upsample", nn.Upsample(scale_factor=3), randn(1, 2, 2, 3))
    add("upsample_bilinear", nn.Upsample(scale_factor=2, mode="bilinear"), randn(1, 2, 3, 4))
    add("pixel_shuffle", nn.PixelShuffle(2), randn(2, 8, 2, 3))
    for name, module in {
        "leaky_relu": nn.LeakyReLU(0.1),
        "elu": nn.ELU(1.5),
        "silu": nn.SiLU(),
        "hardswish": nn.Hardswish(),
        "softplus": nn.Softplus(2.0),
        "prelu": nn.PReLU(3),
        "identity": nn.Identity(),
    }.items():
        add(name, module, randn(2, 3, 5) * 4)
    single = {name: value.float() if value.is_floating_point() else value for name, value in LAYERS.items()}
    save_file({name: value.clone().contiguous() for name, value in single.items()}, HERE / "layers.safetensors")


def focal(input, target, alpha=0.25, gamma=2.0, reduction="mean"):
    """Lin et al. 2017, as in torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(input)
    p_t = p * target + (1 - p) * (1 - target)
    loss = F.binary_cross_entropy_with_logits(input, target, reduction="none") * (1 - p_t) ** gamma
    loss = (alpha * target + (1 - alpha) * (1 - target)) * loss
    return loss.mean() if reduction == "mean" else loss


def dice(input, target):
    dims = tuple(range(2, input.ndim))
    overlap, union = (input * target).sum(dims), input.sum(dims) + target.sum(dims)
    return (1 - (2 * overlap + 1) / (union + 1)).mean()


def losses():
    cases = Cases()
    for reduction in ["mean", "sum", "none"]:
        for name, settings in {
            "weighted": dict(weight=torch.tensor([0.5, 2.0, 1.0, 0.1], dtype=torch.float64)),
            "smooth": dict(label_smoothing=0.2),
            "ignoring": dict(ignore_index=1),
            "all": dict(weight=torch.tensor([0.5, 2.0, 1.0, 0.1], dtype=torch.float64), label_smoothing=0.1, ignore_index=3),
        }.items():
            function = lambda input, target: F.cross_entropy(input, target, reduction=reduction, **settings)
            cases.add(f"cross_entropy_{name}_{reduction}", function, input=randn(7, 4) * 3, target=integers(4, 7))
            if reduction != "sum":
                shape = (2, 4, 3, 2)
                cases.add(f"cross_entropy_{name}_map_{reduction}", function, input=randn(*shape), target=integers(4, 2, 3, 2))
        with_reduction = lambda f, **s: lambda input, target: f(input, target, reduction=reduction, **s)
        pair = dict(input=randn(4, 3), target=randn(4, 3))
        cases.add(f"l1_{reduction}", with_reduction(F.l1_loss), **pair)
        cases.add(f"smooth_l1_{reduction}", with_reduction(F.smooth_l1_loss, beta=0.7), **pair)
        cases.add(f"huber_{reduction}", with_reduction(F.huber_loss, delta=0.7), **pair)
        cases.add(f"multi_margin_{reduction}", with_reduction(F.multi_margin_loss, margin=0.8), input=randn(5, 4), target=integers(4, 5))
    probabilities, targets = torch.sigmoid(randn(4, 3)), torch.sigmoid(randn(4, 3) * 3)
    cases.add("bce", lambda input: F.binary_cross_entropy(input, targets), input=probabilities)
    cases["bce.fixed"] = targets
    p = torch.softmax(randn(4, 3), 1)
    p[0] = torch.tensor([0.0, 0.25, 0.75])
    cases.add("kl_mean", lambda input: F.kl_div(input, p), input=torch.log_softmax(randn(4, 3), 1))
    cases.add("kl_batch", lambda input: F.kl_div(input, p, reduction="batchmean"), input=torch.log_softmax(randn(4, 3), 1))
    cases["kl_mean.fixed"] = cases["kl_batch.fixed"] = p
    cases.add("triplet", lambda a, p, n: F.triplet_margin_loss(a, p, n), a=randn(6, 3), p=randn(6, 3), n=randn(6, 3))
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    cases.add("cosine", lambda a, p: F.cosine_embedding_loss(a, p, signs, margin=0.1), a=randn(5, 3), p=randn(5, 3))
    cases["cosine.fixed"] = signs
    labels = integers(2, 4, 3).double()
    cases.add("focal", lambda input: focal(input, labels), input=randn(4, 3) * 3)
    cases.add("focal_none", lambda input: focal(input, labels, 0.6, 1.5, "none"), input=randn(4, 3) * 3)
    mask = integers(2, 2, 3, 4, 2).double()
    cases.add("dice", lambda input: dice(input, mask), input=torch.sigmoid(randn(2, 3, 4, 2)))
    cases["focal.fixed"] = cases["focal_none.fixed"] = labels
    cases["dice.fixed"] = mask
    cases.save("losses")


if __name__ == "__main__":
    layers()
    losses()
