//! Chunks to records, in the order of the file, up to the first fault.

use crate::base::error::{Error, Result};
use crate::container::order::ChunkOrder;
use crate::container::{ChunkType, Dataset, Entry, Frame};

/// What a chunk is, in its place.
#[derive(Debug)]
pub(crate) enum Item {
    /// The dataset record: [`Contents::dataset`] has it now.
    Dataset,
    /// A network of the file's weight set, or the reference to one.
    Weights,
    /// A frame begins.
    Frame(Box<Frame>),
    /// A part of the frame that began last.
    Part,
    /// What else is known of the dataset.
    Attributes,
    /// A chunk that readers may skip.
    Ancillary,
}

/// The records of a file as far as it has been read.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    dataset: Option<Dataset>,
    order: ChunkOrder,
}

impl Contents {
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
        if let Some(fault) = self.order.add(entry.kind, entry.part).first() {
            return Err(fault.error(entry));
        }
        let offset = entry.payload_offset();
        Ok(match entry.kind {
            ChunkType::DSET => {
                self.dataset = Some(Dataset::parse(payload()?, offset)?);
                self.order.add_dataset();
                Item::Dataset
            }
            ChunkType::FRAM => {
                let dataset = self.dataset()?;
                let frame = Frame::parse(payload()?, offset, |field| dataset.dtype(field))?;
                frame.shape(dataset.shape).map_err(|e| e.at(offset))?;
                if let Some(fault) = self.order.add_frame(&frame) {
                    return Err(fault.error(entry));
                }
                Item::Frame(Box::new(frame))
            }
            ChunkType::NETW | ChunkType::NREF => Item::Weights,
            kind if kind.is_frame_part() => Item::Part,
            ChunkType::ATTR => Item::Attributes,
            _ => Item::Ancillary,
        })
    }
    /// Checks that nothing is missing where no chunk but the index follows.
    ///
    /// # Errors
    /// `Corrupt` when the last frame lacks a part that it announces.
    pub(crate) fn end(&mut self) -> Result<()> {
        match self.order.end() {
            Some(_) => Err(Error::corrupt(
                "the last frame lacks a mask or corrections that it announces",
            )),
            None => Ok(()),
        }
    }
}
