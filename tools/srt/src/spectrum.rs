//! One-dimensional power spectra: mean power of the modes at each wavenumber.

use rayon::prelude::*;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use srt::{Element, Error, Result, Shape};

/// Mean power of the Fourier modes of a field by wavenumber `k`, from 0 to the Nyquist wavenumber of the
/// longest axis (paper section 5.5).
///
/// Wavenumbers count waves along the longest axis; those of a shorter axis are scaled to it. A mode
/// belongs to the whole number nearest to its wavenumber. The power of a mode is `|F / N|^2`, with `N`
/// voxels and an unnormalised transform `F`, so all modes together hold the mean square of the field.
/// Values that are not finite count as the mean of the others.
///
/// # Errors
/// `InvalidArgument` when the length differs from the shape's.
pub(crate) fn power_spectrum<T: Element>(shape: Shape, values: &[T]) -> Result<Vec<f64>> {
    if values.len() != shape.len() {
        return Err(Error::invalid(format!(
            "{} values expected for a grid of {shape}, {} found",
            shape.len(),
            values.len()
        )));
    }
    let [nz, ny, nx] = shape.dims();
    let zero = Complex { re: 0.0, im: 0.0 };
    // The other modes along x are the conjugates of these.
    let width = nx / 2 + 1;
    let mut planner = FftPlanner::<f64>::new();
    let along_z = planner.plan_fft_forward(nz);
    let modes = modes_of_planes([nz, ny, nx], values, &mut planner);
    let shells = Shells::new(shape.dims());
    let rows: Vec<Vec<(f64, u64)>> = (0..ny)
        .into_par_iter()
        .map(|y| {
            let mut sums = vec![(0.0, 0); shells.count];
            let mut column = vec![zero; nz];
            for x in 0..width {
                for (z, value) in column.iter_mut().enumerate() {
                    *value = modes[(z * ny + y) * width + x];
                }
                along_z.process(&mut column);
                let twins = if x == 0 || 2 * x == nx { 1 } else { 2 };
                for (z, value) in column.iter().enumerate() {
                    if let Some(sum) = sums.get_mut(shells.of([z, y, x])) {
                        sum.0 += value.norm_sqr() * twins as f64;
                        sum.1 += twins;
                    }
                }
            }
            sums
        })
        .collect();
    let share = (shape.len() as f64).powi(2).recip();
    Ok((0..shells.count)
        .map(|k| {
            // In the order of rows, whatever the number of threads.
            let add = |sum: (f64, u64), row: &Vec<(f64, u64)>| (sum.0 + row[k].0, sum.1 + row[k].1);
            match rows.iter().fold((0.0, 0), add) {
                (_, 0) => 0.0,
                (power, modes) => power * share / modes as f64,
            }
        })
        .collect())
}

/// Planes transformed along x and y: of each row the modes along x from 0 to half its length.
fn modes_of_planes<T: Element>(
    [nz, ny, nx]: [usize; 3],
    values: &[T],
    planner: &mut FftPlanner<f64>,
) -> Vec<Complex<f64>> {
    let fill = finite_mean(values);
    let [along_y, along_x] = [ny, nx].map(|n| planner.plan_fft_forward(n));
    let width = nx / 2 + 1;

    let zero = Complex { re: 0.0, im: 0.0 };
    let mut modes = vec![zero; nz * ny * width];
    modes
        .par_chunks_mut(ny * width)
        .zip(values.par_chunks(ny * nx))
        .for_each(|(modes, values)| {
            let mut line = vec![zero; nx];
            for (modes, values) in modes.chunks_mut(width).zip(values.chunks(nx)) {
                for (to, from) in line.iter_mut().zip(values) {
                    let re = if from.is_finite() {
                        from.to_f64()
                    } else {
                        fill
                    };
                    *to = Complex { re, im: 0.0 };
                }
                along_x.process(&mut line);
                modes.copy_from_slice(&line[..width]);
            }
            let mut column = vec![zero; ny];
            for x in 0..width {
                for (y, value) in column.iter_mut().enumerate() {
                    *value = modes[y * width + x];
                }
                along_y.process(&mut column);
                for (y, value) in column.iter().enumerate() {
                    modes[y * width + x] = *value;
                }
            }
        });
    modes
}

