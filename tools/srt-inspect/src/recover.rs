//! `recover`: a new file of everything whole in a damaged one, written chunk by chunk.

use std::io::Write;

use srt::container::{ChunkType, ReferenceFrames, Writer};
use srt::{Error, Limits, Result};

use crate::file::{File, FrameChunks};
use crate::finding::Severity;
use crate::layers::check_frame;

/// What was kept.
#[derive(Debug)]
pub struct RecoveryReport {
    /// Bytes of the new file.
    pub bytes: u64,
    /// Frames kept.
    pub frames: usize,
    /// Frames given up, each with the reason.
    pub dropped: Vec<String>,
    /// Other chunks given up.
    pub dropped_chunks: usize,
}

/// Copies dataset, weights, whole frames and ancillary chunks into a new file, `out`.
///
/// # Errors
/// `Corrupt` when the dataset record is lost, `Unsupported` for a version this program cannot write,
/// `Io`.
pub fn recover(file: &File<'_>, limits: &Limits, out: impl Write) -> Result<RecoveryReport> {
    if let Some(finding) = file.scan.findings.iter().find(|f| f.rule == "version") {
        return Err(Error::unsupported(finding.message.clone()));
    }
    if file.scan.header.is_none() && !file.scan.has_magic() {
        return Err(Error::corrupt("not an .srt file: no magic"));
    }
    if file.dataset.is_none() {
        return Err(Error::corrupt(
            "nothing to recover: the dataset record is lost",
        ));
    }
    let mut dropped = Vec::new();
    let mut keep: Vec<bool> = Vec::new();
    let mut references = ReferenceFrames::default();
    for (place, frame) in file.frames.iter().enumerate() {
        let reason = missing(file, frame, limits).or_else(|| unpredictable(frame, &references));
        if let (None, Some(record)) = (&reason, &frame.frame) {
            references.add(record, ());
        }
        keep.push(reason.is_none());
        if let Some(reason) = reason {
            dropped.push(format!("{}: {reason}", file.frame_name(place)));
        }
    }
    let mut writer = Writer::new(out);
    let mut kept_chunks = 0;
    let mut current = None;
    let mut seen_dataset = false;
    for chunk in &file.scan.chunks {
        let kind = chunk.header.kind;
        if kind == ChunkType::FRAM {
            current = file
                .frames
                .iter()
                .position(|f| f.chunk.offset == chunk.offset);
        }
        let wanted = match kind {
            ChunkType::INDX => continue,
            ChunkType::DSET => !std::mem::replace(&mut seen_dataset, true),
            ChunkType::FRAM
            | ChunkType::MASK
            | ChunkType::TREE
            | ChunkType::BRIK
            | ChunkType::CORR => current
                .and_then(|at| keep.get(at))
                .copied()
                .unwrap_or(false),
            _ => true,
        };
        if wanted && chunk.is_whole() {
            writer.chunk(kind, chunk.header.part, file.scan.payload(chunk))?;
            kept_chunks += 1;
        }
    }
    let (_, bytes) = writer.finish()?;
    let others = file.scan.chunks.iter();
    let others = others.filter(|c| c.header.kind != ChunkType::INDX).count();
    Ok(RecoveryReport {
        bytes,
        frames: keep.iter().filter(|&&k| k).count(),
        dropped,
        dropped_chunks: others - kept_chunks,
    })
}

/// Which of the frames that it is predicted from is not kept.
fn unpredictable(chunks: &FrameChunks, kept: &ReferenceFrames<()>) -> Option<String> {
    let frame = chunks.frame.as_ref()?;
    let references = frame.references().filter(|_| kept.of(frame).is_none())?;
    let steps = references.distances.iter();
    let steps: Vec<String> = steps
        .map(|&distance| frame.step.saturating_sub(distance).to_string())
        .collect();
    Some(format!(
        "it is predicted from step {}, which is lost",
        steps.join(" or ")
    ))
}

/// Why a frame cannot be kept.
fn missing(file: &File<'_>, chunks: &FrameChunks, limits: &Limits) -> Option<String> {
    if let Some(chunk) = chunks.chunks().find(|c| !c.is_whole()) {
        return Some(format!(
            "{} at byte {} is {}",
            chunk.header.kind,
            chunk.offset,
            chunk.payload.word()
        ));
    }
    let Some(frame) = &chunks.frame else {
        return Some("its record cannot be read".into());
    };
    let faults = check_frame(file, chunks, limits);
    if let Some(fault) = faults.iter().find(|f| f.severity == Severity::Fault) {
        return Some(fault.message.clone());
    }
    let uses_networks = frame.form.network().is_some();
    let lost = file.networks.iter().any(|n| !n.chunk.is_whole());
    if uses_networks && file.reference.is_none() && (file.networks.is_empty() || lost) {
        return Some("its networks are lost".into());
    }
    for (is_announced, chunk, what) in [
        (frame.announced.mask, &chunks.mask, "mask is"),
        (
            frame.announced.corrections,
            &chunks.corrections,
            "corrections are",
        ),
    ] {
        if is_announced && chunk.is_none() {
            return Some(format!("its {what} lost"));
        }
    }
    None
}
