#!/usr/bin/env python3
"""The cold start in PyTorch: one trained batch of the MNIST network, then the process ends. Who starts it, times it."""

import argparse

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()

import torch
import torch.nn.functional as F

import mnist_data
import networks

torch.set_num_threads(arguments.threads)
# The images of the smaller file do for one batch, and are read sooner.
images, labels = mnist_data.read("t10k")
model = networks.MnistNetwork()
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
loss = F.nll_loss(model(torch.from_numpy(images[:64])), torch.from_numpy(labels[:64]))
loss.backward()
optimizer.step()
