//! Rows of a plane with room beside and above them, for neighbours that a brick does not have (codec `raster`, section 2).

/// Entries of a row before its first voxel.
pub(super) const BEFORE: usize = 2;
/// Entries of a row beside its voxels.
const BESIDE: usize = BEFORE + 1;

/// A plane of a brick and the row above it.
#[derive(Clone, Debug)]
pub(super) struct RasterPlane<V> {
    rows: Vec<V>,
    stride: usize,
}

impl<V: Copy + Default> RasterPlane<V> {
    pub(super) fn new(ny: usize, nx: usize) -> Self {
        let stride = nx + BESIDE;
        Self {
            rows: vec![V::default(); (ny + 1) * stride],
            stride,
        }
    }

    /// RasterRow `y`, where row 0 is the one above the plane.
    pub(super) fn row(&self, y: usize) -> &[V] {
        &self.rows[y * self.stride..][..self.stride]
    }

    /// Puts in a row.
    pub(super) fn put(&mut self, y: usize, row: &[V]) {
        self.rows[y * self.stride..][..self.stride].copy_from_slice(row);
    }

    /// Copies row `from` to the one above the plane.
    pub(super) fn repeat_above(&mut self, from: usize) {
        let from = from * self.stride;
        self.rows.copy_within(from..from + self.stride, 0);
    }
}

/// A row that is being decoded.
pub(super) fn row<V: Copy + Default>(nx: usize) -> Vec<V> {
    vec![V::default(); nx + BESIDE]
}

/// Gives a row what stands before its first voxel.
pub(super) fn begin<V: Copy>(row: &mut [V], first: V) {
    row[..BEFORE].fill(first);
}

/// Repeats the outer voxels of a row beside it.
pub(super) fn end<V: Copy>(row: &mut [V]) {
    let last = row.len() - 1;
    row[last] = row[last - 1];
    let first = row[BEFORE];
    row[..BEFORE].fill(first);
}
