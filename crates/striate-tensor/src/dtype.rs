//! Element types.

use std::fmt;

use bytemuck::Pod;
use striate_kernels::bf16::{bf16, from_f32, to_f32};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float: the working type of the engine.
    F32,
    /// The upper half of an `f32` (8 bits of precision, the same range): storage and products of mixed precision.
    BF16,
    /// 64-bit float: for gradient checks and exact references.
    F64,
    /// 64-bit signed integer: class labels and indices.
    I64,
    /// 8-bit unsigned integer: raw pixels.
    U8,
    /// Boolean, one byte per element: masks and comparison results.
    Bool,
}

impl DType {
    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 => 4,
            Self::BF16 => 2,
            Self::U8 | Self::Bool => 1,
        }
    }

    /// Whether this is a floating-point type, the only types that carry gradients.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::BF16 | Self::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::BF16 => "bf16",
            Self::F64 => "f64",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::Bool => "bool",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for striate_kernels::bf16::bf16 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u8 {}
    impl Sealed for bool {}
}

/// A Rust type whose values a tensor can hold: `f32`, [`bf16`], `f64`, `i64`, `u8` and `bool`.
pub trait TensorElement: Copy + fmt::Debug + PartialEq + Send + Sync + sealed::Sealed + 'static {
    /// The dtype of a tensor of these.
    const DTYPE: DType;
    /// How one element lies in memory; differs from `Self` for `bool` only, which is stored as `u8` 0 or 1.
    type Stored: Pod + Send + Sync + fmt::Debug;
    /// Converts to the stored form.
    fn to_stored(self) -> Self::Stored;
    /// Converts from the stored form.
    fn from_stored(stored: Self::Stored) -> Self;
}

macro_rules! plain_element {
    ($($type:ty => $dtype:ident),*) => {$(
        impl TensorElement for $type {
            const DTYPE: DType = DType::$dtype;
            type Stored = Self;
            fn to_stored(self) -> Self {
                self
            }
            fn from_stored(stored: Self) -> Self {
                stored
            }
        }
    )*};
}
plain_element!(f32 => F32, bf16 => BF16, f64 => F64, i64 => I64, u8 => U8);

impl TensorElement for bool {
    const DTYPE: DType = DType::Bool;
    type Stored = u8;
    fn to_stored(self) -> u8 {
        u8::from(self)
    }
    fn from_stored(stored: u8) -> Self {
        stored != 0
    }
}

/// A number type: everything but `bool`. Integer arithmetic wraps around, as in NumPy and PyTorch.
pub trait Number: TensorElement<Stored = Self> + Pod + PartialOrd {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// The smallest value (minus infinity for floats).
    const LOWEST: Self;
    /// The largest value (infinity for floats).
    const HIGHEST: Self;
    /// Sum.
    fn plus(self, other: Self) -> Self;
    /// Difference.
    fn minus(self, other: Self) -> Self;
    /// Product.
    fn times(self, other: Self) -> Self;
    /// Whether this is a NaN; never for integers.
    fn is_nan(self) -> bool;
    /// Conversion as by `as`: rounds to the nearest float, truncates and saturates towards an integer.
    fn from_f64(value: f64) -> Self;
    /// Conversion as by `as`.
    fn to_f64(self) -> f64;
    /// Conversion as by `as`.
    fn from_i64(value: i64) -> Self;
    /// Conversion as by `as`.
    fn to_i64(self) -> i64;
}

macro_rules! number {
    ($type:ty, $lowest:expr, $highest:expr, $nan:expr, |$a:ident, $b:ident| $plus:expr, $minus:expr, $times:expr) => {
        impl Number for $type {
            const ZERO: Self = 0 as Self;
            const ONE: Self = 1 as Self;
            const LOWEST: Self = $lowest;
            const HIGHEST: Self = $highest;
            #[inline(always)]
            fn plus(self, $b: Self) -> Self {
                let $a = self;
                $plus
            }
            #[inline(always)]
            fn minus(self, $b: Self) -> Self {
                let $a = self;
                $minus
            }
            #[inline(always)]
            fn times(self, $b: Self) -> Self {
                let $a = self;
                $times
            }
            #[inline(always)]
            fn is_nan(self) -> bool {
                $nan(self)
            }
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn from_i64(value: i64) -> Self {
                value as Self
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                self as i64
            }
        }
    };
}
number!(f32, f32::NEG_INFINITY, f32::INFINITY, f32::is_nan, |a, b| a + b, a - b, a * b);
number!(f64, f64::NEG_INFINITY, f64::INFINITY, f64::is_nan, |a, b| a + b, a - b, a * b);
number!(i64, i64::MIN, i64::MAX, |_| false, |a, b| a.wrapping_add(b), a.wrapping_sub(b), a.wrapping_mul(b));
number!(u8, u8::MIN, u8::MAX, |_| false, |a, b| a.wrapping_add(b), a.wrapping_sub(b), a.wrapping_mul(b));

/// Each operation is computed in `f32` and rounded.
impl Number for bf16 {
    const ZERO: Self = bf16::ZERO;
    const ONE: Self = bf16::ONE;
    const LOWEST: Self = bf16::NEG_INFINITY;
    const HIGHEST: Self = bf16::INFINITY;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        from_f32(to_f32(self) + to_f32(other))
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        from_f32(to_f32(self) - to_f32(other))
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        from_f32(to_f32(self) * to_f32(other))
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        to_f32(self).is_nan()
    }
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        from_f32(value as f32)
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(to_f32(self))
    }
    #[inline(always)]
    fn from_i64(value: i64) -> Self {
        from_f32(value as f32)
    }
    #[inline(always)]
    fn to_i64(self) -> i64 {
        to_f32(self) as i64
    }
}

/// Runs the body with `$T` bound to the Rust type of a float dtype of which sums can be made, or returns the error that
/// names `$op`: operations see to bf16 before.
macro_rules! dispatch_float {
    ($dtype:expr, $op:expr, |$T:ident| $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            other => return Err($crate::TensorError::needs_float($op, other)),
        }
    };
}

/// Runs the body with `$T` bound to the Rust type of a number dtype, or returns the error that names `$op`.
macro_rules! dispatch_number {
    ($dtype:expr, $op:expr, |$T:ident| $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::BF16 => {
                type $T = striate_kernels::bf16::bf16;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::Bool => return Err($crate::TensorError::needs_number($op)),
        }
    };
}

/// Runs the body with `$T` bound to the stored form of any dtype (`u8` for `Bool`): for ops that only move elements.
macro_rules! dispatch_stored {
    ($dtype:expr, |$T:ident| $body:expr) => {
        match $dtype {
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::BF16 => {
                type $T = striate_kernels::bf16::bf16;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U8 | $crate::DType::Bool => {
                type $T = u8;
                $body
            }
        }
    };
}

pub(crate) use {dispatch_float, dispatch_number, dispatch_stored};
