//! Decoding under small budgets: an error or a field, never a panic or a lot of memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::pipeline::Decoder;

fuzz_target!(|data: &[u8]| {
    let bytes = srt_fuzz::forge(data);
    let Ok(decoder) = Decoder::new(&bytes, srt_fuzz::limits()) else {
        return;
    };
    for frame in 0..decoder.frames().len().min(4) {
        for level in 0..3 {
            if let Ok(volume) = decoder.decode(frame, level) {
                assert!(volume.shape().len() <= decoder.dataset().shape.len());
            }
        }
    }
});
