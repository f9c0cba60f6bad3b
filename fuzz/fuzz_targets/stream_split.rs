//! The forward reader gives the same events however its bytes arrive.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use srt::container::{Event, Parser};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    steps: [u8; 8],
    data: &'a [u8],
}

/// Events as text, up to the first error or the end of the bytes.
fn events(bytes: &[u8], mut step: impl FnMut() -> usize) -> Vec<String> {
    let mut parser = Parser::new(srt_fuzz::limits());
    let (mut at, mut seen, mut out) = (0, 0, Vec::new());
    loop {
        match parser.feed(&bytes[at..seen]) {
            Ok((Event::NeedBytes(_), _)) if seen == bytes.len() => return out,
            Ok((Event::NeedBytes(n), _)) => {
                assert!(n > seen - at, "{n} bytes asked for, {} there", seen - at);
                seen = (seen + step()).min(bytes.len());
            }
            Ok((Event::End, taken)) => {
                out.push("end".into());
                at += taken;
                if seen < bytes.len() {
                    seen = bytes.len();
                } else if at == bytes.len() {
                    return out;
                }
            }
            Ok((event, taken)) => {
                out.push(format!("{event:?}"));
                at += taken;
            }
            Err(error) => {
                out.push(error.to_string());
                return out;
            }
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let bytes = srt_fuzz::forge(input.data);
    let mut turn = 0;
    let split = events(&bytes, || {
        turn += 1;
        usize::from(input.steps[turn % 8]) + 1
    });
    assert_eq!(split, events(&bytes, || usize::MAX / 2));
});
