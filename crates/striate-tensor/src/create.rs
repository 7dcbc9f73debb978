//! Making tensors.

use crate::dtype::{Number, TensorElement, dispatch_stored};
use crate::error::OrPanic;
use crate::layout::{Layout, MemoryFormat};
use crate::random::Generator;
use crate::{DType, Tensor, TensorError};

impl Tensor {
    /// A tensor of `shape` with a copy of `values`, which are in row-major order.
    ///
    /// # Panics
    /// When there are not as many values as the shape has elements.
    #[track_caller]
    pub fn from_slice<T: TensorElement>(values: &[T], shape: &[usize]) -> Tensor {
        Self::try_from_slice(values, shape).or_panic()
    }

    /// Like [`from_slice`](Self::from_slice), with a mistake as an error.
    pub fn try_from_slice<T: TensorElement>(values: &[T], shape: &[usize]) -> Result<Tensor, TensorError> {
        let numel = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        if numel != Some(values.len()) {
            let needed = numel.map_or_else(|| "more than memory can hold".to_owned(), |numel| numel.to_string());
            return Err(TensorError::shape(
                "from_slice",
                format!("{} values given, shape {shape:?} needs {needed}", values.len()),
                "the product of the sizes must be the number of values",
            ));
        }
        Ok(Self::fill_new::<T>(shape, MemoryFormat::Contiguous, |output| {
            for (o, &value) in output.iter_mut().zip(values) {
                *o = value.to_stored();
            }
        }))
    }

    /// Like [`from_slice`](Self::from_slice), from a vector.
    #[track_caller]
    pub fn from_vec<T: TensorElement>(values: Vec<T>, shape: &[usize]) -> Tensor {
        Self::try_from_slice(&values, shape).or_panic()
    }

    /// A tensor without dimensions that holds one value.
    pub fn scalar<T: TensorElement>(value: T) -> Tensor {
        Self::full(&[], value)
    }

    /// A tensor with every element `value`.
    pub fn full<T: TensorElement>(shape: &[usize], value: T) -> Tensor {
        Self::fill_new::<T>(shape, MemoryFormat::Contiguous, |output| output.fill(value.to_stored()))
    }

    /// A tensor of zeros (`false` for booleans).
    pub fn zeros(shape: &[usize], dtype: DType) -> Tensor {
        Self::zeros_in(Layout::contiguous(shape), dtype)
    }

    pub(crate) fn zeros_in(layout: Layout, dtype: DType) -> Tensor {
        Self::full_in(layout, dtype, 0.0)
    }

    /// A tensor of ones (`true` for booleans).
    pub fn ones(shape: &[usize], dtype: DType) -> Tensor {
        Self::full_in(Layout::contiguous(shape), dtype, 1.0)
    }

    pub(crate) fn full_in(layout: Layout, dtype: DType, value: f64) -> Tensor {
        dispatch_stored!(dtype, |S| Self::fill_layout(layout, dtype, |output: &mut [S]| output
            .fill(S::from_f64(value))))
    }

    /// Zeros with the shape, dtype and memory order of this tensor.
    pub fn zeros_like(&self) -> Tensor {
        Self::zeros_in(self.layout().fresh(), self.dtype())
    }

