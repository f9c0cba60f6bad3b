//! The same file decodes to the same bytes whatever runs its networks, and networks never cost bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use srt::backend::Backend;
use srt::backend::cpu::{Cpu, Isa, Reference};
use srt::container::Bound;
use srt::volume::io::Input;
use srt::volume::{AnyVolume, Values};
use srt::{
    DecodeOptions, Decoder, Effort, EmbedWeights, EncodeOptions, Limits, Model, Region, Shape,
    Volume,
};
use srt::{VolumeView, encode_with_report};

/// A crop of real turbulence; odd lengths, so that every kind of edge occurs.
fn turbulence(size: [usize; 3]) -> Volume<f32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/turbulence_64.npy");
    let AnyVolume::F32(volume) = Input::open_npy(path).unwrap().to_volume().unwrap() else {
        panic!("the sample is f32");
    };
    volume
        .crop(Region {
            start: [3, 5, 7],
            size,
        })
        .unwrap()
}

fn encode(shape: Shape, data: &[f32], options: &EncodeOptions) -> (Vec<u8>, String) {
    let values = Values::F32(data.into());
    let (file, report) = encode_with_report(
        VolumeView::new(shape, &values).unwrap(),
        options,
        Vec::new(),
    )
    .unwrap();
    (file, report.model)
}

fn decode(file: &[u8], backend: Arc<dyn Backend>, threads: usize) -> Vec<u32> {
    let options = DecodeOptions::default()
        .with_backend(backend)
        .with_threads(threads);
    let decoder = Decoder::with_options(file, options).unwrap();
    let volume = decoder.only_frame().unwrap().read::<f32>().unwrap();
    volume.data().iter().map(|v| v.to_bits()).collect()
}

fn backends() -> Vec<(String, Arc<dyn Backend>)> {
    let mut all: Vec<(String, Arc<dyn Backend>)> = vec![("reference".into(), Arc::new(Reference))];
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        all.push((isa.to_string(), Arc::new(Cpu::with_isa(isa).unwrap())));
        for edge in [5, 8, 13] {
            let cpu = Cpu::with_isa(isa).unwrap().with_tile_edge(edge);
            all.push((format!("{isa}, tiles of {edge}"), Arc::new(cpu)));
        }
    }
    all
}

#[test]
fn every_backend_tiling_and_thread_count_decodes_the_same_bytes() {
    let solid = turbulence([35, 40, 33]);
    // Slices one below the other: large enough for a reference to weights to pay.
    let slices = turbulence([24, 57, 55]);
    let flat = Volume::new(Shape::new(&[24 * 57, 55]).unwrap(), slices.into_data()).unwrap();
    for volume in [solid, flat] {
        // Small fields gain little.
        let options = EncodeOptions::new(Bound::Psnr(46.0)).with_effort(Effort::new(9).unwrap());
        let (file, model) = encode(volume.shape(), volume.data(), &options);
        assert_ne!(model, "none", "the sample must use its network");
        let expected = decode(&file, Arc::new(Cpu::detect()), 1);
        for (name, backend) in backends() {
            let threads: &[usize] = if name == "reference" {
                &[2]
            } else {
                &[1, 2, 5]
            };
            for &threads in threads {
                assert!(
                    decode(&file, Arc::clone(&backend), threads) == expected,
                    "{name}, {threads} threads"
                );
            }
        }
    }
}

#[test]
fn networks_never_make_a_file_larger() {
    let mut state = 1u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 65536.0
    };
    let real = turbulence([32, 32, 32]);
    let white: Vec<f32> = (0..real.data().len()).map(|_| noise()).collect();
    let steps: Vec<f32> = (0..real.data().len())
        .map(|i| (i / 1024 % 3) as f32)
        .collect();
    for data in [real.data(), &white, &steps] {
        for bound in [Bound::Psnr(35.0), Bound::Psnr(60.0), Bound::RelError(1e-3)] {
            for embed in [EmbedWeights::No, EmbedWeights::Yes] {
                let options = EncodeOptions::new(bound).with_embed_weights(embed);
                let (with, _) = encode(real.shape(), data, &options);
                let (without, _) = encode(real.shape(), data, &options.with_model(Model::None));
                assert!(
                    with.len() <= without.len(),
                    "{bound}: {} > {}",
                    with.len(),
                    without.len()
                );
            }
        }
    }
}

#[test]
fn embedded_weights_decode_like_referenced_ones() {
    // One field often enough that its weights pay even when embedded.
    let volume = turbulence([48, 48, 48]);
    let options = EncodeOptions::new(Bound::Psnr(45.0));
    let (referenced, _) = encode(volume.shape(), volume.data(), &options);
    let decoder = Decoder::new(&referenced).unwrap();
    let model = decoder.weights().unwrap().unwrap();
    // The same file with the networks themselves in place of their hash.
    use srt::container::{ChunkType, Reader, Writer};
    let reader = Reader::new(&referenced, &Limits::default()).unwrap();
    let mut writer = Writer::new(Vec::new());
    for (number, entry) in reader.entries().iter().enumerate() {
        if entry.kind != ChunkType::NREF {
            writer
                .chunk(entry.kind, entry.part, reader.payload(number).unwrap())
                .unwrap();
            continue;
        }
        for (network, part) in model.networks().iter().zip(0..) {
            writer
                .chunk(ChunkType::NETW, part, &network.to_bytes())
                .unwrap();
        }
    }
    let (embedded, _) = writer.finish().unwrap();
    let cpu = || Arc::new(Cpu::detect());
    assert!(decode(&embedded, cpu(), 1) == decode(&referenced, cpu(), 1));
}