fn finite_mean<T: Element>(values: &[T]) -> f64 {
    let finite = values.iter().filter(|v| v.is_finite());
    let (sum, count) = finite.fold((0.0, 0u64), |(s, n), v| (s + v.to_f64(), n + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}

/// Which wavenumber a mode belongs to.
struct Shells {
    dims: [usize; 3],
    /// Waves along the longest axis per wave along each axis.
    scale: [f64; 3],
    count: usize,
}

impl Shells {
    fn new(dims: [usize; 3]) -> Self {
        let longest = dims.into_iter().max().unwrap_or(1);
        Self {
            dims,
            scale: dims.map(|n| longest as f64 / n as f64),
            count: longest / 2 + 1,
        }
    }

    fn of(&self, mode: [usize; 3]) -> usize {
        let square = |axis: usize| {
            let waves = mode[axis].min(self.dims[axis] - mode[axis]) as f64;
            (waves * self.scale[axis]).powi(2)
        };
        (square(0) + square(1) + square(2)).sqrt().round() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waves(shape: Shape, k: [f64; 3], amplitude: f64) -> Vec<f64> {
        let [nz, ny, nx] = shape.dims();
        let turn = std::f64::consts::TAU;
        (0..shape.len())
            .map(|i| {
                let at = [i / (ny * nx), i / nx % ny, i % nx];
                let phase: f64 = (0..3)
                    .map(|a| k[a] * at[a] as f64 / [nz, ny, nx][a] as f64)
                    .sum();
                amplitude * (turn * phase).cos()
            })
            .collect()
    }

    #[test]
    fn a_wave_has_its_power_at_its_wavenumber() {
        let shape = Shape::new(&[16, 16, 16]).unwrap();
        let spectrum = power_spectrum(shape, &waves(shape, [0.0, 3.0, 4.0], 2.0)).unwrap();
        assert_eq!(spectrum.len(), 9);
        let modes = |k: usize| {
            let near = |i: i32| i as f64;
            let all =
                (-8..8).flat_map(|z| (-8..8).flat_map(move |y| (-8..8).map(move |x| [z, y, x])));
            all.filter(|m| {
                m.iter()
                    .map(|&i| near(i).powi(2))
                    .sum::<f64>()
                    .sqrt()
                    .round()
                    == k as f64
            })
            .count() as f64
        };
        // The mean square of 2 cos is 2.
        assert!((spectrum[5] * modes(5) - 2.0).abs() < 1e-12, "{spectrum:?}");
        assert!(
            spectrum
                .iter()
                .enumerate()
                .all(|(k, p)| k == 5 || p.abs() < 1e-20)
        );
    }

    #[test]
    fn all_modes_hold_the_mean_square_of_odd_and_flat_grids() {
        for extents in [&[1, 1][..], &[7, 9], &[1, 6, 5], &[3, 4, 5]] {
            let shape = Shape::new(extents).unwrap();
            let field: Vec<f32> = (0..shape.len())
                .map(|i| (i * 7 % 11) as f32 - 3.0)
                .collect();
            let shells = Shells::new(shape.dims());
            let longest = shape.dims().into_iter().max().unwrap();
            // Within the sphere of the Nyquist wavenumber; a constant field has all its power there.
            assert_eq!(shells.count, longest / 2 + 1);
            let spectrum = power_spectrum(shape, &field).unwrap();
            let mean = field.iter().sum::<f32>() / field.len() as f32;
            assert!(
                (spectrum[0] - f64::from(mean * mean)).abs() < 1e-6,
                "{extents:?} {spectrum:?}"
            );
        }
    }

    #[test]
    fn axes_of_other_lengths_and_holes_are_told_apart() {
        let shape = Shape::new(&[8, 32]).unwrap();
        // Two waves along the axis of 8 are eight along the length of 32.
        let spectrum = power_spectrum(shape, &waves(shape, [0.0, 2.0, 0.0], 1.0)).unwrap();
        let largest = (0..spectrum.len()).max_by(|&a, &b| spectrum[a].total_cmp(&spectrum[b]));
        assert_eq!(largest, Some(8));
        let mut field = vec![2.0f32; shape.len()];
        field[5] = f32::NAN;
        let spectrum = power_spectrum(shape, &field).unwrap();
        assert!((spectrum[0] - 4.0).abs() < 1e-12 && spectrum[1..].iter().all(|p| p.abs() < 1e-12));
        assert!(power_spectrum(shape, &field[1..]).is_err());
    }
}
