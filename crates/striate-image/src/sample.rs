use ndarray::NdFloat;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for u8 {}
}

/// An element an image may have: `f32`, `f64` or `u8`.
pub trait Sample: sealed::Sealed + Copy + Default + PartialOrd + Send + Sync + 'static {
    /// The value as `f64`; bytes stay 0 to 255.
    fn to_f64(self) -> f64;
    /// The nearest value of this type; bytes are rounded to nearest and clipped to 0 to 255.
    fn from_f64(value: f64) -> Self;
}

/// A floating-point [`Sample`]: what filters work on.
pub trait Real: Sample + NdFloat {}

impl Sample for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl Sample for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn from_f64(value: f64) -> Self {
        value
    }
}

impl Sample for u8 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }

    fn from_f64(value: f64) -> Self {
        // A float-to-byte cast saturates, which is the clipping wanted here.
        value.round() as u8
    }
}

impl Real for f32 {}
impl Real for f64 {}
