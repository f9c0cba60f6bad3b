//! Network records: refused, or equal to their own encoding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::network::{Hierarchy, Network};

fuzz_target!(|data: &[u8]| {
    let limits = srt_fuzz::limits();
    if let Ok(network) = Network::from_bytes(data, &limits) {
        assert_eq!(network.to_bytes(), data);
    }
    let _ = Hierarchy::from_safetensors(data, &limits);
});
