//! Kernels to machine code, through NVRTC, which is looked for at run time.

#![allow(unsafe_code)] // calls NVRTC

use std::ffi::CString;
use std::path::{Path, PathBuf};

use cudarc::nvrtc::{result, sys};
use hmac_sha256::Hash;

use crate::backend::cuda::source;
use crate::base::error::{Error, ErrorKind, Result};

/// Functions of NVRTC that are called; cudarc panics where one is missing.
const SYMBOLS: [&[u8]; 9] = [
    b"nvrtcVersion\0",
    b"nvrtcCreateProgram\0",
    b"nvrtcCompileProgram\0",
    b"nvrtcDestroyProgram\0",
    b"nvrtcGetProgramLogSize\0",
    b"nvrtcGetProgramLog\0",
    b"nvrtcGetCUBINSize\0",
    b"nvrtcGetCUBIN\0",
    b"nvrtcGetErrorString\0",
];

/// The compiler, found and complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compiler {
    version: (i32, i32),
}

/// Machine code and what the compiler said.
#[derive(Clone, Debug)]
pub struct CompilerOutput {
    /// An ELF file for one architecture.
    pub cubin: Vec<u8>,
    /// Warnings, and the use of registers and memory where asked for.
    pub log: String,
}

impl Compiler {
    /// Looks for `libnvrtc`.
    ///
    /// # Errors
    /// `Device` with what is missing.
    pub fn find() -> Result<Self> {
        // SAFETY: opens a library by its well-known name and looks at its symbols without calling them.
        let complete = unsafe {
            sys::is_culib_present()
                && SYMBOLS
                    .iter()
                    .all(|&name| sys::culib().get::<*const ()>(name).is_ok())
        };
        if !complete {
            return Err(device(
                "libnvrtc (CUDA 11.2 or newer) is not installed: the kernels cannot be compiled",
            ));
        }
        let (mut major, mut minor) = (0, 0);
        // SAFETY: both pointers are valid; the function is there.
        let code = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
        code.result().map_err(|e| failed("nvrtcVersion", e))?;
        Ok(Self {
            version: (major, minor),
        })
    }

    /// Major and minor version.
    #[must_use]
    pub fn version(self) -> (i32, i32) {
        self.version
    }

    /// Compiles `text` ([`source::text`]) for `arch`, for example `sm_90`; with `report`, the log says what each
    /// kernel uses.
    ///
    /// # Errors
    /// `Device` with the compiler's log.
    pub fn compile(self, text: &str, arch: &str, report: bool) -> Result<CompilerOutput> {
        let text = CString::new(text).map_err(|_| Error::invalid("a NUL in the kernels' text"))?;
        let program = NvrtcProgram::new(&text)?;
        let mut options = vec![
            format!("--gpu-architecture={arch}"),
            "--std=c++17".into(),
            // One rounding per operation; the kernels say so in their intrinsics as well.
            "--fmad=false".into(),
        ];
        if report {
            options.push("--ptxas-options=-v".into());
        }
        options.extend(source::defines());
        // SAFETY: the program lives.
        let compiled = unsafe { result::compile_program(program.0, &options) };
        let log = program.log();
        match compiled {
            Ok(()) => Ok(CompilerOutput {
                cubin: program.cubin()?,
                log,
            }),
            Err(e) => Err(device(format!("nvrtc for {arch}: {e}: {log}"))),
        }
    }
}

fn device(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, message)
}

fn failed(what: &str, error: result::NvrtcError) -> Error {
    device(format!("{what}: {error}"))
}

/// A program of NVRTC, destroyed when dropped.
struct NvrtcProgram(sys::nvrtcProgram);

impl NvrtcProgram {
    fn new(text: &std::ffi::CStr) -> Result<Self> {
        let program = result::create_program(text, Some(c"srt.cu"));
        program.map(Self).map_err(|e| failed("nvrtc", e))
    }

