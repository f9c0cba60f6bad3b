//! The input of a network: units, quantisation, extension at the domain's edges.

use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::network::{Head, Network, Padding};
use crate::transform::Extension;

/// The quantised low-pass that a network reads: the whole coarse grid, or a box of it.
#[derive(Clone, Copy, Debug)]
pub struct NetworkInput<'a> {
    /// Quantised coefficients of the box, `[z][y][x]` (`quantise_input`).
    pub field: &'a [i16],
    /// First voxel of the box in the coarse grid.
    pub origin: [usize; 3],
    /// Extents of the box.
    pub size: [usize; 3],
    /// Extents of the coarse grid; edges of the box that are not edges of the grid are never
    /// extended.
    pub domain: [usize; 3],
    /// Extension of each axis.
    pub extension: [Extension; 3],
    /// Value of the channel `condition`; present exactly when the network has the channel.
    pub condition: Option<i16>,
}

impl NetworkInput<'_> {
    /// The smallest box of the coarse grid that predicting `region` needs: the region with the
    /// receptive radius, folded back into the domain at its edges.
    #[must_use]
    pub fn needed(
        network: &Network,
        region: Region,
        domain: [usize; 3],
        extension: [Extension; 3],
    ) -> Region {
        let mut out = region;
        for axis in 0..3 {
            let used = used_range(network, region, domain, extension, axis);
            let mut low = usize::MAX;
            let mut high = 0;
            for t in used {
                let index = extension[axis].index(t, domain[axis]);
                low = low.min(index);
                high = high.max(index + 1);
            }
            out.start[axis] = low.min(high);
            out.size[axis] = high.saturating_sub(low);
        }
        out
    }

    /// The value of the low-pass at `at` in coordinates of the coarse grid, extended.
    pub(super) fn at(&self, at: [isize; 3]) -> i16 {
        let [z, y, x] = [0, 1, 2].map(|axis| {
            self.extension[axis].index(at[axis], self.domain[axis]) - self.origin[axis]
        });
        self.field[(z * self.size[1] + y) * self.size[2] + x]
    }

    /// Whether `at` lies inside the domain; along periodic axes everything does.
    pub(super) fn is_inside(&self, at: [isize; 3]) -> bool {
        (0..3).all(|axis| self.is_inside_axis(axis, at[axis]))
    }

    /// [`NetworkInput::is_inside`] for one axis.
    pub(super) fn is_inside_axis(&self, axis: usize, at: isize) -> bool {
        self.extension[axis] == Extension::Periodic || (0..self.domain[axis] as isize).contains(&at)
    }

    /// Checks that the box is well formed and holds all that `region` needs.
    pub(super) fn check(&self, network: &Network, region: Region) -> Result<()> {
        let arch = network.arch();
        let flat = arch.rank == 2;
        let whole = Region {
            start: [0; 3],
            size: self.domain,
        };
        let given = Region {
            start: self.origin,
            size: self.size,
        };
        if whole.is_empty() || !contains(whole, given) || !contains(whole, region) {
            return Err(Error::invalid(format!(
                "boxes inside the coarse grid {:?} expected, {given:?} and {region:?} found",
                self.domain
            )));
        }
        if flat && self.domain[0] != 1 {
            return Err(Error::invalid("a grid with one z plane expected in 2-D"));
        }
        let voxels = (self.size.iter()).try_fold(1usize, |product, &n| product.checked_mul(n));
        if voxels != Some(self.field.len()) {
            return Err(Error::invalid(format!(
                "input of {:?} values expected, {} found",
                self.size,
                self.field.len()
            )));
        }
        let needed = Self::needed(network, region, self.domain, self.extension);
        if !region.is_empty() && !contains(given, needed) {
            return Err(Error::invalid(format!(
                "input with {needed:?} expected, {given:?} found"
            )));
        }
        if self.field.contains(&i16::MIN) || self.condition == Some(i16::MIN) {
            return Err(Error::invalid(
                "input values from -32767 expected, -32768 found",
            ));
        }
        let wanted = arch
            .channels
            .contains(crate::network::InputChannels::CONDITION);
        if wanted != self.condition.is_some() {
            return Err(Error::invalid(if wanted {
                "the network has a condition channel, no condition given"
            } else {
                "the network has no condition channel, a condition was given"
            }));
        }
        Ok(())
    }
}

