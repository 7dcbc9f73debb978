//! What happens to a sum before it is stored.

use crate::Element;

/// Steps between the sums of a convolution and its output: `y = relu(sum + bias + residual)`, each if asked for.
///
/// A normalisation with constants, `scale * y + shift`, needs no step of its own: scale the weights and shift the bias.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a, T = f32> {
    /// Added per output channel.
    pub bias: Option<&'a [T]>,
    /// Added element by element: laid out as the output.
    pub residual: Option<&'a [T]>,
    /// Whether what is below zero becomes zero. NaN stays.
    pub relu: bool,
}

impl<T: Element> Epilogue<'_, T> {
    /// The steps after the bias, in a pass of their own: for kernels that have no place for them.
    pub(crate) fn finish(&self, output: &mut [T]) {
        const CHUNK: usize = 16 * 1024;
        let relu = |y: T| if y < T::ZERO { T::ZERO } else { y };
        if self.residual.is_none() && !self.relu {
            return;
        }
        crate::threads::parallel_chunks_mut(output, CHUNK, &|chunk, output| {
            let residual = self.residual.map(|residual| &residual[chunk * CHUNK..][..output.len()]);
            crate::arch::vectorized(|| match (residual, self.relu) {
                (Some(residual), true) => output.iter_mut().zip(residual).for_each(|(y, &r)| *y = relu(*y + r)),
                (Some(residual), false) => output.iter_mut().zip(residual).for_each(|(y, &r)| *y += r),
                (None, _) => output.iter_mut().for_each(|y| *y = relu(*y)),
            });
        });
    }
}
