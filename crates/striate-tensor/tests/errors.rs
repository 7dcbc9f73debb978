//! The texts of common mistakes, and where the panics point.

use std::panic::{Location, catch_unwind};
use std::sync::Mutex;

use striate_tensor::{DType, ErrorKind, Interpolation, PaddingMode, Tensor, TensorError, UnfoldOptions};

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32)
}

#[track_caller]
fn expect<T: std::fmt::Debug>(result: Result<T, TensorError>, kind: ErrorKind, text: &str) {
    let error = result.expect_err("a mistake must be refused");
    assert_eq!(error.to_string(), text);
    assert_eq!(error.kind(), kind);
}

#[test]
fn matmul_of_sizes_that_do_not_fit() {
    expect(
        zeros(&[2, 3]).try_matmul(&zeros(&[4, 5])),
        ErrorKind::Shape,
        "matmul: inner sizes 3 and 4 differ: left is [2, 3], right is [4, 5]\n  \
         help: the columns of the left must be the rows of the right: [m, k] x [k, n] -> [m, n]",
    );
    expect(
        zeros(&[2, 3]).try_matmul(&zeros(&[4, 3])),
        ErrorKind::Shape,
        "matmul: inner sizes 3 and 4 differ: left is [2, 3], right is [4, 3]\n  \
         help: the columns of the left must be the rows of the right: the transpose of the right fits, b.t()",
    );
    expect(
        zeros(&[2, 3, 4]).try_matmul(&zeros(&[5, 4, 6])),
        ErrorKind::Shape,
        "matmul: shapes [2] and [5] do not broadcast: sizes 2 and 5 meet in dimension 1 from the right\n  \
         help: shapes are aligned at the right; sizes must be equal or 1. reshape or unsqueeze one of them",
    );
}

#[test]
fn shapes_that_do_not_broadcast() {
    expect(
        zeros(&[2, 3]).try_add(&zeros(&[2])),
        ErrorKind::Shape,
        "add: shapes [2, 3] and [2] do not broadcast: sizes 3 and 2 meet in dimension 1 from the right\n  \
         help: shapes are aligned at the right; sizes must be equal or 1. reshape or unsqueeze one of them",
    );
}

#[test]
fn dtypes_that_differ() {
    expect(
        Tensor::zeros(&[2], DType::I64).try_mul(&zeros(&[2])),
        ErrorKind::DType,
        "mul: dtypes differ: left is i64, right is f32\n  \
         help: convert one of them: left.to_dtype(DType::F32)",
    );
    expect(
        zeros(&[2]).try_item::<f64>(),
        ErrorKind::DType,
        "item: the tensor holds f32, asked for f64\n  \
         help: ask for f32, or convert first: x.to_dtype(DType::F64)",
    );
    expect(
        Tensor::zeros(&[2], DType::U8).try_exp(),
        ErrorKind::DType,
        "exp: needs a float tensor, got u8\n  help: convert it first: x.to_dtype(DType::F32)",
    );
    expect(
        Tensor::zeros(&[2], DType::I64).try_add_scalar(0.5),
        ErrorKind::DType,
        "add_scalar: the number 0.5 does not fit a tensor of i64\n  \
         help: convert the tensor first: x.to_dtype(DType::F32)",
    );
}

