//! Arrows point one way: between the rooms of `src` as the table says, between the files and folders of each room
//! without circles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use source::{Graph, circles};

/// A room, and the rooms that it may use. Order: from the ground up.
const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("volume", &["base"]),
    ("container", &["base"]),
    ("transform", &["base"]),
    ("metrics", &["base"]),
    ("codec", &["base", "transform"]),
    ("octree", &["base", "codec", "transform"]),
    ("network", &["base"]),
    ("backend", &["base", "transform", "network"]),
    (
        "recon",
        &["base", "transform", "codec", "octree", "network", "backend"],
    ),
    (
        "options",
        &[
            "base",
            "container",
            "transform",
            "codec",
            "network",
            "backend",
        ],
    ),
    (
        "frame",
        &[
            "base",
            "volume",
            "container",
            "transform",
            "metrics",
            "codec",
            "octree",
            "network",
            "backend",
            "recon",
            "options",
        ],
    ),
    (
        "file",
        &[
            "base",
            "volume",
            "container",
            "metrics",
            "codec",
            "octree",
            "network",
            "recon",
            "options",
            "frame",
        ],
    ),
];

/// What is wrong with a source, line by line.
fn findings(root: &Path, table: &[(&str, &[&str])]) -> Vec<String> {
    let graph = Graph::new(source::read(root));
    let mut found = wrong_arrows(&graph, table);
    found.extend(circles_in_folders(&graph));
    found
}

fn wrong_arrows(graph: &Graph, table: &[(&str, &[&str])]) -> Vec<String> {
    let room = |file: usize| graph.files[file].module.first().map(String::as_str);
    let mut found = Vec::new();
    let mut used: BTreeSet<(&str, &str)> = BTreeSet::new();
    for (file, uses) in graph.uses.iter().enumerate() {
        // The root of the crate names all rooms.
        let Some(own) = room(file) else { continue };
        let Some((_, allowed)) = table.iter().find(|(name, _)| *name == own) else {
            found.push(format!("{own} is not in the table"));
            continue;
        };
        for other in uses
            .iter()
            .filter_map(|&file| room(file))
            .filter(|other| *other != own)
        {
            used.insert((own, other));
            if !allowed.contains(&other) {
                found.push(format!(
                    "{}: {own} must not use {other}",
                    graph.files[file].name
                ));
            }
        }
    }
    for (place, (own, allowed)) in table.iter().enumerate() {
        for other in *allowed {
            if !table[..place].iter().any(|(name, _)| name == other) {
                found.push(format!(
                    "{own} uses {other}, which does not stand above it in the table"
                ));
            }
            if !used.contains(&(*own, *other)) {
                found.push(format!("{own} may use {other}, and does not"));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Circles among the files and folders of each folder, however deep. The face of a folder (`mod.rs`) declares its files
/// and hands their names on; beyond that it counts as one of them.
fn circles_in_folders(graph: &Graph) -> Vec<String> {
    let mut by_folder: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let child = |file: usize, depth: usize| {
        let module = &graph.files[file].module;
        module
            .get(depth)
            .cloned()
            .unwrap_or_else(|| String::from("mod"))
    };
    for (file, uses) in graph.uses.iter().enumerate() {
        for &other in uses {
            let (a, b) = (&graph.files[file].module, &graph.files[other].module);
            let common = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            // The root declares all rooms; rooms take short names from it.
            if common == 0 && (a.is_empty() || b.is_empty()) {
                continue;
            }
            let edges = by_folder.entry(a[..common].to_vec()).or_default();
            let (from, to) = (child(file, common), child(other, common));
            if from != to {
                edges.entry(from).or_default().insert(to);
            }
        }
    }
    let mut found = Vec::new();
    for (folder, edges) in by_folder {
        for circle in circles(&edges) {
            found.push(format!(
                "circle in {}/: {}",
                folder.join("/"),
                circle.join(", ")
            ));
        }
    }
    found
}

#[test]
fn arrows_point_one_way() {
    // Another source, such as an older one, can be looked at instead.
    let other = std::env::var_os("LAYERING_SOURCE").map(std::path::PathBuf::from);
    let root = other.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let found = findings(&root, MAY_USE);
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn the_program_and_its_tools_have_no_circles() {
    for tool in [
        "srt",
        "srt-inspect",
        "pictures",
        "gpu-check",
        "srt-bench",
        "srt-sz3",
        "srt-tune",
        "viewer",
    ] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tools")
            .join(tool)
            .join("src");
        let found = circles_in_folders(&Graph::new(source::read(&root)));
        assert!(found.is_empty(), "{tool}:\n{}", found.join("\n"));
    }
}

/// A small source of the given files.
fn of(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    findings(folder.path(), &[("low", &[]), ("high", &["low"])])
}

const LOW: (&str, &str) = ("low/mod.rs", "mod ground; pub use ground::Stone;");
const GROUND: (&str, &str) = ("low/ground.rs", "pub struct Stone;");

#[test]
fn a_good_source_has_no_findings() {
    let high = (
        "high/mod.rs",
        "use crate::low::Stone; pub fn f(_: Stone) {}",
    );
    assert_eq!(of(&[LOW, GROUND, high]), Vec::<String>::new());
}

#[test]
fn wrong_arrows_and_unused_permissions_are_found() {
    let upward = ("low/ground.rs", "use crate::high::Roof; pub struct Stone;");
    let high = ("high/mod.rs", "pub struct Roof;");
    assert_eq!(
        of(&[LOW, upward, high]),
        [
            "high may use low, and does not",
            "low/ground.rs: low must not use high"
        ]
    );
    assert_eq!(
        of(&[
            LOW,
            GROUND,
            ("other.rs", ""),
            ("high/mod.rs", "fn f(_: crate::low::Stone) {}")
        ]),
        ["other is not in the table"]
    );
}

#[test]
fn circles_are_found_two_deep_and_through_names_that_are_handed_on() {
    let files = [
        LOW,
        GROUND,
        (
            "high/mod.rs",
            "pub mod left; pub mod right; pub use left::a::A; use crate::low::Stone;",
        ),
        ("high/left/mod.rs", "pub mod a;"),
        (
            "high/left/a.rs",
            "use crate::high::right::B; pub struct A(B);",
        ),
        (
            "high/right.rs",
            "use super::A; pub struct B; impl From<A> for B {}",
        ),
    ];
    assert_eq!(of(&files), ["circle in high/: left, right"]);
    let within = [
        (
            "high/left/mod.rs",
            "pub mod a; pub mod b; use crate::low::Stone;",
        ),
        ("high/left/a.rs", "use super::b::B; pub struct A;"),
        (
            "high/left/b.rs",
            "pub struct B; fn f(_: crate::high::left::a::A) {}",
        ),
        ("high/mod.rs", "pub mod left;"),
    ];
    assert_eq!(
        of(&[&[LOW, GROUND], &within[..]].concat()),
        ["circle in high/left/: a, b"]
    );
}

#[test]
fn what_only_tests_name_does_not_count() {
    let files = [
        (
            "low/mod.rs",
            "pub struct Stone; #[cfg(test)] mod tests { use crate::high::Roof; }",
        ),
        ("high/mod.rs", "use crate::low::Stone; pub struct Roof;"),
    ];
    assert_eq!(of(&files), Vec::<String>::new());
}
