//! Files made apart put together, without decoding.

use std::collections::HashSet;
use std::io::Write;

use crate::base::error::{Error, Result};
use crate::container::{
    Bound, ChunkType, Dataset, Field, Form, Frame, ReferenceFrames, Slab, WeightsReference, Writer,
    set_or_check_unit, slowest,
};
use crate::file::decoder::Decoder;
use crate::frame::chunks::{FrameChunks, uses_networks};

/// Writes the frames of several files, and the slabs of frames, into one file: by step, then field,
/// then planes, whatever the order of `files`. Chunks are copied as they are; a frame's record changes
/// where its field has another number. Ancillary chunks that are safe to copy (spec section 3) follow
/// the weights, equal ones once; others are left out. Returns the sink and the bytes written.
///
/// ```
/// use srt::{Bound, Decoder, EncodeOptions, Shape, Volume};
///
/// let volume = Volume::new(Shape::new(&[8, 9])?, vec![1.5f32; 72])?;
/// let options = EncodeOptions::new(Bound::Psnr(60.0));
/// let u = srt::encode(&volume, &options.clone().with_field("u"))?;
/// let v = srt::encode(&volume, &options.with_field("v"))?;
/// let (both, _) = srt::merge(&[Decoder::new(&u)?, Decoder::new(&v)?], Vec::new())?;
/// assert_eq!(Decoder::new(&both)?.frame("v", 0)?.read::<f32>()?, volume);
/// # Ok::<(), srt::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` when the files do not go together: other domains, units, places or weights, a
/// frame that is there twice, slabs that are missing, overlap or were made under other bounds, frames that would no longer
/// follow those that they are predicted from;
/// `Corrupt` for a damaged chunk, `MissingWeights`, `Io`.
pub fn merge<W: Write>(files: &[Decoder<'_>], out: W) -> Result<(W, u64)> {
    let dataset = union(files)?;
    let mut parts = Vec::new();
    for file in files {
        for chunks in file.chunks() {
            parts.push(Part::new(file, chunks, &dataset)?);
        }
    }
    parts.sort_by_key(|part| (part.frame.step, part.frame.field, part.start()));
    let same = |a: &Part<'_>, b: &Part<'_>| a.frame.id() == b.frame.id();
    for frame in parts.chunk_by(same) {
        check_frame(frame, &dataset)?;
    }
    check_references(&parts)?;
    let mut writer = Writer::new(out);
    writer.chunk(ChunkType::DSET, 0, &dataset.to_bytes())?;
    copy_weights(files, &mut writer)?;
    copy_ancillary(files, &mut writer)?;
    for part in &parts {
        part.copy(&dataset, &mut writer)?;
    }
    writer.finish()
}

/// A frame's record in one of the files.
struct Part<'a> {
    file: &'a Decoder<'a>,
    chunks: &'a FrameChunks,
    /// The record, with the number that its field has in the merged file.
    frame: Frame,
}

impl<'a> Part<'a> {
    fn new(file: &'a Decoder<'a>, chunks: &'a FrameChunks, dataset: &Dataset) -> Result<Self> {
        let mut frame = chunks.frame.clone();
        let old = file.dataset().numbered(frame.field);
        let new = old.and_then(|field| dataset.field(&field.name));
        let missing = || Error::corrupt("a frame of a field that does not exist");
        frame.field = new.ok_or_else(missing)? as u64;
        Ok(Self {
            file,
            chunks,
            frame,
        })
    }

    fn start(&self) -> u64 {
        self.frame.slab.map_or(0, |slab| slab.start)
    }

    fn copy<W: Write>(&self, dataset: &Dataset, writer: &mut Writer<W>) -> Result<()> {
        let record = self.frame.to_bytes(dataset.dtype_of(&self.frame)?);
        writer.chunk(ChunkType::FRAM, 0, &record)?;
        let FrameChunks {
            mask,
            tree,
            bricks,
            corrections,
            ..
        } = self.chunks;
        let numbers = mask.iter().chain(tree).chain(bricks).chain(corrections);
        let reader = self.file.reader();
        for &number in numbers {
            let payload = reader.payload(number)?;
            let entry = &reader.entries()[number];
            writer.chunk(entry.kind, entry.part, payload)?;
        }
        Ok(())
    }
}

/// Checks that frames which are predicted from earlier ones find them where they will stand.
fn check_references(parts: &[Part<'_>]) -> Result<()> {
    let mut known = ReferenceFrames::default();
    for part in parts {
        if known.of(&part.frame).is_none() {
            return Err(Error::invalid(format!(
                "step {} is predicted from steps of its own file that others would come between: files of steps that follow each other expected",
                part.frame.step
            )));
        }
        known.add(&part.frame, ());
    }
    Ok(())
}

/// Checks that the records of one field and step are one frame.
fn check_frame(parts: &[Part<'_>], dataset: &Dataset) -> Result<()> {
    let [first, rest @ ..] = parts else {
        return Ok(());
    };
    let check = || {
        if first.frame.slab.is_none() && rest.is_empty() {
            return Ok(());
        }
        let planes = dataset.shape.dims()[slowest(dataset.shape)] as u64;
        let whole = Slab {
            start: 0,
            len: planes,
        };
        let mut next = 0;
        for part in parts {
            let slab = part.frame.slab.unwrap_or(whole);
            if slab.start < next {
                return Err(Error::invalid("it is there twice"));
            }
            if slab.start > next {
                return Err(missing(next, slab.start));
            }
            next = slab.end();
        }
        if next < planes {
            return Err(missing(next, planes));
        }
        rest.iter()
            .try_for_each(|part| check_alike(&first.frame, &part.frame))?;
        check_ranges(parts)
    };
    let field = usize::try_from(first.frame.field).unwrap_or(usize::MAX);
    let name = dataset.fields.get(field).map_or("", |f| f.name.as_str());
    check().map_err(|e: Error| e.within(format!("field {name:?} step {}", first.frame.step)))
}

fn missing(start: u64, end: u64) -> Error {
    Error::invalid(format!("planes {start} to {end} are in no file"))
}

fn check_alike(first: &Frame, other: &Frame) -> Result<()> {
    if (first.bound, first.time) == (other.bound, other.time) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "its parts were made for different bounds or times: {} at {:?}, {} at {:?}",
        first.bound, first.time, other.bound, other.time
    )))
}

