//! The earlier frames that a frame is predicted from, for people and programs.

use serde_json::{Value, json};
use srt::container::{Frame, References};

/// From which steps a frame is predicted, and with which weights.
pub(crate) fn text(frame: &Frame, references: &References) -> String {
    let step = |distance: &u64| frame.step.saturating_sub(*distance).to_string();
    let steps: Vec<String> = references.distances.iter().map(step).collect();
    let mut out = format!("from step {}", steps.join(" and "));
    if let Some(low) = &references.low {
        out += &format!(", low-pass {:.3?} {:+.3}", low.references, low.offset);
    }
    for (level, sets) in references.levels.iter().enumerate() {
        if let [first, others @ ..] = &sets[..] {
            out += &format!(", level {level} {:.3?}", first.references);
            if !others.is_empty() {
                out += &format!(" and {} sets", others.len());
            }
        }
    }
    out
}

/// The same as data: steps, and weights by level, finest first.
pub(crate) fn json(frame: &Frame, references: &References) -> Value {
    let step = |distance: &u64| frame.step.saturating_sub(*distance);
    let steps: Vec<u64> = references.distances.iter().map(step).collect();
    let low = references.low.as_ref();
    let set = |set: &srt::container::BandWeights| json!({ "network": set.network, "references": set.references });
    let level = |sets: &Vec<_>| sets.iter().map(set).collect::<Vec<_>>();
    json!({
        "steps": steps,
        "low_pass": low.map(|low| json!({
            "references": low.references, "offset": low.offset,
        })),
        "levels": references.levels.iter().map(level).collect::<Vec<_>>(),
    })
}
