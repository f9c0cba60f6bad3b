//! What the CUDA backend asks of a device. The driver is one machine; the host emulator of the tests is another.

use std::sync::Arc;

use crate::base::error::Result;

/// An address in a machine's memory.
pub type Address = u64;

/// A kernel of `kernels/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Input channels on a box.
    Input,
    /// Convolution to activations, 8 outputs a block.
    Conv8,
    /// Convolution to activations, 24 outputs a block.
    Conv24,
    /// Convolution to activations, 32 outputs a block.
    Conv32,
    /// Convolution to activations, 48 outputs a block.
    Conv48,
    /// Convolution to activations, 96 outputs a block, with the instructions of Hopper's warpgroups.
    Conv96,
    /// Convolution to the unit of the output, 8 outputs a block.
    ConvOutput,
    /// The linear shortcut, added to the output.
    Shortcut,
    /// Low-pass coefficients to network input, binary32.
    QuantiseF32,
    /// Low-pass coefficients to network input, binary64.
    QuantiseF64,
    /// Predictions to binary64.
    WidenF64,
    /// Stored integers, added to binary32 predictions.
    ResidualF32,
    /// Stored integers, added to binary64 predictions.
    ResidualF64,
    /// Inverse CDF 9/7 along an axis, binary32.
    JoinCdf97F32,
    /// Inverse CDF 9/7 along an axis, binary64.
    JoinCdf97F64,
    /// Inverse Haar along an axis, binary32.
    JoinHaarF32,
    /// Inverse Haar along an axis, binary64.
    JoinHaarF64,
    /// Forward CDF 9/7 along an axis, binary32.
    SplitCdf97F32,
    /// Forward CDF 9/7 along an axis, binary64.
    SplitCdf97F64,
    /// Forward Haar along an axis, binary32.
    SplitHaarF32,
    /// Forward Haar along an axis, binary64.
    SplitHaarF64,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::Input,
        Self::Conv8,
        Self::Conv24,
        Self::Conv32,
        Self::Conv48,
        Self::Conv96,
        Self::ConvOutput,
        Self::Shortcut,
        Self::QuantiseF32,
        Self::QuantiseF64,
        Self::WidenF64,
        Self::ResidualF32,
        Self::ResidualF64,
        Self::JoinCdf97F32,
        Self::JoinCdf97F64,
        Self::JoinHaarF32,
        Self::JoinHaarF64,
        Self::SplitCdf97F32,
        Self::SplitCdf97F64,
        Self::SplitHaarF32,
        Self::SplitHaarF64,
    ];

    /// Whether it exists on `arch`, for example `sm_90a`.
    #[must_use]
    pub fn exists_on(self, arch: &str) -> bool {
        self != Self::Conv96 || arch == "sm_90a"
    }

    /// Name of the entry point.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input_i16",
            Self::Conv8 => "conv_n8_i16i8_mma",
            Self::Conv24 => "conv_n24_i16i8_mma",
            Self::Conv32 => "conv_n32_i16i8_mma",
            Self::Conv48 => "conv_n48_i16i8_mma",
            Self::Conv96 => "conv_n96_i16i8_wgmma",
            Self::ConvOutput => "conv_n8_i16i8f32_mma",
            Self::Shortcut => "shortcut_i16i16f32",
            Self::QuantiseF32 => "quantise_f32",
            Self::QuantiseF64 => "quantise_f64",
            Self::WidenF64 => "widen_f64",
            Self::ResidualF32 => "residual_f32",
            Self::ResidualF64 => "residual_f64",
            Self::JoinCdf97F32 => "join_cdf97_f32",
            Self::JoinCdf97F64 => "join_cdf97_f64",
            Self::JoinHaarF32 => "join_haar_f32",
            Self::JoinHaarF64 => "join_haar_f64",
            Self::SplitCdf97F32 => "split_cdf97_f32",
            Self::SplitCdf97F64 => "split_cdf97_f64",
            Self::SplitHaarF32 => "split_haar_f32",
            Self::SplitHaarF64 => "split_haar_f64",
        }
    }
}

/// A copy from the device to the host.
#[derive(Clone, Copy, Debug)]
pub struct Download {
    /// The first byte on the device.
    pub from: Address,
    /// Where it goes.
    pub to: *mut u8,
    /// How many bytes there are.
    pub bytes: usize,
}

/// Shape of a launch; every block has [`crate::backend::cuda::source::THREADS`] threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x and y.
    pub grid: [u32; 2],
    /// Bytes of dynamic shared memory of a block.
    pub shared_bytes: u32,
}

