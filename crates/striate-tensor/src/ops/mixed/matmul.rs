//! The matrix product of bf16 under [`matmul`](super::super::matmul).

use striate_kernels::bf16::bf16;
use striate_kernels::gemm::gemm_bf16_rounded;
use striate_kernels::threads::parallel_chunks_mut;

use super::fill;
use crate::Tensor;
use crate::layout::Layout;
use crate::ops::matmul::matrix;

/// Stacks `[batch, m, k]` and `[batch, k, n]`, expanded, of the data of `a` and `b`.
pub(in crate::ops) fn product(
    (a, a_expanded): (&Tensor, &Layout),
    (b, b_expanded): (&Tensor, &Layout),
    shape: &[usize],
) -> Tensor {
    let (batch, &[m, n]) = shape.split_last_chunk().expect("a stack of matrices");
    let (a, b) = (a.data::<bf16>(), b.data::<bf16>());
    let multiply = |index: usize, output: &mut [bf16]| {
        gemm_bf16_rounded(matrix(&a, a_expanded, index), matrix(&b, b_expanded, index), None, output);
    };
    fill(Layout::contiguous(shape), |output| match batch.iter().product() {
        0 => {}
        // One product is parallel inside; several are spread over the threads.
        1 => multiply(0, output),
        _ if m * n == 0 => {}
        _ => parallel_chunks_mut(output, m * n, &|index, output: &mut [bf16]| multiply(index, output)),
    })
}
