//! The header of `.npy` files, versions 1 to 3.
//!
//! Headers come from strangers, so this is a strict parser of the one dictionary numpy writes: length,
//! nesting and integers are bounded before anything is allocated. A general Python literal parser (as
//! in `npyz`) takes a length of 4 GiB at its word, and its time doubles with every nested bracket;
//! tests use that crate as the independent opinion.

use crate::base::dtype::{ByteOrder, Dtype};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::volume::io::layout::{ArrayHeader, ArrayLayout};

pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// Bytes that always suffice to know where the data starts.
pub(super) const PREFIX_LEN: usize = 12;
/// Longest dictionary read; numpy itself refuses more than 10 000 bytes.
const MAX_DICT_LEN: usize = 1 << 16;
/// Deepest nesting of brackets read; a structured type nested once needs 5.
const MAX_DEPTH: usize = 16;

/// Where the data starts, from the first [`PREFIX_LEN`] bytes (fewer if the file is shorter).
///
/// # Errors
/// `Truncated`, `Unsupported` for another version or a longer dictionary than any real one.
pub(super) fn data_offset(prefix: &[u8]) -> Result<usize> {
    let version = prefix.get(6..8).ok_or_else(|| short(8, prefix.len()))?;
    let (start, dict_len) = match *version {
        [1, 0] => match prefix.get(8..10) {
            Some(&[a, b]) => (10, usize::from(u16::from_le_bytes([a, b]))),
            _ => return Err(short(10, prefix.len())),
        },
        [2 | 3, 0] => match prefix.get(8..12) {
            Some(&[a, b, c, d]) => (12, u32::from_le_bytes([a, b, c, d]) as usize),
            _ => return Err(short(12, prefix.len())),
        },
        [major, minor] => {
            return Err(Error::unsupported(format!(
                "npy version 1.0, 2.0 or 3.0 expected, {major}.{minor} found"
            )));
        }
        _ => return Err(short(8, prefix.len())),
    };
    if dict_len > MAX_DICT_LEN {
        return Err(Error::unsupported(format!(
            "npy header of at most {MAX_DICT_LEN} bytes expected, {dict_len} found"
        )));
    }
    Ok(start + dict_len)
}

/// Parses the header of a field at the start of `bytes`, which begin with [`MAGIC`].
///
/// # Errors
/// Those of [`header`]; `InvalidArgument` for other ranks than 1 to 3.
pub(super) fn parse(bytes: &[u8]) -> Result<ArrayLayout> {
    let header = header(bytes)?;
    Ok(ArrayLayout {
        offset: header.offset,
        shape: grid_shape(&header.extents)?,
        dtype: header.dtype,
        order: header.order,
        fortran: header.fortran,
        runs: None,
    })
}

/// Parses the header at the start of `bytes`, which begin with [`MAGIC`].
///
/// # Errors
/// `Truncated` or `Corrupt` for a damaged header; `Unsupported` for other types than f16, f32,
/// f64 and integers of up to 32 bits.
pub(super) fn header(bytes: &[u8]) -> Result<ArrayHeader> {
    let offset = data_offset(bytes)?;
    let header = bytes
        .get(..offset)
        .ok_or_else(|| short(offset, bytes.len()))?;
    let start = if header.get(6) == Some(&1) { 10 } else { 12 };
    let mut cursor = HeaderText {
        bytes: header,
        at: start,
    };
    let (mut descr, mut fortran, mut extents) = (None, None, None);
    cursor.expect(b'{')?;
    while !cursor.accept(b'}') {
        let at = cursor.at;
        let (Literal::Text(key), ()) = (cursor.value(0)?, cursor.expect(b':')?) else {
            return Err(Error::corrupt("npy header: a quoted key expected").at(at as u64));
        };
        let value = cursor.value(0)?;
        let slot = match key.as_str() {
            "descr" => &mut descr,
            "fortran_order" => &mut fortran,
            "shape" => &mut extents,
            _ => {
                return Err(
                    Error::corrupt(format!("npy header: unknown key {key:?}")).at(at as u64)
                );
            }
        };
        if slot.replace(value).is_some() {
            return Err(Error::corrupt(format!("npy header: '{key}' twice")).at(at as u64));
        }
        if !cursor.accept(b',') {
            cursor.expect(b'}')?;
            break;
        }
    }
    cursor.finish()?;
    let missing = |key| Error::corrupt(format!("npy header: '{key}' is missing"));
    let (dtype, order) = sample_type(&descr.ok_or_else(|| missing("descr"))?)?;
    let Literal::Bool(fortran) = fortran.ok_or_else(|| missing("fortran_order"))? else {
        return Err(Error::corrupt("npy header: 'fortran_order' is not a bool"));
    };
    let extents = integers(&extents.ok_or_else(|| missing("shape"))?)?;
    Ok(ArrayHeader {
        offset,
        extents,
        dtype,
        order,
        fortran,
    })
}

