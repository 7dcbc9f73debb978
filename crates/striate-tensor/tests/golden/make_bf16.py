"""Values of PyTorch in bf16: run with a Python that has torch and safetensors; writes bf16.safetensors beside itself.

Outputs and gradients of operations on bf16 tensors, stored as bf16, by case: `NAME.input0`, ..., `NAME.grad_output`,
`NAME.output`, `NAME.grad0`, ... And `cast.input` (f32) with `cast.output` (bf16).
"""
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(0)
stored = {}


def case(name, function, *shapes):
    inputs = [torch.randn(*shape).to(torch.bfloat16).requires_grad_() for shape in shapes]
    output = function(*inputs)
    gradient = torch.randn_like(output)
    output.backward(gradient)
    for i, x in enumerate(inputs):
        stored[f"{name}.input{i}"] = x.detach()
        stored[f"{name}.grad{i}"] = x.grad
    stored[f"{name}.output"] = output.detach()
    stored[f"{name}.grad_output"] = gradient


case("matmul", torch.matmul, (2, 5, 33), (33, 7))
case("linear", F.linear, (6, 31), (9, 31), (9,))
case("conv2d", lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), (3, 6, 9, 8), (10, 6, 3, 3), (10,))
case("conv2d_odd", lambda x, w: F.conv2d(x, w, padding=1, dilation=2), (2, 3, 8, 9), (5, 3, 3, 2))
case("conv2d_groups", lambda x, w: F.conv2d(x, w, groups=2), (2, 8, 6, 6), (6, 4, 3, 3))
case("conv2d_depthwise", lambda x, w: F.conv2d(x, w, padding=1, groups=4), (2, 4, 6, 6), (4, 1, 3, 3))
case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (6, 5, 4, 4), (5,), (5,))
case("max_pool2d", lambda x: F.max_pool2d(x, 2), (2, 5, 6, 6))
case("avg_pool2d", lambda x: F.avg_pool2d(x, 2), (2, 5, 6, 6))
case("relu", torch.relu, (40,))
case("gelu", F.gelu, (40,))
case("silu", F.silu, (40,))
case("tanh", torch.tanh, (40,))
case("sigmoid", torch.sigmoid, (40,))
case("add", torch.add, (4, 6), (6,))
case("mul", torch.mul, (4, 6), (4, 1))
case("div", lambda a, b: a / (b * b + 1), (4, 6), (4, 6))
case("softmax", lambda x: torch.softmax(x, 1), (4, 6))
case("log_softmax", lambda x: torch.log_softmax(x, 1), (4, 6))
case("layer_norm", lambda x, w, b: F.layer_norm(x, (12,), w, b), (5, 12), (12,), (12,))
case("sum", lambda x: x.sum(1), (5, 40))
case("mean", lambda x: x.mean(0), (50, 3))

values = torch.randn(60) * torch.logspace(-42, 38, 60)
edges = torch.tensor([0x3F808000, 0x3F808001, 0x3F818000, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 1, 0x0000C000], dtype=torch.int32)
stored["cast.input"] = torch.cat([values, edges.view(torch.float32)])
stored["cast.output"] = stored["cast.input"].to(torch.bfloat16)
save_file({k: v.contiguous() for k, v in stored.items()}, pathlib.Path(__file__).with_name("bf16.safetensors"))
