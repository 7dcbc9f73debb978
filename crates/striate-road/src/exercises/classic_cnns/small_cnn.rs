//! The smallest CNN that deserves the name: one convolution, ReLU, dropout, global average pooling, softmax.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

/// Its parameters.
#[derive(Clone)]
pub(super) struct Cnn {
    /// Kernels, `[F, kh, kw]`.
    pub(super) w: Array3<f64>,
    /// A bias per filter.
    pub(super) b: Array1<f64>,
    /// Weights of the classes, `[K, F]`.
    pub(super) v: Array2<f64>,
    /// A bias per class.
    pub(super) c: Array1<f64>,
}

/// What of the training is left out or done otherwise; all false is right.
#[derive(Clone, Copy, Default)]
pub(super) struct Slips {
    /// The softmax is taken of the softmax.
    pub(super) softmax_twice: bool,
    /// The backward pass goes through the ReLU as if it were not there.
    pub(super) relu_open: bool,
    /// The backward pass forgets the dropout mask.
    pub(super) mask_forward_only: bool,
    /// The backward pass of the pooling does not divide by the number of pixels.
    pub(super) pooling_undivided: bool,
    /// Gradients are summed over the batch.
    pub(super) summed: bool,
}

/// One image on its way through the network.
struct Pass {
    z: Array3<f64>,
    features: Array1<f64>,
    logits: Array1<f64>,
}

fn softmax(logits: &Array1<f64>) -> Array1<f64> {
    let largest = logits.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
    let powers = logits.mapv(|x| (x - largest).exp());
    let sum = powers.sum();
    powers / sum
}

impl Cnn {
    /// The same shapes, all zero.
    pub(super) fn zeros_like(&self) -> Cnn {
        Cnn {
            w: Array3::zeros(self.w.raw_dim()),
            b: Array1::zeros(self.b.raw_dim()),
            v: Array2::zeros(self.v.raw_dim()),
            c: Array1::zeros(self.c.raw_dim()),
        }
    }

    fn pass(&self, image: ArrayView2<'_, f64>, mask: &Array1<f64>) -> Pass {
        let (filters, kh, kw) = self.w.dim();
        let (height, width) = (image.nrows() - kh + 1, image.ncols() - kw + 1);
        let z = Array3::from_shape_fn((filters, height, width), |(f, i, j)| {
            self.b[f] + (&image.slice(s![i..i + kh, j..j + kw]) * &self.w.index_axis(Axis(0), f)).sum()
        });
        let pixels = (height * width) as f64;
        let features = z.mapv(|z| z.max(0.0)).sum_axis(Axis(2)).sum_axis(Axis(1)) / pixels * mask;
        let logits = self.v.dot(&features) + &self.c;
        Pass { z, features, logits }
    }

    /// One number per class; the largest is that of the most probable one.
    pub(super) fn logits(&self, image: ArrayView2<'_, f64>, mask: &Array1<f64>) -> Array1<f64> {
        self.pass(image, mask).logits
    }

    /// One step of gradient descent on a batch of images, classes and masks.
    pub(super) fn step(&mut self, batch: &[(ArrayView2<'_, f64>, usize, Array1<f64>)], lr: f64, slips: Slips) {
        let mut sum = self.zeros_like();
        for (image, class, mask) in batch {
            self.add_gradient(&mut sum, *image, *class, mask, slips);
        }
        let rate = if slips.summed { lr } else { lr / batch.len() as f64 };
        self.w.scaled_add(-rate, &sum.w);
        self.b.scaled_add(-rate, &sum.b);
        self.v.scaled_add(-rate, &sum.v);
        self.c.scaled_add(-rate, &sum.c);
    }

    fn add_gradient(&self, sum: &mut Cnn, image: ArrayView2<'_, f64>, class: usize, mask: &Array1<f64>, slips: Slips) {
        let (filters, kh, kw) = self.w.dim();
        let Pass { z, features, logits } = self.pass(image, mask);
        let probabilities = softmax(&logits);
        let mut truth = Array1::zeros(self.c.len());
        truth[class] = 1.0;
        let dlogits = if slips.softmax_twice {
            // Through both: the Jacobian of the inner softmax after the usual difference of the outer one.
            let outer = softmax(&probabilities) - &truth;
            let mean = (&outer * &probabilities).sum();
            &probabilities * &(outer - mean)
        } else {
            &probabilities - &truth
        };
        sum.c += &dlogits;
        for (mut row, &d) in sum.v.outer_iter_mut().zip(&dlogits) {
            row.scaled_add(d, &features);
        }
        let (_, height, width) = z.dim();
        let pixels = if slips.pooling_undivided { 1.0 } else { (height * width) as f64 };
        let mut dfeatures = self.v.t().dot(&dlogits) / pixels;
        if !slips.mask_forward_only {
            dfeatures *= mask;
        }
        for f in 0..filters {
            for ((i, j), &z) in z.index_axis(Axis(0), f).indexed_iter() {
                if z > 0.0 || slips.relu_open {
                    sum.b[f] += dfeatures[f];
                    let window = image.slice(s![i..i + kh, j..j + kw]);
                    sum.w.index_axis_mut(Axis(0), f).scaled_add(dfeatures[f], &window);
                }
            }
        }
    }
}
