//! The page's own files, which are part of the program.

/// Of a file: name, type and text.
type PageFile = (&'static str, &'static str, &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! page_file {
    ($name:literal, $kind:expr) => {
        ($name, $kind, include_str!(concat!("../page/", $name)))
    };
}

/// All files; the first is the page itself.
const FILES: &[PageFile] = &[
    page_file!("index.html", "text/html; charset=utf-8"),
    page_file!("style.css", "text/css; charset=utf-8"),
    page_file!("icon.svg", "image/svg+xml"),
    page_file!("main.js", SCRIPT),
    page_file!("source.js", SCRIPT),
    page_file!("loader.js", SCRIPT),
    page_file!("colour.js", SCRIPT),
    page_file!("scale.js", SCRIPT),
    page_file!("slice.js", SCRIPT),
    page_file!("space.js", SCRIPT),
    page_file!("volume.js", SCRIPT),
    page_file!("shaders.js", SCRIPT),
    page_file!("legend.js", SCRIPT),
    page_file!("picture.js", SCRIPT),
    page_file!("controls.js", SCRIPT),
    page_file!("keys.js", SCRIPT),
];

/// Type and text of a file of the page; the page itself for the empty name.
pub(crate) fn find(name: &str) -> Option<(&'static str, &'static str)> {
    let name = if name.is_empty() {
        FILES.first()?.0
    } else {
        name
    };
    let file = FILES.iter().find(|(own, ..)| *own == name);
    file.map(|&(_, kind, text)| (kind, text))
}
