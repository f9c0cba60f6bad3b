//! What the compiler says about the kernels: registers, memory, spills. Needs NVRTC, no GPU.

use srt::backend::cuda::{Compiler, Kernel, KernelStore, source};
use srt::{Error, ErrorKind, Result};

/// Architectures of the report: the oldest that serves, Hopper with its own instructions, Blackwell.
pub const ARCHS: [&str; 3] = ["sm_80", "sm_90a", "sm_100"];

/// One kernel on one architecture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Name of the kernel.
    pub kernel: String,
    /// Registers of a thread.
    pub registers: u32,
    /// Bytes of static shared memory.
    pub shared_bytes: u32,
    /// Bytes of spilled registers, stores and loads.
    pub spill_bytes: u32,
    /// Bytes of the stack frame.
    pub stack_bytes: u32,
}

/// The numbers in a log of `ptxas -v`.
#[must_use]
pub fn parse(log: &str) -> Vec<Usage> {
    let mut out: Vec<Usage> = Vec::new();
    for line in log.lines() {
        if let Some((_, rest)) = line.split_once("Compiling entry function '") {
            let kernel = rest.split('\'').next().unwrap_or_default().to_owned();
            out.push(Usage {
                kernel,
                ..Usage::default()
            });
        }
        let Some(usage) = out.last_mut() else {
            continue;
        };
        let before = |what: &str| {
            let text = line
                .split(what)
                .next()
                .filter(|text| text.len() < line.len())?;
            let digits = text.rsplit(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<u32>().ok()
        };
        if let Some(bytes) = before(" bytes stack frame") {
            usage.stack_bytes = bytes;
            usage.spill_bytes = before(" bytes spill stores").unwrap_or(0)
                + before(" bytes spill loads").unwrap_or(0);
        }
        if let Some(registers) = before(" registers") {
            usage.registers = registers;
            usage.shared_bytes = before(" bytes smem").unwrap_or(0);
        }
    }
    out
}

/// What a log of `ptxas -v` for `arch` finds fault with.
fn faults_in(log: &str, arch: &str) -> Vec<String> {
    let usage = parse(log);
    let mut faults = Vec::new();
    for kernel in Kernel::ALL.iter().filter(|kernel| kernel.exists_on(arch)) {
        match usage.iter().find(|u| u.kernel == kernel.name()) {
            None => faults.push(format!("{arch}: no report on {}", kernel.name())),
            Some(u) if u.spill_bytes > 0 => faults.push(format!("{arch}: {} spills", u.kernel)),
            Some(_) => {}
        }
    }
    // As ptxas says it: "Potential Performance Loss: wgmma.mma_async instructions are serialized due to .."
    if log.contains("serialized") {
        faults.push(format!("{arch}: wgmma instructions are serialised"));
    }
    faults
}

/// Compiles for `archs`, prints the table, and keeps the machine code in `store`.
///
/// # Errors
/// `Device` without NVRTC, for kernels that do not compile, spill, or whose warpgroup instructions wait for each other.
pub fn print(archs: &[String], store: Option<&KernelStore>) -> Result<()> {
    let compiler = Compiler::find()?;
    let (major, minor) = compiler.version();
    println!("NVRTC {major}.{minor}\n");
    println!("| kernel | arch | registers | static shared memory | stack | spills |");
    println!("|---|---|---|---|---|---|");
    let mut faults = Vec::new();
    for arch in archs {
        let compiled = compiler.compile(&source::text(), arch, true)?;
        for u in parse(&compiled.log) {
            println!(
                "| `{}` | {arch} | {} | {} | {} | {} |",
                u.kernel, u.registers, u.shared_bytes, u.stack_bytes, u.spill_bytes
            );
        }
        faults.extend(faults_in(&compiled.log, arch));
        if let Some(store) = store {
            store.save(arch, compiler, &compiled.cubin)?;
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Device, faults.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gives_the_numbers_of_each_kernel() {
        let log = "ptxas info    : 0 bytes gmem\n\
            ptxas info    : Compiling entry function 'one' for 'sm_80'\n\
            ptxas info    : Function properties for one\n    \
            16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads\n\
            ptxas info    : Used 128 registers, used 1 barriers, 16 bytes stack, 512 bytes smem, 400 bytes cmem[0]\n\
            ptxas info    : Compiling entry function 'two' for 'sm_80'\n    \
            0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n\
            ptxas info    : Used 32 registers, 380 bytes cmem[0]\n";
        let one = Usage {
            kernel: "one".into(),
            registers: 128,
            shared_bytes: 512,
            spill_bytes: 12,
            stack_bytes: 16,
        };
        let two = Usage {
            kernel: "two".into(),
            registers: 32,
            ..Usage::default()
        };
        assert_eq!(parse(log), [one, two]);
    }

    #[test]
    fn missing_kernels_spills_and_serialised_multiplications_are_faults() {
        let report = |kernel: Kernel, spills: u32| {
            format!(
                "ptxas info    : Compiling entry function '{}' for 'sm_90a'\n    \
                0 bytes stack frame, {spills} bytes spill stores, 0 bytes spill loads\n",
                kernel.name()
            )
        };
        let good: String = Kernel::ALL.iter().map(|&k| report(k, 0)).collect();
        assert!(faults_in(&good, "sm_90a").is_empty());
        let without = good.replace(&report(Kernel::Conv96, 0), "");
        assert_eq!(faults_in(&without, "sm_90a").len(), 1);
        assert!(faults_in(&without, "sm_80").is_empty());
        let spilling = without + &report(Kernel::Conv96, 4);
        assert_eq!(faults_in(&spilling, "sm_90a").len(), 1);
        let waits =
            "Potential Performance Loss: wgmma.mma_async instructions are serialized due to";
        assert_eq!(faults_in(&(good + waits), "sm_90a").len(), 1);
    }
}
