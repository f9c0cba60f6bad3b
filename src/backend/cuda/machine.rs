//! What the CUDA backend asks of a device. The driver is one machine; the host emulator of the tests is another.

use std::sync::Arc;

use crate::error::Result;

/// An address in a machine's memory.
pub type Address = u64;

/// A kernel of `kernels/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Input channels on a frame.
    Input,
    /// Convolution to activations, 8 outputs a block.
    Conv8,
    /// Convolution to activations, 24 outputs a block.
    Conv24,
    /// Convolution to activations, 32 outputs a block.
    Conv32,
    /// Convolution to activations, 48 outputs a block.
    Conv48,
    /// Convolution to the unit of the output, 8 outputs a block.
    ConvOutput,
    /// The linear shortcut, added to the output.
    Shortcut,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Input,
        Self::Conv8,
        Self::Conv24,
        Self::Conv32,
        Self::Conv48,
        Self::ConvOutput,
        Self::Shortcut,
    ];

    /// Name of the entry point.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input_i16",
            Self::Conv8 => "conv_n8_i16i8_mma",
            Self::Conv24 => "conv_n24_i16i8_mma",
            Self::Conv32 => "conv_n32_i16i8_mma",
            Self::Conv48 => "conv_n48_i16i8_mma",
            Self::ConvOutput => "conv_n8_i16i8f32_mma",
            Self::Shortcut => "shortcut_i16i16f32",
        }
    }
}

/// Shape of a launch; every block has [`super::source::THREADS`] threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x and y.
    pub grid: [u32; 2],
    /// Bytes of dynamic shared memory of a block.
    pub shared_bytes: u32,
}

/// A device with the kernels loaded. Operations happen in the order of the calls.
#[allow(unsafe_code)]
pub trait Machine: Send + Sync {
    /// What it is, for reports.
    fn name(&self) -> String;

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
    unsafe fn release(&self, at: Address);

    /// Copies to the device.
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
        // SAFETY: `at` came from this machine; whoever launches borrows the memory until then.
        unsafe { self.machine.release(self.at) }
    }
}
