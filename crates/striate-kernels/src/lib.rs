//! Numeric kernels: slices in, slices out. SIMD, matrix products, convolution, threads, memory
