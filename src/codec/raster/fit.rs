//! The linear sub-predictor of a field, by least squares over a sample of its voxels.

use crate::codec::raster::predict::{LinearCoefficients, NEIGHBOURS_3D, neighbours};

/// Most voxels that a fit looks at.
const SAMPLES: usize = 1 << 15;
/// Of the largest sum of squares: what is added to all, so that neighbours that are alike share their weight.
const RIDGE: f64 = 1e-6;
/// Where the neighbours of [`LinearCoefficients`] lie before a voxel, along z, y and x.
const OFFSETS: [[isize; 3]; NEIGHBOURS_3D] = [
    [0, 0, 1],
    [0, 1, 0],
    [0, 1, 1],
    [0, 1, -1],
    [0, 0, 2],
    [0, 2, 0],
    [1, 0, 0],
    [1, 0, 1],
    [1, 0, -1],
    [1, 1, 0],
    [1, -1, 0],
    [1, 1, 1],
    [1, 1, -1],
    [1, -1, 1],
    [1, -1, -1],
    [2, 0, 0],
];

impl LinearCoefficients {
    /// Those that predict a field of extents `dims` and rank `rank` best, as it is decoded: `steps` gives the place of a voxel in
    /// steps, `None` where it has none. Where there is too little to go by, [`LinearCoefficients::corners`].
    #[must_use]
    pub fn fit(dims: [usize; 3], rank: usize, steps: impl Fn(usize) -> Option<f64>) -> Self {
        let corners = Self::corners(rank);
        let mut squares = Squares::new(neighbours(rank));
        // Voxels of which all neighbours are in the field.
        let before = if rank == 2 { [0, 2, 2] } else { [2, 2, 2] };
        let behind = if rank == 2 { [0, 0, 1] } else { [0, 1, 1] };
        let inner: [usize; 3] =
            std::array::from_fn(|axis| dims[axis].saturating_sub(before[axis] + behind[axis]));
        let count: usize = inner.iter().product();
        let strides = [dims[1] * dims[2], dims[2], 1];
        for sample in 0..count.min(SAMPLES) {
            let place = spread(sample, count);
            let [z, y, x] = [
                place / inner[2] / inner[1],
                place / inner[2] % inner[1],
                place % inner[2],
            ];
            let at = [z, y, x].into_iter().zip(before).zip(strides);
            let at: usize = at.map(|((c, b), stride)| (c + b) * stride).sum();
            squares.add(&corners, |offset| {
                let back: isize = (offset.iter().zip(strides))
                    .map(|(o, s)| o * s as isize)
                    .sum();
                steps(at.wrapping_add_signed(-back))
            });
        }
        squares
            .solve()
            .and_then(|c| corners.plus(&c))
            .unwrap_or(corners)
    }

    /// With the weights of neighbours less the prediction by corners, which has what is left of the weight.
    fn plus(self, weights: &[i32]) -> Option<Self> {
        let left = 1024 - weights.iter().sum::<i32>();
        let mut all = self.0;
        for (place, all) in all.iter_mut().enumerate() {
            let weight = weights.get(place).copied().unwrap_or(0);
            *all = i16::try_from(i32::from(all.signum()) * left + weight).ok()?;
        }
        Some(Self(all))
    }
}

/// Place number `sample` of those in `0..count` that lie all over it.
fn spread(sample: usize, count: usize) -> usize {
    if count <= SAMPLES {
        return sample;
    }
    // The fractional part of multiples of the golden ratio.
    let part = (sample as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((u128::from(part) * count as u128) >> 64) as usize
}

/// Sums of products of what is known of each neighbour and of the voxel, less the prediction by corners.
struct Squares {
    used: usize,
    products: [[f64; NEIGHBOURS_3D]; NEIGHBOURS_3D],
    right: [f64; NEIGHBOURS_3D],
}

impl Squares {
    fn new(used: usize) -> Self {
        Self {
            used,
            products: [[0.0; NEIGHBOURS_3D]; NEIGHBOURS_3D],
            right: [0.0; NEIGHBOURS_3D],
        }
    }

    /// Adds a voxel, unless it or a neighbour has no value.
    fn add(&mut self, corners: &LinearCoefficients, steps: impl Fn([isize; 3]) -> Option<f64>) {
        let mut known = [0.0; NEIGHBOURS_3D];
        let Some(own) = steps([0; 3]) else { return };
        for (known, offset) in known.iter_mut().zip(OFFSETS).take(self.used) {
            let Some(value) = steps(offset) else { return };
            // Neighbours are known as they were decoded.
            *known = value.round();
        }
        let corner = known
            .iter()
            .zip(corners.0)
            .map(|(v, c)| v * f64::from(c.signum()));
        let base: f64 = corner.sum();
        for i in 0..self.used {
            let value = known[i] - base;
            self.right[i] += value * (own - base);
            for (j, other) in known.iter().enumerate().take(i + 1) {
                self.products[i][j] += value * (other - base);
            }
        }
    }

    /// The weights of the neighbours in 1/1024, by a Cholesky decomposition; `None` where they are not defined.
    fn solve(mut self) -> Option<Vec<i32>> {
        let n = self.used;
        let largest = (0..n).map(|i| self.products[i][i]).fold(0.0, f64::max);
        for i in 0..n {
            self.products[i][i] += RIDGE * self.products[i][i] + 1e-12 * largest;
        }
        let a = &mut self.products;
        for i in 0..n {
            for j in 0..=i {
                let sum = (0..j).fold(a[i][j], |sum, k| sum - a[i][k] * a[j][k]);
                a[i][j] = if i == j { sum.sqrt() } else { sum / a[j][j] };
            }
            if !(a[i][i] > 0.0 && a[i][i].is_finite()) {
                return None;
            }
        }
        let mut x = self.right;
        for i in 0..n {
            x[i] = (0..i).fold(x[i], |sum, k| sum - a[i][k] * x[k]) / a[i][i];
        }
        for i in (0..n).rev() {
            x[i] = (i + 1..n).fold(x[i], |sum, k| sum - a[k][i] * x[k]) / a[i][i];
        }
        let weights = x[..n]
            .iter()
            .map(|x| (x.clamp(-4.0, 4.0) * 1024.0).round() as i32);
        Some(weights.collect())
    }
}