/// Signs for the order of bytes.
const ORDERS: [char; 4] = ['<', '>', '|', '='];

/// A type of numbers in any of numpy's spellings: code and size, code of one letter, name. Without `<` or `>` it is in
/// the order of the machine.
fn number_type(text: &str) -> Option<(Dtype, ByteOrder)> {
    let text = text.trim_end_matches('\0');
    let (order, name) = match text.strip_prefix(ORDERS) {
        None => (ByteOrder::NATIVE, text),
        Some(name) if text.starts_with('<') => (ByteOrder::Little, name),
        Some(name) if text.starts_with('>') => (ByteOrder::Big, name),
        Some(name) => (ByteOrder::NATIVE, name),
    };
    let dtype = match name {
        "f2" | "e" | "float16" | "half" => Dtype::F16,
        "f4" | "f" | "float32" | "single" => Dtype::F32,
        "f8" | "d" | "float64" | "double" | "float" => Dtype::F64,
        "u1" | "B" | "uint8" | "ubyte" => Dtype::U8,
        "i1" | "b" | "int8" | "byte" => Dtype::I8,
        "u2" | "H" | "uint16" | "ushort" => Dtype::U16,
        "i2" | "h" | "int16" | "short" => Dtype::I16,
        "u4" | "I" | "uint32" | "uintc" => Dtype::U32,
        "i4" | "i" | "int32" | "intc" => Dtype::I32,
        _ => return None,
    };
    Some((dtype, order))
}

fn sample_type(descr: &Literal) -> Result<(Dtype, ByteOrder)> {
    let found = match descr {
        Literal::Text(text) => {
            if let Some(found) = number_type(text) {
                return Ok(found);
            }
            let shown = text.escape_debug();
            match text.trim_start_matches(ORDERS).chars().next() {
                Some('i' | 'u' | 'l' | 'L' | 'q' | 'Q') => {
                    format!("integers of more than 32 bits ('{shown}')")
                }
                Some('c') => format!("complex numbers ('{shown}')"),
                Some('b') => format!("booleans or bytes ('{shown}')"),
                _ => format!("'{shown}'"),
            }
        }
        Literal::List(_) => "a structured type".to_owned(),
        Literal::Bool(_) | Literal::Int(_) | Literal::None => {
            return Err(Error::corrupt("npy header: 'descr' is not a type"));
        }
    };
    Err(Error::unsupported(format!(
        "sample type {found} found; f16, f32, f64 and integers of up to 32 bits of either byte order are accepted"
    )))
}

fn integers(shape: &Literal) -> Result<Vec<usize>> {
    let Literal::List(items) = shape else {
        return Err(Error::corrupt("npy header: 'shape' is not a tuple"));
    };
    let mut extents = Vec::with_capacity(items.len());
    for item in items {
        let &Literal::Int(extent) = item else {
            return Err(Error::corrupt("npy header: 'shape' holds no integers"));
        };
        let extent = usize::try_from(extent)
            .map_err(|_| Error::invalid(format!("extent {extent} is too large")))?;
        extents.push(extent);
    }
    Ok(extents)
}

fn grid_shape(extents: &[usize]) -> Result<Shape> {
    let spare = extents.len().saturating_sub(3);
    let (leading, kept) = extents.split_at(spare);
    if leading.iter().any(|&extent| extent != 1) || !(1..=3).contains(&kept.len()) {
        return Err(Error::invalid(format!(
            "array of rank {} ({extents:?}) found; rank 1 to 3 are accepted, and more only as \
             leading axes of length 1, or with an axis of time steps",
            extents.len()
        )));
    }
    Shape::new(kept)
}

/// The Python literals that occur in headers; lists stand for tuples too.
enum Literal {
    Text(String),
    Bool(bool),
    Int(u64),
    List(Vec<Literal>),
    None,
}

