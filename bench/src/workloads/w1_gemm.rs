//! W1: products of square matrices.

use std::error::Error;

use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
use striate_tensor::random::Generator;
use striate_tensor::{DType, Tensor};

use crate::Settings;
use crate::measure::{Rate, time};

/// The product of tensors, and beside it the kernel alone into memory that is there.
pub fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let mut generator = Generator::new(1);
    for n in [256, 1024] {
        let [a, b] = [(); 2].map(|()| Tensor::randn(&[n, n], &mut generator));
        let name = format!("w1_gemm_{n}");
        let flops = 2.0 * (n as f64).powi(3);
        time(&name, "striate", settings, 0.1, &[Rate::flops(flops)], || drop(a.matmul(&b)));
        let [low_a, low_b] = [&a, &b].map(|matrix| matrix.to_dtype(DType::BF16));
        time(&name, "striate-bf16", settings, 0.1, &[Rate::flops(flops)], || drop(low_a.matmul(&low_b)));
        let (a, b, mut c) = (a.to_vec::<f32>(), b.to_vec::<f32>(), vec![0.0; n * n]);
        time(&name, "striate-kernel", settings, 0.1, &[Rate::flops(flops)], || {
            let (a, b) = (MatrixRef::row_major(&a, n, n), MatrixRef::row_major(&b, n, n));
            gemm(a, b, MatrixMut::row_major(&mut c, n, n), false);
        });
    }
    Ok(())
}
