//! A GPU as a machine, through the CUDA driver, which is looked for at run time.

#![allow(unsafe_code)] // calls the driver

use std::ffi::{CString, c_void};

use cudarc::driver::{result, sys};

use crate::backend::cuda::compile::{KernelStore, machine_code};
use crate::backend::cuda::machine::{Address, Download, Kernel, Launch, Machine, Mark};
use crate::backend::cuda::source::THREADS;
use crate::backend::cuda::streams::{Stream, Streams};
use crate::base::error::{Error, ErrorKind, Result};

/// Functions of the driver that are called; cudarc panics where one is missing.
const SYMBOLS: [&[u8]; 27] = [
    b"cuInit\0",
    b"cuDeviceGet\0",
    b"cuDeviceGetCount\0",
    b"cuDeviceGetName\0",
    b"cuDeviceGetAttribute\0",
    b"cuDevicePrimaryCtxRetain\0",
    b"cuCtxSetCurrent\0",
    b"cuMemAlloc_v2\0",
    b"cuMemFree_v2\0",
    b"cuMemHostAlloc\0",
    b"cuMemFreeHost\0",
    b"cuMemcpyHtoDAsync_v2\0",
    b"cuMemcpyDtoHAsync_v2\0",
    b"cuMemsetD8Async\0",
    b"cuMemGetInfo_v2\0",
    b"cuModuleLoadData\0",
    b"cuModuleGetFunction\0",
    b"cuFuncSetAttribute\0",
    b"cuLaunchKernel\0",
    b"cuStreamCreate\0",
    b"cuStreamSynchronize\0",
    b"cuStreamWaitEvent\0",
    b"cuEventCreate\0",
    b"cuEventRecord\0",
    b"cuEventSynchronize\0",
    b"cuGetErrorName\0",
    b"cuGetErrorString\0",
];

/// Oldest architecture whose tensor cores the kernels use.
const LEAST_ARCH: (i32, i32) = (8, 0);

/// One GPU with the kernels loaded. Its primary context and module live as long as the process.
pub(super) struct Gpu {
    name: String,
    context: sys::CUcontext,
    /// Those that exist on this architecture.
    functions: Vec<Option<sys::CUfunction>>,
    arch: String,
    shared_bytes: u32,
    streams: Streams,
}

// SAFETY: contexts and functions are handles of the driver, which may be used from any thread once the context is
// current there; every method makes it current first.
unsafe impl Send for Gpu {}
// SAFETY: as above; the driver locks for itself.
unsafe impl Sync for Gpu {}

impl Gpu {
    /// Opens GPU number `device`.
    ///
    /// # Errors
    /// `Device` with what is missing: driver, GPU, architecture or kernels.
    pub(super) fn open(device: usize, store: Option<&KernelStore>) -> Result<Self> {
        // SAFETY: opens a library by its well-known name and looks at its symbols without calling them.
        let missing = unsafe {
            if !sys::is_culib_present() {
                return Err(problem("no NVIDIA driver: libcuda is not installed"));
            }
            let driver = sys::culib();
            SYMBOLS
                .iter()
                .find(|&&name| driver.get::<*const ()>(name).is_err())
        };
        if let Some(name) = missing {
            let name = String::from_utf8_lossy(&name[..name.len() - 1]);
            return Err(problem(format!("the NVIDIA driver has no {name}")));
        }
        result::init().map_err(|e| failed("cuInit", e))?;
        let count = result::device::get_count().map_err(|e| failed("cuDeviceGetCount", e))?;
        let number = i32::try_from(device).unwrap_or(i32::MAX);
        if number >= count {
            return Err(problem(format!(
                "GPU number {device} expected, {count} found"
            )));
        }
        let handle = result::device::get(number).map_err(|e| failed("cuDeviceGet", e))?;
        let name = result::device::get_name(handle).map_err(|e| failed("cuDeviceGetName", e))?;
        use sys::CUdevice_attribute as Attribute;
        let attribute = |which: Attribute| {
            // SAFETY: `handle` is a device.
            unsafe { result::device::get_attribute(handle, which) }
                .map_err(|e| failed("cuDeviceGetAttribute", e))
        };
        let arch = (
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        );
        if arch < LEAST_ARCH {
            return Err(problem(format!(
                "compute capability {}.{} or higher expected, {name} has {}.{}",
                LEAST_ARCH.0, LEAST_ARCH.1, arch.0, arch.1
            )));
        }
        let shared_bytes =
            attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?;
        // Hopper's warpgroup instructions are of that architecture alone.
        let suffix = if arch == (9, 0) { "a" } else { "" };
        let arch = format!("sm_{}{}{suffix}", arch.0, arch.1);
        let cubin = machine_code(&arch, store)?;
        // SAFETY: the device is one; the context stays retained.
        let context = unsafe { result::primary_ctx::retain(handle) }
            .map_err(|e| failed("cuDevicePrimaryCtxRetain", e))?;
        // SAFETY: the context stays retained.
        unsafe { result::ctx::set_current(context) }.map_err(|e| failed("cuCtxSetCurrent", e))?;
        let streams = Streams::new().map_err(|e| failed("cuStreamCreate", e))?;
        let mut gpu = Self {
            name: format!("{name} ({arch})"),
            context,
            streams,
            functions: Vec::new(),
            arch,
            shared_bytes: u32::try_from(shared_bytes).unwrap_or(0),
        };
        gpu.load(&cubin)?;
        Ok(gpu)
    }

