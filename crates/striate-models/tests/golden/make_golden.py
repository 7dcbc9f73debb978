"""Writes `resnet.safetensors`: a small ResNet with torchvision's names, computed by PyTorch in double precision.

    pip install torch numpy safetensors
    python make_golden.py
"""

import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[3] / "bench" / "peers" / "python"))

import networks  # noqa: E402

torch.manual_seed(0)
tensors = {}


def add(case, model, size):
    model = model.double()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                values = torch.randn(tensor.shape).double() * 0.3
                one_sided = "running_var" in name or ("bn" in name and name.endswith("weight"))
                tensor.copy_((values.abs() + 0.5 if one_sided else values).float().double())
    x = torch.randn(2, 3, size, size).double()
    y = torch.tensor([1, 3])
    tensors.update({f"{case}.state.{name}": tensor.clone() for name, tensor in model.state_dict().items()})
    tensors[f"{case}.input"], tensors[f"{case}.target"] = x, y
    tensors[f"{case}.eval"] = model.eval()(x).detach()
    output = model.train()(x)
    F.cross_entropy(output, y).backward()
    tensors[f"{case}.train"] = output.detach()
    for name in ("conv1.weight", "layer1.1.bn2.weight", "layer2.0.downsample.0.weight", "fc.bias"):
        tensors[f"{case}.grad.{name}"] = model.get_parameter(name).grad
    tensors[f"{case}.after.layer4.0.bn1.running_var"] = model.get_buffer("layer4.0.bn1.running_var").clone()


class ImageNetStem(networks.ResNet):
    """The stem of torchvision's: 7x7, stride 2, max pooling."""

    def __init__(self, **options):
        super().__init__(**options)
        self.conv1 = nn.Conv2d(3, self.conv1.out_channels, 7, 2, 3, bias=False)

    def forward(self, x):
        x = F.max_pool2d(self.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


add("cifar", networks.ResNet(blocks=(2, 1, 1, 1), width=4, classes=5), 16)
add("imagenet", ImageNetStem(blocks=(2, 1, 1, 1), width=4, classes=5), 40)
save_file({name: tensor.contiguous().float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}, HERE / "resnet.safetensors")
