//! `include/srt.h` is what cbindgen makes of the source.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

#[test]
fn the_header_is_that_of_the_source() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let made = cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/codes.rs"))
        .with_src(root.join("src/failure.rs"))
        .with_src(root.join("src/handles.rs"))
        .with_src(root.join("src/options.rs"))
        .with_src(root.join("src/files.rs"))
        .with_src(root.join("src/reading.rs"))
        .with_src(root.join("src/writing.rs"))
        .with_src(root.join("src/streams.rs"))
        .generate()
        .unwrap();
    let mut text = Vec::new();
    made.write(&mut text);
    let text = String::from_utf8(text).unwrap();
    // What is said to callers in Rust alone.
    let text = text.replace("# Safety", "Safety:");
    let path = root.join("include/srt.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "include/srt.h is not that of the source: UPDATE_HEADER=1 cargo test --release -p srt-capi --test header"
    );
}
