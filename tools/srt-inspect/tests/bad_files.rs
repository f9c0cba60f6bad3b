//! `check` finds a fault in every file that must be refused, and none in files that are only newer
//! or incomplete.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use srt::Limits;
use srt_inspect::check;
use srt_inspect::file::File;
use srt_inspect::finding::Severity;

/// Name of each file of a folder of test data and the error that its README lists.
fn listed(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap().trim_end_matches('`');
        (name.to_owned(), cells.next().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn check_judges_files_as_the_reader_does() {
    let limits = Limits::default().with_decoded_bytes(64 << 20);
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut count = 0;
    for (folder, faulty) in [("bad", true), ("unsupported", false)] {
        let folder = data.join(folder);
        for (name, error) in listed(&folder) {
            // A large file is not a wrong one.
            let expected = faulty && error != "LimitExceeded";
            let bytes = fs::read(folder.join(&name)).unwrap();
            let file = File::new(&bytes, &limits);
            let findings = check::findings(&file, &limits);
            let found = findings.iter().any(|f| f.severity == Severity::Fault);
            assert_eq!(found, expected, "{name}: {findings:?}");
            count += 1;
        }
    }
    assert!(count > 40, "{count} files");
}
