//! The measures of the house: how long a function, how long a file, one name for one type.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/source.rs"]
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proc_macro2::LineColumn;
use source::SourceFile;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Item, Lit, Pat};

const LONGEST_FUNCTION: usize = 80;
const LONGEST_FILE: usize = 500;
const LARGEST_MEDIAN: usize = 160;

/// Type names that stand for different things in `src`, and why that may be.
const DEFINED_TWICE: &[(&str, &str)] = &[
    (
        "Acc",
        "the accumulators of one kernel, once for each set of instructions",
    ),
    (
        "Sealed",
        "a trait of that name keeps each of two public traits to this crate",
    ),
    (
        "Shared",
        "what the calls of one backend share, once for each backend",
    ),
];

/// The library and every program.
fn sources() -> Vec<(PathBuf, Vec<SourceFile>)> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = std::fs::read_dir(top.join("tools")).unwrap();
    let mut roots: Vec<PathBuf> = tools
        .map(|tool| tool.unwrap().path().join("src"))
        .filter(|src| src.join("main.rs").exists() || src.join("lib.rs").exists())
        .collect();
    roots.sort();
    roots.insert(0, top.join("src"));
    let named = |root: PathBuf| {
        let files = source::read(&root);
        (root.strip_prefix(top).unwrap().to_owned(), files)
    };
    roots.into_iter().map(named).collect()
}

fn library() -> Vec<SourceFile> {
    source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn none(found: &[String]) {
    assert!(
        found.is_empty(),
        "{} found:\n{}",
        found.len(),
        found.join("\n")
    );
}

/// What one file does not keep to.
struct Offences<'a> {
    file: &'a str,
    found: Vec<String>,
}

impl Offences<'_> {
    fn function(&mut self, name: &syn::Ident, start: LineColumn, end: LineColumn) {
        let lines = end.line + 1 - start.line;
        if lines > LONGEST_FUNCTION {
            self.found.push(format!(
                "{}:{} fn {name}: {lines} lines",
                self.file, start.line
            ));
        }
    }
}

impl<'ast> Visit<'ast> for Offences<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !source::is_for_tests(source::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(
            &item.sig.ident,
            item.sig.span().start(),
            item.block.span().end(),
        );
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(
            &item.sig.ident,
            item.sig.span().start(),
            item.block.span().end(),
        );
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.function(&item.sig.ident, item.sig.span().start(), body.span().end());
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_expr_match(&mut self, item: &'ast syn::ExprMatch) {
        let is_bool = |pat: &Pat| matches!(pat, Pat::Lit(lit) if matches!(lit.lit, Lit::Bool(_)));
        if item
            .arms
            .iter()
            .any(|arm| is_bool(&arm.pat) && arm.guard.is_none())
        {
            let line = item.span().start().line;
            self.found
                .push(format!("{}:{line}: match on a bool", self.file));
        }
        visit::visit_expr_match(self, item);
    }

    fn visit_attribute(&mut self, item: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &item.meta
            && list.tokens.to_string().contains("too_many_arguments")
        {
            let line = item.span().start().line;
            self.found
                .push(format!("{}:{line}: too many arguments allowed", self.file));
        }
    }
}

#[test]
fn functions_are_short_and_plain() {
    let mut found = Vec::new();
    for (root, files) in sources() {
        for file in &files {
            let name = root.join(&file.name).display().to_string();
            let mut offences = Offences {
                file: &name,
                found: Vec::new(),
            };
            offences.visit_file(&file.syntax);
            found.extend(offences.found);
        }
    }
    none(&found);
}

#[test]
fn files_are_short() {
    let mut found = Vec::new();
    let mut lengths = Vec::new();
    for (root, files) in sources() {
        for file in files {
            lengths.push(file.lines);
            if file.lines > LONGEST_FILE {
                found.push(format!(
                    "{}: {} lines",
                    root.join(&file.name).display(),
                    file.lines
                ));
            }
        }
    }
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    if median > LARGEST_MEDIAN {
        found.push(format!("median of {median} lines"));
    }
    none(&found);
}

#[test]
fn a_type_name_means_one_thing() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in library() {
        let mut types = Types(Vec::new());
        types.visit_file(&file.syntax);
        for name in types.0 {
            defined.entry(name).or_default().push(file.name.clone());
        }
    }
    let mut found = Vec::new();
    for (name, files) in &defined {
        let is_known = DEFINED_TWICE.iter().any(|(known, _)| known == name);
        if files.len() > 1 && !is_known {
            found.push(format!("{name}: {}", files.join(", ")));
        }
    }
    for (name, _) in DEFINED_TWICE {
        if defined.get(*name).is_none_or(|files| files.len() < 2) {
            found.push(format!(
                "{name} is not defined twice any more: take it off the list"
            ));
        }
    }
    none(&found);
}

/// Names of the types that a file defines.
struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item(&mut self, item: &'ast Item) {
        if source::is_for_tests(source::attributes(item)) {
            return;
        }
        match item {
            Item::Struct(i) => self.0.push(i.ident.to_string()),
            Item::Enum(i) => self.0.push(i.ident.to_string()),
            Item::Trait(i) => self.0.push(i.ident.to_string()),
            Item::Type(i) => self.0.push(i.ident.to_string()),
            _ => {}
        }
        visit::visit_item(self, item);
    }
}

#[test]
fn comments_cite_what_is_in_the_repository() {
    let mut found = Vec::new();
    for (root, files) in sources() {
        for file in files {
            for (number, line) in file.text.lines().enumerate() {
                if ["DESIGN section", "DESIGN.md", "STYLE.md", "STYLE section"]
                    .iter()
                    .any(|cited| line.contains(cited))
                {
                    found.push(format!(
                        "{}:{}: {}",
                        root.join(&file.name).display(),
                        number + 1,
                        line.trim()
                    ));
                }
            }
        }
    }
    none(&found);
}
