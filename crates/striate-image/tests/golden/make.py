"""Writes golden.json: results of SciPy, scikit-image and OpenCV that the tests compare with.

Run in a virtual environment with: pip install numpy scipy scikit-image opencv-python-headless
"""

import json
from pathlib import Path

import cv2
import numpy as np
import scipy.ndimage as ndi
import scipy.signal as signal
import skimage.color
import skimage.measure
import skimage.transform

rng = np.random.default_rng(7)
golden = {}


def put(name, array):
    array = np.asarray(array)
    data = array.ravel().tolist()
    if array.dtype.kind == "f":
        data = [float(f"{value:.17g}") for value in data]
    golden[name] = {"shape": list(array.shape), "data": data}


image = rng.integers(-9, 10, (5, 7)).astype(float)
put("image", image)
kernels = {"3x3": (3, 3), "2x3": (2, 3), "3x5": (3, 5), "4x2": (4, 2), "1x1": (1, 1)}
for name, shape in kernels.items():
    kernel = rng.integers(-4, 5, shape).astype(float)
    put(f"kernel {name}", kernel)
    for mode in ("full", "same", "valid"):
        put(f"correlate2d {name} {mode}", signal.correlate2d(image, kernel, mode))
        put(f"convolve2d {name} {mode}", signal.convolve2d(image, kernel, mode))
    for border in ("constant", "reflect", "mirror", "nearest", "wrap"):
        put(f"ndimage.correlate {name} {border}", ndi.correlate(image, kernel, mode=border, cval=2.5))
for border in ("symmetric", "reflect", "edge", "wrap"):
    put(f"pad {border}", np.pad(image[:3, :2], ((4, 5), (3, 7)), border))

smooth = rng.normal(size=(9, 11))
put("smooth", smooth)
for sigma in (0.5, 1.3):
    put(f"gaussian_filter {sigma}", ndi.gaussian_filter(smooth, sigma, mode="reflect"))
put("median 3", ndi.median_filter(smooth, 3, mode="nearest"))
put("gaussian 5", np.outer(cv2.getGaussianKernel(5, 1.2), cv2.getGaussianKernel(5, 1.2)))

for size in ((4, 5), (3, 11), (1, 1), (9, 2)):
    put(f"area {size[0]}x{size[1]}", cv2.resize(smooth, size[::-1], interpolation=cv2.INTER_AREA))
for size in ((4, 5), (20, 13), (1, 23)):
    name = f"{size[0]}x{size[1]}"
    put(f"bilinear {name}", skimage.transform.resize(smooth, size, order=1, mode="edge", anti_aliasing=False))
    put(f"nearest {name}", skimage.transform.resize(smooth, size, order=0, mode="edge", anti_aliasing=False))

levels = [0, 1, 2, 37, 64, 90, 128, 200, 254, 255]
colors = np.array([[[r, g, b] for g in levels for b in levels] for r in levels], dtype=np.uint8)
put("hsv u8", cv2.cvtColor(colors, cv2.COLOR_RGB2HSV))
put("gray u8", cv2.cvtColor(colors, cv2.COLOR_RGB2GRAY))
put("hsv", skimage.color.rgb2hsv(colors[:, ::3] / 255.0))

bumps = rng.uniform(size=(6, 8))
put("bumps", bumps)
put("moments", skimage.measure.moments(bumps, 3))
put("moments central", skimage.measure.moments_central(bumps, order=3))
put("center_of_mass", ndi.center_of_mass(bumps))

mask = rng.uniform(size=(12, 17)) < 0.45
put("mask", mask.astype(int))
put("label 4", skimage.measure.label(mask, connectivity=1))
put("label 8", skimage.measure.label(mask, connectivity=2))

Path(__file__).with_name("golden.json").write_text(json.dumps(golden, separators=(",", ":")).replace('},"', '},\n"') + "\n")
