//! Connected components of a binary image.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};

/// Which pixels are neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// Up, down, left, right.
    Four,
    /// Those and the diagonals.
    Eight,
}

impl Connectivity {
    fn offsets(self) -> &'static [(isize, isize)] {
        const AROUND: [(isize, isize); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)];
        match self {
            Connectivity::Four => &AROUND[..4],
            Connectivity::Eight => &AROUND,
        }
    }
}

/// Numbers the blobs of `true` pixels 1, 2, ... in the order in which a scan from the top left meets them; 0 is
/// background. Returns the label image and the number of blobs. As `skimage.measure.label`.
///
/// ```
/// use ndarray::array;
/// use striate_image::components::{Connectivity, label};
///
/// let mask = array![[true, false, true], [true, false, false]];
/// let (labels, count) = label(mask.view(), Connectivity::Eight);
/// assert_eq!(labels, array![[1, 0, 2], [1, 0, 0]]);
/// assert_eq!(count, 2);
/// ```
pub fn label(mask: ArrayView2<'_, bool>, connectivity: Connectivity) -> (Array2<u32>, usize) {
    let (height, width) = mask.dim();
    let mut labels = Array2::zeros((height, width));
    let mut count = 0;
    let mut pending = Vec::new();
    for start in ndarray::indices((height, width)) {
        if !mask[start] || labels[start] != 0 {
            continue;
        }
        count += 1;
        labels[start] = count;
        pending.push(start);
        while let Some((i, j)) = pending.pop() {
            for &(di, dj) in connectivity.offsets() {
                let (Some(r), Some(c)) = (i.checked_add_signed(di), j.checked_add_signed(dj)) else { continue };
                if r < height && c < width && mask[[r, c]] && labels[[r, c]] == 0 {
                    labels[[r, c]] = count;
                    pending.push((r, c));
                }
            }
        }
    }
    (labels, count as usize)
}

/// The mask of the blob with most pixels (the one met first among equals), or `None` if there is no blob.
pub fn largest(mask: ArrayView2<'_, bool>, connectivity: Connectivity) -> Option<Array2<bool>> {
    let (labels, count) = label(mask, connectivity);
    let mut sizes = vec![0usize; count + 1];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    let biggest = sizes.iter().skip(1).copied().max()?;
    let winner = (1..=count).find(|&label| sizes[label] == biggest)?;
    Some(labels.mapv(|label| label as usize == winner))
}

/// The rows and columns of the smallest rectangle that holds every `true` pixel, or `None` if there is none.
pub fn bounding_box(mask: ArrayView2<'_, bool>) -> Option<(Range<usize>, Range<usize>)> {
    let mut rows: Option<Range<usize>> = None;
    let mut columns: Option<Range<usize>> = None;
    for ((i, j), _) in mask.indexed_iter().filter(|(_, set)| **set) {
        rows = Some(rows.map_or(i..i + 1, |r| r.start.min(i)..r.end.max(i + 1)));
        columns = Some(columns.map_or(j..j + 1, |c| c.start.min(j)..c.end.max(j + 1)));
    }
    Some((rows?, columns?))
}
