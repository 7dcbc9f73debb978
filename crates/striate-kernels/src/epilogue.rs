//! What happens to a sum before it is stored.

use crate::Element;

/// Steps between the sums of a convolution and its output: `y = relu(sum * scale + bias + residual)`, each if asked for.
///
/// A normalisation with constants is a scale and a bias.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a, T = f32> {
    /// Multiplied per output channel.
    pub scale: Option<&'a [T]>,
    /// Added per output channel.
    pub bias: Option<&'a [T]>,
    /// Added element by element: laid out as the output.
    pub residual: Option<&'a [T]>,
    /// Whether what is below zero becomes zero. NaN stays.
    pub relu: bool,
}

impl<'a, T: Element> Epilogue<'a, T> {
    /// # Panics
    /// If a length does not fit the channels and the length of the output.
    pub(crate) fn check(&self, channels: usize, output: usize) {
        let per_channel = |values: Option<&[T]>| values.is_none_or(|values| values.len() == channels);
        assert!(per_channel(self.bias), "conv2d: length of the bias");
        assert!(per_channel(self.scale), "conv2d: length of the scale");
        assert!(self.residual.is_none_or(|residual| residual.len() == output), "conv2d: length of the residual");
    }

    /// The bias, where sums may begin with it: what is left is up to [`Epilogue::finish`].
    pub(crate) fn first(&self) -> Option<&'a [T]> {
        if self.scale.is_none() { self.bias } else { None }
    }

    /// Whether there are steps after the sums that began with [`Epilogue::first`].
    pub(crate) fn is_left(&self) -> bool {
        self.scale.is_some() || self.residual.is_some() || self.relu
    }

    /// The steps after the sums that began with [`Epilogue::first`], for some channels of a pixel, from `channel` on; `place`
    /// is where they are in the output.
    #[inline(always)]
    pub(crate) fn finish_here(&self, channel: usize, place: usize, sums: &mut [T]) {
        if let Some(scale) = self.scale {
            let scale = &scale[channel..][..sums.len()];
            match self.bias.map(|bias| &bias[channel..][..sums.len()]) {
                Some(bias) => sums.iter_mut().zip(scale).zip(bias).for_each(|((y, &s), &b)| *y = *y * s + b),
                None => sums.iter_mut().zip(scale).for_each(|(y, &s)| *y *= s),
            }
        }
        if let Some(residual) = self.residual {
            sums.iter_mut().zip(&residual[place..]).for_each(|(y, &residual)| *y += residual);
        }
        if self.relu {
            sums.iter_mut().for_each(|y| *y = if *y < T::ZERO { T::ZERO } else { *y });
        }
    }

    /// The steps after the sums that began with [`Epilogue::first`], in a pass of their own: for kernels that have no place
    /// for them.
    pub(crate) fn finish(&self, channels: usize, output: &mut [T]) {
        if !self.is_left() || output.is_empty() {
            return;
        }
        let chunk_len = (16 * 1024_usize).div_ceil(channels) * channels;
        crate::threads::parallel_chunks_mut(output, chunk_len, &|chunk, output| {
            crate::arch::vectorized(|| {
                for (pixel, sums) in output.chunks_exact_mut(channels).enumerate() {
                    self.finish_here(0, chunk * chunk_len + pixel * channels, sums);
                }
            });
        });
    }
}
