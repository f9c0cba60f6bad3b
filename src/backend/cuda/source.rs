//! The text of the kernels and the constants that both sides know.

use crate::backend::cuda::machine::Kernel;
use crate::backend::cuda::params;
use crate::backend::plan::program::LANES;
use crate::network::InputChannels;
use crate::transform::Extension;

/// Threads of every block.
pub const THREADS: usize = 256;
/// Tiles of 16 voxels that a warp of a convolution owns.
pub(super) const WARP_TILES: usize = 2;
/// Voxels of a tile along x: one row of an 8 x 8 matrix each.
pub(super) const TILE_X: usize = 8;

/// Steps of depth 32 whose weights a warpgroup's block keeps at once.
pub(super) const WGMMA_STEPS: usize = 4;

/// The kernels, one operation a file, after the device primitives.
pub const FILES: [(&str, &str); 7] = [
    ("dev.cuh", include_str!("../../../kernels/dev.cuh")),
    ("conv.cu", include_str!("../../../kernels/conv.cu")),
    (
        "conv_wgmma.cu",
        include_str!("../../../kernels/conv_wgmma.cu"),
    ),
    ("input.cu", include_str!("../../../kernels/input.cu")),
    ("shortcut.cu", include_str!("../../../kernels/shortcut.cu")),
    ("lift.cu", include_str!("../../../kernels/lift.cu")),
    ("level.cu", include_str!("../../../kernels/level.cu")),
];

/// Number of an extension in the kernels.
pub(super) fn extension_number(extension: Extension) -> i32 {
    match extension {
        Extension::Even => 0,
        Extension::Odd => 1,
        Extension::Periodic => 2,
        Extension::Half => 3,
    }
}

/// `-D` options of every compilation.
#[must_use]
pub fn defines() -> Vec<String> {
    let channel = |c: InputChannels| i32::from(c.bits());
    let number = |n: usize| n as i32;
    [
        ("THREADS", number(THREADS)),
        ("WARP_TILES", number(WARP_TILES)),
        ("TILE_X", number(TILE_X)),
        ("LANES", number(LANES)),
        ("WGMMA_STEPS", number(WGMMA_STEPS)),
        ("ACTIVATION_MAX", crate::network::ACTIVATION_MAX),
        ("EXTEND_EVEN", extension_number(Extension::Even)),
        ("EXTEND_ODD", extension_number(Extension::Odd)),
        ("EXTEND_PERIODIC", extension_number(Extension::Periodic)),
        ("EXTEND_HALF", extension_number(Extension::Half)),
        ("CHANNEL_FIELD", channel(InputChannels::FIELD)),
        ("CHANNEL_INSIDE_FIELD", channel(InputChannels::INSIDE_FIELD)),
        ("CHANNEL_INSIDE", channel(InputChannels::INSIDE)),
        ("CHANNEL_CONDITION", channel(InputChannels::CONDITION)),
    ]
    .map(|(name, value)| format!("-D{name}={value}"))
    .into()
}

/// The whole text to compile: primitives, parameter structs, kernels.
#[must_use]
pub fn text() -> String {
    let [(_, primitives), kernels @ ..] = &FILES;
    let mut text = format!("#line 1 \"dev.cuh\"\n{primitives}\n#line 1 \"params.rs\"\n");
    text.extend(params::TEXT);
    for (name, kernel) in kernels {
        text += &format!("\n#line 1 \"{name}\"\n{kernel}");
    }
    text
}

/// Name of the parameter struct that `kernel` takes.
#[must_use]
pub fn params_struct(kernel: Kernel) -> &'static str {
    params::struct_of(kernel)
}
