//! Chunks put together to records: dataset, networks, frames. Rules of order and of records.

use srt::container::order::{ChunkOrder, OrderFault};
use srt::container::{Attributes, ChunkType, Dataset, Field, Frame, NetworkUse, WeightsReference};
use srt::network::Network;
use srt::{Error, Limits, Shape, expand};

use crate::finding::{Finding, Severity};
use crate::scan::{Chunk, Scan};

/// A file as far as its records can be read.
#[derive(Debug)]
pub struct File<'a> {
    /// The walk.
    pub scan: Scan<'a>,
    /// The dataset record.
    pub dataset: Option<Dataset>,
    /// What else is known of the dataset: the last that can be read.
    pub attributes: Option<Attributes>,
    /// Embedded networks in file order.
    pub networks: Vec<NetworkChunk>,
    /// The weight set by reference.
    pub reference: Option<WeightsReference>,
    /// Frames in file order.
    pub frames: Vec<FrameChunks>,
    /// Faults of order and records.
    pub findings: Vec<Finding>,
    /// Bytes of the compact file whose long form this is.
    pub compact_bytes: Option<u64>,
    order: ChunkOrder,
    /// A dataset record of a later version, of which nothing is known but its place.
    has_newer_dataset: bool,
}

/// One embedded network.
#[derive(Debug)]
pub struct NetworkChunk {
    /// Its chunk.
    pub chunk: Chunk,
    /// The network, if its record is right and known.
    pub network: Option<Network>,
}

/// A frame and its chunks; damaged ones included.
#[derive(Debug)]
pub struct FrameChunks {
    /// The chunk of its record.
    pub chunk: Chunk,
    /// The record, if it is right and known.
    pub frame: Option<Frame>,
    /// Mask.
    pub mask: Option<Chunk>,
    /// Octree.
    pub tree: Option<Chunk>,
    /// Bricks or lossless parts.
    pub bricks: Vec<Chunk>,
    /// Corrections.
    pub corrections: Option<Chunk>,
    /// Whether chunks are lost after those that are known to be its own.
    pub gap: bool,
}

impl FrameChunks {
    /// All chunks of the frame in file order.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        let before = [Some(&self.chunk), self.mask.as_ref(), self.tree.as_ref()];
        let parts = before.into_iter().flatten().chain(&self.bricks);
        parts.chain(&self.corrections)
    }

    /// Bytes of all its chunks, headers included.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.chunks().map(|c| c.end() - c.offset).sum()
    }
}

impl<'a> File<'a> {
    /// Reads all records that can be read.
    #[must_use]
    pub fn new(bytes: &'a [u8], limits: &Limits) -> Self {
        let scan = Scan::new(bytes);
        let mut file = Self {
            scan,
            dataset: None,
            attributes: None,
            networks: Vec::new(),
            reference: None,
            frames: Vec::new(),
            findings: Vec::new(),
            compact_bytes: None,
            order: ChunkOrder::default(),
            has_newer_dataset: false,
        };
        let mut expected = 0;
        for chunk in file.scan.chunks.clone() {
            if chunk.number != expected
                && let Some(frame) = file.frames.last_mut()
            {
                frame.gap = true;
                file.order.skip_lost();
            }
            expected = chunk.number + 1;
            file.add(chunk, limits);
        }
        if let (Some(fault), Some(last)) = (file.order.end(), file.scan.chunks.last().copied()) {
            let message = format!("the end of the last frame is {fault}");
            let finding = Finding::fault("order", last.end(), message);
            file.findings.push(finding.in_chunk(last.number));
        }
        if file.dataset.is_none() && !file.has_newer_dataset {
            let finding = Finding::fault("order", 0, "no dataset record found");
            file.findings.push(finding);
        }
        file
    }

    /// Calls `look` with what can be told of a file, of a compact one in its long form.
    pub fn with<T>(bytes: &[u8], limits: &Limits, look: impl FnOnce(&File<'_>) -> T) -> T {
        // What cannot be expanded is reported as it is.
        let Some(long) = expand(bytes).ok().flatten() else {
            return look(&File::new(bytes, limits));
        };
        look(&File {
            compact_bytes: Some(bytes.len() as u64),
            ..File::new(&long, limits)
        })
    }

    /// Bytes of the file itself.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.compact_bytes.unwrap_or(self.scan.bytes.len() as u64)
    }

    /// Name of a frame: its place in the file, field and step.
    #[must_use]
    pub fn frame_name(&self, place: usize) -> String {
        match self.frames.get(place).and_then(|f| f.frame.as_ref()) {
            Some(frame) => format!(
                "frame {place} ({}, step {})",
                self.field_name(frame.field),
                frame.step
            ),
            None => format!("frame {place}"),
        }
    }

    /// Name of a field, or its number where it has none.
    #[must_use]
    pub fn field_name(&self, number: u64) -> String {
        match self.field(number) {
            Some(field) if !field.name.is_empty() => format!("field {:?}", field.name),
            _ => format!("field {number}"),
        }
    }

    /// The grid of a frame's record: the domain or, where it has a slab that lies within, that.
    #[must_use]
    pub fn shape(&self, frame: &Frame) -> Option<Shape> {
        let domain = self.dataset.as_ref()?.shape;
        Some(frame.shape(domain).unwrap_or(domain))
    }

