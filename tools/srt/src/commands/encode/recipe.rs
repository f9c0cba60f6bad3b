//! What decides the bytes of a part: written into it as a chunk of this program's own, so that `--resume` can tell it from
//! others. Readers skip the chunk, and `srt merge` drops it.

use crate::args::EncodeArgs;
use srt::{
    AxisPlan, ChunkType, Coding, Model, Observer, PooledCoder, Profile, Result, Values, checksum,
};
use srt_program::hex;

/// Type of the chunk: ancillary, private, not safe to copy.
const TYPE: [u8; 4] = *b"paRT";
/// First line of the payload. What else it says: a line for each option, and one for the input, last.
const TITLE: &str = "srt part 1";

/// What a part is made of, line by line. Beside the frame's record and the dataset, which say the rest; memory, threads
/// and backend decide nothing, and neither do trials.
pub(super) struct Recipe {
    lines: Vec<String>,
}

impl Recipe {
    /// Of everything but the input.
    ///
    /// # Errors
    /// `InvalidArgument` without a bound.
    pub(super) fn new(args: &EncodeArgs, coding: &Coding) -> Result<Self> {
        let option = |value: Option<String>| value.unwrap_or_else(|| "not given".into());
        let model = match &coding.model {
            Model::Given(hierarchy) => hex(&hierarchy.sha256()),
            _ => args.model.display().to_string(),
        };
        let lines = vec![
            TITLE.to_owned(),
            format!("bound {}", args.bound()?),
            format!("profile {}", profile(&coding.profile)),
            format!("form {:?}", coding.form),
            format!("periodic axes {}", coding.periodic),
            format!("plan {}", coding.plan.map_or("auto", AxisPlan::name)),
            format!(
                "wavelet {}",
                option(coding.wavelet.map(|w| format!("{w:?}")))
            ),
            format!("effort {}", coding.effort.get()),
            format!("brick {}", option(coding.brick_edge.map(|n| n.to_string()))),
            format!(
                "mask value {}",
                option(coding.mask_value.map(|v| format!("{v:?}")))
            ),
            format!(
                "range {}",
                option(coding.range.map(|(a, b)| format!("{a:?}:{b:?}")))
            ),
            format!("model {model}"),
            format!("embedded weights {:?}", coding.embed_weights),
        ];
        Ok(Self { lines })
    }

    /// With the input: the values of the slab, by their number, type and CRC-32. That is against accidents, as all checksums of the
    /// format are; one in 2^32 other inputs of the same size would pass.
    pub(super) fn of(mut self, values: &Values<'_>, observer: &Observer) -> Self {
        let (count, dtype, crc) = (values.len(), values.dtype(), checksum(values, observer));
        self.lines.push(format!("input {count} {dtype} {crc:08x}"));
        self
    }

    pub(super) fn kind() -> Result<ChunkType> {
        ChunkType::from_bytes(TYPE)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.lines.join("\n").into_bytes()
    }

    /// The first thing that another recipe says otherwise, of those that this one says.
    pub(super) fn difference(&self, other: &[u8]) -> Option<String> {
        let other = String::from_utf8_lossy(other);
        let mut others = other.lines();
        self.lines.iter().find_map(|asked| {
            let found = others.next().unwrap_or("nothing");
            (found != asked).then(|| format!("{found} in it, {asked} asked for"))
        })
    }
}

fn profile(profile: &Profile) -> String {
    let Profile::Pooled(pooled) = profile else {
        return "default".into();
    };
    let coder = match pooled.coder {
        PooledCoder::Zstd => "zstd",
        PooledCoder::Sz3(_) => "sz3",
    };
    format!(
        "paper, {coder}, {:?}, {:?}, boxes of {}, level {}",
        pooled.upscaling, pooled.downscaling, pooled.min_chunk, pooled.max_level
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        let recipe = |lines: &[&str]| Recipe {
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let asked = recipe(&["title", "brick 64", "range 0:1"]);
        assert_eq!(asked.difference(&asked.to_bytes()), None);
        // What it does not say yet does not differ.
        assert_eq!(
            asked.difference(b"title\nbrick 64\nrange 0:1\ninput 7"),
            None
        );
        let other = asked.difference(b"title\nbrick 128\nrange 0:2");
        assert_eq!(
            other.as_deref(),
            Some("brick 128 in it, brick 64 asked for")
        );
        let short = asked.difference(b"title");
        assert_eq!(short.as_deref(), Some("nothing in it, brick 64 asked for"));
    }
}
