//! `srt view`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::args::{ViewArgs, checked_threads, quarter_of_ram};
use crate::models;
use srt::{DecodeOptions, Error, Input, Result};
use srt_program::{load_file, note, print_line, say};
use srt_viewer::{Server, ShownFile, Viewer};

/// Most bytes of decoded boxes that are kept, on a machine that has the memory.
const CACHE: usize = 2 << 30;
/// Most bytes of decoded bricks that are kept of each file, for planes next to those shown.
const BRICKS: usize = 256 << 20;

pub(crate) fn run(args: &ViewArgs) -> Result<u8> {
    let mut options = DecodeOptions::default()
        .with_backend(args.backend.open()?)
        .with_cache_bytes(BRICKS);
    options.resources.threads = checked_threads(args.threads)?;
    let mut files: Vec<ShownFile> = Vec::new();
    for path in &args.files {
        files.push(open(path, options.clone()));
    }
    let fails = |file: &ShownFile| file.decoder.is_err();
    if files.iter().all(fails)
        && let Some(first) = files.pop()
    {
        return Err(first.decoder.map_or_else(|error| error, |_| no_file()));
    }
    for file in &files {
        if let Err(error) = &file.decoder {
            note(error);
        }
    }
    let originals = args.original.iter().map(Input::open_npy);
    let originals = originals.collect::<Result<_>>()?;
    if let Some(first) = files.first_mut() {
        first.originals = originals;
    }
    let memory = quarter_of_ram().and_then(|bytes| usize::try_from(bytes).ok());
    let server = Server::bind(
        Viewer::new(files, memory.map_or(CACHE, |memory| CACHE.min(memory))),
        args.port,
    )?;
    print_line(&server.url())?;
    if !args.no_open && !open_browser(&server.url()) {
        say("no browser to open: open this address in one of this machine");
    }
    server.run()?;
    Ok(0)
}

fn no_file() -> Error {
    Error::invalid("at least one file expected, none found")
}

/// A file to show, also if it cannot be read: then the page says why.
fn open(path: &Path, options: DecodeOptions) -> ShownFile {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let bytes = load_file(path);
    ShownFile {
        name: name.to_string_lossy().into_owned(),
        bytes: bytes.as_ref().map_or(0, |bytes| bytes.bytes().len() as u64),
        decoder: bytes
            .and_then(|bytes| models::open_source(bytes, options))
            .map_err(|error| error.within(path.display())),
        originals: Vec::new(),
    }
}

/// Opens an address in the user's browser; false where there is none.
fn open_browser(url: &str) -> bool {
    let (program, arguments): (&str, &[&str]) = if cfg!(windows) {
        ("cmd", &["/c", "start", ""])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else if ["DISPLAY", "WAYLAND_DISPLAY"].map(std::env::var_os) == [None, None] {
        // What opens there is a browser in this terminal, if anything.
        return false;
    } else {
        ("xdg-open", &[])
    };
    let mut command = Command::new(program);
    command.args(arguments).arg(url);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().is_ok()
}
