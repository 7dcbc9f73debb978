//! How a problem is cut for the tiles: columns in panels, rows in tiles of nearly equal height.

use std::ops::Range;

use crate::arch::TileIsa;

/// The cut of `count` columns in panels as wide as the widest tile; the last may be narrower.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels {
    columns: usize,
    width: usize,
}

impl Panels {
    pub(crate) fn new(isa: TileIsa, columns: usize) -> Self {
        Self { columns, width: isa.lanes() * isa.max_vectors() }
    }

    pub(crate) fn count(&self) -> usize {
        self.columns.div_ceil(self.width)
    }

    /// The columns of a panel.
    pub(crate) fn columns(&self, panel: usize) -> Range<usize> {
        panel * self.width..((panel + 1) * self.width).min(self.columns)
    }
}

/// Cuts `rows` in as few tiles of at most `max` rows as possible, of nearly equal height, and calls `visit(first, count)`.
#[inline]
pub(crate) fn for_each_tile(rows: Range<usize>, max: usize, mut visit: impl FnMut(usize, usize)) {
    let tiles = rows.len().div_ceil(max);
    let mut first = rows.start;
    for left in (1..=tiles).rev() {
        let count = (rows.end - first).div_ceil(left);
        visit(first, count);
        first += count;
    }
}

/// A place shared by threads that write disjoint parts of it.
pub(crate) struct Target<T = f32>(*mut T);

impl<T> Clone for Target<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Target<T> {}

// SAFETY: it is only an address; whoever writes through it promises that the parts are disjoint.
unsafe impl<T: Send> Sync for Target<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Target<T> {}

impl<T> Target<T> {
    pub(crate) fn new(data: &mut [T]) -> Self {
        Self(data.as_mut_ptr())
    }

    pub(crate) fn at(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_rows_evenly() {
        for rows in 0..100 {
            for max in 1..15 {
                let mut next = 3;
                let mut heights = vec![];
                for_each_tile(3..3 + rows, max, |first, count| {
                    assert_eq!(first, next);
                    next += count;
                    heights.push(count);
                });
                assert_eq!(next, 3 + rows);
                assert_eq!(heights.len(), rows.div_ceil(max));
                let (least, most) = (heights.iter().min(), heights.iter().max());
                assert!(heights.iter().all(|&h| h <= max));
                assert!(most.zip(least).is_none_or(|(most, least)| most - least <= 1));
            }
        }
    }
}
