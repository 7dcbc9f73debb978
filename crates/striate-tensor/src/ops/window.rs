//! What operations with a moving window check: that there is a window, and that it fits. One place for convolution,
//! pooling and the columns of windows.

use crate::TensorError;

/// How a window looks and moves over images. Pairs are `[vertical, horizontal]`.
pub(super) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
}

impl Window {
    /// That no setting is 0.
    pub fn check_settings(&self, op: &'static str) -> Result<(), TensorError> {
        for (name, pair) in [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)] {
            if pair.contains(&0) {
                let help = format!("{name} must be at least 1");
                return Err(TensorError::argument(op, format!("{name} is {pair:?}"), help));
            }
        }
        Ok(())
    }

    /// That a window fits an image of `size`, of which it may reach `beyond` rows and columns past the padding.
    pub fn check_fits(&self, op: &'static str, size: [usize; 2], beyond: [usize; 2]) -> Result<(), TensorError> {
        self.check_settings(op)?;
        for axis in 0..2 {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let available = size[axis] + 2 * self.padding[axis];
            if reach > available + beyond[axis] {
                let name = ["rows", "columns"][axis];
                return Err(TensorError::shape(
                    op,
                    format!("the kernel spans {reach} {name}, the padded input has {available}"),
                    "use a larger input, more padding or a smaller kernel",
                ));
            }
        }
        Ok(())
    }

    /// How many windows fit an image of `size`, down and across: `(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
    /// rounded down.
    pub fn count(&self, op: &'static str, size: [usize; 2]) -> Result<[usize; 2], TensorError> {
        self.check_fits(op, size, [0; 2])?;
        Ok([0, 1].map(|axis| {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            (size[axis] + 2 * self.padding[axis] - reach) / self.stride[axis] + 1
        }))
    }
}
