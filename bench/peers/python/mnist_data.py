"""MNIST from the files in data/mnist, normalised as in PyTorch's example."""

import gzip
import pathlib

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "data" / "mnist"


def read(part):
    """Images `[n, 1, 28, 28]` in f32 and labels in i64 of the part `train` or `t10k`."""

    def bytes_of(name, offset):
        return np.frombuffer(gzip.open(FOLDER / f"{part}-{name}-ubyte.gz").read(), np.uint8, offset=offset)

    images = bytes_of("images-idx3", 16).reshape(-1, 1, 28, 28).astype(np.float32)
    return (images / 255 - 0.1307) / 0.3081, bytes_of("labels-idx1", 8).astype(np.int64)