/// A point in the order of a machine's work: after a copy beside the launches, or after launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub u64);

/// A device with the kernels loaded. Operations happen in the order of the calls, but for the copies beside the launches.
#[allow(unsafe_code)]
pub trait Machine: Send + Sync {
    /// What it is, for reports.
    fn name(&self) -> String;

    /// Whether it has this kernel; all have those that exist everywhere.
    fn has(&self, kernel: Kernel) -> bool;

    /// Most bytes of dynamic shared memory that a block may have.
    fn shared_bytes(&self) -> u32;

    /// Bytes of memory that can be allocated now.
    ///
    /// # Errors
    /// `Device`.
    fn free_bytes(&self) -> Result<u64>;

    /// Allocates at least one byte, aligned to 256 bytes.
    ///
    /// # Errors
    /// `LimitExceeded` when there is not enough memory, `Device`.
    fn allocate(&self, bytes: u64) -> Result<Address>;

    /// Gives memory back. Failures are dropped: the memory is lost then.
    ///
    /// # Safety
    /// `at` came from [`Machine::allocate`] of this machine, and no launch to come names it.
    unsafe fn free(&self, at: Address);

    /// Copies to the device, after all launches so far, and waits for it.
    ///
    /// # Errors
    /// `Device`.
    ///
    /// # Safety
    /// `to` has room for `from`.
    unsafe fn upload(&self, to: Address, from: &[u8]) -> Result<()>;

    /// Waits for all launches so far.
    ///
    /// # Errors
    /// `Device`; also for a launch that failed.
    fn finish(&self) -> Result<()>;

    /// Copies from the device, after all launches so far.
    ///
    /// # Errors
    /// `Device`; also for a launch that failed.
    ///
    /// # Safety
    /// `from` holds as many bytes as `to`.
    unsafe fn download(&self, from: Address, to: &mut [u8]) -> Result<()>;

    /// Sets memory to zero.
    ///
    /// # Errors
    /// `Device`.
    ///
    /// # Safety
    /// `at` holds `bytes` bytes.
    unsafe fn clear(&self, at: Address, bytes: u64) -> Result<()>;

    /// Allocates page-locked memory of the host, aligned to 256 bytes: what copies beside the launches read and write.
    ///
    /// # Errors
    /// `LimitExceeded`, `Device`.
    fn allocate_host(&self, bytes: u64) -> Result<*mut u8>;

    /// Gives it back.
    ///
    /// # Safety
    /// `at` came from [`Machine::allocate_host`] of this machine, and no copy to come names it.
    unsafe fn free_host(&self, at: *mut u8);

    /// Copies to the device beside the launches, after earlier copies of this kind. Nothing else waits for it, unless told
    /// to wait for the mark.
    ///
    /// # Errors
    /// `Device`.
    ///
    /// # Safety
    /// `from` is page-locked and holds `bytes` bytes, which stay as they are until the mark is reached; `to` has room for
    /// them.
    unsafe fn upload_beside(&self, to: Address, from: *const u8, bytes: usize) -> Result<Mark>;

    /// Copies from the device beside the launches, after `after` and earlier copies of this kind.
    ///
    /// # Errors
    /// `Device`.
    ///
    /// # Safety
    /// `copy.to` is page-locked with room for the bytes, which nobody touches until the mark is reached; `copy.from` holds
    /// them.
    unsafe fn download_beside(&self, after: Mark, copy: Download) -> Result<Mark>;

    /// The point after all launches so far.
    ///
    /// # Errors
    /// `Device`.
    fn mark(&self) -> Result<Mark>;

    /// Lets launches to come wait for `mark`.
    ///
    /// # Errors
    /// `Device`.
    fn hold(&self, mark: Mark) -> Result<()>;

    /// Waits for `mark`.
    ///
    /// # Errors
    /// `Device`; also for a launch before it that failed.
    fn wait(&self, mark: Mark) -> Result<()>;

    /// Starts a kernel; `params` are the bytes of its parameter struct.
    ///
    /// # Errors
    /// `Device`.
    ///
    /// # Safety
    /// `params` are those of `kernel`, and what they name is allocated.
    unsafe fn launch(&self, kernel: Kernel, launch: Launch, params: &[u8]) -> Result<()>;
}

/// Memory of a machine, given back when dropped.
pub(super) struct Memory {
    machine: Arc<dyn Machine>,
    at: Address,
    bytes: u64,
}

