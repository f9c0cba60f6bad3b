//! Which module of `src/` may use which: arrows point up the table only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module, and the modules it may name behind `crate::`. Order: from the ground up.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("limits", &["error"]),
    ("grid", &["error"]),
    ("real", &[]),
    ("file", &["error"]),
    ("volume", &["error", "limits", "grid", "file"]),
    ("container", &["error", "limits", "grid"]),
    ("transform", &["error", "grid", "real"]),
    (
        "codec",
        &["error", "limits", "grid", "real", "volume", "transform"],
    ),
    ("metrics", &["error", "grid", "volume"]),
    ("octree", &["error", "grid", "codec", "transform"]),
    ("network", &["error", "limits", "grid", "container"]),
    ("backend", &["error", "limits", "grid", "real", "network"]),
    (
        "recon",
        &[
            "error",
            "grid",
            "real",
            "transform",
            "codec",
            "octree",
            "backend",
        ],
    ),
    (
        "pipeline",
        &[
            "error",
            "limits",
            "grid",
            "real",
            "file",
            "volume",
            "container",
            "transform",
            "codec",
            "metrics",
            "octree",
            "network",
            "backend",
            "recon",
        ],
    ),
    ("picture", &["error", "grid", "volume"]),
    (
        "cli",
        &[
            "error",
            "limits",
            "grid",
            "file",
            "volume",
            "container",
            "metrics",
            "network",
            "octree",
            "backend",
            "pipeline",
            "picture",
        ],
    ),
];

/// Names that `lib.rs` re-exports, and the module each comes from.
const REEXPORTS: &[(&str, &str)] = &[
    ("Error", "error"),
    ("ErrorKind", "error"),
    ("Result", "error"),
    ("Axes", "grid"),
    ("Region", "grid"),
    ("Shape", "grid"),
    ("Limits", "limits"),
    ("Volume", "volume"),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// First names behind `crate::` in a line of code; `crate::{a, b::c}` names `a` and `b`.
fn names(line: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut out = Vec::new();
    for (_, rest) in line
        .match_indices("crate::")
        .map(|(i, m)| (i, &line[i + m.len()..]))
    {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (i, c) in group.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    c if start && depth == 0 && !c.is_whitespace() => {
                        out.push(word(&group[i..]));
                        start = false;
                    }
                    _ => {}
                }
                if depth < 0 {
                    break;
                }
            }
        } else {
            out.push(word(rest));
        }
    }
    out
}

/// Code of a file without comments and without its unit tests.
fn code(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let in_line = |next: &&str| next.trim_end().ends_with('{');
        if line.starts_with("#[cfg(test)]") && lines.peek().is_some_and(in_line) {
            break; // unit tests stand last
        }
        let line = line.split("//").next().unwrap_or_default();
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[test]
fn arrows_point_up_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "sources not found");
    let mut wrong = BTreeSet::new();
    for file in files {
        let inner = file.strip_prefix(&root).unwrap();
        let first = inner
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let module = first.trim_end_matches(".rs");
        let is_test = inner.ends_with("tests.rs") || inner.ends_with("testing.rs");
        if matches!(module, "lib" | "bin") || is_test {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            panic!("module {module} is not in the table of tests/layering.rs");
        };
        let text = fs::read_to_string(&file).unwrap();
        for name in names(&code(&text)) {
            let target = REEXPORTS
                .iter()
                .find(|(re, _)| *re == name)
                .map_or(name.as_str(), |(_, module)| module);
            if target != module && !allowed.contains(&target) {
                wrong.insert(format!(
                    "{}: {module} must not use {target}",
                    inner.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_table_has_no_cycles() {
    for (place, (module, uses)) in MAY_USE.iter().enumerate() {
        for used in *uses {
            let above = MAY_USE[..place].iter().any(|(name, _)| name == used);
            assert!(above, "{module} uses {used}, which does not stand above it");
        }
    }
}

#[test]
fn names_are_found_in_groups() {
    assert_eq!(
        names("use crate::{Error, grid::{Axes, Shape}, limits}; crate::volume::io::x"),
        ["Error", "grid", "limits", "volume"]
    );
    assert_eq!(names("pub(crate) fn f() {}"), Vec::<String>::new());
}