#[test]
fn backward_that_cannot_be() {
    let x = zeros(&[2]).requires_grad_(true);
    expect(
        x.square().try_backward(),
        ErrorKind::Autograd,
        "backward: starts from a single number, got shape [2]\n  \
         help: reduce the loss first (mean_all or sum_all), or say what the gradient of this tensor is: \
         backward_with(&gradient)",
    );
    let loss = x.square().sum_all();
    loss.backward();
    expect(
        loss.try_backward(),
        ErrorKind::Autograd,
        "backward: the graph was freed: the record of sum was used by an earlier backward\n  \
         help: compute the loss again before calling backward again, or call backward_retain_graph first; to sum two \
         losses, add them and call backward once",
    );
    expect(
        zeros(&[]).try_backward(),
        ErrorKind::Autograd,
        "backward: nothing was recorded: the tensor does not depend on any that requires gradients\n  \
         help: call requires_grad_(true) on the parameters before the forward pass, and compute the loss outside no_grad",
    );
    expect(
        x.square().try_copy_(&zeros(&[2])),
        ErrorKind::Autograd,
        "copy_: the tensor is the result of square, writing to it would falsify gradients\n  \
         help: write to a parameter or to a detach()ed tensor",
    );
    let y = x.square().sum_all();
    x.copy_(&zeros(&[2]));
    expect(
        y.try_backward(),
        ErrorKind::Autograd,
        "square: a tensor of shape [2] that its gradient needs was modified in place after square used it (version 0 \
         then, 1 now)\n  help: call backward() before updating the tensor, or give the operation a copy",
    );
}

#[test]
fn dimensions_and_indices_out_of_range() {
    expect(
        zeros(&[2, 3]).try_sum(&[2], false),
        ErrorKind::Index,
        "sum: dimension 2 is out of range for a tensor of 2 dimensions\n  help: choose a dimension from -2 to 1",
    );
    expect(
        zeros(&[2, 3]).try_narrow(1, 2, 2),
        ErrorKind::Index,
        "narrow: 2 entries from 2 reach past dimension 1 of size 3\n  \
         help: start + len must not be larger than the size",
    );
    expect(
        zeros(&[2, 3]).try_index_select(0, &Tensor::from_slice(&[0i64, 2], &[2])),
        ErrorKind::Index,
        "index_select: index 2 is out of range for a dimension of size 2\n  \
         help: indices count from 0; negative ones are not accepted here",
    );
    expect(
        zeros(&[2, 3]).try_reshape(&[4, 2]),
        ErrorKind::Shape,
        "reshape: shape [2, 3] has 6 elements, [4, 2] does not\n  help: the product of the sizes must stay the same",
    );
    expect(
        Tensor::try_from_slice(&[1.0f32, 2.0, 3.0], &[2, 2]),
        ErrorKind::Shape,
        "from_slice: 3 values given, shape [2, 2] needs 4\n  \
         help: the product of the sizes must be the number of values",
    );
}

static PANICS: Mutex<Vec<(String, u32, String)>> = Mutex::new(Vec::new());

/// Runs `body`, which must panic in the line where this is called.
#[track_caller]
fn expect_panic_here(start_of_text: &str, body: impl FnOnce() + std::panic::UnwindSafe) {
    let here = Location::caller();
    catch_unwind(body).expect_err("a mistake must panic");
    let (file, line, text) = PANICS.lock().unwrap().pop().expect("the hook has seen the panic");
    assert_eq!((file.as_str(), line), (here.file(), here.line()), "{text}");
    assert!(text.starts_with(start_of_text), "{text}");
}

#[test]
#[rustfmt::skip]
fn panics_point_at_the_line_of_the_caller() {
    let usual = std::panic::take_hook();
    let me = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() != me {
            return usual(panic);
        }
        let location = panic.location().unwrap();
        let text = panic.payload_as_str().unwrap_or_default().to_owned();
        PANICS.lock().unwrap().push((location.file().to_owned(), location.line(), text));
    }));
    expect_panic_here("matmul:", || drop(zeros(&[2, 3]).matmul(&zeros(&[2]))));
    expect_panic_here("add:", || drop(zeros(&[2, 3]) + zeros(&[2])));
    expect_panic_here("sub:", || drop(&zeros(&[2, 3]) - &zeros(&[2])));
    expect_panic_here("sum:", || drop(zeros(&[2]).sum(&[3], false)));
    expect_panic_here("mean:", || drop(Tensor::zeros(&[2], DType::I64).mean_all()));
    expect_panic_here("max:", || drop(zeros(&[0]).max_all()));
    expect_panic_here("relu:", || drop(Tensor::zeros(&[2], DType::I64).relu()));
    expect_panic_here("backward:", || zeros(&[2]).backward());
    expect_panic_here("reshape:", || drop(zeros(&[2]).reshape(&[3])));
    expect_panic_here("item:", || { zeros(&[2]).item::<f32>(); });
    expect_panic_here("from_slice:", || drop(Tensor::from_slice(&[1i64], &[2])));
    expect_panic_here("cat:", || drop(Tensor::cat(&[], 0)));
    expect_panic_here("eq:", || drop(zeros(&[2]).eq(&zeros(&[3]))));
    let _ = std::panic::take_hook();
}

