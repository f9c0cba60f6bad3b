//! Rules between the records of a file, and what all of its records say.

use srt::container::{Bound, Frame};

use crate::file::File;
use crate::finding::Finding;
use crate::weights;

/// All findings of container, order and records, in file order.
pub(crate) fn findings(file: &File<'_>) -> Vec<Finding> {
    let mut all = file.scan.findings.clone();
    all.extend(file.findings.iter().cloned());
    all.extend(of_frames(file));
    all.extend(weights::findings(file));
    all.sort_by_key(|f| f.offset);
    all
}

/// What contradicts the rules between the records of frames and the rest of the file.
fn of_frames(file: &File<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for chunks in &file.frames {
        let Some(frame) = &chunks.frame else {
            continue;
        };
        let fault = |rule, message: String| {
            Finding::fault(rule, chunks.chunk.offset, message).in_chunk(chunks.chunk.number)
        };
        let domain = file.dataset.as_ref().map(|dataset| dataset.shape);
        if let Some(Err(error)) = domain.map(|domain| frame.shape(domain)) {
            findings.push(fault("slab", error.to_string()));
        }
        if let Some(message) = missed_bound(frame) {
            findings.push(fault("bound", message));
        }
        if let (Some(corrections), Bound::Psnr(_) | Bound::Ssim(_) | Bound::Ratio(_)) =
            (&chunks.corrections, frame.bound)
        {
            let message = "corrections found in a frame without a bound on the error";
            findings.push(
                Finding::fault("corrections", corrections.offset, message)
                    .in_chunk(corrections.number),
            );
        }
    }
    findings
}

/// What the record says of its own bound, where that is a contradiction.
fn missed_bound(frame: &Frame) -> Option<String> {
    let measured = &frame.measured;
    let short = |what: &str, asked: f64, found: f64| {
        Some(format!("{what} {asked} promised, {found} recorded"))
    };
    // Recorded values are binary32, rounded to nearest.
    let below = |asked: f64, found: f32| f64::from(found) < asked - asked.abs() * 1e-7;
    match frame.bound {
        Bound::Psnr(asked) if below(asked, measured.psnr_db) => {
            short("a PSNR of", asked, f64::from(measured.psnr_db))
        }
        Bound::Ssim(asked) => match measured.ssim {
            Some(found) if below(asked, found) => short("an SSIM of", asked, f64::from(found)),
            _ => None,
        },
        Bound::MaxError(asked) if measured.max_error > asked => {
            short("a largest error of", asked, measured.max_error)
        }
        Bound::RelError(asked) => {
            let bound = asked * (frame.range.1 - frame.range.0);
            if measured.max_error > bound {
                short("a largest error of", bound, measured.max_error)
            } else {
                None
            }
        }
        Bound::Psnr(_) | Bound::MaxError(_) | Bound::Ratio(_) => None,
    }
}
