//! Chunk types and the 20-byte chunk header (spec section 3).

use std::fmt;

use crate::base::error::{Error, Result};
use crate::container::bytes::Cursor;

/// Length of a chunk header in bytes.
pub const CHUNK_HEADER_LEN: usize = 20;
/// Longest payload in bytes.
const MAX_STORED_LEN: u32 = (1 << 31) - 1;

/// Four ASCII letters. Lower case first letter: ancillary. Lower case second: private. Third: upper
/// case. Lower case fourth: safe to copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkType([u8; 4]);

impl ChunkType {
    /// Dataset: domain and fields.
    pub const DSET: Self = Self(*b"DSET");
    /// One embedded network.
    pub const NETW: Self = Self(*b"NETW");
    /// A weight set by reference.
    pub const NREF: Self = Self(*b"NREF");
    /// A frame begins.
    pub const FRAM: Self = Self(*b"FRAM");
    /// Values outside the numbers: NaN, infinities, fill.
    pub const MASK: Self = Self(*b"MASK");
    /// SR-octree.
    pub const TREE: Self = Self(*b"TREE");
    /// One brick of coefficients or values.
    pub const BRIK: Self = Self(*b"BRIK");
    /// Corrections to single voxels.
    pub const CORR: Self = Self(*b"CORR");
    /// Index of all chunks before it.
    pub const INDX: Self = Self(*b"INDX");

    /// What else is known of a dataset: ancillary, and not in the registry.
    pub const ATTR: Self = Self(*b"aTTr");

    /// The registry: a type's place is its code in the index.
    pub(super) const KNOWN: [Self; 9] = [
        Self::DSET,
        Self::NETW,
        Self::NREF,
        Self::FRAM,
        Self::MASK,
        Self::TREE,
        Self::BRIK,
        Self::CORR,
        Self::INDX,
    ];

    /// From four bytes.
    ///
    /// # Errors
    /// `Corrupt` unless all are ASCII letters and the third is upper case.
    pub fn from_bytes(bytes: [u8; 4]) -> Result<Self> {
        let [_, _, reserved, _] = bytes;
        if bytes.iter().all(u8::is_ascii_alphabetic) && reserved.is_ascii_uppercase() {
            return Ok(Self(bytes));
        }
        Err(Error::corrupt(format!(
            "chunk type of four letters expected, {} found",
            bytes.escape_ascii()
        )))
    }

    /// The four letters.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        self.0
    }

    /// Whether a reader that does not know the type must stop.
    #[must_use]
    pub fn is_critical(self) -> bool {
        self.0[0].is_ascii_uppercase()
    }

    /// Whether an editor that does not know the type may keep the chunk when it changes others.
    #[must_use]
    pub fn is_safe_to_copy(self) -> bool {
        self.0[3].is_ascii_lowercase()
    }

    /// Whether it is a part of a frame, after the frame's record.
    #[must_use]
    pub fn is_frame_part(self) -> bool {
        [Self::MASK, Self::TREE, Self::BRIK, Self::CORR].contains(&self)
    }

    /// Its code in the index, where it has one.
    pub(super) fn code(self) -> Option<u8> {
        let mut codes = Self::KNOWN.iter().zip(0u8..);
        codes.find(|(kind, _)| **kind == self).map(|(_, code)| code)
    }

    /// Whether this reader knows it.
    #[must_use]
    pub fn is_known(self) -> bool {
        Self::KNOWN.contains(&self)
    }
}

impl fmt::Display for ChunkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for ChunkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What stands before every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHeader {
    /// Type.
    pub kind: ChunkType,
    /// Bytes of payload.
    pub stored_len: u32,
    /// Brick or network number, else 0.
    pub part: u32,
    /// CRC-32 of the payload.
    pub payload_crc: u32,
}

impl ChunkHeader {
    /// Describes a payload.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too long for one chunk.
    pub fn describe(kind: ChunkType, part: u32, payload: &[u8]) -> Result<Self> {
        let stored_len = u32::try_from(payload.len())
            .ok()
            .filter(|&len| len <= MAX_STORED_LEN)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "{kind} payload of {} bytes is too long",
                    payload.len()
                ))
            })?;
        Ok(Self {
            kind,
            stored_len,
            part,
            payload_crc: crc32fast::hash(payload),
        })
    }

    /// Serialises the header of chunk number `number` of its file; the last four bytes are its CRC.
    #[must_use]
    pub fn to_bytes(&self, number: u64) -> [u8; CHUNK_HEADER_LEN] {
        let mut out = [0; CHUNK_HEADER_LEN];
        let fields = [
            self.kind.to_bytes(),
            self.stored_len.to_le_bytes(),
            self.part.to_le_bytes(),
            self.payload_crc.to_le_bytes(),
        ];
        let (covered, crc) = out.split_at_mut(CHUNK_HEADER_LEN - 4);
        covered.copy_from_slice(fields.as_flattened());
        crc.copy_from_slice(&header_crc(covered, number).to_le_bytes());
        out
    }

    /// Reads and checks the header of chunk number `number`, found at `offset`. Also returns its CRC.
    ///
    /// # Errors
    /// `Corrupt` when the CRC or a field is wrong.
    pub fn parse(bytes: &[u8; CHUNK_HEADER_LEN], number: u64, offset: u64) -> Result<(Self, u32)> {
        let [covered @ .., c0, c1, c2, c3] = bytes;
        let stored = u32::from_le_bytes([*c0, *c1, *c2, *c3]);
        let computed = header_crc(covered, number);
        if stored != computed {
            return Err(Error::corrupt(format!(
                "header crc {computed:#010x} of chunk {number} expected, {stored:#010x} found"
            ))
            .at(offset));
        }
        let mut f = Cursor::new(covered, offset);
        let kind = ChunkType::from_bytes(f.array("chunk type")?).map_err(|e| e.at(offset))?;
        let stored_len = f.u32("stored length")?;
        if stored_len > MAX_STORED_LEN {
            return Err(Error::corrupt(format!(
                "stored length below 2^31 expected, {stored_len} found"
            ))
            .at(offset + 4));
        }
        let part = f.u32("part")?;
        let payload_crc = f.u32("payload crc")?;
        f.finish("chunk header")?;
        let header = Self {
            kind,
            stored_len,
            part,
            payload_crc,
        };
        Ok((header, stored))
    }

    /// Checks a payload against its CRC.
    ///
    /// # Errors
    /// `Corrupt` when it differs.
    pub fn check_payload(&self, payload: &[u8], offset: u64) -> Result<()> {
        let computed = crc32fast::hash(payload);
        if computed != self.payload_crc {
            return Err(Error::corrupt(format!(
                "payload crc {:#010x} of {} expected, {computed:#010x} found",
                self.payload_crc, self.kind
            ))
            .at(offset));
        }
        Ok(())
    }
}

/// CRC-32 of the fields followed by the chunk's number: lost and moved chunks show.
fn header_crc(covered: &[u8], number: u64) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(covered);
    crc.update(&number.to_le_bytes());
    crc.finalize()
}