#[test]
fn operations_on_images_and_indices() {
    let image = Tensor::zeros(&[1, 2, 3, 3], DType::F32);
    let index = Tensor::from_slice(&[0i64, 3], &[2]);
    let results = [
        image.try_pad_with(&[(0, 0), (0, 0), (3, 0)], PaddingMode::Reflect),
        image.try_interpolate(&[4], Interpolation::Nearest),
        image.try_adaptive_avg_pool2d([0, 1]),
        image.try_unfold(UnfoldOptions::new([4, 1])),
        image.try_fold([3, 3], UnfoldOptions::new([2, 2])),
        image.try_conv_transpose2d(&Tensor::zeros(&[3, 1, 2, 2], DType::F32), None, Default::default(), [0, 0]),
        image.try_conv_transpose2d(&Tensor::zeros(&[2, 1, 2, 2], DType::F32), None, Default::default(), [1, 0]),
        image.try_group_norm(3, None, 1e-5),
        image.try_layer_norm(&[2], None, 1e-5),
        image.try_grid_sample(&Tensor::zeros(&[1, 2, 2, 3], DType::F32), Default::default()),
        image.try_norm(0.0, &[], false),
        image.try_topk(4, 3, true).map(|(values, _)| values),
        Tensor::zeros(&[3, 2], DType::F32).try_embedding(&index),
        Tensor::zeros(&[3], DType::F32).try_scatter_add(0, &index, &Tensor::zeros(&[2], DType::F32)),
        image.try_masked_fill(&image, 0.0),
        Tensor::try_einsum("ij,jk->ik", &[&image, &image]),
        Tensor::try_einsum("ij,jk->ikl", &[&index, &index]),
        Tensor::try_linspace(0i64, 4, 3),
    ];
    for (i, result) in results.into_iter().enumerate() {
        let error = result.expect_err(&format!("case {i} is a mistake"));
        assert!(!error.what().is_empty() && !error.help().is_empty(), "case {i}: {error}");
    }
}

/// Sizes whose product or bytes would wrap around, and more than a machine has: a panic that says so, never a tensor of
/// another size or the end of the process.
#[test]
fn absurd_sizes_are_refused_with_their_size() {
    let message = |shape: &'static [usize]| {
        let refused = std::panic::catch_unwind(|| Tensor::zeros(shape, DType::F32)).expect_err("refused");
        refused.downcast_ref::<String>().expect("a message").clone()
    };
    for shape in [&[1 << 32, 1 << 32][..], &[1 << 62], &[1 << 40, 3, 1 << 40], &[2, usize::MAX]] {
        let text = message(shape);
        assert!(text.contains("larger than the address space"), "{text}");
    }
    let text = message(&[1 << 30, 1 << 28]);
    assert!(text.starts_with("out of memory: the system refused a block of"), "{text}");
    assert_eq!(Tensor::zeros(&[1 << 40, 0], DType::F32).numel(), 0);
    let x = Tensor::zeros(&[1, 1], DType::F32);
    let wide = std::panic::catch_unwind(|| x.broadcast_to(&[1 << 40, 1 << 40]).contiguous());
    assert!(wide.is_err());
}
