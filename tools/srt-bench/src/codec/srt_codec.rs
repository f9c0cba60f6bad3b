//! srt itself, through its library.

use srt::container::Bound;
use srt::network::builtin;
use srt::volume::AnyVolume;
use srt::{
    DecodeOptions, Decoder, Effort, EncodeOptions, Error, Model, PooledCoder, PooledOptions,
    Profile, Result, Worker, locate_worker,
};
use srt::{VolumeView, encode_with_report};

use super::{Codec, Knob, Target};
use crate::field::{Data, Field};

pub(super) fn encode(codec: Codec, field: &Field, knob: Knob, threads: usize) -> Result<Vec<u8>> {
    let bound = match knob.target {
        Target::Psnr(_) => Bound::Psnr(knob.value),
        Target::Ratio(_) => Bound::Ratio(knob.value),
        Target::RelError(_) => Bound::RelError(knob.value),
    };
    let model = match codec {
        Codec::SrtFast | Codec::SrtNone => Model::None,
        Codec::SrtSmall => {
            let name = format!("turbulence{}d-s", field.shape.rank());
            let missing = || Error::unsupported(format!("no built-in model {name}"));
            Model::Given(builtin(&name)?.ok_or_else(missing)?)
        }
        _ => Model::Default,
    };
    let profile = match codec {
        Codec::SrtPaper => Profile::Pooled(PooledOptions::default()),
        Codec::SrtPaperSz3 => {
            Profile::Pooled(PooledOptions::default().with_coder(PooledCoder::Sz3(worker()?)))
        }
        _ => Profile::Default,
    };
    let effort = match codec {
        Codec::SrtFast => Effort::new(1)?,
        _ => Effort::default(),
    };
    let options = EncodeOptions::new(bound)
        .with_profile(profile)
        .with_effort(effort)
        .with_model(model)
        .with_threads(threads);
    let (bytes, _) = encode_with_report(
        VolumeView::new(field.shape, field.values())?,
        &options,
        Vec::new(),
    )?;
    Ok(bytes)
}

/// The program that codes with SZ3, beside this one or in `PATH`.
fn worker() -> Result<Worker> {
    let beside = std::env::current_exe().ok();
    let search = std::env::var_os("PATH");
    locate_worker("srt-sz3", None, beside.as_deref(), search.as_deref()).map(Worker::new)
}

pub(super) fn decode(bytes: &[u8], threads: usize) -> Result<Data> {
    let mut options = DecodeOptions::default().with_threads(threads);
    options.worker = worker().ok();
    let decoder = Decoder::with_options(bytes, options)?;
    match decoder.only_frame()?.read_any()? {
        AnyVolume::F32(v) => Ok(Data::F32(v.into_data())),
        AnyVolume::F64(v) => Ok(Data::F64(v.into_data())),
        other => Err(Error::invalid(format!(
            "a field of {} came back",
            other.dtype()
        ))),
    }
}
