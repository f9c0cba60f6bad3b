//! Turns a codec's knobs until a target is just met.

use serde::{Deserialize, Serialize};
use srt::metrics::EvalReport;
use srt::{Error, ErrorKind, Result};

use crate::codec::{Codec, Knob, Mode, Target};
use crate::field::{Data, Field};

/// Halvings of the interval of a continuous knob.
const HALVINGS: usize = 12;

/// The best file found for a target.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setting {
    pub(crate) knob: Knob,
    pub(crate) bytes: usize,
    pub(crate) psnr_db: f64,
    pub(crate) ssim: f64,
    pub(crate) max_abs_error: f64,
    pub(crate) max_rel_error: f64,
    /// The decoded field, which does not travel.
    #[serde(skip)]
    pub(crate) decoded: Option<Data>,
}

/// A knob's range: positions from coarse to fine.
#[derive(Clone, Copy)]
struct Interval {
    coarse: f64,
    fine: f64,
    /// Only whole positions differ.
    whole: bool,
}

struct Trial {
    knob: Knob,
    bytes: usize,
    psnr_db: f64,
    max_abs_error: f64,
    decoded: Data,
}

impl Trial {
    fn meets(&self, target: Target, field: &Field) -> bool {
        match target {
            Target::Psnr(db) => self.psnr_db >= db,
            Target::Ratio(ratio) => field.bytes() as f64 >= ratio * self.bytes as f64,
            Target::RelError(r) => self.max_abs_error <= r * field.range(),
        }
    }

    fn beats(&self, other: &Self, target: Target) -> bool {
        match target {
            Target::Psnr(_) | Target::RelError(_) => self.bytes < other.bytes,
            Target::Ratio(_) => self.psnr_db > other.psnr_db,
        }
    }
}

/// The best file of `codec` that meets `target`, each trial decoded and measured.
///
/// # Errors
/// `BoundNotMet` when no setting tried meets it, and what the codec reports.
pub(crate) fn search(
    codec: Codec,
    field: &Field,
    target: Target,
    threads: usize,
) -> Result<Setting> {
    let mut best: Option<Trial> = None;
    for &mode in codec.knobs(target) {
        let mut attempt = |position: f64| -> Result<bool> {
            let value = value_at(codec, mode, position, field);
            let knob = Knob {
                mode,
                value,
                target,
            };
            let trial = run(codec, field, knob, threads)?;
            let meets = trial.meets(target, field);
            if meets && best.as_ref().is_none_or(|b| trial.beats(b, target)) {
                best = Some(trial);
            }
            Ok(meets)
        };
        match mode {
            Mode::Direct => {
                // srt may miss a ratio by a few percent: then a little more is asked of it.
                for percent in 0..=3 {
                    let asked = match target {
                        Target::Ratio(ratio) => ratio * (1.0 + 0.01 * f64::from(percent)),
                        Target::Psnr(_) | Target::RelError(_) => target.value(),
                    };
                    if attempt(asked)? {
                        break;
                    }
                }
            }
            Mode::Accuracy | Mode::Rate | Mode::Psnr => {
                bisect(interval(codec, mode, target, field), target, &mut attempt)?;
            }
        }
    }
    let best = best.ok_or_else(|| {
        let message = format!("{} does not reach {target:?}", codec.name());
        Error::new(ErrorKind::BoundNotMet, message)
    })?;
    let report: EvalReport = field.evaluate(&best.decoded)?;
    Ok(Setting {
        knob: best.knob,
        bytes: best.bytes,
        psnr_db: report.psnr_db,
        ssim: report.ssim,
        max_abs_error: report.max_abs_error,
        max_rel_error: report.max_rel_error,
        decoded: Some(best.decoded),
    })
}

fn run(codec: Codec, field: &Field, knob: Knob, threads: usize) -> Result<Trial> {
    // Peers are searched with one thread: SZ3 writes other, larger files with several.
    let threads = if codec.is_peer() { 1 } else { threads };
    let stream = codec.encode(field, knob, threads)?;
    let decoded = codec.decode(&stream, field, threads)?;
    let (psnr_db, max_abs_error) = field.compare(&decoded)?;
    Ok(Trial {
        knob,
        bytes: stream.len(),
        psnr_db,
        max_abs_error,
        decoded,
    })
}

/// Halves the interval between a position that meets the target and one that does not.
fn bisect(
    interval: Interval,
    target: Target,
    attempt: &mut impl FnMut(f64) -> Result<bool>,
) -> Result<()> {
    // A ratio is met by coarse settings, the other targets by fine ones.
    let (mut good, mut bad) = match target {
        Target::Ratio(_) => (interval.coarse, interval.fine),
        Target::Psnr(_) | Target::RelError(_) => (interval.fine, interval.coarse),
    };
    if !attempt(good)? {
        return Ok(());
    }
    for _ in 0..HALVINGS {
        let mut middle = 0.5 * (good + bad);
        if interval.whole {
            middle = middle.round();
            if middle == good || middle == bad {
                break;
            }
        }
        if attempt(middle)? {
            good = middle;
        } else {
            bad = middle;
        }
    }
    Ok(())
}

/// A range that surely holds the target.
fn interval(codec: Codec, mode: Mode, target: Target, field: &Field) -> Interval {
    match mode {
        Mode::Direct => Interval {
            coarse: 0.0,
            fine: 0.0,
            whole: true,
        },
        // Only powers of two make a difference to ZFP.
        Mode::Accuracy if codec == Codec::Zfp => Interval {
            coarse: -3.0,
            fine: 30.0,
            whole: true,
        },
        Mode::Accuracy => {
            let middle = match target {
                Target::Psnr(db) => db / 20.0 - 0.5,
                Target::RelError(r) => -r.log10(),
                Target::Ratio(_) => 2.0,
            };
            let reach = match target {
                Target::Ratio(_) => 2.5,
                Target::Psnr(_) | Target::RelError(_) => 1.0,
            };
            Interval {
                coarse: middle - reach,
                fine: middle + reach,
                whole: false,
            }
        }
        Mode::Rate => {
            let bits = 8.0 * field.dtype().size() as f64;
            let (coarse, fine) = match target {
                Target::Ratio(ratio) => ((bits / ratio).log2() - 2.0, (bits / ratio).log2() + 1.0),
                Target::Psnr(_) | Target::RelError(_) => (-6.0, bits.log2()),
            };
            Interval {
                coarse,
                fine,
                whole: false,
            }
        }
        Mode::Psnr => {
            let db = match target {
                Target::Psnr(db) => db,
                Target::Ratio(_) | Target::RelError(_) => 60.0,
            };
            // At low rates SPERR does much better than it is asked to.
            Interval {
                coarse: db - 30.0,
                fine: db + 6.0,
                whole: false,
            }
        }
    }
}

/// The knob's value at a position.
fn value_at(codec: Codec, mode: Mode, position: f64, field: &Field) -> f64 {
    match mode {
        Mode::Direct | Mode::Psnr => position,
        Mode::Rate => position.exp2(),
        Mode::Accuracy if codec == Codec::Zfp => field.range() * (-position).exp2(),
        Mode::Accuracy => field.range() * 10f64.powf(-position),
    }
}
