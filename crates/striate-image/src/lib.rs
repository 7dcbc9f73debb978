//! Image processing on [`ndarray`] views.
//!
//! Names and conventions are those of OpenCV, scikit-image and SciPy, and every operation is tested against them.
//! A grey image is an array of shape `[height, width]`, a colour image `[height, width, 3]` in the order red, green,
//! blue; row 0 is the top. Coordinates are always (row, column).
//!
//! ```
//! use ndarray::array;
//! use striate_image::filter::{Border, Mode, correlate2d};
//!
//! let image = array![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]];
//! let kernel = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]];
//! let out = correlate2d(image.view(), kernel.view(), Mode::Same, Border::Constant(0.0)).unwrap();
//! // Correlation with an impulse gives the kernel back, turned by 180 degrees.
//! assert_eq!(out, array![[9.0, 8.0, 7.0], [6.0, 5.0, 4.0], [3.0, 2.0, 1.0]]);
//! ```

pub mod color;
pub mod components;
pub mod filter;
pub mod moments;
pub mod resize;

mod error;
mod sample;

pub use error::ImageError;
pub use sample::{Real, Sample};
