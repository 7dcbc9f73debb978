#!/usr/bin/env python3
"""The workloads of the speed bench in PyTorch, each in several variants, taken in turn.

    python torch_bench.py --threads 2 --w w3,w4 --rounds 5 --variants eager,cl,compile-cl

Variants: `eager` is f32 in NCHW; `cl` channels_last, `bf16` autocast to bfloat16, `compile` torch.compile, and their
combinations (`compile-cl-bf16`). What a workload has no use for is skipped.
"""

import argparse
import os

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--w", default="w1,w2,w3,w4,w5,w6,w7", help="workloads, separated by commas")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--variants", default="eager,cl,bf16,cl-bf16")
parser.add_argument("--batch", type=int, default=64, help="images in a batch of w3 and w4")
parser.add_argument("--image", type=int, default=32, help="height and width of the images of w4")
parser.add_argument("--peak", action="store_true", help="only the training step of w3 or w4, then the largest memory")
arguments = parser.parse_args()
# Read by the libraries when they are loaded.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(arguments.threads)

import torch
import torch.nn.functional as F

import mnist_data
import networks
from report import interleaved, note, report, report_peak_memory

THREADS, ROUNDS, BATCH, IMAGE = arguments.threads, arguments.rounds, arguments.batch, arguments.image
VARIANTS = [set(name.split("-")) - {"eager"} for name in arguments.variants.split(",")]
torch.set_num_threads(THREADS)
torch.manual_seed(1)
note(f"torch {torch.__version__}, {THREADS} threads")


def peer(options):
    return "-".join(["torch", *(word for word in ("compile", "cl", "bf16") if word in options)])


def variants(*possible):
    """The variants asked for that consist of `possible` options only. What a row has no images for, it has no `cl` for."""
    found = []
    for options in VARIANTS:
        options = options if "cl" in possible else options - {"cl"}
        if options <= set(possible) and options not in found:
            found.append(options)
    return found


def autocast(options):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in options)


def laid_out(tensor, options):
    return tensor.to(memory_format=torch.channels_last) if "cl" in options else tensor


def w1():
    for n in (256, 1024):
        steps = {}
        for options in variants("bf16"):
            dtype = torch.bfloat16 if "bf16" in options else torch.float32
            a, b, c = (torch.randn(n, n).to(dtype) for _ in range(3))
            steps[peer(options)] = lambda a=a, b=b, c=c: torch.mm(a, b, out=c)
        report(f"w1_gemm_{n}", THREADS, interleaved(steps, ROUNDS, 0.1), 2 * n**3 * 1e-9, "GFLOP/s")


# name, batch, channels, out channels, kernel, image, stride, padding, groups
CONVOLUTIONS = [
    ("a_1-32_3x3_28", 64, 1, 32, 3, 28, 1, 0, 1),
    ("b_64-64_3x3_32", 64, 64, 64, 3, 32, 1, 1, 1),
    ("c_128-128_3x3_16", 64, 128, 128, 3, 16, 1, 1, 1),
    ("d_64-128_1x1_32", 64, 64, 128, 1, 32, 1, 0, 1),
    ("e_3-64_7x7s2_112", 16, 3, 64, 7, 112, 2, 3, 1),
    ("f_dw64_3x3_32", 64, 64, 64, 3, 32, 1, 1, 64),
]


