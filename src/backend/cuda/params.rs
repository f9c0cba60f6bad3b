//! The parameters of the kernels: one definition, for Rust as structs, for CUDA as text.

use crate::backend::cuda::machine::{Address, Kernel};

/// Plain data without padding bytes: what may be copied to a device as it is.
///
/// # Safety
/// Every byte of every value is initialised, and every pattern of bytes is a value.
#[allow(unsafe_code)]
pub(super) unsafe trait Plain: Copy {}

macro_rules! plain {
    ($($name:ty),*) => { $(
        // SAFETY: numbers.
        #[allow(unsafe_code)]
        unsafe impl Plain for $name {}
    )* };
}
plain!(u8, i16, i32, f32, f64, u64);

/// The bytes of `values` in the order of this machine, which is that of its device.
#[allow(unsafe_code)]
pub(super) fn bytes_of<T: Plain>(values: &[T]) -> &[u8] {
    // SAFETY: `Plain` has no padding, `u8` no alignment; the length is that of the slice in bytes.
    unsafe { std::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) }
}

/// [`bytes_of`], to be written.
#[allow(unsafe_code)]
pub(super) fn bytes_of_mut<T: Plain>(values: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes_of`; every pattern of bytes is a value.
    unsafe { std::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), size_of_val(values)) }
}

/// Declares a struct and its text in CUDA: `field: type as "type in CUDA"`. Fields of 8 bytes come first and the
/// size is a multiple of 8, so that there is no padding and both compilers lay them out alike.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty as $cuda:literal,)* }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default)]
        pub(super) struct $name {
            $(pub(super) $field: $type,)*
        }

        impl $name {
            pub(super) const TEXT: &str = concat!(
                "struct ", stringify!($name), " {\n",
                $("    ", $cuda, " ", stringify!($field), ";\n",)*
                "};\n"
            );
        }

        const _: () = {
            assert!(size_of::<$name>() == 0 $(+ size_of::<$type>())*, "padding");
        };

        // SAFETY: `repr(C)` without padding (checked above), of plain fields.
        #[allow(unsafe_code)]
        unsafe impl Plain for $name {}
    };
}

params! {
    /// A number for each axis.
    Int3 {
        z: i32 as "int",
        y: i32 as "int",
        x: i32 as "int",
    }
}

params! {
    /// Offsets between elements.
    Strides {
        block: i64 as "i64",
        slice: i64 as "i64",
        row: i64 as "i64",
        voxel: i64 as "i64",
    }
}

params! {
    /// Kernels of `input.cu`.
    InputParams {
        field: Address as "const i16*",
        out: Address as "i16*",
        origin: Int3 as "Int3",
        extent: Int3 as "Int3",
        domain: Int3 as "Int3",
        extension: Int3 as "Int3",
        clipped: Int3 as "Int3",
        first: Int3 as "Int3",
        size: Int3 as "Int3",
        channels: i32 as "int",
        inside_value: i32 as "int",
        condition: i32 as "int",
    }
}

params! {
    /// Kernels of `conv.cu`.
    ConvParams {
        arena: Address as "const i16*",
        start: i64 as "i64",
        sources: Address as "const int*",
        units: Address as "const int2*",
        weights: Address as "const uint2*",
        bias: Address as "const int*",
        positive: Address as "const float*",
        negative: Address as "const float*",
        out: Address as "i16*",
        skip: Address as "const i16*",
        blend: Address as "const i16*",
        planes: Address as "float*",
        from: Strides as "Strides",
        to: Strides as "Strides",
        size: Int3 as "Int3",
        kernel: Int3 as "Int3",
        tile: Int3 as "Int3",
        blocks: i32 as "int",
        chunk: i32 as "int",
        stages: i32 as "int",
        steps: i32 as "int",
        out_blocks: i32 as "int",
        outputs: i32 as "int",
        beta: f32 as "float",
    }
}

params! {
    /// Kernels of `shortcut.cu`.
    ShortcutParams {
        arena: Address as "const i16*",
        start: i64 as "i64",
        weights: Address as "const uint4*",
        bias: Address as "const int*",
        scale: Address as "const float*",
        planes: Address as "float*",
        from: Strides as "Strides",
        to: Strides as "Strides",
        size: Int3 as "Int3",
        kernel: Int3 as "Int3",
        channels: i32 as "int",
        outputs: i32 as "int",
    }
}

params! {
    /// Kernels of `lift.cu`.
    LiftParams {
        low: Address as "const void*",
        high: Address as "const void*",
        to_low: Address as "void*",
        to_high: Address as "void*",
        low_from: Strides as "Strides",
        high_from: Strides as "Strides",
        low_to: Strides as "Strides",
        high_to: Strides as "Strides",
        low_scale: f64 as "double",
        high_scale: f64 as "double",
        lift0: f64 as "double",
        lift1: f64 as "double",
        lift2: f64 as "double",
        lift3: f64 as "double",
        size: Int3 as "Int3",
        axis: i32 as "int",
        lows: i32 as "int",
        highs: i32 as "int",
        periodic: i32 as "int",
        unused: i32 as "int",
    }
}

params! {
    /// `quantise_T` of `level.cu`.
    QuantiseParams {
        from: Address as "const void*",
        to: Address as "i16*",
        count: i64 as "i64",
        multiplier: f32 as "float",
        unused: i32 as "int",
    }
}

params! {
    /// `widen_f64` of `level.cu`.
    WidenParams {
        from: Address as "const float*",
        to: Address as "double*",
        from_strides: Strides as "Strides",
        to_strides: Strides as "Strides",
        size: Int3 as "Int3",
        unused: i32 as "int",
    }
}

params! {
    /// `residual_T` of `level.cu`.
    ResidualParams {
        values: Address as "void*",
        q: Address as "const int*",
        to: Strides as "Strides",
        step: f64 as "double",
        shrink: f64 as "double",
        size: Int3 as "Int3",
        unused: i32 as "int",
    }
}

/// All structs as CUDA text.
pub(super) const TEXT: [&str; 9] = [
    Int3::TEXT,
    Strides::TEXT,
    InputParams::TEXT,
    ConvParams::TEXT,
    ShortcutParams::TEXT,
    LiftParams::TEXT,
    QuantiseParams::TEXT,
    WidenParams::TEXT,
    ResidualParams::TEXT,
];

/// Name of the parameter struct of `kernel`.
pub(super) fn struct_of(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Input => "InputParams",
        Kernel::Conv8
        | Kernel::Conv24
        | Kernel::Conv32
        | Kernel::Conv48
        | Kernel::Conv96
        | Kernel::ConvOutput => "ConvParams",
        Kernel::Shortcut => "ShortcutParams",
        Kernel::QuantiseF32 | Kernel::QuantiseF64 => "QuantiseParams",
        Kernel::WidenF64 => "WidenParams",
        Kernel::ResidualF32 | Kernel::ResidualF64 => "ResidualParams",
        Kernel::JoinCdf97F32
        | Kernel::JoinCdf97F64
        | Kernel::JoinHaarF32
        | Kernel::JoinHaarF64
        | Kernel::SplitCdf97F32
        | Kernel::SplitCdf97F64
        | Kernel::SplitHaarF32
        | Kernel::SplitHaarF64 => "LiftParams",
    }
}

impl From<[usize; 3]> for Int3 {
    fn from([z, y, x]: [usize; 3]) -> Self {
        [z as isize, y as isize, x as isize].into()
    }
}

impl From<[isize; 3]> for Int3 {
    /// Grids have at most 2^31 voxels along an axis: [`crate::backend::cuda::run`] checks it.
    fn from([z, y, x]: [isize; 3]) -> Self {
        let [z, y, x] = [z as i32, y as i32, x as i32];
        Self { z, y, x }
    }
}

impl From<crate::backend::plan::layout::Strides> for Strides {
    fn from(s: crate::backend::plan::layout::Strides) -> Self {
        Self {
            block: s.block as i64,
            slice: s.slice as i64,
            row: s.row as i64,
            voxel: s.voxel as i64,
        }
    }
}
