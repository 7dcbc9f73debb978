//! Functions of one number with their derivatives, in forms that vectorise: what [`pointwise`](crate::pointwise) runs over
//! slices.
//!
//! `y'` below is the derivative; [`Function::gradient`] gives `dy y'(x)`.

use crate::Element;

/// A function of one number. Implementations are marked `#[inline(always)]`: loops over them are compiled for every
/// instruction set.
pub trait Function<T>: Copy + Sync {
    /// The value at `x`.
    fn value(self, x: T) -> T;
    /// `grad` times the derivative at `x`.
    fn gradient(self, x: T, grad: T) -> T;
}

/// Defines a function: `Name { parameters }`, its value and its derivative.
macro_rules! function {
    ($(#[$doc:meta])* $name:ident { $($(#[$parameter_doc:meta])* $parameter:ident),* }, |$s:ident, $x:ident| $value:expr, $derivative:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            $($(#[$parameter_doc])* pub $parameter: f64,)*
        }

        impl<T: Element> Function<T> for $name {
            #[inline(always)]
            fn value(self, $x: T) -> T {
                let $s = self;
                let _ = $s;
                $value
            }
            #[inline(always)]
            fn gradient(self, $x: T, grad: T) -> T {
                let $s = self;
                let _ = $s;
                grad * $derivative
            }
        }
    };
}

#[inline(always)]
fn number<T: Element>(value: f64) -> T {
    T::from_f64(value)
}

/// `1 / (1 + e^-x)`
#[inline(always)]
pub fn sigmoid<T: Element>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}

/// `log(1 + e^x)`, without overflow.
#[inline(always)]
pub fn softplus<T: Element>(x: T) -> T {
    (-x.abs()).exp().ln_1p() + if x < T::ZERO { T::ZERO } else { x }
}

/// `x` limited to 15 on both sides, where a term with `e^(-x² / 2)` has vanished and infinity would give NaN.
#[inline(always)]
fn limited<T: Element>(x: T) -> T {
    let bound = number::<T>(15.0);
    let x = if x > bound { bound } else { x };
    if x < -bound { -bound } else { x }
}

/// `x / 6 + 1/2`, from 0 to 1.
#[inline(always)]
fn ramp<T: Element>(x: T) -> T {
    let y = x / number(6.0) + number(0.5);
    let y = if y < T::ZERO { T::ZERO } else { y };
    if y > T::ONE { T::ONE } else { y }
}

function!(
    /// `1 / (1 + e^-x)`
    Sigmoid {}, |s, x| sigmoid(x), { let y = sigmoid(x); y * (T::ONE - y) }
);
function!(
    /// `x sigmoid(x)`
    Silu {}, |s, x| x / (T::ONE + (-x).exp()), { let y = sigmoid(x); y * (T::ONE + x * (T::ONE - y)) }
);
function!(
    /// `x Φ(x)` with the normal distribution function `Φ`.
    Gelu {}, |s, x| x * x.normal_cdf(), x.normal_cdf() + limited(x) * x.normal_density()
);
function!(
    /// [`Gelu`] by a hyperbolic tangent, `x / 2 (1 + tanh(sqrt(2 / π) (x + 0.044715 x³)))`, as `x sigmoid(2 ..)`.
    GeluTanh {},
    |s, x| x * sigmoid(gelu_argument(x)),
    {
        let x = limited(x);
        let y = sigmoid(gelu_argument(x));
        let slope = number::<T>(GeluTanh::SCALE) * (T::ONE + number::<T>(3.0 * GeluTanh::CUBE) * (x * x));
        y + x * (y * (T::ONE - y)) * slope
    }
);
function!(
    /// The error function.
    Erf {}, |s, x| x.erf(), number::<T>(std::f64::consts::FRAC_2_SQRT_PI) * (-(x * x)).exp()
);
function!(
    /// `x` above 0, `slope x` below.
    LeakyRelu {
        /// The slope below 0.
        slope
    },
    |s, x| if x > T::ZERO { x } else { number::<T>(s.slope) * x },
    if x > T::ZERO { T::ONE } else { number(s.slope) }
);
function!(
    /// `scale x` above 0, `scale alpha (e^x - 1)` below.
    Elu {
        /// How far it goes below 0.
        alpha,
        /// The slope above 0.
        scale
    },
    |s, x| number::<T>(s.scale) * if x > T::ZERO { x } else { number::<T>(s.alpha) * x.exp_m1() },
    number::<T>(s.scale) * if x > T::ZERO { T::ONE } else { number::<T>(s.alpha) * x.exp() }
);
function!(
    /// `log(1 + e^(beta x)) / beta`
    Softplus {
        /// How sharp the bend is.
        beta
    },
    |s, x| softplus(number::<T>(s.beta) * x) / number(s.beta),
    sigmoid(number::<T>(s.beta) * x)
);
function!(
    /// `x tanh(softplus(x))`
    Mish {}, |s, x| x * softplus(x).tanh(), {
        let t = softplus(x).tanh();
        t + x * ((T::ONE - t * t) * sigmoid(x))
    }
);
function!(
    /// `x / 6 + 1/2`, from 0 to 1.
    Hardsigmoid {}, |s, x| ramp(x), {
        let inside = (x > number(-3.0)) & (x < number(3.0));
        if inside { number(1.0 / 6.0) } else { T::ZERO }
    }
);
function!(
    /// `x hardsigmoid(x)`
    Hardswish {}, |s, x| x * ramp(x), {
        let above = if x < number(3.0) { x / number(3.0) + number(0.5) } else { T::ONE };
        if x > number(-3.0) { above } else { T::ZERO }
    }
);

impl GeluTanh {
    /// `2 sqrt(2 / π)`
    pub const SCALE: f64 = 1.595_769_121_605_730_7;
    /// The share of the cube.
    pub const CUBE: f64 = 0.044_715;
}

#[inline(always)]
fn gelu_argument<T: Element>(x: T) -> T {
    number::<T>(GeluTanh::SCALE) * (x + number::<T>(GeluTanh::CUBE) * (x * x * x))
}
