//! `+ - * /` between tensors and with numbers, on values and references.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::Tensor;

macro_rules! tensor_operator {
    ($trait:ident, $operator:ident, $method:ident) => {
        tensor_operator!(@one $trait, $operator, $method, &Tensor, &Tensor, |a, b| (a, b));
        tensor_operator!(@one $trait, $operator, $method, Tensor, &Tensor, |a, b| (&a, b));
        tensor_operator!(@one $trait, $operator, $method, &Tensor, Tensor, |a, b| (a, &b));
        tensor_operator!(@one $trait, $operator, $method, Tensor, Tensor, |a, b| (&a, &b));
    };
    (@one $trait:ident, $operator:ident, $method:ident, $left:ty, $right:ty, |$a:ident, $b:ident| ($l:expr, $r:expr)) => {
        impl $trait<$right> for $left {
            type Output = Tensor;
            #[track_caller]
            fn $operator(self, other: $right) -> Tensor {
                let ($a, $b) = (self, other);
                Tensor::$method($l, $r)
            }
        }
    };
}
tensor_operator!(Add, add, add);
tensor_operator!(Sub, sub, sub);
tensor_operator!(Mul, mul, mul);
tensor_operator!(Div, div, div);

macro_rules! number_operators {
    ($($tensor:ty),*) => {$(
        impl Add<f64> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn add(self, number: f64) -> Tensor {
                self.add_scalar(number)
            }
        }
        impl Sub<f64> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn sub(self, number: f64) -> Tensor {
                self.add_scalar(-number)
            }
        }
        impl Mul<f64> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn mul(self, number: f64) -> Tensor {
                self.mul_scalar(number)
            }
        }
        impl Div<f64> for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn div(self, number: f64) -> Tensor {
                self.div_scalar(number)
            }
        }
        impl Add<$tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn add(self, tensor: $tensor) -> Tensor {
                tensor.add_scalar(self)
            }
        }
        impl Sub<$tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn sub(self, tensor: $tensor) -> Tensor {
                tensor.mul_scalar(-1.0).add_scalar(self)
            }
        }
        impl Mul<$tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn mul(self, tensor: $tensor) -> Tensor {
                tensor.mul_scalar(self)
            }
        }
        impl Div<$tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn div(self, tensor: $tensor) -> Tensor {
                Tensor::div(&tensor.full_like(self), &tensor)
            }
        }
        impl Neg for $tensor {
            type Output = Tensor;
            #[track_caller]
            fn neg(self) -> Tensor {
                Tensor::neg(&self)
            }
        }
    )*};
}
number_operators!(Tensor, &Tensor);