def w2():
    for name, batch, channels, out_channels, kernel, image, stride, padding, groups in CONVOLUTIONS:
        forward, both = {}, {}
        for options in variants("cl", "bf16"):
            x = laid_out(torch.randn(batch, channels, image, image), options).requires_grad_()
            weight = laid_out(torch.randn(out_channels, channels // groups, kernel, kernel), options).requires_grad_()

            def convolve(x=x, weight=weight, options=options):
                with autocast(options):
                    return F.conv2d(x, weight, None, stride, padding, 1, groups)

            y = convolve()
            grad = torch.randn_like(y)
            flops = 2e-9 * y.numel() * (channels // groups) * kernel**2

            def run_forward(convolve=convolve):
                with torch.no_grad():
                    convolve()

            def run_both(convolve=convolve, x=x, weight=weight, grad=grad):
                torch.autograd.grad(convolve(), (x, weight), grad)

            forward[peer(options)], both[peer(options)] = run_forward, run_both
        if forward:
            report(f"w2{name}_fwd", THREADS, interleaved(forward, ROUNDS, 0.08), flops, "GFLOP/s")
            report(f"w2{name}_fwdbwd", THREADS, interleaved(both, ROUNDS, 0.12), 3 * flops, "GFLOP/s")


def trainer(model, optimizer, loss, batches, options):
    """A function that trains one step, on the batches in turn."""
    model = laid_out(model.train(), options)
    batches = [(laid_out(x, options) if x.dim() == 4 else x, y) for x, y in batches]
    run = torch.compile(model) if "compile" in options else model
    number = 0

    def step():
        nonlocal number
        x, y = batches[number % len(batches)]
        number += 1
        optimizer.zero_grad()
        with autocast(options):
            output = run(x)
        loss(output.float(), y).backward()
        optimizer.step()

    return step


def train(workload, make, loss, batches, sample, work, unit, possible=("cl", "bf16", "compile")):
    steps = {}
    for options in variants(*possible):
        model, optimizer = make()
        steps[peer(options)] = trainer(model, optimizer, loss, batches, options)
    report(workload, THREADS, interleaved(steps, ROUNDS, sample), work, unit)
    if arguments.peak:
        report_peak_memory(workload.split("_")[0], next(iter(steps)), THREADS)


def w3():
    images, labels = (torch.from_numpy(array) for array in mnist_data.read("train"))
    count = min(200, len(images) // BATCH)
    batches = [(images[i * BATCH :][:BATCH].clone(), labels[i * BATCH :][:BATCH].clone()) for i in range(count)]
    del images

    def make():
        model = networks.MnistNetwork()
        return model, torch.optim.Adadelta(model.parameters(), lr=1.0)

    train(f"w3_mnist_train_b{BATCH}", make, F.nll_loss, batches, 0.6, BATCH, "img/s")


def w4():
    size = "" if IMAGE == 32 else f"_{IMAGE}px"
    batches = [(torch.randn(BATCH, 3, IMAGE, IMAGE), torch.randint(0, 10, (BATCH,))) for _ in range(2)]

    def make():
        model = networks.ResNet()
        return model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    train(f"w4_resnet18_train_b{BATCH}{size}", make, F.cross_entropy, batches, 0.01, BATCH, "img/s")
    if arguments.peak:
        return
    for batch, sample in ((BATCH, 0.01), (1, 0.3)):
        steps = {}
        for options in variants("cl", "bf16", "compile"):
            model = laid_out(networks.ResNet().eval(), options)
            run = torch.compile(model) if "compile" in options else model
            x = laid_out(torch.randn(batch, 3, IMAGE, IMAGE), options)

            def infer(run=run, x=x, options=options):
                with torch.inference_mode(), autocast(options):
                    run(x)

            steps[peer(options)] = infer
        report(f"w4_resnet18_infer_b{batch}{size}", THREADS, interleaved(steps, ROUNDS, sample), batch, "img/s")


def w5():
    batches = [(torch.randn(128, 784), torch.randint(0, 10, (128,))) for _ in range(50)]

    def make():
        model = networks.mlp()
        return model, torch.optim.SGD(model.parameters(), lr=0.01)

    train("w5_mlp_train_b128", make, F.cross_entropy, batches, 0.3, 128, "img/s", ("bf16", "compile"))


def w6():
    def make(build):
        model = build()
        return model, torch.optim.SGD(model.parameters(), lr=0.01)

    batches = [(torch.randn(32, 64, 128), torch.randn(32, 64, 256)) for _ in range(4)]
    # torch.compile leaves the LSTM to the same library call.
    train("w6_lstm_train", lambda: make(networks.Lstm), F.mse_loss, batches, 0.3, 32, "seq/s", ("bf16",))
    batches = [(torch.randn(16, 128, 256), torch.randn(16, 128, 256)) for _ in range(4)]
    block = lambda: make(networks.transformer_block)
    train("w6_transformer_train", block, F.mse_loss, batches, 0.3, 16, "seq/s", ("bf16", "compile"))


def w7():
    if not variants():
        return
    x, y, small, square = (torch.randn(*shape) for shape in [(4096, 1024), (4096, 1024), (64, 1000), (4096, 4096)])
    weight, bias = torch.ones(1024), torch.zeros(1024)
    operations = {
        "add_4096x1024": lambda: x + y,
        "relu_4096x1024": lambda: torch.relu(x),
        "gelu_4096x1024": lambda: F.gelu(x),
        "exp_4096x1024": lambda: torch.exp(x),
        "tanh_4096x1024": lambda: torch.tanh(x),
        "softmax_64x1000": lambda: torch.softmax(small, -1),
        "softmax_4096x1024": lambda: torch.softmax(x, -1),
        "sum0_4096x4096": lambda: square.sum(0),
        "sum1_4096x4096": lambda: square.sum(1),
        "layernorm_4096x1024": lambda: F.layer_norm(x, (1024,), weight, bias),
    }
    with torch.no_grad():
        for name, operation in operations.items():
            report(f"w7_{name}", THREADS, interleaved({"torch": operation}, ROUNDS, 0.08))


WORKLOADS = {"w1": w1, "w2": w2, "w3": w3, "w4": w4, "w5": w5, "w6": w6, "w7": w7}
for workload in arguments.w.split(","):
    if workload not in WORKLOADS:
        parser.error(f"there is no workload {workload}; choose from {', '.join(WORKLOADS)}")
    WORKLOADS[workload]()
