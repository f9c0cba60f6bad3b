//! The library's face: how many names it has, and that those who should live on it do.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use syn::{Item, UseTree};

/// Most names that `lib.rs` lists.
const MOST_NAMES: usize = 150;

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names(tree: &UseTree) -> usize {
    match tree {
        UseTree::Path(path) => names(&path.tree),
        UseTree::Name(_) | UseTree::Rename(_) => 1,
        UseTree::Group(group) => group.items.iter().map(names).sum(),
        UseTree::Glob(_) => panic!("lib.rs lists names one by one"),
    }
}

/// What `lib.rs` lists, and its rooms.
fn face() -> (usize, Vec<String>) {
    let text = fs::read_to_string(top().join("src/lib.rs")).unwrap();
    let (mut listed, mut rooms) = (0, Vec::new());
    for item in syn::parse_file(&text).unwrap().items {
        match item {
            Item::Use(item) => listed += names(&item.tree),
            Item::Mod(room) => rooms.push(room.ident.to_string()),
            _ => {}
        }
    }
    (listed, rooms)
}

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

#[test]
fn the_face_has_few_names() {
    let (listed, rooms) = face();
    assert!(listed > 100 && listed <= MOST_NAMES, "{listed} names");
    // Each twice: open with `internals`, closed without.
    assert_eq!(rooms.len(), 2 * 13, "{rooms:?}");
}

#[test]
fn readers_examples_and_the_program_need_no_internals() {
    let (_, rooms) = face();
    let mut files = vec![top().join("README.md")];
    for dir in ["tools/examples", "tools/srt/src", "tools/pictures/src"] {
        sources(&top().join(dir), &mut files);
    }
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for room in &rooms {
            let inside = format!("srt::{room}::");
            assert!(!text.contains(&inside), "{}: {inside}", file.display());
        }
    }
    for tool in ["srt", "pictures"] {
        let manifest = fs::read_to_string(top().join("tools").join(tool).join("Cargo.toml"));
        // Tests may: they share helpers with those of the library.
        let manifest = manifest.unwrap();
        let program = manifest.split("[dev-dependencies]").next().unwrap();
        assert!(
            program.contains("srt = {") && !program.contains("internals"),
            "{tool}"
        );
    }
}
