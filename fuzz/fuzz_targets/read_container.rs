//! Both container readers on arbitrary bytes: what the forward reader accepts, the indexed one does, and small files
//! survive their compact form, which is the only one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::container::{Event, Parser, Reader, compact, expand};

fn walk(bytes: &[u8]) -> Option<usize> {
    let mut parser = Parser::new(srt_fuzz::limits());
    let mut at = 0;
    loop {
        match parser.feed(&bytes[at..]).ok()? {
            (Event::NeedBytes(_), _) => return None,
            (Event::End, taken) if at + taken == bytes.len() => {
                return Some(parser.entries().len());
            }
            (_, taken) => at += taken,
        }
    }
}

fuzz_target!(|data: &[u8]| {
    for bytes in [data.to_vec(), srt_fuzz::forge(data)] {
        let long = expand(&bytes);
        if let Ok(Some(long)) = &long {
            // The longer of the two is never written.
            assert!(bytes.len() >= long.len() || compact(long.clone()) == bytes);
        }
        let file = long.ok().flatten().unwrap_or_else(|| bytes.clone());
        let small = compact(file.clone());
        assert!(small == file || expand(&small).expect("what was made") == Some(file.clone()));
        let forward = walk(&file);
        let indexed = Reader::new(&bytes, &srt_fuzz::limits());
        if let Some(chunks) = forward {
            let reader = indexed.as_ref().expect("the forward reader accepted it");
            assert_eq!(reader.entries().len(), chunks);
        }
        if let Ok(reader) = indexed {
            for number in 0..reader.entries().len() {
                let _ = reader.payload(number);
            }
        }
    }
});
