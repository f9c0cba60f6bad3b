//! The whole way through the CUDA driver's functions, on a driver whose GPU is the emulator.
//!
//! `driver_stub.h` is compiled with the kernels to a `libcuda.so`; the real program finds it as it would find NVIDIA's.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use gpu_check::emulator::{compile_library, compiler};
use srt::backend::cuda::KernelStore;

const OK: i32 = 0;
const NO_DEVICE: i32 = 5;
/// The GPU of the stub, and a version for the file it takes for machine code.
const ARCH: (&str, (i32, i32)) = ("sm_86", (99, 0));

/// A folder with the stub and a store for it.
struct Stub(tempfile::TempDir);

impl Stub {
    /// `None` with the reason printed where there is no compiler.
    fn new() -> Option<Self> {
        let compiler = match compiler() {
            Ok(compiler) => compiler,
            Err(reason) => {
                println!("left out: {reason}");
                return None;
            }
        };
        let dir = tempfile::tempdir().unwrap();
        let stub = include_str!("driver_stub.h");
        compile_library(&compiler, stub, &dir.path().join("libcuda.so")).unwrap();
        // The stub looks at the first bytes of machine code only.
        let name = KernelStore::file_name(ARCH.0, ARCH.1);
        std::fs::write(dir.path().join(name), b"\x7fELF").unwrap();
        Some(Self(dir))
    }

    fn run(&self, libraries: &Path, fault: &str, command: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gpu-check"))
            .args([command, "--store"])
            .arg(self.0.path())
            .env("LD_LIBRARY_PATH", libraries)
            .env("SRT_STUB_DRIVER", fault)
            .output()
            .unwrap()
    }

    /// Runs and expects an exit code and words on either stream.
    fn expect(&self, libraries: &Path, fault: &str, command: &str, code: i32, words: &str) {
        let output = self.run(libraries, fault, command);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert_eq!(output.status.code(), Some(code), "{fault}: {text}");
        assert!(text.contains(words), "{words:?} expected in: {text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn kernels_and_files_equal_the_cpu_through_the_driver() {
    let Some(stub) = Stub::new() else { return };
    let dir = stub.0.path();
    stub.expect(dir, "", "small", OK, "| small 2-D file | ok |");
}

#[test]
fn whatever_is_missing_is_said_and_nothing_panics() {
    let Some(stub) = Stub::new() else { return };
    let dir = stub.0.path();
    let refused = |libraries: &Path, fault: &str, words: &str| {
        stub.expect(libraries, fault, "small", NO_DEVICE, words);
    };
    refused(dir, "no device", "cuInit");
    refused(dir, "old device", "8.0 or higher expected");
    refused(dir, "launch", "Synchronize: ");
    // A store without machine code for this GPU, and no compiler.
    std::fs::remove_file(dir.join(KernelStore::file_name(ARCH.0, ARCH.1))).unwrap();
    refused(dir, "", "libnvrtc");
    // A library of that name without the driver's functions.
    let other = tempfile::tempdir().unwrap();
    let source = other.path().join("empty.c");
    std::fs::write(&source, "int nothing;").unwrap();
    let compiled = Command::new(compiler().unwrap())
        .args(["-shared", "-x", "c"])
        .arg(&source)
        .arg("-o")
        .arg(other.path().join("libcuda.so"))
        .status();
    assert!(compiled.unwrap().success());
    refused(other.path(), "", "the NVIDIA driver has no cuInit");
}
