//! A machine without a GPU: the kernels compiled by the C++ compiler, their threads run one after the other.

#![allow(unsafe_code)] // loads the compiled kernels

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use libloading::{Library, Symbol};
use srt::backend::cuda::source;
use srt::backend::cuda::{Address, Kernel, Launch, Machine};
use srt::{Error, ErrorKind, Result};

const HEADER: &str = include_str!("emulator.h");
/// Dynamic shared memory of a block on the smallest device (compute capability 8.6).
const SHARED_BYTES: u32 = 99 << 10;
/// What [`Machine::free_bytes`] says: tests set a limit of their own.
const FREE_BYTES: u64 = 1 << 40;
/// Longest message of a failed launch.
const MESSAGE_BYTES: usize = 512;

/// The order in which threads run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// 0, 1, 2, ..
    Forward,
    /// The other way round, blocks too.
    Reverse,
    /// Another thread at every meeting point, from this seed.
    Random(u32),
}

/// The emulated machine.
#[derive(Clone)]
pub struct Emulator {
    compiled: Arc<Compiled>,
    order: Order,
}

/// What the copies of an emulator share.
struct Compiled {
    library: Library,
    /// One launch at a time: the compiled text has one set of fibres.
    lock: Mutex<()>,
}

type LaunchFn = unsafe extern "C" fn(
    c_int,
    c_uint,
    c_uint,
    usize,
    c_int,
    c_uint,
    *const c_void,
    *mut c_char,
    usize,
) -> c_int;

/// The C++ compiler, or why there is none that would do.
///
/// # Errors
/// The reason, to be printed.
pub fn compiler() -> Result<String, String> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err("the emulator changes stacks in x86-64 assembly for Linux".into());
    }
    let name = std::env::var("CXX").unwrap_or_else(|_| "g++".into());
    match Command::new(&name).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(name),
        Ok(output) => Err(format!("{name} --version ends with {}", output.status)),
        Err(e) => Err(format!("{name}: {e}")),
    }
}

impl Emulator {
    /// Compiles `text`, the kernels ([`source::text`]) or a variant of them, with `compiler`.
    ///
    /// # Errors
    /// `Device` with the compiler's messages.
    pub fn new(compiler: &str, text: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let (from, to) = (
            dir.path().join("kernels.cpp"),
            dir.path().join("kernels.so"),
        );
        std::fs::write(&from, unit(text))?;
        compile(compiler, &from, &to)?;
        // SAFETY: the library was made just now from our own text; it has no initialisers but empty vectors.
        let library = unsafe { Library::new(&to) }.map_err(|e| device(e.to_string()))?;
        Ok(Self {
            compiled: Arc::new(Compiled {
                library,
                lock: Mutex::new(()),
            }),
            order: Order::Forward,
        })
    }

    /// The same machine with threads in this order.
    #[must_use]
    pub fn with_order(&self, order: Order) -> Self {
        Self {
            order,
            ..self.clone()
        }
    }

    /// # Safety
    /// `T` is the type of the function `name` of `emulator.h`.
    unsafe fn function<T>(&self, name: &CStr) -> Result<Symbol<'_, T>> {
        // SAFETY: the caller names the type.
        unsafe { self.compiled.library.get(name.to_bytes_with_nul()) }
            .map_err(|e| device(e.to_string()))
    }
}

fn device(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, message)
}

/// The C++ file: emulation, kernels, and a table of the kernels.
fn unit(text: &str) -> String {
    let cases: String = Kernel::ALL
        .iter()
        .enumerate()
        .map(|(number, &kernel)| {
            let (name, params) = (kernel.name(), source::params_struct(kernel));
            format!(
                "    if (kernel == {number}) {{ {params} p; memcpy(&p, params, sizeof p); \
                 emulator::launch(x, y, shared, order, seed, [&] {{ {name}(p); }}); }}\n"
            )
        })
        .collect();
    format!(
        "#define SRT_EMULATOR\n#line 1 \"emulator.h\"\n{HEADER}\n{text}\n\
         extern \"C\" int emulator_launch(int kernel, unsigned x, unsigned y, size_t shared, int order, \
         unsigned seed, const void* params, char* message, size_t bytes) {{\n{cases}    \
         return emulator_result(message, bytes);\n}}\n"
    )
}

fn compile(compiler: &str, from: &Path, to: &Path) -> Result<()> {
    let output = Command::new(compiler)
        .args([
            "-std=c++17",
            "-O3",
            "-march=native",
            "-ffp-contract=off",
            "-w",
        ])
        .args(["-fPIC", "-shared", "-fno-strict-aliasing"])
        .args(source::defines())
        .arg(from)
        .arg("-o")
        .arg(to)
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(device(format!(
        "{compiler} ends with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    )))
}

impl Machine for Emulator {
    fn name(&self) -> String {
        "host emulator".into()
    }

    fn shared_bytes(&self) -> u32 {
        SHARED_BYTES
    }

    fn free_bytes(&self) -> Result<u64> {
        Ok(FREE_BYTES)
    }

    fn allocate(&self, bytes: u64) -> Result<Address> {
        let _lock = self
            .compiled
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the type is that of emulator.h; the lock keeps others from its list of allocations.
        let at = unsafe {
            let allocate =
                self.function::<unsafe extern "C" fn(usize) -> *mut c_void>(c"emulator_allocate")?;
            allocate(bytes as usize)
        };
        if at.is_null() {
            return Err(Error::limit(format!("no {bytes} bytes of memory")));
        }
        Ok(at as Address)
    }

    unsafe fn release(&self, at: Address) {
        let _lock = self
            .compiled
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller vouches for `at`; otherwise as in `allocate`.
        unsafe {
            if let Ok(release) =
                self.function::<unsafe extern "C" fn(*mut c_void)>(c"emulator_release")
            {
                release(at as *mut c_void);
            }
        }
    }

    unsafe fn upload(&self, to: Address, from: &[u8]) -> Result<()> {
        // SAFETY: addresses are those of host memory; the caller vouches for the room.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to as *mut u8, from.len()) };
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }

    unsafe fn download(&self, from: Address, to: &mut [u8]) -> Result<()> {
        // SAFETY: as in `upload`.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to.as_mut_ptr(), to.len()) };
        Ok(())
    }

    unsafe fn clear(&self, at: Address, bytes: u64) -> Result<()> {
        // SAFETY: as in `upload`.
        unsafe { std::ptr::write_bytes(at as *mut u8, 0, bytes as usize) };
        Ok(())
    }

    unsafe fn launch(&self, kernel: Kernel, launch: Launch, params: &[u8]) -> Result<()> {
        let _lock = self
            .compiled
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = Kernel::ALL.iter().position(|&k| k == kernel);
        let (order, seed) = match self.order {
            Order::Forward => (0, 1),
            Order::Reverse => (1, 1),
            Order::Random(seed) => (2, seed),
        };
        let mut message = [0u8; MESSAGE_BYTES];
        // SAFETY: the type is that of `unit`; the caller vouches for the parameters.
        let failed = unsafe {
            let run = self.function::<LaunchFn>(c"emulator_launch")?;
            run(
                number.unwrap_or(0) as c_int,
                launch.grid[0],
                launch.grid[1],
                launch.shared_bytes as usize,
                order,
                seed,
                params.as_ptr().cast(),
                message.as_mut_ptr().cast(),
                MESSAGE_BYTES,
            )
        };
        if failed == 0 {
            return Ok(());
        }
        let message = CStr::from_bytes_until_nul(&message).unwrap_or_default();
        Err(device(format!(
            "kernel {}: {}",
            kernel.name(),
            message.to_string_lossy()
        )))
    }
}