    /// Ones with the shape, dtype and memory order of this tensor.
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1.0)
    }

    /// `value` everywhere, with the shape, dtype and memory order of this tensor. Integers truncate it; a boolean is
    /// true when the truncated value is not 0.
    pub fn full_like(&self, value: f64) -> Tensor {
        let value = if self.dtype() == DType::Bool { f64::from(u8::from(value.trunc() != 0.0)) } else { value };
        Self::full_in(self.layout().fresh(), self.dtype(), value)
    }

    /// The identity matrix `[n, n]`.
    pub fn eye(n: usize, dtype: DType) -> Tensor {
        dispatch_stored!(dtype, |S| Self::fill_layout(Layout::contiguous(&[n, n]), dtype, |output: &mut [S]| {
            output.fill(S::ZERO);
            output.iter_mut().step_by(n + 1).for_each(|o| *o = S::ONE);
        }))
    }

    /// `start, start + step, ...` up to but without `end`, as a vector of the type of the arguments.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::arange(0i64, 6, 2).to_vec::<i64>(), [0, 2, 4]);
    /// ```
    ///
    /// # Panics
    /// When `step` is zero or leads away from `end`.
    #[track_caller]
    pub fn arange<T: Number>(start: T, end: T, step: T) -> Tensor {
        Self::try_arange(start, end, step).or_panic()
    }

    /// Like [`arange`](Self::arange), with a mistake as an error.
    pub fn try_arange<T: Number>(start: T, end: T, step: T) -> Result<Tensor, TensorError> {
        let count = ((end.to_f64() - start.to_f64()) / step.to_f64()).ceil();
        if step == T::ZERO || !count.is_finite() || count < 0.0 {
            return Err(TensorError::argument(
                "arange",
                format!("no way from {start:?} to {end:?} in steps of {step:?}"),
                "the step must be finite, not zero, and lead from start towards end",
            ));
        }
        Ok(Self::fill_new::<T>(&[count as usize], MemoryFormat::Contiguous, |output| {
            for (i, o) in output.iter_mut().enumerate() {
                *o = if T::DTYPE.is_float() {
                    T::from_f64(start.to_f64() + i as f64 * step.to_f64())
                } else {
                    start.plus(T::from_i64(i as i64).times(step))
                };
            }
        }))
    }

    /// `count` numbers of the type of the arguments at equal distances from `start` to `end`, both included.
    ///
    /// ```
    /// use striate_tensor::Tensor;
    /// assert_eq!(Tensor::linspace(0.0f32, 1.0, 5).to_vec::<f32>(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    ///
    /// # Panics
    /// When the type is not a float.
    #[track_caller]
    pub fn linspace<T: Number>(start: T, end: T, count: usize) -> Tensor {
        Self::try_linspace(start, end, count).or_panic()
    }

    /// Like [`linspace`](Self::linspace), with a mistake as an error.
    pub fn try_linspace<T: Number>(start: T, end: T, count: usize) -> Result<Tensor, TensorError> {
        if !T::DTYPE.is_float() {
            return Err(TensorError::needs_float("linspace", T::DTYPE));
        }
        let (start, end) = (start.to_f64(), end.to_f64());
        let step = if count > 1 { (end - start) / (count - 1) as f64 } else { 0.0 };
        Ok(Self::fill_new::<T>(&[count], MemoryFormat::Contiguous, |output| {
            for (i, o) in output.iter_mut().enumerate() {
                // From the nearer end, so that both ends are exact.
                let from_start = i < count.div_ceil(2);
                let value = if from_start { start + step * i as f64 } else { end - step * (count - 1 - i) as f64 };
                *o = T::from_f64(value);
            }
        }))
    }

    /// Uniform `f32` numbers in `[0, 1)`.
    pub fn rand(shape: &[usize], generator: &mut Generator) -> Tensor {
        Self::fill_new::<f32>(shape, MemoryFormat::Contiguous, |output| generator.fill_uniform(output))
    }

    /// Uniform `f32` numbers in `[low, high)`.
    pub fn uniform(shape: &[usize], low: f64, high: f64, generator: &mut Generator) -> Tensor {
        Self::fill_new::<f32>(shape, MemoryFormat::Contiguous, |output| {
            generator.fill_uniform(output);
            for o in output {
                *o = (low + (high - low) * f64::from(*o)) as f32;
            }
        })
    }

    /// `i64` numbers from `low` up to, but without, `high`, each equally likely.
    ///
    /// ```
    /// use striate_tensor::{Tensor, random::Generator};
    /// let dice = Tensor::randint(1, 7, &[100], &mut Generator::new(0)).to_vec::<i64>();
    /// assert!(dice.iter().all(|number| (1..=6).contains(number)));
    /// ```
    ///
    /// # Panics
    /// When `low` is not below `high`.
    #[track_caller]
    pub fn randint(low: i64, high: i64, shape: &[usize], generator: &mut Generator) -> Tensor {
        Self::try_randint(low, high, shape, generator).or_panic()
    }

    /// Like [`randint`](Self::randint), with a mistake as an error.
    pub fn try_randint(low: i64, high: i64, shape: &[usize], generator: &mut Generator) -> Result<Tensor, TensorError> {
        if low >= high {
            let what = format!("there is no number from {low} up to, but without, {high}");
            return Err(TensorError::argument("randint", what, "give the lower limit first"));
        }
        Ok(Self::fill_new::<i64>(shape, MemoryFormat::Contiguous, |output| {
            for o in output {
                // The span may be all of 64 bits but one number.
                *o = low.wrapping_add(generator.below(high.wrapping_sub(low) as u64) as i64);
            }
        }))
    }

    /// The numbers `0..n` in random order, as `i64`.
    ///
    /// ```
    /// use striate_tensor::{Tensor, random::Generator};
    /// let order = Tensor::randperm(5, &mut Generator::new(0));
    /// assert_eq!(order.sort(0, false).0.to_vec::<i64>(), [0, 1, 2, 3, 4]);
    /// ```
    pub fn randperm(n: usize, generator: &mut Generator) -> Tensor {
        let order = generator.permutation(n).into_iter().map(|number| number as i64);
        Self::from_vec(order.collect(), &[n])
    }

    /// `f32` numbers from the standard normal distribution.
    pub fn randn(shape: &[usize], generator: &mut Generator) -> Tensor {
        Self::fill_new::<f32>(shape, MemoryFormat::Contiguous, |output| {
            for o in output {
                *o = generator.normal() as f32;
            }
        })
    }
}
