//! Writes the seed inputs into `seeds/`: the small files of the repository, as they are and without
//! their checksums, network records, `.npy` files.
//!
//! `cargo run --release --example seeds` in this folder, or `./run.sh build`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use srt::Limits;
use srt::container::{ChunkType, Reader};

/// Longer files only slow a fuzzer down.
const MAX_BYTES: usize = 6000;

/// Files of a folder of the repository with one of the suffixes, in order of their names.
fn files(folder: &str, suffix: &str) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(Path::new("..").join(folder))?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<io::Result<_>>()?;
    paths.sort();
    let mut out = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.ends_with(suffix) {
            continue;
        }
        let bytes = fs::read(&path)?;
        // The largest network on the largest field: a second for each input made from it.
        let slow = name.ends_with("_network_reference.srt");
        if bytes.len() <= MAX_BYTES && !slow {
            out.push((format!("{}-{name}", folder.replace('/', "-")), bytes));
        }
    }
    Ok(out)
}

fn write(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = Path::new("seeds").join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

fn main() -> io::Result<()> {
    let mut srt = Vec::new();
    for folder in [
        "spec/examples",
        "tests/data/golden",
        "tests/data/bad",
        "tests/data/unsupported",
    ] {
        srt.extend(files(folder, ".srt")?);
    }
    for (name, bytes) in &srt {
        let mut inputs = vec![(name.clone(), bytes.clone())];
        if let Some(chunks) = srt_fuzz::unforge(bytes) {
            inputs.push((format!("{name}.chunks"), chunks));
        }
        for (name, input) in inputs {
            for target in ["read_container", "inspect", "decode"] {
                write(target, &name, &input)?;
            }
            // Its input begins with eight lengths of pieces.
            write(
                "stream_split",
                &name,
                &[&[0, 1, 2, 7, 19, 20, 100, 255], &input[..]].concat(),
            )?;
        }
        let limits = Limits::default();
        let Ok(reader) = Reader::new(bytes, &limits) else {
            continue;
        };
        for (number, entry) in reader.entries().iter().enumerate() {
            if let (ChunkType::NETW, Ok(record)) = (entry.kind, reader.payload(number)) {
                write("network_record", &format!("{name}.{number}"), record)?;
            }
        }
    }
    for (name, bytes) in files("tests/data/networks", ".network.safetensors")? {
        write("network_record", &name, &bytes)?;
    }
    for (name, bytes) in files("spec/examples", ".npy")? {
        write("npy_input", &name, &bytes)?;
    }
    Ok(())
}
