//! A machine without a GPU: the kernels compiled by the C++ compiler, their threads run one after the other.

#![allow(unsafe_code)] // loads the compiled kernels

use std::collections::VecDeque;
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libloading::{Library, Symbol};
use srt::backend::cuda::source;
use srt::backend::cuda::{Address, Download, Kernel, Launch, Machine, Mark};
use srt::{Error, ErrorKind, Result};

const HEADER: &str = include_str!("emulator.h");
/// Dynamic shared memory of a block on the smallest device (compute capability 8.6).
const SHARED_BYTES: u32 = 99 << 10;
/// The same on Hopper (9.0).
const HOPPER_SHARED_BYTES: u32 = 227 << 10;
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

/// When work happens, within what the marks allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// All of it as late as possible.
    Late,
    /// Copies beside the launches at once, launches as late as possible.
    CopiesFirst,
    /// Launches at once, copies beside them as late as possible.
    LaunchesFirst,
}

/// The emulated machine.
#[derive(Clone)]
pub struct Emulator {
    kernels: Arc<KernelLibrary>,
    order: Order,
    schedule: Schedule,
    has_warpgroups: bool,
    /// Launches before the machine breaks down.
    lasts: Arc<AtomicU64>,
    queue: Arc<Mutex<Queue>>,
}

/// What the copies of an emulator share.
struct KernelLibrary {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a machine does in order, as on the streams of a GPU.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Launches,
    Uploads,
    Downloads,
}

/// One piece of work.
enum Work {
    /// Waits for other work.
    After(Mark),
    Launch(Kernel, Launch, Vec<u8>),
    Clear(Address, u64),
    Copy {
        to: Address,
        from: Address,
        bytes: usize,
    },
}

/// Work that is not done yet.
#[derive(Default)]
struct Queue {
    /// Each stream with the number of works that were ever in it.
    streams: [(VecDeque<Work>, u64); 3],
}

impl Queue {
    fn push(&mut self, stream: Stream, work: Work) {
        let (works, count) = &mut self.streams[stream as usize];
        works.push_back(work);
        *count += 1;
    }

    /// The point behind all work of a stream so far.
    fn mark(&self, stream: Stream) -> Mark {
        Mark(self.streams[stream as usize].1 * 3 + stream as u64)
    }

