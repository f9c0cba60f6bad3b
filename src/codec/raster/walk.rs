//! The way over a brick, the same for encoder and decoder: predicts each voxel, says its contexts, takes in what became of
//! it.

use crate::base::error::Result;
use crate::base::real::Real;
use crate::codec::raster::contexts::{Bins, Neighbourhood};
use crate::codec::raster::difference::Difference;
use crate::codec::raster::planes;
use crate::codec::raster::planes::{BEFORE, RasterPlane};
use crate::codec::raster::predict::{
    Back, LinearCoefficients, NEIGHBOURS_3D, Near, PREDICTORS, RasterPrediction, blend, median,
};
use crate::codec::raster::rows::{Around, Errors, RowSums};

/// The contexts of a difference.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<L> {
    /// What the magnitudes of the neighbours say.
    pub(super) level: L,
    /// Signs of W, N and B.
    pub(super) sign: usize,
}

/// What a voxel has become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voxel<T, D> {
    /// Its value in steps.
    pub(super) place: T,
    /// Its difference; 0 for a value that is stored where others are in steps.
    pub(super) difference: D,
}

impl<T> Voxel<T, i16> {
    /// Of a difference in steps, which contexts know up to a limit.
    #[inline(always)]
    pub(super) fn in_steps(place: T, difference: i32) -> Self {
        let limit = i32::from(i16::MAX);
        let difference = difference.clamp(-limit, limit) as i16;
        Self { place, difference }
    }
}

/// Encodes or decodes the voxels of a brick one after the other.
pub(super) trait VoxelCoder<T> {
    /// What contexts know of voxels.
    type Difference: Difference;

    /// What is added to the errors of sub-predictors beside a voxel with the place `west`.
    fn floor(&self, west: T) -> T;

    /// The voxel number `at`.
    fn voxel(
        &mut self,
        at: usize,
        prediction: T,
        context: Context<<Self::Difference as Difference>::Level>,
    ) -> Voxel<T, Self::Difference>;

    /// A row is done.
    ///
    /// # Errors
    /// `Corrupt` when something was wrong with it.
    fn row_done(&mut self) -> Result<()>;
}

/// Goes over a brick of extents `dims` in a field of rank `rank`, 2 or 3.
///
/// # Errors
/// What `voxels` reports.
pub(super) fn walk<T: Real, V: VoxelCoder<T>>(
    dims: [usize; 3],
    rank: usize,
    prediction: RasterPrediction,
    voxels: &mut V,
) -> Result<()> {
    let [nz, ny, nx] = dims;
    let mut brick = BrickWalk::<T, V::Difference>::new(ny, nx);
    for z in 0..nz {
        let coefficients = match prediction {
            RasterPrediction::Blend(_) if rank == 3 && z == 0 => {
                Some(LinearCoefficients::corners(2))
            }
            RasterPrediction::Blend(coefficients) => Some(coefficients),
            RasterPrediction::Median => None,
        };
        let coefficients = coefficients.map(LinearCoefficients::to_work);
        if z > 0 {
            brick.begin_plane();
        }
        for y in 0..ny {
            brick.row(RowPlace { z, y, ny }, coefficients.as_ref(), voxels)?;
            voxels.row_done()?;
        }
        brick.end_plane(z);
    }
    Ok(())
}

/// Which row of a brick.
#[derive(Clone, Copy)]
struct RowPlace {
    z: usize,
    y: usize,
    ny: usize,
}

/// What is kept of a brick to go on.
struct BrickWalk<T, D: Difference> {
    /// Values in steps: of the plane, of the one before and of the one before that.
    values: [RasterPlane<T>; 3],
    /// Differences, of the plane and of the one before.
    differences: [RasterPlane<D>; 2],
    /// Of the plane as far as it is done, and of the one before from there on.
    errors: RasterPlane<Errors<T>>,
    row: RasterRow<T, D>,
    sums: RowSums<T, D::Energy>,
}

/// The row that is being done.
struct RasterRow<T, D> {
    values: Vec<T>,
    differences: Vec<D>,
    errors: Vec<Errors<T>>,
    /// Number of its first voxel.
    first: usize,
}