    fn log(&self) -> String {
        // SAFETY: the program lives.
        let log = unsafe { result::get_program_log(self.0) }.unwrap_or_default();
        let bytes: Vec<u8> = log
            .iter()
            .map(|&c| c as u8)
            .take_while(|&c| c != 0)
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn cubin(&self) -> Result<Vec<u8>> {
        let mut len = 0;
        // SAFETY: the program lives; the buffer is as long as NVRTC says.
        unsafe {
            let code = sys::nvrtcGetCUBINSize(self.0, &raw mut len);
            code.result().map_err(|e| failed("nvrtcGetCUBINSize", e))?;
            let mut cubin = vec![0u8; len];
            let code = sys::nvrtcGetCUBIN(self.0, cubin.as_mut_ptr().cast());
            code.result().map_err(|e| failed("nvrtcGetCUBIN", e))?;
            Ok(cubin)
        }
    }
}

impl Drop for NvrtcProgram {
    fn drop(&mut self) {
        // SAFETY: the program lives until here.
        let _ = unsafe { result::destroy_program(self.0) };
    }
}

/// A folder of machine code: a cache where there is a compiler, a supply where there is none.
#[derive(Clone, Debug)]
pub struct KernelStore {
    dir: PathBuf,
}

impl KernelStore {
    /// The store in `dir`, which need not exist.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Start of the names of files for this program's kernels on `arch`.
    fn stem(arch: &str) -> String {
        let mut hash = Hash::new();
        hash.update(source::text());
        hash.update(source::defines().join(" "));
        let digest: String = hash.finalize()[..8]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("{digest}-{arch}-nvrtc")
    }

    /// Name of the file for this program's kernels on `arch`, made by a version of the compiler.
    #[must_use]
    pub fn file_name(arch: &str, (major, minor): (i32, i32)) -> String {
        format!("{}{major}.{minor}.cubin", Self::stem(arch))
    }

    fn path(&self, arch: &str, version: (i32, i32)) -> PathBuf {
        self.dir.join(Self::file_name(arch, version))
    }

    /// Machine code for `arch` made by this version of the compiler; by any where that is `None`.
    #[must_use]
    pub fn load(&self, arch: &str, version: Option<(i32, i32)>) -> Option<Vec<u8>> {
        let path = match version {
            Some(version) => self.path(arch, version),
            None => newest(&self.dir, &Self::stem(arch))?,
        };
        let bytes = std::fs::read(path).ok()?;
        // A file cut short would bring the driver down.
        bytes.starts_with(b"\x7fELF").then_some(bytes)
    }

    /// Keeps machine code. A reader sees the whole file or none.
    ///
    /// # Errors
    /// `Io`.
    pub fn save(&self, arch: &str, compiler: Compiler, cubin: &[u8]) -> Result<()> {
        std::fs::create_dir_all(&self.dir)?;
        let file = tempfile::NamedTempFile::new_in(&self.dir)?;
        std::fs::write(file.path(), cubin)?;
        let target = self.path(arch, compiler.version);
        file.persist(target).map_err(|e| Error::from(e.error))?;
        Ok(())
    }
}

/// The file in `dir` whose name starts with `stem` and comes last.
fn newest(dir: &Path, stem: &str) -> Option<PathBuf> {
    let files = std::fs::read_dir(dir).ok()?.filter_map(|entry| {
        let path = entry.ok()?.path();
        path.file_name()?
            .to_str()?
            .starts_with(stem)
            .then_some(path)
    });
    files.max()
}

/// Machine code for `arch`: from the store, or compiled now and kept there.
///
/// # Errors
/// `Device` when it is neither stored nor can be compiled.
pub(super) fn machine_code(arch: &str, store: Option<&KernelStore>) -> Result<Vec<u8>> {
    let compiler = Compiler::find();
    let version = compiler.as_ref().ok().map(|c| c.version);
    if let Some(cubin) = store.and_then(|store| store.load(arch, version)) {
        return Ok(cubin);
    }
    let compiler = compiler?;
    let cubin = compiler.compile(&source::text(), arch, false)?.cubin;
    if let Some(store) = store {
        // A store that cannot be written costs a second at the next start, no more.
        let _ = store.save(arch, compiler, &cubin);
    }
    Ok(cubin)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_store_gives_back_what_fits_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let store = KernelStore::new(dir.path().join("new"));
        let compiler = Compiler { version: (13, 0) };
        assert_eq!(store.load("sm_80", None), None);
        store.save("sm_80", compiler, b"\x7fELF one").unwrap();
        store.save("sm_90", compiler, b"cut").unwrap();
        let one = Some(b"\x7fELF one".to_vec());
        assert_eq!(store.load("sm_80", Some((13, 0))), one);
        assert_eq!(store.load("sm_80", None), one);
        assert_eq!(store.load("sm_80", Some((12, 9))), None);
        assert_eq!(store.load("sm_90", None), None, "not an ELF file");
        assert_eq!(store.load("sm_8", None), None);
    }
}