/// The indices along `axis` that influence `region`, before they are folded into the domain.
fn used_range(
    network: &Network,
    region: Region,
    domain: [usize; 3],
    extension: [Extension; 3],
    axis: usize,
) -> std::ops::Range<isize> {
    let arch = network.arch();
    let radius = if axis == 0 && arch.rank == 2 {
        0
    } else {
        network.radius() as isize
    };
    let (start, end) = (region.start[axis] as isize, region.end(axis) as isize);
    if start == end {
        return start..end;
    }
    let n = domain[axis] as isize;
    let (mut low, mut high) = (start - radius, end + radius);
    let clipped = arch.padding == Padding::Zero && extension[axis] != Extension::Periodic;
    if clipped {
        // Zeros beyond the domain: the field is not looked at there.
        (low, high) = (low.max(0), high.min(n));
    }
    // Two periods show every index, however large the radius.
    low..high.min(low.saturating_add(4 * n))
}

fn contains(outer: Region, inner: Region) -> bool {
    (0..3).all(|axis| {
        inner.start[axis] >= outer.start[axis]
            && inner.start[axis]
                .checked_add(inner.size[axis])
                .is_some_and(|end| end <= outer.end(axis))
    })
}

/// `2^(rank (level + 1) / 2)`: the gain of the orthonormal low-pass of level `level + 1` over the
/// field (spec networks 2). Exact for even exponents, else one rounding.
#[must_use]
pub fn unit(rank: usize, level: u8) -> f32 {
    let exponent = rank as i32 * (i32::from(level) + 1);
    let power = 2f32.powi(exponent / 2);
    if exponent % 2 == 0 {
        power
    } else {
        std::f32::consts::SQRT_2 * power
    }
}

/// The factor from coefficients to network input: `fl(input_scale * fl(1 / unit))`.
#[must_use]
pub fn input_multiplier(network: &Network, level: u8) -> f32 {
    network.arch().input_scale * (1.0 / unit(network.arch().rank.into(), level))
}

/// Quantises low-pass coefficients to network input: one multiplication, clamped to
/// `[-32767, 32767]`, rounded to nearest, ties to even. Not-a-number gives 0.
///
/// # Errors
/// `InvalidArgument` when the lengths differ.
pub fn quantise_input(coefficients: &[f32], multiplier: f32, out: &mut [i16]) -> Result<()> {
    if coefficients.len() != out.len() {
        return Err(Error::invalid(format!(
            "{} values expected, room for {} found",
            coefficients.len(),
            out.len()
        )));
    }
    for (c, out) in coefficients.iter().zip(out) {
        // `as` turns not-a-number into 0.
        *out = (c * multiplier).clamp(-32767.0, 32767.0).round_ties_even() as i16;
    }
    Ok(())
}

/// Whether the values outside the domain are zero for all layers along `axis`.
pub(super) fn is_clipped(network: &Network, extension: Extension) -> bool {
    network.arch().padding == Padding::Zero && extension != Extension::Periodic
}

/// Fine voxels per coarse voxel along each axis.
pub(super) fn refinement(network: &Network) -> [usize; 3] {
    match (network.arch().head, network.arch().rank) {
        (Head::Subbands, _) => [1; 3],
        (Head::VoxelShuffle, 2) => [1, 2, 2],
        (Head::VoxelShuffle, _) => [2; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Architecture;
    use crate::network::testing::random_network;

    #[test]
    fn units_are_exact_powers_where_they_can_be() {
        assert_eq!(unit(2, 0), 2.0);
        assert_eq!(unit(2, 3), 16.0);
        assert_eq!(unit(3, 1), 8.0);
        assert_eq!(unit(3, 0).to_bits(), 0x4035_04f3);
    }

    #[test]
    fn quantisation_rounds_ties_to_even_and_saturates() {
        let c = [0.5, 1.5, -2.5, 1e9, -1e9, f32::NAN, f32::INFINITY, 32767.4];
        let mut out = [0; 8];
        quantise_input(&c, 1.0, &mut out).unwrap();
        assert_eq!(out, [0, 2, -2, 32767, -32767, 0, 32767, 32767]);
        assert!(quantise_input(&c, 1.0, &mut out[1..]).is_err());
    }

    #[test]
    fn needed_box_folds_back_at_the_edges() {
        let network = random_network(Architecture::residual(3), 0);
        let region = Region {
            start: [0, 8, 3],
            size: [2, 4, 1],
        };
        let extension = [Extension::Even, Extension::Even, Extension::Periodic];
        let needed = NetworkInput::needed(&network, region, [6, 30, 5], extension);
        assert_eq!((needed.start, needed.size), ([0, 4, 0], [6, 12, 5]));
    }
}
