//! Where voxels of coarser levels lie, shown by ramps: the value of a voxel is its place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use srt::{
    Bound, Dataset, Decoder, Dtype, EncodeOptions, Encoder, Field, FormChoice, FrameKey, Model,
    Placement, PooledOptions, Profile, Shape, Slab, Wavelet,
};

/// A ramp along one axis, and what the decoder says of the levels.
fn check(extents: &[usize], slabs: &[Slab], set: impl Fn(&mut EncodeOptions)) {
    let shape = Shape::new(extents).unwrap();
    let placement = Placement {
        spacing: [0.5, 2.0, 0.25],
        origin: [-3.0, 10.0, 1.0],
    };
    for axis in 3 - shape.rank()..3 {
        let [_, ny, nx] = shape.dims();
        let place = |i: usize| [i / (ny * nx), i / nx % ny, i % nx][axis] as f64;
        let at = |i: usize| placement.origin[axis] + placement.spacing[axis] * place(i);
        let values: Vec<f64> = (0..shape.len()).map(at).collect();
        let field = Field {
            name: "place".into(),
            unit: String::new(),
            dtype: Dtype::F64,
        };
        let mut dataset = Dataset::new(shape, vec![field]);
        dataset.placement = Some(placement);
        let mut options = EncodeOptions::new(Bound::Psnr(140.0)).with_model(Model::None);
        set(&mut options);
        let mut encoder = Encoder::new(Vec::new(), dataset, options).unwrap();
        let key = FrameKey::new("place", 0);
        if slabs.is_empty() {
            encoder.write(&key, &values).unwrap();
        }
        for slab in slabs {
            let planes = slab.start..slab.end();
            let own = planes.start as usize * ny * nx..planes.end as usize * ny * nx;
            encoder
                .write(&key.clone().planes(planes), &values[own])
                .unwrap();
        }
        let (file, _) = encoder.finish().unwrap();
        let decoder = Decoder::new(&file).unwrap();
        let mut levels = 0;
        let is_short = shape.dims()[axis] < 24;
        for level in 0..6 {
            let frame = decoder.only_frame().unwrap().level(level);
            let Ok(grid) = frame.grid() else { break };
            levels += 1;
            let coarse = frame.placement().unwrap();
            let volume = frame.read::<f64>().unwrap();
            let dims = grid.dims();
            // A ramp ends at the edges of the domain, and of slabs, and levels smooth that.
            if dims[axis] < 24 {
                break;
            }
            let place =
                |i: usize| [i / (dims[1] * dims[2]), i / dims[2] % dims[1], i % dims[2]][axis];
            let middle = dims[axis] * 3 / 8;
            let (mut sum, mut count) = (0.0, 0.0);
            for (i, found) in volume.data().iter().enumerate() {
                if place(i).abs_diff(middle) <= 2 {
                    let expected = coarse.origin[axis] + coarse.spacing[axis] * place(i) as f64;
                    sum += found - expected;
                    count += 1.0;
                }
            }
            let off = sum / count / placement.spacing[axis];
            assert!(
                off.abs() <= 0.05,
                "{extents:?} axis {axis} level {level}: {off} voxels off"
            );
        }
        assert!(is_short || levels > 1, "{extents:?}");
    }
}

#[test]
fn low_passes_of_9_7_stand_at_the_first_voxel() {
    let set = |options: &mut EncodeOptions| options.coding.form = FormChoice::Wavelet;
    check(&[64, 64, 64], &[], set);
    check(&[96, 7, 100], &[], set);
    check(&[101, 90], &[], set);
}

#[test]
fn means_stand_in_the_middle() {
    let haar = |options: &mut EncodeOptions| {
        options.coding.form = FormChoice::Wavelet;
        options.coding.wavelet = Some(Wavelet::Haar);
    };
    check(&[64, 64, 64], &[], haar);
    check(&[96, 7, 100], &[], haar);
    let paper = |options: &mut EncodeOptions| {
        options.bound = Bound::Psnr(55.0);
        options.coding.profile = Profile::Pooled(PooledOptions::default());
    };
    check(&[96, 64, 64], &[], paper);
}

#[test]
fn thinned_fields_stand_at_the_first_voxel() {
    let lossless = |options: &mut EncodeOptions| options.bound = Bound::MaxError(0.0);
    check(&[50, 6, 97], &[], lossless);
    let raster = |options: &mut EncodeOptions| {
        options.bound = Bound::MaxError(1e-4);
        options.coding.form = FormChoice::Raster;
    };
    check(&[50, 6, 97], &[], raster);
}

#[test]
fn slabs_stand_where_the_whole_does() {
    let slab = |start, len| Slab { start, len };
    let set = |options: &mut EncodeOptions| options.coding.form = FormChoice::Wavelet;
    check(&[128, 40, 20], &[slab(0, 64), slab(64, 64)], set);
}