impl<T: Real, D: Difference> BrickWalk<T, D> {
    fn new(ny: usize, nx: usize) -> Self {
        let values = RasterPlane::new(ny, nx);
        let differences = RasterPlane::new(ny, nx);
        Self {
            values: [values.clone(), values.clone(), values],
            differences: [differences.clone(), differences],
            errors: RasterPlane::new(ny, nx),
            row: RasterRow {
                values: planes::row(nx),
                differences: planes::row(nx),
                errors: planes::row(nx),
                first: 0,
            },
            sums: RowSums::new(nx),
        }
    }

    /// The row above a plane is the first of the plane before.
    fn begin_plane(&mut self) {
        let [values, back, _] = &mut self.values;
        values.put(0, back.row(1));
        let [differences, back] = &mut self.differences;
        differences.put(0, back.row(1));
    }

    fn end_plane(&mut self, z: usize) {
        self.values[0].repeat_above(1);
        self.differences[0].repeat_above(1);
        if z == 0 {
            // As if the first plane stood before itself.
            self.values[1] = self.values[0].clone();
        }
        self.values.rotate_right(1);
        self.differences.rotate_right(1);
    }

    fn row(
        &mut self,
        place: RowPlace,
        coefficients: Option<&[T; NEIGHBOURS_3D]>,
        voxels: &mut impl VoxelCoder<T, Difference = D>,
    ) -> Result<()> {
        let RowPlace { z, y, ny } = place;
        let Self {
            values,
            differences,
            errors,
            row,
            sums,
        } = self;
        let has_back = z > 0;
        let around = Around::new(&values[0], has_back.then_some(&values[1]), y, ny);
        let signs = Around::new(&differences[0], has_back.then_some(&differences[1]), y, ny);
        row.begin(around, signs);
        if z == 0 && y == 0 {
            row.first_of_brick(voxels);
        } else {
            sums.add_up_energy(signs);
            if let Some(coefficients) = coefficients {
                sums.add_up_values(around, values[2].row(y + 1), coefficients);
                let south = if y + 1 < ny { y + 2 } else { 0 };
                let back = has_back.then(|| [errors.row(y + 1), errors.row(south)]);
                sums.add_up_errors(errors.row(y), back);
                row.blended(around, signs, sums, coefficients, voxels);
            } else {
                row.medians(around, signs, sums, voxels);
            }
        }
        planes::end(&mut row.values);
        planes::end(&mut row.differences);
        values[0].put(y + 1, &row.values);
        differences[0].put(y + 1, &row.differences);
        if coefficients.is_some() {
            errors.put(y + 1, &row.errors);
        }
        if z == 0 && y == 0 {
            values[0].repeat_above(1);
            differences[0].repeat_above(1);
        }
        row.first += row.values.len() - BEFORE - 1;
        Ok(())
    }
}

impl<T: Real, D: Difference> RasterRow<T, D> {
    /// What stands before the first voxel.
    fn begin(&mut self, around: Around<'_, T>, signs: Around<'_, D>) {
        let mut first = around.north[BEFORE];
        if let Some(back) = around.back {
            first += back.own[BEFORE] - back.north[BEFORE];
        }
        planes::begin(&mut self.values, first);
        planes::begin(&mut self.differences, signs.north[BEFORE]);
    }

    fn len(&self) -> usize {
        self.values.len() - BEFORE - 1
    }

    /// Codes voxel `x`, and notes what it has become.
    #[inline(always)]
    fn code(
        &mut self,
        x: usize,
        prediction: T,
        context: Context<D::Level>,
        voxels: &mut impl VoxelCoder<T, Difference = D>,
    ) -> T {
        let Voxel { place, difference } = voxels.voxel(self.first + x, prediction, context);
        self.values[x + BEFORE] = place;
        self.differences[x + BEFORE] = difference;
        place
    }

