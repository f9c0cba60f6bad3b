//! The example as C and as C++, with the library linked into it and beside it; files that are damaged, by way of C.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the static library leaves to the system.
const SYSTEM: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-lrt"];

/// Where cargo has put the libraries that were built with this test.
fn libraries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().to_owned()
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{stdout}{stderr}");
    stdout
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output();
    found.is_ok_and(|output| output.status.success())
}

/// Compiles the example by a compiler in a language, linked by `link`, and runs it in a folder of its own.
fn example(compiler: &str, language: &[&str], link: &[&str]) {
    if !is_there(compiler) {
        println!("left out: no {compiler}");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("example");
    run(Command::new(compiler)
        .args(language)
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-I"])
        .arg(root.join("include"))
        .arg(root.join("examples/example.c"))
        .arg("-o")
        .arg(&program)
        .args(link)
        .args(SYSTEM));
    let said = run(Command::new(&program)
        .current_dir(folder.path())
        .env("LD_LIBRARY_PATH", libraries()));
    assert!(said.ends_with("done\n"), "{said}");
}

#[test]
fn the_example_runs_as_c_and_as_cpp() {
    let folder = libraries();
    let within = folder.join("libsrt_codec.a");
    let within = [within.to_str().unwrap()];
    let beside = ["-L", folder.to_str().unwrap(), "-lsrt_codec"];
    let as_c = ["-std=c99", "-x", "c"];
    example("cc", &as_c[..1], &beside);
    example("cc", &as_c[..1], &within);
    example("c++", &["-std=c++11", "-x", "c++"], &beside);
}
