//! `--backend`: what runs the networks.

use std::sync::Arc;

use srt::{Backend, Cpu, Result};
#[cfg(feature = "cuda")]
use srt::{Fallback, KernelStore, open_cuda};

/// `--backend`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum BackendChoice {
    /// The fastest there is
    #[default]
    Auto,
    Cpu,
    Cuda,
}

impl BackendChoice {
    /// # Errors
    /// With `cuda`, `Device` with what is missing, `Unsupported` where the program was built without it.
    pub(crate) fn open(self) -> Result<Arc<dyn Backend>> {
        match self {
            Self::Cpu => Ok(Arc::new(Cpu::detect())),
            Self::Auto => Ok(automatic()),
            Self::Cuda => gpu(),
        }
    }
}

#[cfg(feature = "cuda")]
fn automatic() -> Arc<dyn Backend> {
    match open_cuda(0, kernel_store().as_ref()) {
        Ok(gpu) => Arc::new(Fallback::new(gpu, Cpu::detect())),
        Err(_) => Arc::new(Cpu::detect()),
    }
}

#[cfg(feature = "cuda")]
fn gpu() -> Result<Arc<dyn Backend>> {
    let gpu = open_cuda(0, kernel_store().as_ref());
    Ok(Arc::new(gpu.map_err(|e| e.within("--backend cuda"))?))
}

/// Compiled kernels: `srt/kernels` in the user's cache folder.
#[cfg(feature = "cuda")]
fn kernel_store() -> Option<KernelStore> {
    let dir = crate::folders::user_folder("XDG_CACHE_HOME", ".cache")?;
    Some(KernelStore::new(dir.join("srt/kernels")))
}

#[cfg(not(feature = "cuda"))]
fn automatic() -> Arc<dyn Backend> {
    Arc::new(Cpu::detect())
}

#[cfg(not(feature = "cuda"))]
fn gpu() -> Result<Arc<dyn Backend>> {
    Err(srt::Error::unsupported(
        "this program was built without the cuda backend: --backend cpu gives the same bytes",
    ))
}