    /// The next work before `mark`.
    fn next(&mut self, Mark(mark): Mark) -> Option<Work> {
        let (works, count) = &mut self.streams[(mark % 3) as usize];
        let done = *count - works.len() as u64;
        if done < mark / 3 {
            works.pop_front()
        } else {
            None
        }
    }
}

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
        let library = dir.path().join("kernels.so");
        compile(compiler, &unit(text), &library)?;
        // SAFETY: the library was made just now from our own text; it has no initialisers but empty vectors.
        let library = unsafe { Library::new(&library) }.map_err(|e| device(e.to_string()))?;
        Ok(Self {
            kernels: Arc::new(KernelLibrary {
                library,
                lock: Mutex::new(()),
            }),
            order: Order::Forward,
            schedule: Schedule::LaunchesFirst,
            has_warpgroups: false,
            lasts: Arc::new(AtomicU64::new(u64::MAX)),
            queue: Arc::default(),
        })
    }

    /// The same machine with threads in this order.
    #[must_use]
    pub fn with_order(&self, order: Order) -> Self {
        Self {
            order,
            queue: Arc::default(),
            ..self.clone()
        }
    }

    /// The same machine with the kernels and the shared memory of Hopper.
    #[must_use]
    pub fn with_warpgroups(&self) -> Self {
        Self {
            has_warpgroups: true,
            queue: Arc::default(),
            ..self.clone()
        }
    }

    /// The same machine, all of whose launches fail after the first `launches`.
    #[must_use]
    pub fn breaking_down_after(&self, launches: u64) -> Self {
        Self {
            lasts: Arc::new(AtomicU64::new(launches)),
            queue: Arc::default(),
            ..self.clone()
        }
    }

    /// The same machine with this schedule.
    #[must_use]
    pub fn with_schedule(&self, schedule: Schedule) -> Self {
        Self {
            schedule,
            queue: Arc::default(),
            ..self.clone()
        }
    }

    /// Adds work; does it where the schedule says so.
    fn push(&self, stream: Stream, work: Work) -> Result<()> {
        let mut queue = lock(&self.queue);
        queue.push(stream, work);
        let now = match (self.schedule, stream) {
            (Schedule::Late, _) => false,
            (Schedule::CopiesFirst, stream) => stream != Stream::Launches,
            (Schedule::LaunchesFirst, stream) => stream == Stream::Launches,
        };
        let mark = queue.mark(stream);
        if now {
            self.run(&mut queue, mark)
        } else {
            Ok(())
        }
    }

    /// Does all work before `mark`. When some of it fails, all that waits is dropped: nobody vouches for its memory then.
    fn run(&self, queue: &mut Queue, mark: Mark) -> Result<()> {
        let done = self.work(queue, mark);
        if done.is_err() {
            queue
                .streams
                .iter_mut()
                .for_each(|(works, _)| works.clear());
        }
        done
    }

    fn work(&self, queue: &mut Queue, mark: Mark) -> Result<()> {
        while let Some(work) = queue.next(mark) {
            match work {
                Work::After(other) => self.work(queue, other)?,
                Work::Launch(kernel, launch, params) => self.start(kernel, launch, &params)?,
                // SAFETY: whoever asked for it vouched for the room, which stays allocated until the mark.
                Work::Clear(at, bytes) => unsafe {
                    std::ptr::write_bytes(at as *mut u8, 0, bytes as usize);
                },
                // SAFETY: as above.
                Work::Copy { to, from, bytes } => unsafe {
                    std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes);
                },
            }
        }
        Ok(())
    }

    /// # Safety
    /// `T` is the type of the function `name` of `emulator.h`.
    unsafe fn function<T>(&self, name: &CStr) -> Result<Symbol<'_, T>> {
        // SAFETY: the caller names the type.
        unsafe { self.kernels.library.get(name.to_bytes_with_nul()) }
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
    let names: String = Kernel::ALL
        .iter()
        .map(|kernel| format!("\"{}\", ", kernel.name()))
        .collect();
    let sizes: String = Kernel::ALL
        .iter()
        .map(|&kernel| format!("sizeof({}), ", source::params_struct(kernel)))
        .collect();
    format!(
        "#define SRT_EMULATOR\n#line 1 \"emulator.h\"\n{HEADER}\n{text}\n\
         static const char* const emulator_kernels[] = {{{names}nullptr}};\n\
         static const size_t emulator_params_bytes[] = {{{sizes}0}};\n\
         extern \"C\" int emulator_launch(int kernel, unsigned x, unsigned y, size_t shared, int order, \
         unsigned seed, const void* params, char* message, size_t bytes) {{\n{cases}    \
         return emulator_result(message, bytes);\n}}\n"
    )
}

/// Compiles the kernels and `more`, which stands behind them in the same file, into a shared library.
///
/// # Errors
/// `Device` with the compiler's messages, `Io`.
pub fn compile_library(compiler: &str, more: &str, library: &Path) -> Result<()> {
    compile(compiler, &(unit(&source::text()) + more), library)
}

