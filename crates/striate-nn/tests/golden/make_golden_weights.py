"""Writes files of weights as PyTorch writes them, and what the models answer with them, next to this file.

    pip install torch numpy safetensors
    python make_golden_weights.py

The tests read the files; PyTorch is needed only to make them anew.
"""

import os
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).parent / "weights"
torch.manual_seed(30)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2)
        self.conv2 = nn.Conv2d(3, 4, 5)
        self.fc1 = nn.Linear(36, 12)
        self.fc2 = nn.Linear(12, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


class BasicBlock(nn.Module):
    """As in torchvision."""

    def __init__(self, inplanes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or inplanes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + identity)


class ResNet(nn.Module):
    """A small one with torchvision's names."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.layer1 = nn.Sequential(BasicBlock(4, 4, 1))
        self.layer2 = nn.Sequential(BasicBlock(4, 6, 2), BasicBlock(6, 6, 1))
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        x = self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def trained(model, x):
    """A few steps, so that running statistics, counters and the optimiser have something in them."""
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(3):
        optimizer.zero_grad()
        out = model(x)
        (out[0] if isinstance(out, tuple) else out).square().mean().backward()
        optimizer.step()
    model.eval()
    return optimizer


def answer(model, x):
    with torch.no_grad():
        out = model(x)
    return (out[0] if isinstance(out, tuple) else out).contiguous()


def models(expected):
    x = torch.randn(2, 1, 20, 20)
    lenet = LeNet()
    trained(lenet, x)
    torch.save(lenet.state_dict(), FOLDER / "lenet.pt")
    expected["lenet.x"], expected["lenet.y"] = x, answer(lenet, x)

    x = torch.randn(2, 3, 8, 8)
    resnet = ResNet()
    optimizer = trained(resnet, x)
    checkpoint = {
        "epoch": 3,
        "arch": "resnet",
        "state_dict": nn.DataParallel(resnet).state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": 0.5,
    }
    torch.save(checkpoint, FOLDER / "resnet_checkpoint.pth")
    expected["resnet.x"], expected["resnet.y"] = x, answer(resnet, x)

    x = torch.randn(5, 2, 3)
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True)
    trained(lstm, x)
    torch.save(lstm.state_dict(), FOLDER / "lstm_legacy.pth", _use_new_zipfile_serialization=False)
    expected["lstm.x"], expected["lstm.y"] = x, answer(lstm, x)

    x = torch.randn(5, 2, 8)
    layer = nn.TransformerEncoderLayer(8, 2, 12)
    trained(layer, x)
    torch.save(torch.compile(layer).state_dict(), FOLDER / "transformer.pt", pickle_protocol=4)
    save_file(layer.state_dict(), FOLDER / "transformer.safetensors")
    expected["transformer.x"], expected["transformer.y"] = x, answer(layer, x)


def tensors(expected):
    """Every type, and every way in which tensors lie in memory."""
    base = torch.arange(24, dtype=torch.float32)
    grid = base.view(2, 3, 4)
    state = {
        "base": base,
        "grid": grid,
        "transposed": grid.transpose(0, 2),
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "every_other": base[1::2],
        "window": grid[:, 1:, 1:3],
        "expanded": torch.tensor([1.0, 2.0])[:, None].expand(2, 3),
        "scalar": torch.tensor(7.5),
        "empty": torch.zeros(0, 3),
        "parameter": nn.Parameter(torch.randn(2, 2)),
        "f64": torch.randn(3, dtype=torch.float64),
        "f16": torch.tensor([1.5, -65504.0, 6e-8, float("inf")], dtype=torch.float16),
        "bf16": torch.tensor([1.5, -3e38, 1e-40], dtype=torch.bfloat16),
        "i64": torch.tensor([-(2**60), 3]),
        "i32": torch.tensor([-(2**31), 3], dtype=torch.int32),
        "i16": torch.tensor([-(2**15), 3], dtype=torch.int16),
        "i8": torch.tensor([-128, 3], dtype=torch.int8),
        "u8": torch.tensor([255, 3], dtype=torch.uint8),
        "u16": torch.tensor([65535, 3], dtype=torch.uint16),
        "u32": torch.tensor([2**32 - 1, 3], dtype=torch.uint32),
        "bool": torch.tensor([True, False]),
        # Not tensors; a user's file may have them.
        "size": torch.Size([1, 2]),
        "device": torch.device("cpu"),
        "dtype": torch.float32,
        "bytes": b"ab",
        "set": {1, 2},
        "large": 1 << 70,
        "nested": [None, (1.5, True), {"a": -300}],
    }
    for protocol in (2, 4, 5):
        torch.save(state, FOLDER / f"tensors_{protocol}.pt", pickle_protocol=protocol)
    old = {name: value for name, value in state.items() if name not in ("u16", "u32")}
    torch.save(old, FOLDER / "tensors_legacy.pt", _use_new_zipfile_serialization=False)
    widened = {"f16": torch.float32, "bf16": torch.float32}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            wide = widened.get(name)
            if name in ("i32", "i16", "i8", "u16", "u32"):
                wide = torch.int64
            expected[f"tensors.{name}"] = value.detach().to(wide or value.dtype).contiguous().clone()
    halves = {name: state[name] for name in ("f16", "bf16", "i32", "i16", "i8", "u16", "u32")}
    save_file(halves, FOLDER / "types.safetensors")


class Harmful:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


def refused():
    torch.save({"weight": torch.ones(2), "extra": Harmful()}, FOLDER / "harmful.pt")
    torch.save({"extra": Harmful()}, FOLDER / "harmful_legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(nn.Linear(2, 1), FOLDER / "whole_model.pt")
    torch.jit.script(nn.Linear(2, 1)).save(str(FOLDER / "script.pt"))
    torch.save(torch.ones(2), FOLDER / "bare_tensor.pt")
    parts = {"encoder": {"weight": torch.ones(2)}, "decoder": {"weight": torch.zeros(3)}, "step": 4}
    torch.save(parts, FOLDER / "parts.pt")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    models(expected)
    tensors(expected)
    refused()
    save_file({name: value.contiguous().clone() for name, value in expected.items()}, FOLDER / "expected.safetensors")