struct HeaderText<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl HeaderText<'_> {
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
        self.bytes.get(self.at).copied()
    }

    fn accept(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.accept(wanted) {
            return Ok(());
        }
        Err(self.error(&format!("'{}' expected", char::from(wanted))))
    }

    fn finish(&mut self) -> Result<()> {
        // Some writers fill up with zeros instead of blanks.
        while self.peek() == Some(0) {
            self.at += 1;
        }
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.error("end of header expected")),
        }
    }

    fn error(&self, what: &str) -> Error {
        let found = match self.bytes.get(self.at) {
            Some(&b) => format!("'{}'", char::from(b).escape_default()),
            None => "end of header".to_owned(),
        };
        Error::corrupt(format!("npy header: {what}, {found} found")).at(self.at as u64)
    }

    fn value(&mut self, depth: usize) -> Result<Literal> {
        match self.peek() {
            Some(quote @ (b'\'' | b'"')) => self.text(quote),
            Some(b'0'..=b'9') => self.integer(),
            Some(b'(') => self.list(b')', depth),
            Some(b'[') => self.list(b']', depth),
            _ => self.word(),
        }
    }

    fn text(&mut self, quote: u8) -> Result<Literal> {
        self.at += 1;
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut escaped = false;
        let len = rest.iter().position(|&b| {
            let end = b == quote && !escaped;
            escaped = b == b'\\' && !escaped;
            end
        });
        let Some(text) = len.and_then(|len| rest.get(..len)) else {
            return Err(self.error("closing quote expected"));
        };
        self.at += text.len() + 1;
        Ok(Literal::Text(String::from_utf8_lossy(text).into_owned()))
    }

    fn integer(&mut self) -> Result<Literal> {
        let mut value = 0u64;
        while let Some(&digit @ b'0'..=b'9') = self.bytes.get(self.at) {
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(u64::from(digit - b'0')))
                .ok_or_else(|| self.error("integer below 2^64 expected"))?;
            self.at += 1;
        }
        // Python 2 wrote long integers with a suffix.
        self.at += usize::from(self.bytes.get(self.at) == Some(&b'L'));
        Ok(Literal::Int(value))
    }

    fn list(&mut self, close: u8, depth: usize) -> Result<Literal> {
        if depth == MAX_DEPTH {
            return Err(Error::unsupported(format!(
                "npy header: brackets nested more than {MAX_DEPTH} deep"
            ))
            .at(self.at as u64));
        }
        self.at += 1;
        let mut items = Vec::new();
        while !self.accept(close) {
            items.push(self.value(depth + 1)?);
            if !self.accept(b',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(Literal::List(items))
    }

    fn word(&mut self) -> Result<Literal> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (word, literal) in [
            ("True", Literal::Bool(true)),
            ("False", Literal::Bool(false)),
            ("None", Literal::None),
        ] {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(literal);
            }
        }
        Err(self.error("a value expected"))
    }
}

fn short(expected: usize, found: usize) -> Error {
    Error::truncated(format!(
        "npy header of at least {expected} bytes expected, file has {found}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_in_all_spellings_of_numpy() {
        // Padded with zeros.
        let read = |descr: &str| {
            let dict =
                format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 3), }}\0\0\n");
            let len = (dict.len() as u16).to_le_bytes();
            parse(&[MAGIC, &b"\x01\0"[..], &len, dict.as_bytes()].concat())
        };
        for (dtype, codes) in [
            (Dtype::F16, ["f2", "e", "float16", "half", "f2\0"]),
            (Dtype::F32, ["f4", "f", "float32", "single", "f4\0\0"]),
            (Dtype::F64, ["f8", "d", "float64", "double", "float"]),
            (Dtype::U8, ["u1", "B", "uint8", "ubyte", "u1\0"]),
            (Dtype::I8, ["i1", "b", "int8", "byte", "i1\0"]),
            (Dtype::U16, ["u2", "H", "uint16", "ushort", "u2\0"]),
            (Dtype::I16, ["i2", "h", "int16", "short", "i2\0"]),
            (Dtype::U32, ["u4", "I", "uint32", "uintc", "u4\0"]),
            (Dtype::I32, ["i4", "i", "int32", "intc", "i4\0"]),
        ] {
            for code in codes {
                for (sign, order) in [
                    ("", ByteOrder::NATIVE),
                    ("=", ByteOrder::NATIVE),
                    ("|", ByteOrder::NATIVE),
                    ("<", ByteOrder::Little),
                    (">", ByteOrder::Big),
                ] {
                    let layout = read(&format!("{sign}{code}")).unwrap();
                    assert_eq!((layout.dtype, layout.order), (dtype, order), "{sign}{code}");
                }
            }
        }
        for other in ["", "<", "f", "=f16", "<<f4", "f4 ", "\0f4"] {
            assert_eq!(read(other).is_ok(), other == "f", "{other:?}");
        }
    }
}