/// The C++ file beside the library is overwritten.
fn compile(compiler: &str, text: &str, library: &Path) -> Result<()> {
    let from = library.with_extension("cpp");
    std::fs::write(&from, text)?;
    let output = Command::new(compiler)
        .args(["-std=c++17", "-O2", "-march=native", "-ffp-contract=off"])
        .args(["-w", "-fPIC", "-shared", "-fno-strict-aliasing"])
        .args(source::defines())
        .arg(&from)
        .arg("-o")
        .arg(library)
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

    fn has(&self, kernel: Kernel) -> bool {
        self.has_warpgroups || kernel.exists_on("sm_86")
    }

    fn shared_bytes(&self) -> u32 {
        if self.has_warpgroups {
            HOPPER_SHARED_BYTES
        } else {
            SHARED_BYTES
        }
    }

    fn free_bytes(&self) -> Result<u64> {
        Ok(FREE_BYTES)
    }

    fn allocate(&self, bytes: u64) -> Result<Address> {
        let _lock = lock(&self.kernels.lock);
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

    unsafe fn free(&self, at: Address) {
        let _lock = lock(&self.kernels.lock);
        // SAFETY: the caller vouches for `at`; otherwise as in `allocate`.
        unsafe {
            if let Ok(free) =
                self.function::<unsafe extern "C" fn(*mut c_void)>(c"emulator_release")
            {
                free(at as *mut c_void);
            }
        }
    }

    unsafe fn upload(&self, to: Address, from: &[u8]) -> Result<()> {
        self.finish()?;
        // SAFETY: addresses are those of host memory; the caller vouches for the room.
        unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to as *mut u8, from.len()) };
        Ok(())
    }

    fn finish(&self) -> Result<()> {
        let mut queue = lock(&self.queue);
        let mark = queue.mark(Stream::Launches);
        self.run(&mut queue, mark)
    }

    unsafe fn download(&self, from: Address, to: &mut [u8]) -> Result<()> {
        self.finish()?;
        // SAFETY: as in `upload`.
        unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to.as_mut_ptr(), to.len()) };
        Ok(())
    }

    unsafe fn clear(&self, at: Address, bytes: u64) -> Result<()> {
        self.push(Stream::Launches, Work::Clear(at, bytes))
    }

    fn allocate_host(&self, bytes: u64) -> Result<*mut u8> {
        Ok(self.allocate(bytes)? as *mut u8)
    }

    unsafe fn free_host(&self, at: *mut u8) {
        // SAFETY: the caller vouches for `at`, which `allocate` gave.
        unsafe { self.free(at as Address) }
    }

    unsafe fn upload_beside(&self, to: Address, from: *const u8, bytes: usize) -> Result<Mark> {
        let from = from as Address;
        self.push(Stream::Uploads, Work::Copy { to, from, bytes })?;
        Ok(lock(&self.queue).mark(Stream::Uploads))
    }

    unsafe fn download_beside(&self, after: Mark, copy: Download) -> Result<Mark> {
        let Download { from, to, bytes } = copy;
        let to = to as Address;
        self.push(Stream::Downloads, Work::After(after))?;
        self.push(Stream::Downloads, Work::Copy { to, from, bytes })?;
        Ok(lock(&self.queue).mark(Stream::Downloads))
    }

    fn mark(&self) -> Result<Mark> {
        Ok(lock(&self.queue).mark(Stream::Launches))
    }

    fn hold(&self, mark: Mark) -> Result<()> {
        self.push(Stream::Launches, Work::After(mark))
    }

    fn wait(&self, mark: Mark) -> Result<()> {
        self.run(&mut lock(&self.queue), mark)
    }

    unsafe fn launch(&self, kernel: Kernel, launch: Launch, params: &[u8]) -> Result<()> {
        let params = params.to_vec();
        self.push(Stream::Launches, Work::Launch(kernel, launch, params))
    }
}

impl Emulator {
    /// Runs a kernel. Whoever asked for it vouched for the parameters, which name memory that stays until it ran.
    fn start(&self, kernel: Kernel, launch: Launch, params: &[u8]) -> Result<()> {
        let left = self
            .lasts
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if left.is_err() {
            return Err(device("the machine broke down"));
        }
        let _lock = lock(&self.kernels.lock);
        let number = Kernel::ALL.iter().position(|&k| k == kernel);
        let (order, seed) = match self.order {
            Order::Forward => (0, 1),
            Order::Reverse => (1, 1),
            Order::Random(seed) => (2, seed),
        };
        let mut message = [0u8; MESSAGE_BYTES];
        // SAFETY: the type is that of `unit`; `launch` was promised the parameters.
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
