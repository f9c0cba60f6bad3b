//! Encoders and decoders with threads of their own leave the pool of the process alone: a process that is forked has that
//! without its threads, and whoever waits for it waits for ever. A test of its own process, with nothing beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{le_bytes, smooth};
use srt::{
    AnyVolume, Bound, DecodeOptions, Decoder, EncodeOptions, Form, FormChoice, Region, Shape,
    StreamDecoder, VolumeView, encode_with_report,
};

/// All that can be asked of a file.
fn read(file: &[u8]) {
    let options = || DecodeOptions::default().with_threads(2);
    let decoder = Decoder::with_options(file, options()).unwrap();
    let frame = || decoder.only_frame().unwrap();
    let whole = frame().read_any().unwrap();
    let levels = frame().record().form.levels();
    for level in 0..=levels {
        let at_level = frame().level(level);
        let grid = at_level.grid().unwrap();
        assert_eq!(at_level.read_any().unwrap().shape(), grid);
        at_level.placement().unwrap();
        let _ = at_level.psnr_db();
    }
    let region = Region {
        start: [3, 4, 5],
        size: [9, 8, 7],
    };
    frame().region(region).read_any().unwrap();
    assert!(frame().levels().unwrap().all(|level| level.is_ok()));
    let mut stream = StreamDecoder::with_options(file, options()).unwrap();
    stream.next_frame().unwrap().unwrap();
    while stream.next_level().unwrap().is_some() {}
    let found: AnyVolume = stream.frame().unwrap().read_any().unwrap();
    assert!(le_bytes(&found) == le_bytes(&whole));
}

#[test]
fn the_pool_of_the_process_is_left_alone() {
    let shape = Shape::new(&[40, 44, 48]).unwrap();
    let mut values: Vec<f32> = smooth(shape, 3).into_iter().map(|v| v as f32).collect();
    values[7] = f32::NAN;
    let mut forms = Vec::new();
    for (bound, form) in [
        (Bound::Psnr(45.0), FormChoice::Auto),
        (Bound::RelError(1e-3), FormChoice::Wavelet),
        (Bound::RelError(1e-3), FormChoice::Raster),
        (Bound::Ssim(0.95), FormChoice::Auto),
        (Bound::MaxError(0.0), FormChoice::Auto),
    ] {
        let options = EncodeOptions::new(bound).with_threads(2).with_form(form);
        let view = VolumeView::new(shape, &values).unwrap();
        let (file, _) = encode_with_report(view, &options, Vec::new()).unwrap();
        read(&file);
        let decoder = Decoder::new(&file).unwrap();
        forms.push(decoder.only_frame().unwrap().record().form.clone());
    }
    assert!(forms.iter().any(|form| matches!(form, Form::Wavelet(_))));
    assert!(forms.iter().any(|form| matches!(form, Form::Raster(_))));
    // It can be started now, and so was not before.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
    pool.build_global().unwrap();
}
