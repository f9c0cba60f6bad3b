//! Instruction sets: detection, names, and the way to their loops.

use std::fmt;

use crate::backend::cpu::conv::{Activations, Job, OutputScaling};
#[cfg(any(target_arch = "aarch64", test))]
use crate::backend::cpu::neon;
use crate::backend::cpu::packed::Packing;
use crate::backend::cpu::portable;
#[cfg(target_arch = "x86_64")]
use crate::backend::cpu::{avx2, avx512};

/// An instruction set with loops of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isa {
    /// Plain Rust, everywhere.
    Portable,
    /// x86-64 with AVX2: `vpmaddwd`.
    Avx2,
    /// x86-64 with AVX-512 VNNI: `vpdpwssd`.
    Avx512Vnni,
    /// AArch64: `smlal`.
    Neon,
}

impl Isa {
    /// All of them, the fastest last.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512Vnni];

    /// Whether this machine has it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => {
                std::arch::is_x86_feature_detected!("avx2")
                    && std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512Vnni => false,
            // Tests elsewhere run it on a model of the instructions.
            Self::Neon => cfg!(any(target_arch = "aarch64", test)),
        }
    }

    /// The fastest that this machine has.
    #[must_use]
    pub fn detect() -> Self {
        let available = Self::ALL.into_iter().rev().find(|isa| isa.is_available());
        available.unwrap_or(Self::Portable)
    }

    pub(super) fn packing(self) -> Packing {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::PACKING,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::PACKING,
            #[cfg(any(target_arch = "aarch64", test))]
            Self::Neon => neon::PACKING,
            _ => portable::PACKING,
        }
    }

    /// Convolves and requantises. `self` is available: [`crate::backend::cpu::Cpu`] checked it.
    pub(super) fn activations(self, job: &Job<'_>, arena: &mut [i16], to: &Activations) {
        job.assert_sources(arena.len());
        job.assert_targets(to, arena.len());
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::activations(job, arena, to),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::activations(job, arena, to),
            #[cfg(any(target_arch = "aarch64", test))]
            Self::Neon => neon::activations(job, arena, to),
            _ => portable::activations(job, arena, to),
        }
    }

    /// Convolves and converts to output rows.
    pub(super) fn outputs(
        self,
        job: &Job<'_>,
        arena: &[i16],
        rows: &mut [f32],
        scaling: &OutputScaling<'_>,
    ) {
        job.assert_sources(arena.len());
        job.assert_rows(scaling, rows.len());
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::outputs(job, arena, rows, scaling),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => avx512::outputs(job, arena, rows, scaling),
            #[cfg(any(target_arch = "aarch64", test))]
            Self::Neon => neon::outputs(job, arena, rows, scaling),
            _ => portable::outputs(job, arena, rows, scaling),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Neon => "neon",
        })
    }
}