#[allow(unsafe_code)]
impl Memory {
    /// New memory, all zero.
    pub(super) fn new(machine: &Arc<dyn Machine>, bytes: u64) -> Result<Self> {
        let at = machine.allocate(bytes.max(1))?;
        let memory = Self {
            machine: Arc::clone(machine),
            at,
            bytes,
        };
        memory.clear(0, bytes)?;
        Ok(memory)
    }

    /// Starts copying `from` here; launches to come wait for it.
    ///
    /// # Safety
    /// `from` and this memory stay as they are until `Machine::wait` for the mark.
    pub(super) unsafe fn upload_beside(&self, from: &HostMemory, bytes: usize) -> Result<Mark> {
        assert!(bytes <= from.bytes && bytes as u64 <= self.bytes);
        // SAFETY: both hold `bytes` bytes: checked above; the caller leaves them alone.
        let mark = unsafe { self.machine.upload_beside(self.at, from.at, bytes) }?;
        self.machine.hold(mark)?;
        Ok(mark)
    }

    /// Starts copying `bytes` bytes from `offset` to `to`, once `after` is reached.
    ///
    /// # Safety
    /// `to` and this memory stay as they are until `Machine::wait` for the mark.
    pub(super) unsafe fn download_beside(
        &self,
        after: Mark,
        offset: u64,
        to: &mut HostMemory,
        bytes: usize,
    ) -> Result<Mark> {
        assert!(bytes <= to.bytes && offset + bytes as u64 <= self.bytes);
        let (from, to) = (self.at + offset, to.at);
        // SAFETY: both hold `bytes` bytes: checked above; the caller leaves them alone.
        unsafe {
            self.machine
                .download_beside(after, Download { from, to, bytes })
        }
    }

    pub(super) fn at(&self) -> Address {
        self.at
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Clears `bytes` bytes from `offset`.
    pub(super) fn clear(&self, offset: u64, bytes: u64) -> Result<()> {
        assert!(offset + bytes <= self.bytes);
        // SAFETY: the range lies in this allocation: checked above.
        unsafe { self.machine.clear(self.at + offset, bytes) }
    }

    /// Copies `from` to the start.
    pub(super) fn upload(&self, from: &[u8]) -> Result<()> {
        assert!(from.len() as u64 <= self.bytes);
        // SAFETY: the range lies in this allocation: checked above.
        unsafe { self.machine.upload(self.at, from) }
    }

    /// Copies the start to `to`.
    pub(super) fn download(&self, to: &mut [u8]) -> Result<()> {
        assert!(to.len() as u64 <= self.bytes);
        // SAFETY: the range lies in this allocation: checked above.
        unsafe { self.machine.download(self.at, to) }
    }
}

#[allow(unsafe_code)]
impl Drop for Memory {
    fn drop(&mut self) {
        // Where this fails the device is lost and reads nothing any more.
        let _ = self.machine.finish();
        // SAFETY: `at` came from this machine; launches are done, and whoever copies beside them borrows the memory.
        unsafe { self.machine.free(self.at) }
    }
}

/// Page-locked memory of the host, given back when dropped.
pub(super) struct HostMemory {
    machine: Arc<dyn Machine>,
    at: *mut u8,
    bytes: usize,
}

// SAFETY: plain memory that this value owns; the machine may be used from any thread.
#[allow(unsafe_code)]
unsafe impl Send for HostMemory {}

#[allow(unsafe_code)]
impl HostMemory {
    /// New memory, all zero.
    pub(super) fn new(machine: &Arc<dyn Machine>, bytes: usize) -> Result<Self> {
        let at = machine.allocate_host(bytes as u64)?;
        // SAFETY: new memory of that length.
        unsafe { std::ptr::write_bytes(at, 0, bytes) };
        Ok(Self {
            machine: Arc::clone(machine),
            at,
            bytes,
        })
    }

    /// The bytes.
    ///
    /// # Safety
    /// No copy beside the launches is under way that names this memory.
    pub(super) unsafe fn slice(&mut self) -> &mut [u8] {
        // SAFETY: initialised memory that this value owns; the caller vouches that no device touches it.
        unsafe { std::slice::from_raw_parts_mut(self.at, self.bytes) }
    }
}

#[allow(unsafe_code)]
impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: `at` came from this machine; the owner waited for all copies.
        unsafe { self.machine.free_host(self.at) }
    }
}