/// PSNR and relative errors of parts mean the same only where they refer to the same range.
fn check_ranges(parts: &[Part<'_>]) -> Result<()> {
    let refers = |frame: &&Frame| {
        let kind = matches!(frame.bound, Bound::Psnr(_) | Bound::RelError(_));
        kind && frame.form != Form::Constant
    };
    let mut ranges = parts.iter().map(|part| &part.frame).filter(refers);
    let first = ranges.next().map(|frame| frame.range);
    if ranges.all(|frame| Some(frame.range) == first) {
        return Ok(());
    }
    Err(Error::invalid(
        "its parts were made for different ranges: give all the range of the whole field",
    ))
}

/// The fields of all files, with what any of them says of the domain.
fn union(files: &[Decoder<'_>]) -> Result<Dataset> {
    let mut all = files.iter().map(Decoder::dataset);
    let first = all.next();
    let mut dataset = first
        .ok_or_else(|| Error::invalid("a file to merge expected"))?
        .clone();
    for other in all {
        if other.shape != dataset.shape {
            return Err(Error::invalid(format!(
                "files of one domain expected, {} and {} found",
                dataset.shape, other.shape
            )));
        }
        set_or_check_unit(
            "unit of lengths",
            &mut dataset.length_unit,
            &other.length_unit,
        )?;
        set_or_check_unit("unit of time", &mut dataset.time_unit, &other.time_unit)?;
        if let Some(placement) = other.placement
            && *dataset.placement.get_or_insert(placement) != placement
        {
            return Err(Error::invalid(
                "the files have different spacings or origins",
            ));
        }
        for field in &other.fields {
            add_field(&mut dataset, field)?;
        }
    }
    dataset.check()?;
    Ok(dataset)
}

fn add_field(dataset: &mut Dataset, field: &Field) -> Result<()> {
    let Some(number) = dataset.field(&field.name) else {
        dataset.fields.push(field.clone());
        return Ok(());
    };
    let known = &mut dataset.fields[number];
    if known.dtype != field.dtype {
        return Err(Error::invalid(format!(
            "field {:?} has values of {} and of {}",
            field.name, known.dtype, field.dtype
        )));
    }
    set_or_check_unit("unit", &mut known.unit, &field.unit)
}

/// Copies the one weight set that the frames use, if any do; embedded ones rather than a reference.
fn copy_weights<W: Write>(files: &[Decoder<'_>], writer: &mut Writer<W>) -> Result<()> {
    let uses = |file: &&Decoder<'_>| file.records().any(uses_networks);
    let mut kept: Option<(&Decoder<'_>, [u8; 32])> = None;
    for file in files.iter().filter(uses) {
        let sha256 = identity(file)?;
        match &mut kept {
            None => kept = Some((file, sha256)),
            Some((_, known)) if *known != sha256 => {
                return Err(Error::invalid(
                    "the files use different networks, and a file has one set",
                ));
            }
            Some((known, _)) if !embeds(known) && embeds(file) => *known = file,
            Some(_) => {}
        }
    }
    let Some((file, _)) = kept else {
        return Ok(());
    };
    for (number, entry) in file.reader().entries().iter().enumerate() {
        if [ChunkType::NETW, ChunkType::NREF].contains(&entry.kind) {
            writer.chunk(entry.kind, entry.part, file.reader().payload(number)?)?;
        }
    }
    Ok(())
}

/// Copies what other programs put into the files and allow to be copied.
fn copy_ancillary<W: Write>(files: &[Decoder<'_>], writer: &mut Writer<W>) -> Result<()> {
    let mut copied = HashSet::new();
    for reader in files.iter().map(Decoder::reader) {
        for (number, entry) in reader.entries().iter().enumerate() {
            if entry.kind.is_known() || !entry.kind.is_safe_to_copy() {
                continue;
            }
            let payload = reader.payload(number)?;
            if copied.insert((entry.kind, entry.part, payload)) {
                writer.chunk(entry.kind, entry.part, payload)?;
            }
        }
    }
    Ok(())
}

fn embeds(file: &Decoder<'_>) -> bool {
    let mut entries = file.reader().entries().iter();
    entries.any(|entry| entry.kind == ChunkType::NETW)
}

/// SHA-256 of a file's weights, which need not be at hand where they are named.
fn identity(file: &Decoder<'_>) -> Result<[u8; 32]> {
    for (number, entry) in file.reader().entries().iter().enumerate() {
        if entry.kind == ChunkType::NREF {
            let reference = WeightsReference::parse(file.reader().payload(number)?, entry.offset)?;
            return Ok(reference.sha256);
        }
    }
    let hierarchy = file.weights()?;
    let missing = || Error::corrupt("a frame uses networks, the file has none");
    hierarchy.map(|h| h.sha256()).ok_or_else(missing)
}
