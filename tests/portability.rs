//! The same bytes on every machine: only these files may see the order of bytes or the size of a word
//! of the machine they run on. What reads and writes files names its order (`from_le_bytes`); clippy
//! denies `ne_bytes` (`host_endian_bytes`), and Miri runs the codecs as other machines do (`.ci/run`).
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Files and folders of `src` that may, and why.
const ALLOWED: [(&str, &str); 3] = [
    (
        "backend/",
        "activations in memory, packed for the instructions of one machine",
    ),
    (
        "volume/io/cast.rs",
        "the caller asks first whether the file's order is the machine's",
    ),
    ("base/dtype.rs", "names the order of the machine"),
];

/// What shows the machine's own order of bytes or size of a word.
const SEES: [&str; 8] = [
    "target_endian",
    "target_pointer_width",
    "align_to",
    "from_raw_parts",
    "transmute",
    "bytemuck",
    "size_of::<usize>",
    "ne_bytes",
];

fn sources(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            out.push(path);
        }
    }
}

#[test]
fn only_these_files_see_what_machine_they_run_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "sources not found");
    let mut used = BTreeSet::new();
    for file in files {
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let code = text.lines().filter_map(|line| line.split("//").next());
        for line in code.filter(|line| SEES.iter().any(|sight| line.contains(sight))) {
            match ALLOWED.iter().find(|(path, _)| name.starts_with(path)) {
                Some((path, _)) => used.insert(path),
                None => panic!("src/{name} sees what machine it runs on: {}", line.trim()),
            };
        }
    }
    for (path, reason) in &ALLOWED {
        assert!(used.contains(path), "src/{path} no longer needs: {reason}");
    }
}
