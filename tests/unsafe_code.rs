//! `unsafe` is denied in the whole workspace; these are the files that may allow it, and why. Each
//! block says which checked condition makes it sound.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders with unsafe code, from the root of the repository.
const ALLOWED: [(&str, &str); 14] = [
    (
        "src/backend/",
        "vector instructions and devices; plain twins are tested against them",
    ),
    ("src/base/file.rs", "memory maps of files"),
    ("src/volume/io/cast.rs", "bytes as numbers without a copy"),
    ("tools/srt/src/lib.rs", "one setting of the allocator"),
    (
        "tools/srt/src/large_blocks.rs",
        "an allocator with mappings of its own; every size and change of size is tested",
    ),
    (
        "tools/program/src/signals.rs",
        "signals that are ignored, and the runtime's handler of one",
    ),
    (
        "tools/gpu-check/",
        "kernels compiled for the processor, loaded and called",
    ),
    (
        "tools/srt-bench/src/child.rs",
        "the memory that a process took, from the system",
    ),
    (
        "tools/srt-bench/src/codec/zfp.rs",
        "a peer behind an interface in C",
    ),
    (
        "tools/srt-sz3/src/system.rs",
        "limits and pipes of a process of its own",
    ),
    ("tools/capi/", "what C passes, and its test from Rust"),
    (
        "tools/h5z-srt/src/border.rs",
        "what HDF5 passes, and memory that it frees",
    ),
    (
        "tools/h5z-srt/src/caller.rs",
        "functions of the HDF5 library that calls",
    ),
    (
        "tools/srt-inspect/tests/mutations.rs",
        "an allocator that counts",
    ),
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && name != "target" {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

/// Whether a line of code opens an unsafe block, function or implementation.
fn opens(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    ["unsafe {", "unsafe fn", "unsafe impl"]
        .iter()
        .any(|word| code.contains(word))
}

#[test]
fn unsafe_code_stands_where_it_may_and_says_why_it_is_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tools", "fuzz"] {
        sources(&root.join(folder), &mut files);
    }
    assert!(files.len() > 50, "{} files found", files.len());
    let mut used = [false; ALLOWED.len()];
    for path in files {
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| opens(line)) {
            let place = ALLOWED
                .iter()
                .position(|(allowed, _)| name.starts_with(allowed));
            let place = place.unwrap_or_else(|| panic!("{name}:{}: {line}", number + 1));
            used[place] = true;
            let before = &lines[number.saturating_sub(12)..=number];
            let reason = before
                .iter()
                .any(|l| l.contains("SAFETY:") || l.contains("# Safety"));
            // A function's contract is for its callers; a block and an implementation keep one.
            let contract = line.contains("unsafe fn");
            assert!(reason || contract, "{name}:{}: no SAFETY line", number + 1);
        }
    }
    for ((name, _), used) in ALLOWED.iter().zip(used) {
        assert!(used, "{name} has no unsafe code: take it off the list");
    }
}
