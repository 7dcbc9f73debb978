#!/usr/bin/env python3
"""The network and recipe of `striate train digits` in PyTorch, for a comparison side by side.

    python bench/digits_torch.py data/mnist [--channels-last] [--epochs 1] [--seed 0]

Prints one JSON line: seconds of training (import, reading and evaluation not counted), seconds in all, test accuracy.
Needs torch and numpy. bench/digits.sh runs it in turn with Striate.
"""
import time

started = time.perf_counter()
import argparse
import gzip
import json
import pathlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

arguments = argparse.ArgumentParser()
arguments.add_argument("data", type=pathlib.Path)
arguments.add_argument("--channels-last", action="store_true")
arguments.add_argument("--epochs", type=int, default=1)
arguments.add_argument("--batch-size", type=int, default=128)
arguments.add_argument("--learning-rate", type=float, default=0.02)
arguments.add_argument("--label-smoothing", type=float, default=0.05)
arguments.add_argument("--validation", type=int, default=5000, help="images held out, as Striate holds them out")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--seed", type=int, default=0)
a = arguments.parse_args()
torch.manual_seed(a.seed)
torch.set_num_threads(a.threads)


def read(name, offset):
    return np.frombuffer(gzip.open(a.data / name).read(), np.uint8, offset=offset)


def images(name):
    x = torch.from_numpy(read(name, 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255)
    x = (x - 0.1307) / 0.3081
    return x.contiguous(memory_format=torch.channels_last) if a.channels_last else x


def labels(name):
    return torch.from_numpy(read(name, 8).astype(np.int64))


x, y = images("train-images-idx3-ubyte.gz"), labels("train-labels-idx1-ubyte.gz")
test_x, test_y = images("t10k-images-idx3-ubyte.gz"), labels("t10k-labels-idx1-ubyte.gz")
x, y = x[a.validation:], y[a.validation:]

def conv(in_channels, out_channels, kernel, stride=1):
    return nn.Conv2d(in_channels, out_channels, kernel, stride, bias=False), nn.BatchNorm2d(out_channels)


model = nn.Sequential(
    *conv(1, 16, 5, 2), nn.ReLU(),
    *conv(16, 32, 3), nn.MaxPool2d(2), nn.ReLU(),
    *conv(32, 64, 3), nn.ReLU(),
    *conv(64, 64, 3), nn.ReLU(),
    nn.Flatten(), nn.Linear(64, 10),
)
if a.channels_last:
    model = model.to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(model.parameters(), lr=a.learning_rate)
batches = -(-len(x) // a.batch_size)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, a.learning_rate, total_steps=batches * a.epochs)

begun = time.perf_counter()
for epoch in range(a.epochs):
    order = torch.randperm(len(x))
    for start in range(0, len(x), a.batch_size):
        index = order[start:start + a.batch_size]
        optimizer.zero_grad()
        F.cross_entropy(model(x[index]), y[index], label_smoothing=a.label_smoothing).backward()
        optimizer.step()
        schedule.step()
trained = time.perf_counter() - begun

model.eval()
with torch.inference_mode():
    right = sum((model(test_x[i:i + 1000]).argmax(1) == test_y[i:i + 1000]).sum().item() for i in range(0, 10000, 1000))
print(json.dumps({
    "peer": "torch " + torch.__version__ + (" channels_last" if a.channels_last else ""),
    "train_seconds": round(trained, 3),
    "total_seconds": round(time.perf_counter() - started, 3),
    "test_accuracy": right / 10000,
}))