    /// The context of voxel `x`; `energy` is that of the rows before.
    #[inline(always)]
    fn context(
        &self,
        x: usize,
        signs: &Around<'_, D>,
        energy: D::Energy,
        bins: &Bins,
    ) -> Context<D::Level> {
        let (west, west_west) = (self.differences[x + 1], self.differences[x]);
        let back = signs.back.map_or(1, |back| back.own[x + BEFORE].sign());
        let energy = energy + west.weighted(4) + west_west.weighted(2);
        Context {
            level: D::level(energy, bins),
            sign: 9 * west.sign() + 3 * signs.north[x + BEFORE].sign() + back,
        }
    }

    /// The first row of a brick: each voxel is expected to be as the one before.
    fn first_of_brick(&mut self, voxels: &mut impl VoxelCoder<T, Difference = D>) {
        let bins = Bins::of(Neighbourhood::Flat);
        for x in 0..self.len() {
            let west = self.values[x + 1];
            let (q, qq) = (self.differences[x + 1], self.differences[x]);
            let context = Context {
                level: D::level(q.weighted(10) + qq.weighted(5), bins),
                sign: 9 * q.sign() + 4,
            };
            let place = self.code(x, west, context, voxels);
            self.errors[x + BEFORE] = [(place - west).abs(); PREDICTORS];
        }
    }

    fn medians(
        &mut self,
        around: Around<'_, T>,
        signs: Around<'_, D>,
        sums: &RowSums<T, D::Energy>,
        voxels: &mut impl VoxelCoder<T, Difference = D>,
    ) {
        let bins = Bins::of(signs.neighbourhood());
        for x in 0..self.len() {
            let west = self.values[x + 1];
            let (north, north_west) = (around.north[x + 2], around.north[x + 1]);
            let context = self.context(x, &signs, sums.energy[x], bins);
            let moved = median(T::ZERO, north - west, north - north_west);
            self.code(x, west + moved, context, voxels);
        }
    }

    fn blended(
        &mut self,
        around: Around<'_, T>,
        signs: Around<'_, D>,
        sums: &RowSums<T, D::Energy>,
        coefficients: &[T; NEIGHBOURS_3D],
        voxels: &mut impl VoxelCoder<T, Difference = D>,
    ) {
        let own = [coefficients[0], coefficients[4]];
        let near = |row: &Self, x: usize| Near {
            west: row.values[x + 1],
            west_west: row.values[x],
            north: around.north[x + 2],
            north_west: around.north[x + 1],
            linear: sums.linear[x],
            own,
        };
        match around.back {
            None => self.blend_row(&signs, sums, voxels, |row, x| {
                near(row, x).in_plane(around.north[x + 3], around.north_north[x + 2])
            }),
            Some(back) => self.blend_row(&signs, sums, voxels, |row, x| {
                let (north, back_north) = (&around.north[x + 1..], &back.north[x + 1..]);
                near(row, x).in_volume(Back {
                    own: back.own[x + 2],
                    west: back.own[x + 1],
                    slope: sums.slope[x],
                    change: north[1] - back_north[1],
                    corner: north[0] - back_north[0],
                })
            }),
        }
    }

    #[inline(always)]
    fn blend_row(
        &mut self,
        signs: &Around<'_, D>,
        sums: &RowSums<T, D::Energy>,
        voxels: &mut impl VoxelCoder<T, Difference = D>,
        predictors: impl Fn(&Self, usize) -> [T; PREDICTORS],
    ) {
        let (bins, half) = (Bins::of(signs.neighbourhood()), T::from_f64(0.5));
        for x in 0..self.len() {
            let context = self.context(x, signs, sums.energy[x], bins);
            let predicted = predictors(self, x);
            let mut errors = sums.errors[x];
            let (west, west_west) = (&self.errors[x + 1], &self.errors[x]);
            for k in 0..PREDICTORS {
                errors[k] += west[k] + half * west_west[k];
            }
            let west = self.values[x + 1];
            let moved = blend(&predicted, &errors, voxels.floor(west));
            let place = self.code(x, west + moved, context, voxels);
            let moved = place - west;
            self.errors[x + BEFORE] = predicted.map(|predicted| (predicted - moved).abs());
        }
    }
}