    fn load(&mut self, cubin: &[u8]) -> Result<()> {
        self.enter()?;
        // SAFETY: a cubin is an ELF file that says its own length.
        let module = unsafe { result::module::load_data(cubin.as_ptr().cast()) }
            .map_err(|e| failed("cuModuleLoadData", e))?;
        for kernel in Kernel::ALL {
            if !kernel.exists_on(&self.arch) {
                self.functions.push(None);
                continue;
            }
            let name = CString::new(kernel.name()).map_err(|_| problem("a NUL in a name"))?;
            use sys::CUfunction_attribute_enum as Attribute;
            let most = Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
            // SAFETY: the module is loaded and never unloaded.
            let function = unsafe {
                let function = result::module::get_function(module, name)
                    .map_err(|e| failed(kernel.name(), e))?;
                result::function::set_function_attribute(function, most, self.shared_bytes as i32)
                    .map_err(|e| failed(kernel.name(), e))?;
                function
            };
            self.functions.push(Some(function));
        }
        Ok(())
    }

    /// Makes the context current on this thread.
    fn enter(&self) -> Result<()> {
        // SAFETY: the context stays retained.
        unsafe { result::ctx::set_current(self.context) }.map_err(|e| failed("cuCtxSetCurrent", e))
    }
}

fn problem(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, message)
}

fn failed(what: &str, error: result::DriverError) -> Error {
    if error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
        return Error::limit(format!("{what}: not enough device memory"));
    }
    problem(format!("{what}: {error}"))
}

impl Machine for Gpu {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn has(&self, kernel: Kernel) -> bool {
        kernel.exists_on(&self.arch)
    }

    fn shared_bytes(&self) -> u32 {
        self.shared_bytes
    }

    fn free_bytes(&self) -> Result<u64> {
        self.enter()?;
        let (free, _) = result::mem_get_info().map_err(|e| failed("cuMemGetInfo", e))?;
        Ok(free as u64)
    }

    fn allocate(&self, bytes: u64) -> Result<Address> {
        self.enter()?;
        let bytes = usize::try_from(bytes).map_err(|_| Error::limit("too many bytes"))?;
        // SAFETY: `Memory` gives it back.
        unsafe { result::malloc_sync(bytes) }.map_err(|e| failed("cuMemAlloc", e))
    }

    unsafe fn free(&self, at: Address) {
        if self.enter().is_ok() {
            // SAFETY: the caller vouches for `at`.
            let _ = unsafe { result::free_sync(at) };
        }
    }

    unsafe fn upload(&self, to: Address, from: &[u8]) -> Result<()> {
        self.enter()?;
        let launches = self.streams.of(Stream::Launches);
        // SAFETY: the caller vouches for the room; `from` lives until all is done.
        unsafe { result::memcpy_htod_async(to, from, launches) }
            .map_err(|e| failed("cuMemcpyHtoD", e))?;
        self.finish()
    }

