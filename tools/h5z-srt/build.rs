//! Compiles the few lines that are C.

fn main() {
    cc::Build::new().file("src/shim.c").compile("h5zsrt_shim");
    println!("cargo::rerun-if-changed=src/shim.c");
}
