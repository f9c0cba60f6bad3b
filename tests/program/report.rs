//! The page of `srt eval --html` in a real browser: no errors, and nothing wider than the screen.
//!
//! Left out, with a printed reason, where no Chromium is installed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Written into a copy of the page; its policy, which forbids scripts, is taken out of the copy.
/// It lays the page out at a width that it finds in WIDTH: browsers keep windows from becoming as narrow
/// as a phone, and nothing in the page goes by the window's width.
const PROBE: &str = "<script>
document.body.style.width = 'WIDTHpx';
const wide = [...document.querySelectorAll('body *')].filter(e =>
    !e.closest('.scroll table') && e.getBoundingClientRect().right > WIDTH + 1);
const pictures = [...document.images];
document.documentElement.setAttribute('data-probe', [
    'wide=' + wide.length,
    'pictures=' + pictures.filter(i => i.complete && i.naturalWidth > 0).length + '/' + pictures.length,
    'charts=' + [...document.querySelectorAll('svg.chart')].filter(s => s.getBoundingClientRect().height > 100).length,
    'maps=' + document.querySelectorAll('svg.map path').length,
].join(' '));
</script>";

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| ["chromium", "chromium-browser", "google-chrome"].map(|n| dir.join(n)))
        .find(|program| program.is_file())
}

/// Opens a page and returns the document it became, and what the browser said.
fn open(browser: &Path, folder: &Path, page: &Path, width: u32) -> (String, String) {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args(["--enable-logging=stderr", "--v=0", "--dump-dom"])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A page about a field in two files, one of which names its unit.
fn report(folder: &Path) -> PathBuf {
    let at = |name: &str| folder.join(name).into_os_string();
    let original = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/turbulence_64.npy");
    let srt = |args: &[&OsStr]| {
        let output = Command::new(env!("CARGO_BIN_EXE_srt"))
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    };
    let (a, b, page) = (at("a.srt"), at("b.srt"), at("page.html"));
    let encode = |to: &OsStr, bound: &str, unit: &str| {
        let (bound, unit) = (bound.as_ref(), unit.as_ref());
        let none = "--model=none".as_ref();
        srt(&["encode".as_ref(), original.as_ref(), to, bound, unit, none]);
    };
    encode(&a, "--psnr=40", "--unit=<m>/s");
    encode(&b, "--rel-error=1e-3", "--unit=");
    let html = "--html".as_ref();
    srt(&["eval".as_ref(), original.as_ref(), &a, &b, html, &page]);
    page.into()
}

#[test]
fn colour_bars_have_the_unit_that_the_file_names() {
    let folder = tempfile::tempdir().unwrap();
    let html = std::fs::read_to_string(report(folder.path())).unwrap();
    assert_eq!(html.matches("<span>&lt;m&gt;/s</span>").count(), 3);
    assert_eq!(html.matches("<span></span>").count(), 3);
    assert!(!html.contains("<m>"));
}

#[test]
fn the_page_renders_without_errors_on_phone_and_desk() {
    let Some(browser) = chromium() else {
        eprintln!("left out: no chromium in PATH");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let page = report(folder.path());
    let (document, said) = open(&browser, folder.path(), &page, 1280);
    assert!(document.contains("Rate and PSNR"), "{said}");
    assert!(!said.contains("CONSOLE"), "{said}");

    let html = std::fs::read_to_string(&page).unwrap();
    let policy = html.find("<meta http-equiv").unwrap();
    let policy_end = policy + html[policy..].find('>').unwrap() + 1;
    let probed = html.replacen(&html[policy..policy_end], "", 1).replacen(
        "</body>",
        &format!("{PROBE}</body>"),
        1,
    );
    for width in ["390", "1280"] {
        std::fs::write(at("probed.html"), probed.replace("WIDTH", width)).unwrap();
        let (document, said) = open(&browser, folder.path(), &at("probed.html"), 1280);
        let probe = attribute(&document, "data-probe");
        assert!(
            probe.starts_with("wide=0 pictures=6/6 charts=12 maps="),
            "{width}: {probe}\n{said}"
        );
        assert!(
            !probe.ends_with("maps=0") && !said.contains("CONSOLE"),
            "{width}: {probe}\n{said}"
        );
    }
}

/// The value of an attribute of the document's first element that has it.
fn attribute<'a>(document: &'a str, name: &str) -> &'a str {
    let start = document
        .find(&format!("{name}=\""))
        .unwrap_or_else(|| panic!("no {name} in {document:.300}"));
    document[start + name.len() + 2..]
        .split('"')
        .next()
        .unwrap()
}
