//! `gpu-check`: everything about the CUDA backend that needs a GPU, in one table.
//!
//! ```text
//! gpu-check [all|small|kernels|files|bench] [--store DIR] [--device N] [FILE.srt ..]
//! gpu-check compile [--store DIR] [ARCH ..]
//! ```
//!
//! `compile` needs NVRTC and no GPU: it prints what each kernel uses and fills a store of machine code, so that a
//! machine without NVRTC can do the rest with `--store`. Exit codes as those of `srt`: 0 all well, 1 a check
//! failed, 2 usage, 5 no GPU or no compiler.
#![allow(missing_docs)]

use std::path::PathBuf;
use std::process::ExitCode;

use gpu_check::{gpu, report};
use srt::backend::cuda;
use srt::backend::cuda::KernelStore;

const USAGE: &str = "usage: gpu-check [all|small|kernels|files|bench] [--store DIR] [--device N] [FILE.srt ..]\n       \
                     gpu-check compile [--store DIR] [ARCH ..]";

struct Args {
    command: String,
    store: Option<PathBuf>,
    device: usize,
    rest: Vec<String>,
}

fn parse() -> Option<Args> {
    let mut args = Args {
        command: "all".into(),
        store: None,
        device: 0,
        rest: Vec::new(),
    };
    let mut words = std::env::args().skip(1).peekable();
    if let Some(word) = words.peek()
        && ["all", "small", "kernels", "files", "bench", "compile"].contains(&word.as_str())
    {
        args.command = words.next()?;
    }
    while let Some(word) = words.next() {
        match word.as_str() {
            "--store" => args.store = Some(words.next()?.into()),
            "--device" => args.device = words.next()?.parse().ok()?,
            option if option.starts_with('-') => return None,
            _ => args.rest.push(word),
        }
    }
    Some(args)
}

fn main() -> ExitCode {
    let Some(args) = parse() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let store = args.store.as_ref().map(KernelStore::new);
    if args.command == "compile" {
        let archs = if args.rest.is_empty() {
            report::ARCHS.map(String::from).to_vec()
        } else {
            args.rest
        };
        return match report::print(&archs, store.as_ref()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(5)
            }
        };
    }
    let cuda = match cuda::open(args.device, store.as_ref()) {
        Ok(cuda) => cuda,
        Err(error) => {
            eprintln!("nothing checked: {error}");
            return ExitCode::from(5);
        }
    };
    let mut table = gpu::Table::new(&cuda.device_name());
    let all = args.command == "all";
    let kernels = all || args.command == "kernels";
    if kernels || args.command == "small" {
        gpu::small(&cuda, &mut table);
    }
    if kernels {
        gpu::large(&cuda, &mut table);
    }
    if all || args.command == "files" {
        let files: Vec<PathBuf> = args.rest.iter().map(PathBuf::from).collect();
        gpu::files(&cuda, &files, &mut table);
    }
    if all {
        gpu::sanitizer(args.store.as_deref(), &mut table);
    }
    if all || args.command == "bench" {
        gpu::benchmark(&cuda, &mut table);
        gpu::pytorch(&mut table);
    }
    match table.failures() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
