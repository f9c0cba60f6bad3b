//! The order of chunks in a file (spec section 2): one set of rules for the reader with an index and
//! for the one without.

use crate::base::error::{Error, Result};
use crate::container::written::{Places, place};
use crate::container::{CHUNK_HEADER_LEN, ChunkType, Dataset, Entry, Frame};
use crate::frame::chunks::{is_frame_part, misplaced, uses_networks};

/// What a chunk is, in its place.
#[derive(Debug)]
pub(crate) enum Item {
    /// The dataset record: [`Outline::dataset`] has it now.
    Dataset,
    /// A network of the file's weight set, or the reference to one.
    Weights,
    /// A frame begins.
    Frame(Frame),
    /// A part of the frame that began last.
    Part,
    /// A chunk that readers may skip.
    Ancillary,
}

/// What has been seen of a file, chunk by chunk.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    dataset: Option<Dataset>,
    places: Places,
    weights: Run,
    /// Whether a frame so far uses networks.
    networks_used: bool,
    /// Whether parts of a frame may follow.
    in_frame: bool,
}

/// The chunks of the weight set, which follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Run {
    #[default]
    Ahead,
    Open,
    Over,
}

impl Outline {
    /// The dataset record, once it has been seen.
    ///
    /// # Errors
    /// `Corrupt` until then.
    pub(crate) fn dataset(&self) -> Result<&Dataset> {
        let missing = || Error::corrupt("no dataset record found");
        self.dataset.as_ref().ok_or_else(missing)
    }

    /// Takes the next chunk; `payload` gives its payload where that is a record.
    ///
    /// # Errors
    /// `Corrupt` for a chunk out of order or a wrong record, and what `payload` reports.
    pub(crate) fn add<'p>(
        &mut self,
        entry: &Entry,
        payload: impl FnOnce() -> Result<&'p [u8]>,
    ) -> Result<Item> {
        let offset = entry.offset + CHUNK_HEADER_LEN as u64;
        let Some(dataset) = &self.dataset else {
            return match entry.kind {
                ChunkType::DSET => {
                    self.dataset = Some(Dataset::parse(payload()?, offset)?);
                    Ok(Item::Dataset)
                }
                kind if kind.is_critical() => {
                    Err(misplaced(entry, "a chunk before the dataset record"))
                }
                _ => Ok(Item::Ancillary),
            };
        };
        match entry.kind {
            ChunkType::DSET => Err(misplaced(entry, "a second dataset record")),
            ChunkType::FRAM => {
                let frame = Frame::parse(payload()?, offset, |field| dataset.dtype(field))?;
                frame.shape(dataset.shape).map_err(|e| e.at(offset))?;
                if !self.places.add(place(&frame), frame.slab) {
                    let what = "a second frame of the same field, step and planes";
                    return Err(misplaced(entry, what));
                }
                if self.weights == Run::Open {
                    self.weights = Run::Over;
                }
                self.networks_used |= uses_networks(&frame);
                self.in_frame = true;
                Ok(Item::Frame(frame))
            }
            ChunkType::NETW | ChunkType::NREF => {
                if self.networks_used {
                    return Err(misplaced(entry, "weights behind a frame that uses them"));
                }
                if self.weights == Run::Over {
                    return Err(misplaced(entry, "a second weight set"));
                }
                self.weights = Run::Open;
                self.in_frame = false;
                Ok(Item::Weights)
            }
            kind if is_frame_part(kind) && !self.in_frame => {
                Err(misplaced(entry, "a part of a frame without its frame"))
            }
            kind if is_frame_part(kind) => Ok(Item::Part),
            kind if kind.is_critical() => {
                Err(misplaced(entry, "a chunk of the file within a frame"))
            }
            _ => Ok(Item::Ancillary),
        }
    }
}