    fn finish(&self) -> Result<()> {
        self.enter()?;
        let done = self.streams.finish(Stream::Launches);
        done.map_err(|e| failed("cuStreamSynchronize", e))
    }

    unsafe fn download(&self, from: Address, to: &mut [u8]) -> Result<()> {
        self.enter()?;
        let launches = self.streams.of(Stream::Launches);
        // SAFETY: the caller vouches for what is there; `to` lives until all is done.
        unsafe { result::memcpy_dtoh_async(to, from, launches) }
            .map_err(|e| failed("cuMemcpyDtoH", e))?;
        self.finish()
    }

    unsafe fn clear(&self, at: Address, bytes: u64) -> Result<()> {
        self.enter()?;
        let launches = self.streams.of(Stream::Launches);
        // SAFETY: the caller vouches for the room.
        unsafe { result::memset_d8_async(at, 0, bytes as usize, launches) }
            .map_err(|e| failed("cuMemset", e))
    }

    fn allocate_host(&self, bytes: u64) -> Result<*mut u8> {
        self.enter()?;
        let bytes = usize::try_from(bytes).map_err(|_| Error::limit("too many bytes"))?;
        // SAFETY: `HostMemory` gives it back.
        let at =
            unsafe { result::malloc_host(bytes, 0) }.map_err(|e| failed("cuMemHostAlloc", e))?;
        Ok(at.cast())
    }

    unsafe fn free_host(&self, at: *mut u8) {
        if self.enter().is_ok() {
            // SAFETY: the caller vouches for `at`.
            let _ = unsafe { result::free_host(at.cast()) };
        }
    }

    unsafe fn upload_beside(&self, to: Address, from: *const u8, bytes: usize) -> Result<Mark> {
        self.enter()?;
        let uploads = self.streams.of(Stream::Uploads);
        // SAFETY: the caller vouches for both places until the mark.
        unsafe { sys::cuMemcpyHtoDAsync_v2(to, from.cast(), bytes, uploads) }
            .result()
            .and_then(|()| self.streams.mark(Stream::Uploads))
            .map_err(|e| failed("cuMemcpyHtoD", e))
    }

    unsafe fn download_beside(&self, after: Mark, copy: Download) -> Result<Mark> {
        let Download { from, to, bytes } = copy;
        self.enter()?;
        let downloads = self.streams.of(Stream::Downloads);
        let held = self.streams.hold(Stream::Downloads, after);
        // SAFETY: the caller vouches for both places until the mark.
        held.and_then(|()| unsafe {
            sys::cuMemcpyDtoHAsync_v2(to.cast(), from, bytes, downloads).result()
        })
        .and_then(|()| self.streams.mark(Stream::Downloads))
        .map_err(|e| failed("cuMemcpyDtoH", e))
    }

    fn mark(&self) -> Result<Mark> {
        self.enter()?;
        let mark = self.streams.mark(Stream::Launches);
        mark.map_err(|e| failed("cuEventRecord", e))
    }

    fn hold(&self, mark: Mark) -> Result<()> {
        self.enter()?;
        let held = self.streams.hold(Stream::Launches, mark);
        held.map_err(|e| failed("cuStreamWaitEvent", e))
    }

    fn wait(&self, mark: Mark) -> Result<()> {
        self.enter()?;
        let waited = self.streams.wait(mark);
        waited.map_err(|e| failed("cuEventSynchronize", e))
    }

    unsafe fn launch(&self, kernel: Kernel, launch: Launch, params: &[u8]) -> Result<()> {
        self.enter()?;
        let number = Kernel::ALL.iter().position(|&k| k == kernel);
        let function = number.and_then(|number| self.functions.get(number));
        let Some(&Some(function)) = function else {
            return Err(problem(format!("kernel {} is not loaded", kernel.name())));
        };
        let mut arguments = [params.as_ptr().cast_mut().cast::<c_void>()];
        let [x, y] = launch.grid;
        // SAFETY: the caller vouches for the parameters, which the driver copies before it returns.
        unsafe {
            result::launch_kernel(
                function,
                (x, y, 1),
                (THREADS as u32, 1, 1),
                launch.shared_bytes,
                self.streams.of(Stream::Launches),
                &mut arguments,
            )
        }
        .map_err(|e| failed(kernel.name(), e))
    }
}