    /// A field of the dataset.
    #[must_use]
    pub fn field(&self, number: u64) -> Option<&Field> {
        self.dataset.as_ref()?.numbered(number)
    }

    fn add(&mut self, chunk: Chunk, limits: &Limits) {
        let kind = chunk.header.kind;
        if kind == ChunkType::INDX {
            return;
        }
        let faults = self.order.add(kind, chunk.header.part);
        self.add_order_faults(&chunk, &faults);
        match kind {
            ChunkType::DSET => self.add_dataset(&chunk),
            ChunkType::NETW => self.add_network(&chunk, limits),
            ChunkType::NREF if faults.contains(&OrderFault::SecondWeightSet) => {}
            ChunkType::NREF => self.reference = self.record(&chunk, WeightsReference::parse),
            ChunkType::FRAM => self.add_frame(&chunk),
            kind if kind.is_frame_part() => self.add_part(&chunk),
            ChunkType::ATTR => {
                let attributes = self.record(&chunk, Attributes::parse);
                self.attributes = attributes.or(self.attributes.take());
            }
            _ => {}
        }
    }

    fn add_order_faults(&mut self, chunk: &Chunk, faults: &[OrderFault]) {
        for &fault in faults {
            // What is there already is also late, which need not be said.
            if fault == OrderFault::PartOutOfOrder && faults.contains(&OrderFault::RepeatedPart) {
                continue;
            }
            if let Some(what) = self.what_is_wrong(chunk, fault) {
                let message = format!("{what} found ({})", chunk.header.kind);
                let finding = Finding::fault("order", chunk.offset, message);
                self.findings.push(finding.in_chunk(chunk.number));
            }
        }
    }

    /// The fault in words; `None` where the walk over the file has said it.
    fn what_is_wrong(&self, chunk: &Chunk, fault: OrderFault) -> Option<String> {
        let apart = chunk.header.kind == ChunkType::NETW && !self.networks.is_empty();
        Some(match fault {
            OrderFault::UnknownPlace => return None,
            OrderFault::WeightsAfterUse => "weights behind a frame that uses networks".into(),
            OrderFault::SecondWeightSet if apart => "a network behind weights and a frame".into(),
            OrderFault::SecondWeightSet if chunk.header.kind == ChunkType::NETW => {
                OrderFault::NetworkOutOfOrder.to_string()
            }
            OrderFault::PartWithoutFrame if self.frames.is_empty() => {
                "a part of a frame before any frame".into()
            }
            OrderFault::PartWithoutFrame => "a part of a frame behind weights".into(),
            fault => fault.to_string(),
        })
    }

    /// A record of a whole chunk, or a finding.
    fn record<T>(
        &mut self,
        chunk: &Chunk,
        parse: impl FnOnce(&[u8], u64) -> Result<T, Error>,
    ) -> Option<T> {
        if !chunk.is_whole() {
            return None;
        }
        match parse(self.scan.payload(chunk), chunk.payload_offset()) {
            Ok(record) => Some(record),
            Err(error) => {
                let finding = Finding::from_error("record", chunk.payload_offset(), &error);
                self.findings.push(finding.in_chunk(chunk.number));
                None
            }
        }
    }

    fn add_dataset(&mut self, chunk: &Chunk) {
        let before = self.findings.len();
        if self.dataset.is_none() {
            self.dataset = self.record(chunk, Dataset::parse);
        }
        let mut found = self.findings.iter().skip(before);
        self.has_newer_dataset |= found.any(|f| f.severity == Severity::Unsupported);
        if self.dataset.is_some() || self.has_newer_dataset {
            self.order.add_dataset();
        }
    }

    fn add_network(&mut self, chunk: &Chunk, limits: &Limits) {
        let network = self.record(chunk, |payload, _| Network::from_bytes(payload, limits));
        self.networks.push(NetworkChunk {
            chunk: *chunk,
            network,
        });
    }

    fn add_frame(&mut self, chunk: &Chunk) {
        let dataset = self.dataset.take();
        let frame = dataset.as_ref().and_then(|dataset| {
            self.record(chunk, |payload, offset| {
                Frame::parse(payload, offset, |field| dataset.dtype(field))
            })
        });
        self.dataset = dataset;
        if let Some(fault) = frame.as_ref().and_then(|frame| self.order.add_frame(frame)) {
            let finding = Finding::fault("order", chunk.offset, format!("{fault} found"));
            self.findings.push(finding.in_chunk(chunk.number));
        }
        self.frames.push(FrameChunks {
            chunk: *chunk,
            frame,
            mask: None,
            tree: None,
            bricks: Vec::new(),
            corrections: None,
            gap: false,
        });
    }

    /// A part of a frame, unless it cannot be told of which.
    fn add_part(&mut self, chunk: &Chunk) {
        let Some(frame) = self.frames.last_mut().filter(|frame| !frame.gap) else {
            return;
        };
        let slot = match chunk.header.kind {
            ChunkType::MASK => &mut frame.mask,
            ChunkType::TREE => &mut frame.tree,
            ChunkType::CORR => &mut frame.corrections,
            _ => return frame.bricks.push(*chunk),
        };
        slot.get_or_insert(*chunk);
    }
}

/// The levels where a frame uses networks.
#[must_use]
pub fn network_levels(network: &NetworkUse) -> Vec<usize> {
    let used = network.gains.iter().enumerate().filter(|(_, g)| **g > 0.0);
    used.map(|(level, _)| level).collect()
}
