//! What operations with a moving window check: that there is a window, and that it fits.

use crate::TensorError;

/// How a window looks and moves over images. Pairs are `[vertical, horizontal]`.
pub(super) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
}

impl Window {
    /// How many windows fit an image of `size`, down and across: `(size + 2 padding - dilation (kernel - 1) - 1) / stride + 1`,
    /// rounded down.
    pub fn count(&self, op: &'static str, size: [usize; 2]) -> Result<[usize; 2], TensorError> {
        for (name, pair) in [("kernel", self.kernel), ("stride", self.stride), ("dilation", self.dilation)] {
            if pair.contains(&0) {
                let help = format!("{name} must be at least 1");
                return Err(TensorError::argument(op, format!("{name} is {pair:?}"), help));
            }
        }
        let mut windows = [0; 2];
        for axis in 0..2 {
            let reach = self.dilation[axis] * (self.kernel[axis] - 1) + 1;
            let available = size[axis] + 2 * self.padding[axis];
            let Some(room) = available.checked_sub(reach) else {
                let name = ["rows", "columns"][axis];
                return Err(TensorError::shape(
                    op,
                    format!("the window spans {reach} {name}, the padded input has {available}"),
                    "use a larger input, more padding or a smaller window",
                ));
            };
            windows[axis] = room / self.stride[axis] + 1;
        }
        Ok(windows)
    }
}
