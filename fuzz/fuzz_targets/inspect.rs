//! Every command of srt-inspect on arbitrary bytes; what `recover` writes has a sound container.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::Limits;
use srt_inspect::file::File;
use srt_inspect::{check, dump, info, list, map, recover};

fuzz_target!(|data: &[u8]| {
    let limits = srt_fuzz::limits();
    let bytes = srt_fuzz::forge(data);
    // A picture takes longer than all the rest.
    let draws = data.len() % 8 == 0;
    File::with(&bytes, &limits, |file| inspect(file, &limits, draws));
});

fn inspect(file: &File<'_>, limits: &Limits, draws: bool) {
    let findings = check::findings(file, limits);
    let _ = (check::text(file, &findings), check::json(file, &findings));
    let _ = (
        info::text(file, "a.srt", limits),
        info::json(file, limits),
    );
    let _ = (list::text(file), list::json(file));
    for chunk in dump::choose(file, None).unwrap_or_default() {
        let _ = (dump::text(file, chunk, 64), dump::json(file, chunk, 64));
    }
    let mut saved = Vec::new();
    if recover::recover(file, limits, &mut saved).is_ok() {
        let again = File::new(&saved, limits);
        assert!(again.scan.index_ok, "{:?}", again.scan.findings);
    }
    if draws {
        let _ = map::png(file, 0, limits);
    }
}
