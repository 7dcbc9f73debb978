import numpy as np

try:
    from .im2col_cython import col2im_6d_cython, im2col_cython
except ImportError:
    print("Run: python setup.py build_ext --inplace")
