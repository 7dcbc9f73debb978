//! How tensors are printed.

use std::fmt;

use striate_kernels::bf16::bf16;

use crate::dtype::TensorElement;
use crate::{DType, Tensor};

/// Dimensions longer than this are shortened to their first and last [`EDGE`] entries.
const LONGEST: usize = 10;
const EDGE: usize = 3;

/// `Tensor(f32, [2, 3], requires_grad)` and the values.
pub(crate) fn debug(tensor: &Tensor, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "Tensor({}, {:?}", tensor.dtype(), tensor.shape())?;
    match &tensor.0.node {
        Some(node) => write!(f, ", made by {}", node.name)?,
        None if tensor.requires_grad() => write!(f, ", requires_grad")?,
        None => {}
    }
    write!(f, ") {tensor}")
}

/// The values as nested brackets, rows on lines of their own, long dimensions shortened.
pub(crate) fn display(tensor: &Tensor, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let digits = f.precision().unwrap_or(4);
    match tensor.dtype() {
        DType::F32 => values::<f32>(tensor, f, |x| float(f64::from(x), digits)),
        DType::BF16 => values::<bf16>(tensor, f, |x| float(x.to_f64(), digits)),
        DType::F64 => values::<f64>(tensor, f, |x| float(x, digits)),
        DType::I64 => values::<i64>(tensor, f, |x| x.to_string()),
        DType::U8 => values::<u8>(tensor, f, |x| x.to_string()),
        DType::Bool => values::<bool>(tensor, f, |x| x.to_string()),
    }
}

fn float(x: f64, digits: usize) -> String {
    let size = x.abs();
    if size != 0.0 && size.is_finite() && !(1e-3..1e6).contains(&size) {
        format!("{x:.digits$e}")
    } else {
        format!("{x:.digits$}")
    }
}

fn values<T: TensorElement>(tensor: &Tensor, f: &mut fmt::Formatter<'_>, text: impl Fn(T) -> String) -> fmt::Result {
    // Only what is shown is read and formatted: printing a large tensor is cheap.
    let data = tensor.data::<T::Stored>();
    let mut cells = Vec::new();
    let mut index = vec![0; tensor.rank()];
    collect(tensor, 0, &mut index, &mut |offset| cells.push(text(T::from_stored(data[offset]))));
    let width = cells.iter().map(String::len).max().unwrap_or(0);
    let mut cells = cells.into_iter();
    let mut out = String::new();
    write_dim(tensor.shape(), 0, width, &mut cells, &mut out);
    f.write_str(&out)
}

fn shown(size: usize) -> Vec<usize> {
    if size <= LONGEST { (0..size).collect() } else { (0..EDGE).chain(size - EDGE..size).collect() }
}

fn collect(tensor: &Tensor, dim: usize, index: &mut Vec<usize>, visit: &mut impl FnMut(usize)) {
    if dim == tensor.rank() {
        visit(index.iter().zip(tensor.strides()).map(|(i, stride)| i * stride).sum());
        return;
    }
    for i in shown(tensor.shape()[dim]) {
        index[dim] = i;
        collect(tensor, dim + 1, index, visit);
    }
}

fn write_dim(shape: &[usize], dim: usize, width: usize, cells: &mut impl Iterator<Item = String>, out: &mut String) {
    let Some(&size) = shape.get(dim) else {
        let cell = cells.next().expect("one cell was made for each position shown");
        out.push_str(&format!("{cell:>width$}"));
        return;
    };
    let last = dim + 1 == shape.len();
    let separator = if last { ", ".to_owned() } else { format!(",\n{}", " ".repeat(dim + 1)) };
    out.push('[');
    for (position, i) in shown(size).into_iter().enumerate() {
        if position > 0 {
            out.push_str(&separator);
        }
        if size > LONGEST && i == size - EDGE {
            out.push_str("...");
            out.push_str(&separator);
        }
        write_dim(shape, dim + 1, width, cells, out);
    }
    out.push(']');
}
