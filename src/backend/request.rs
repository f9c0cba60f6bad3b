//! What a backend is asked for: a network, its input, a region.

use crate::backend::input::NetworkInput;
use crate::base::error::{Error, Result};
use crate::base::grid::Region;
use crate::network::{Head, LayerRole, LayerScales, Network};

/// Largest magnitude of a combined output scale (spec networks 5): keeps every output finite.
const OUTPUT_SCALE_LIMIT: f32 = 18_446_744_073_709_551_616.0; // 2^64

/// Factors from the frame and the level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// The frame's gain for this level; multiplies the head's output.
    pub gain: f32,
    /// `unit()` of this level; multiplies the shortcut's output.
    pub unit: f32,
}

impl Scaling {
    /// What the scales of an output layer are multiplied with.
    pub(super) fn factor(self, role: LayerRole) -> f32 {
        match role {
            LayerRole::Shortcut => self.unit,
            _ => self.gain,
        }
    }
}

/// One network on one region of its input. The network's head says what is predicted.
#[derive(Clone, Copy, Debug)]
pub struct PredictRequest<'a> {
    /// The network.
    pub network: &'a Network,
    /// The low-pass of the next coarser level; it holds what the region needs ([`NetworkInput::needed`]).
    pub input: NetworkInput<'a>,
    /// A box of the low-pass grid.
    pub region: Region,
    /// Factors of the output.
    pub scaling: Scaling,
}

/// Values that `network` predicts for a cell of the low-pass grid.
#[must_use]
pub fn values_per_cell(network: &Network) -> usize {
    let arch = network.arch();
    match arch.head {
        Head::Subbands => arch.outputs(),
        Head::VoxelShuffle => 1 << arch.rank,
    }
}

impl PredictRequest<'_> {
    /// Values of the prediction.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.region.len() * values_per_cell(self.network)
    }

    /// Checks what every backend requires of a request and of the room for its prediction.
    pub(super) fn check(&self, out: &[f32]) -> Result<()> {
        self.input.check(self.network, self.region)?;
        if out.len() != self.output_len() {
            return Err(Error::invalid(format!(
                "output of {} values expected, {} found",
                self.output_len(),
                out.len()
            )));
        }
        for layer in self.network.layers() {
            if let LayerScales::Output(scale) = &layer.scales {
                let factor = self.scaling.factor(layer.spec.role);
                let in_range = |s: &f32| (s * factor).abs() < OUTPUT_SCALE_LIMIT; // false for NaN
                if !scale.iter().all(in_range) {
                    return Err(Error::invalid(format!(
                        "scales of layer {} times {factor} below 2^64 expected",
                        layer.spec.role
                    )));
                }
            }
        }
        Ok(())
    }
}
