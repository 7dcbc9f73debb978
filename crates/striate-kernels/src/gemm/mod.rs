//! Matrix products with any strides.

use crate::Element;
use crate::arch::TileIsa;

mod bf16;
mod generic;
#[cfg(test)]
mod tests;
mod tiled;

pub use bf16::{gemm_bf16, gemm_bf16_rounded};

/// A matrix to read: element `(r, c)` is `data[r * row_stride + c * col_stride]`. A stride may be 0 (a repeated row).
#[derive(Clone, Copy, Debug)]
pub struct MatrixRef<'a, T> {
    /// The elements.
    pub data: &'a [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Distance between rows, in elements.
    pub row_stride: usize,
    /// Distance between columns, in elements.
    pub col_stride: usize,
}

/// A matrix to write; no two elements may share a place.
#[derive(Debug)]
pub struct MatrixMut<'a, T> {
    /// The elements.
    pub data: &'a mut [T],
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Distance between rows, in elements.
    pub row_stride: usize,
    /// Distance between columns, in elements.
    pub col_stride: usize,
}

/// Elements needed to hold a matrix of these sizes and strides.
fn extent(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> usize {
    if rows == 0 || cols == 0 {
        return 0;
    }
    let last = (rows - 1).checked_mul(row_stride).zip((cols - 1).checked_mul(col_stride));
    last.and_then(|(r, c)| r.checked_add(c)).and_then(|end| end.checked_add(1)).expect("matrix too large")
}

impl<'a, T> MatrixRef<'a, T> {
    /// A dense row-major matrix.
    pub fn row_major(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

impl<'a, T> MatrixMut<'a, T> {
    /// A dense row-major matrix.
    pub fn row_major(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        Self { data, rows, cols, row_stride: cols, col_stride: 1 }
    }

    /// The same elements with rows and columns exchanged.
    #[must_use]
    pub fn transposed(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }
}

/// `c = a * b`, or `c += a * b` when `accumulate`: `a` is `[m, k]`, `b` is `[k, n]`, `c` is `[m, n]`.
///
/// With `k = 0` the product is zero. NaN and infinities go through as in the sums of products they stand for.
///
/// ```
/// use striate_kernels::gemm::{MatrixMut, MatrixRef, gemm};
/// let a = [1.0_f32, 2.0, 3.0, 4.0];
/// let b = [5.0_f32, 6.0];
/// let mut c = [0.0_f32; 2];
/// gemm(MatrixRef::row_major(&a, 2, 2), MatrixRef::row_major(&b, 2, 1), MatrixMut::row_major(&mut c, 2, 1), false);
/// assert_eq!(c, [17.0, 39.0]);
/// ```
///
/// # Panics
/// If the sizes do not fit, a matrix reaches past its slice, or two elements of `c` share a place.
pub fn gemm<T: Element>(a: MatrixRef<'_, T>, b: MatrixRef<'_, T>, c: MatrixMut<'_, T>, accumulate: bool) {
    check(&a, &b, &c);
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    if is_transposed(&c) {
        return dispatch(b.transposed(), a.transposed(), c.transposed(), accumulate);
    }
    dispatch(a, b, c, accumulate);
}

/// Refuses matrices that do not fit each other or their slices.
fn check<A, C>(a: &MatrixRef<'_, A>, b: &MatrixRef<'_, A>, c: &MatrixMut<'_, C>) {
    assert!(
        a.rows == c.rows && b.cols == c.cols && a.cols == b.rows,
        "gemm: [{}, {}] x [{}, {}] -> [{}, {}]",
        a.rows,
        a.cols,
        b.rows,
        b.cols,
        c.rows,
        c.cols
    );
    assert!(extent(a.rows, a.cols, a.row_stride, a.col_stride) <= a.data.len(), "gemm: a reaches past its slice");
    assert!(extent(b.rows, b.cols, b.row_stride, b.col_stride) <= b.data.len(), "gemm: b reaches past its slice");
    assert!(extent(c.rows, c.cols, c.row_stride, c.col_stride) <= c.data.len(), "gemm: c reaches past its slice");
    if c.rows == 0 || c.cols == 0 {
        return;
    }
    let rows_outside = c.cols <= 1 || c.rows <= 1 || c.row_stride > (c.cols - 1) * c.col_stride;
    let cols_outside = c.rows <= 1 || c.cols <= 1 || c.col_stride > (c.rows - 1) * c.row_stride;
    let distinct = (c.rows <= 1 || c.row_stride > 0) && (c.cols <= 1 || c.col_stride > 0);
    assert!(distinct && (rows_outside || cols_outside), "gemm: elements of c share a place");
}

/// Whether to compute the transposed product, which writes the same places: kernels write along rows.
fn is_transposed<T>(c: &MatrixMut<'_, T>) -> bool {
    c.cols > 1 && c.col_stride != 1 && (c.row_stride == 1 || c.rows == 1)
}

fn dispatch<T: Element>(a: MatrixRef<'_, T>, b: MatrixRef<'_, T>, c: MatrixMut<'_, T>, accumulate: bool) {
    let adjacent = c.col_stride == 1 || c.cols == 1;
    if adjacent && let (Some(a32), Some(b32), Some(c32)) = (T::as_f32(a.data), T::as_f32(b.data), T::as_f32_mut(c.data))
    {
        let a = MatrixRef { data: a32, rows: a.rows, cols: a.cols, row_stride: a.row_stride, col_stride: a.col_stride };
        let b = MatrixRef { data: b32, rows: b.rows, cols: b.cols, row_stride: b.row_stride, col_stride: b.col_stride };
        let c = MatrixMut { data: c32, rows: c.rows, cols: c.cols, row_stride: c.row_stride, col_stride: 1 };
        return tiled::gemm(TileIsa::f32(), a, b, c, accumulate);
    }
    generic::gemm(a, b, c, accumulate);
}
