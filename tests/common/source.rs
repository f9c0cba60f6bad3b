//! The source as a graph of files: who names whom. For the tests that keep the house in order.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)] // each of them uses a part

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// A module path below the crate: `["frame", "wavelet", "quantise"]`.
pub type Module = Vec<String>;

/// One file of the source.
pub struct SourceFile {
    /// The module that it is.
    pub module: Module,
    /// Its path from the root of the source.
    pub name: String,
    /// Whether it is a `mod.rs`, the face of its folder.
    pub is_face: bool,
    pub lines: usize,
    pub text: String,
    pub syntax: syn::File,
}

/// All files below a folder, `main.rs` and `lib.rs` as the root module; files of tests are left out.
pub fn read(root: &Path) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths.sort();
    let read = |path: &PathBuf| {
        let inner = path.strip_prefix(root).unwrap();
        let name = inner.to_str().unwrap().replace('\\', "/");
        let mut module: Module = name
            .trim_end_matches(".rs")
            .split('/')
            .map(String::from)
            .collect();
        let is_face = module.last().is_some_and(|last| last == "mod");
        if is_face || ["lib", "main"].contains(&name.trim_end_matches(".rs")) {
            module.pop();
        }
        let text = fs::read_to_string(path).unwrap();
        SourceFile {
            syntax: syn::parse_file(&text).unwrap_or_else(|e| panic!("{name}: {e}")),
            lines: text.lines().count(),
            module,
            name,
            is_face,
            text,
        }
    };
    let is_test = |path: &&PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        !["tests", "testing"].contains(&name)
            && !path.components().any(|c| c.as_os_str() == "tests")
    };
    paths.iter().filter(is_test).map(read).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Whether an item is compiled for tests only.
pub fn is_for_tests(attributes: &[Attribute]) -> bool {
    let of_tests = |attribute: &Attribute| {
        let tokens = match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string(),
            _ => String::new(),
        };
        attribute.path().is_ident("cfg") && tokens == "test" || attribute.path().is_ident("test")
    };
    attributes.iter().any(of_tests)
}

pub fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

/// The paths that a file names, from the root of the crate.
struct Paths<'a> {
    module: &'a Module,
    /// Inline modules around the place at hand.
    depth: usize,
    found: BTreeSet<Module>,
    /// What the file hands on: name and path.
    handed_on: BTreeMap<String, Module>,
}

impl Paths<'_> {
    /// `crate::a::b`, `super::b` and `self::b` from the root of the crate; `None` for paths into other crates.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut base = self.module.clone();
        base.extend((0..self.depth).map(|_| String::from("inline")));
        let mut rest = path;
        match rest.first().map(String::as_str) {
            Some("crate") => {
                base.clear();
                rest = &rest[1..];
            }
            Some("self") => rest = &rest[1..],
            Some("super") => {}
            _ => return None,
        }
        while rest.first().is_some_and(|s| s == "super") {
            base.pop();
            rest = &rest[1..];
        }
        base.extend(rest.iter().cloned());
        Some(base)
    }

    fn use_tree(&mut self, tree: &UseTree, before: &mut Vec<String>, hands_on: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.use_tree(&path.tree, before, hands_on);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before, hands_on);
                }
            }
            UseTree::Name(name) => self.leaf(before, &name.ident.to_string(), None, hands_on),
            UseTree::Rename(rename) => {
                let alias = rename.rename.to_string();
                self.leaf(before, &rename.ident.to_string(), Some(alias), hands_on);
            }
            UseTree::Glob(_) => self.leaf(before, "*", None, false),
        }
    }

    fn leaf(&mut self, before: &[String], name: &str, alias: Option<String>, hands_on: bool) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        // A face names its own files without `self::`.
        let path = match self.absolute(&path) {
            Some(path) => path,
            None if hands_on => [self.module.clone(), path].concat(),
            None => return,
        };
        if hands_on {
            let name = alias.unwrap_or_else(|| path.last().unwrap().clone());
            self.handed_on.insert(name, path);
        } else {
            self.found.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Paths<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_for_tests(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let inline = usize::from(item.content.is_some());
        self.depth += inline;
        visit::visit_item_mod(self, item);
        self.depth -= inline;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let hands_on = !matches!(item.vis, Visibility::Inherited);
        self.use_tree(&item.tree, &mut Vec::new(), hands_on);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if segments.len() > 1
            && let Some(path) = self.absolute(&segments)
        {
            self.found.insert(path);
        }
        visit::visit_path(self, path);
    }
}

/// Which file names which.
pub struct Graph {
    pub files: Vec<SourceFile>,
    /// By file: the files that it uses.
    pub uses: Vec<BTreeSet<usize>>,
}

impl Graph {
    pub fn new(files: Vec<SourceFile>) -> Self {
        let paths: Vec<Paths<'_>> = files
            .iter()
            .map(|file| {
                let mut paths = Paths {
                    module: &file.module,
                    depth: 0,
                    found: BTreeSet::new(),
                    handed_on: BTreeMap::new(),
                };
                paths.visit_file(&file.syntax);
                paths
            })
            .collect();
        let by_module: BTreeMap<&Module, usize> = files
            .iter()
            .enumerate()
            .map(|(i, f)| (&f.module, i))
            .collect();
        // The file where what a path names is defined: names handed on by a face are followed.
        let resolve = |path: &Module| -> Option<usize> {
            let mut path = path.clone();
            for _ in 0..8 {
                let end = (0..=path.len())
                    .rev()
                    .find(|&n| by_module.contains_key(&path[..n].to_vec()))?;
                let file = by_module[&path[..end].to_vec()];
                let next = path
                    .get(end)
                    .and_then(|name| paths[file].handed_on.get(name));
                match next {
                    Some(next) if *next != path => {
                        path = [next.clone(), path[end + 1..].to_vec()].concat();
                    }
                    _ => return Some(file),
                }
            }
            None
        };
        let uses = paths
            .iter()
            .enumerate()
            .map(|(own, paths)| {
                let used = paths.found.iter().filter_map(&resolve);
                used.filter(|&file| file != own).collect()
            })
            .collect();
        Self { files, uses }
    }
}

/// Circles among named nodes, each as its nodes in order.
pub fn circles(edges: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            for next in edges.get(node).into_iter().flatten() {
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        edges.keys().map(|node| (node, reach(node))).collect();
    let mut found = BTreeSet::new();
    for (node, all) in &reached {
        if all.contains(node) {
            let same =
                |other: &&&String| reached.get(**other).is_some_and(|back| back.contains(node));
            found.insert(
                all.iter()
                    .filter(same)
                    .map(|s| (*s).clone())
                    .collect::<Vec<_>>(),
            );
        }
    }
    found.into_iter().collect()
}
