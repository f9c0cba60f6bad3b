//! Fields from `.npy` and raw bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use srt::Shape;
use srt::volume::io::Input;
use srt::Dtype;

fuzz_target!(|data: &[u8]| {
    let limits = srt_fuzz::limits();
    if let Ok(input) = Input::from_reader(data, None, None, &limits) {
        if let Ok(volume) = input.to_volume() {
            assert_eq!(volume.shape(), input.shape());
        }
    }
    let shape = Shape::new(&[3, 5]).expect("small extents");
    let _ = Input::from_reader(data, Some(shape), Some(Dtype::F64), &limits);
});
