//! Codec `mask`: which voxels are not ordinary numbers (NaN, infinities, fill values), and what they
//! are, bit for bit. Format: `spec/codecs/mask.md`.

use std::collections::HashMap;

use crate::base::dtype::{Dtype, Element};
use crate::base::error::{Error, Result};
use crate::base::grid::{Region, Shape};
use crate::base::limits::Limits;
use crate::codec::bits::BitCoder;
use crate::codec::ctx::{Bit, RangeDecoder, RangeEncoder};

/// Most patterns of a palette.
const MAX_PALETTE: usize = 255;
/// Palette places kept free of NaN payloads: two infinities, the fill value or two zeros, plain NaN.
const RESERVED: usize = 5;

/// The voxels that are not ordinary numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    /// One class per voxel, `x` fastest: 0 for an ordinary value, `k` for `palette[k - 1]`.
    pub classes: Vec<u8>,
    /// Bit patterns of the field's value type in order of first appearance; 1 to 255 of them.
    pub palette: Vec<u64>,
}

/// Tells values that are no ordinary numbers.
fn special<E: Element>(mask_value: Option<f64>) -> impl Fn(&E) -> bool {
    let fill = mask_value.and_then(E::from_mark);
    move |v| !v.is_finite() || fill.is_some_and(|fill| *v == fill)
}

impl Mask {
    /// Whether a field with these values needs a mask.
    #[must_use]
    pub fn is_needed<E: Element>(values: &[E], mask_value: Option<f64>) -> bool {
        values.iter().any(special(mask_value))
    }

    /// Finds NaN, infinities and values equal to `mask_value` (rounded to `E`); `None` when there are
    /// none. Each bit pattern is a class of its own, so NaN payloads and the sign of a zero survive;
    /// beyond 250 different NaNs further ones become [`Element::QUIET_NAN`].
    #[must_use]
    pub fn find<E: Element>(values: &[E], mask_value: Option<f64>) -> Option<Self> {
        let special = special(mask_value);
        let first = values.iter().position(&special)?;
        let mut classes = vec![0; values.len()];
        let mut palette = Palette::default();
        let mut last = (0, 0);
        for (class, value) in classes[first..].iter_mut().zip(&values[first..]) {
            if !special(value) {
                continue;
            }
            let bits = value.to_bits64();
            if last.1 == 0 || last.0 != bits {
                last = (bits, palette.class::<E>(bits));
            }
            *class = last.1;
        }
        Some(Self {
            classes,
            palette: palette.patterns,
        })
    }

    /// Whether the bits of every special one of `values`, which the mask was found in, are in the palette.
    #[must_use]
    pub fn keeps<E: Element>(&self, values: &[E]) -> bool {
        let pattern = |class: u8| usize::from(class).checked_sub(1).map(|k| self.palette[k]);
        let mut voxels = self.classes.iter().zip(values);
        voxels.all(|(&class, value)| pattern(class).is_none_or(|bits| bits == value.to_bits64()))
    }

    /// Whether each voxel is an ordinary number.
    #[must_use]
    pub fn ordinary(&self) -> Vec<bool> {
        self.classes.iter().map(|&class| class == 0).collect()
    }

    /// Puts the special values of a field of `shape` into the values of `region`.
    pub fn apply<E: Element>(&self, shape: Shape, region: Region, values: &mut [E]) {
        let palette: Vec<E> = self.palette.iter().map(|&b| E::from_bits64(b)).collect();
        let special = |class: u8| {
            usize::from(class)
                .checked_sub(1)
                .and_then(|k| palette.get(k))
        };
        shape
            .region()
            .for_each_row(&region, &region, |from, to, len| {
                let (classes, values) =
                    (&self.classes[from..from + len], &mut values[to..to + len]);
                for (value, &class) in values.iter_mut().zip(classes) {
                    if let Some(&special) = special(class) {
                        *value = special;
                    }
                }
            });
    }

    /// Serialises the mask of a field of type `dtype`; `classes` covers `shape`.
    #[must_use]
    pub fn encode(&self, shape: Shape, dtype: Dtype) -> Vec<u8> {
        // A palette has at most `MAX_PALETTE` entries.
        let mut out = vec![u8::try_from(self.palette.len()).unwrap_or(u8::MAX)];
        for pattern in &self.palette {
            let bytes = pattern.to_le_bytes();
            out.extend(bytes.iter().take(dtype.size()));
        }
        let mut coder = RangeEncoder::default();
        MaskModel::default().volume(shape, &mut self.classes.clone(), &mut coder);
        out.extend(coder.finish());
        out
    }

    /// Reads a mask of a field of type `dtype` on a grid of `shape`.
    ///
    /// # Errors
    /// `Corrupt` when the payload is not a mask of that grid, `LimitExceeded` when the grid passes
    /// `limits`.
    pub fn decode(shape: Shape, dtype: Dtype, payload: &[u8], limits: &Limits) -> Result<Self> {
        limits.check_decoded(shape.len() as u64)?;
        let Some((&count, mut rest)) = payload.split_first() else {
            return Err(Error::corrupt("mask payload is empty"));
        };
        let size = dtype.size();
        let mut palette: Vec<u64> = Vec::new();
        for _ in 0..count {
            let Some((stored, behind)) = rest.split_at_checked(size) else {
                return Err(Error::corrupt("mask palette ends early"));
            };
            rest = behind;
            let mut bytes = [0; 8];
            for (byte, &stored) in bytes.iter_mut().zip(stored) {
                *byte = stored;
            }
            let pattern = u64::from_le_bytes(bytes);
            if palette.contains(&pattern) {
                return Err(Error::corrupt(format!(
                    "mask palette holds {pattern:#x} twice"
                )));
            }
            palette.push(pattern);
        }
        if palette.is_empty() {
            return Err(Error::corrupt("mask palette is empty"));
        }
        let mut coder = RangeDecoder::new(rest);
        let mut classes = vec![0; shape.len()];
        MaskModel::default().volume(shape, &mut classes, &mut coder);
        coder.check_end("mask")?;
        if let Some(class) = classes.iter().find(|&&c| usize::from(c) > palette.len()) {
            return Err(Error::corrupt(format!(
                "mask classes up to {} expected, {class} found",
                palette.len()
            )));
        }
        Ok(Self { classes, palette })
    }
}

/// Bit patterns and the class of each.
#[derive(Default)]
struct Palette {
    patterns: Vec<u64>,
    classes: HashMap<u64, u8>,
    nans: usize,
}

impl Palette {
    /// The class of a pattern, a new one where it was not seen before.
    fn class<E: Element>(&mut self, bits: u64) -> u8 {
        if let Some(&class) = self.classes.get(&bits) {
            return class;
        }
        if bits != E::QUIET_NAN && E::from_bits64(bits).to_f64().is_nan() {
            if self.nans == MAX_PALETTE - RESERVED {
                return self.class::<E>(E::QUIET_NAN);
            }
            self.nans += 1;
        }
        self.patterns.push(bits);
        // At most `MAX_PALETTE` patterns by the count above.
        let class = u8::try_from(self.patterns.len()).unwrap_or(u8::MAX);
        self.classes.insert(bits, class);
        class
    }
}

/// How a row was coded: the context of rows near it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowKind {
    /// Equal to the row before it in the plane.
    Above,
    /// Equal to the same row of the plane before.
    Behind,
    /// Voxel by voxel.
    Coded,
}

/// The adaptive state of one mask.
struct MaskModel {
    plane: [Bit; 2],
    above: [Bit; 9],
    behind: [Bit; 9],
    left: [Bit; 128],
    up: [Bit; 8],
    back: [Bit; 4],
    class: [Bit; 256],
}

impl Default for MaskModel {
    fn default() -> Self {
        Self {
            plane: [Bit::EVEN; 2],
            above: [Bit::EVEN; 9],
            behind: [Bit::EVEN; 9],
            left: [Bit::EVEN; 128],
            up: [Bit::EVEN; 8],
            back: [Bit::EVEN; 4],
            class: [Bit::EVEN; 256],
        }
    }
}

impl MaskModel {
    /// Codes all planes. A reader's `classes` are all zero before; it stops where its bytes end.
    fn volume<C: BitCoder>(&mut self, shape: Shape, classes: &mut [u8], coder: &mut C) {
        let [_, ny, nx] = shape.dims();
        let none = vec![0; nx];
        let mut kinds = vec![RowKind::Above; ny];
        let mut repeated = false;
        let mut done = 0;
        while done < classes.len() && !coder.overran() {
            let (before, rest) = classes.split_at_mut(done);
            let plane = &mut rest[..ny * nx];
            let last = before.len().checked_sub(ny * nx).map(|at| &before[at..]);
            done += ny * nx;
            if let Some(last) = last {
                let same = C::WRITES && plane == last;
                repeated = coder.bit(&mut self.plane[usize::from(repeated)], same);
                if repeated {
                    plane.copy_from_slice(last);
                    continue;
                }
            }
            let mut kind = RowKind::Above;
            for (y, beside) in kinds.iter_mut().enumerate() {
                let (above, rest) = plane.split_at_mut(y * nx);
                let rows = Rows {
                    above: above.len().checked_sub(nx).map_or(&none, |at| &above[at..]),
                    behind: last.map(|last| &last[y * nx..][..nx]),
                };
                kind = self.row(
                    &rows,
                    &mut rest[..nx],
                    kind as usize * 3 + *beside as usize,
                    coder,
                );
                *beside = kind;
            }
        }
    }

    fn row<C: BitCoder>(
        &mut self,
        rows: &Rows<'_>,
        row: &mut [u8],
        context: usize,
        coder: &mut C,
    ) -> RowKind {
        let same = C::WRITES && row == rows.above;
        if coder.bit(&mut self.above[context], same) {
            row.copy_from_slice(rows.above);
            return RowKind::Above;
        }
        if let Some(behind) = rows.behind {
            let same = C::WRITES && row == behind;
            if coder.bit(&mut self.behind[context], same) {
                row.copy_from_slice(behind);
                return RowKind::Behind;
            }
        }
        let at = |row: &[u8], x: usize| row.get(x).copied().unwrap_or(0);
        let (mut left, mut left2, mut up_left) = (0, 0, 0);
        for x in 0..row.len() {
            let neighbours = Neighbours {
                left,
                left2,
                up_left,
                up: rows.above[x],
                up_right: at(rows.above, x + 1),
                back: rows.behind.map_or(0, |b| b[x]),
                back_right: rows.behind.map_or(0, |b| at(b, x + 1)),
            };
            row[x] = self.voxel(&neighbours, row[x], coder);
            (left2, left, up_left) = (left, row[x], neighbours.up);
        }
        RowKind::Coded
    }

    #[inline]
    fn voxel<C: BitCoder>(&mut self, neighbours: &Neighbours, class: u8, coder: &mut C) -> u8 {
        let Neighbours { left, up, back, .. } = *neighbours;
        let context = bits([
            left == up,
            left == back,
            left == neighbours.up_right,
            left == neighbours.up_left,
            left == neighbours.back_right,
            left == neighbours.left2,
            left == 0,
        ]);
        if coder.bit(&mut self.left[context], class == left) {
            return left;
        }
        if up != left {
            let context = bits([up == back, up == neighbours.up_right, up == 0]);
            if coder.bit(&mut self.up[context], class == up) {
                return up;
            }
        }
        if back != left && back != up {
            let context = bits([back == neighbours.back_right, back == 0]);
            if coder.bit(&mut self.back[context], class == back) {
                return back;
            }
        }
        let mut node = 1u8;
        for shift in (1..8).rev() {
            let bit = coder.bit(&mut self.class[usize::from(node)], class >> shift & 1 == 1);
            node = node << 1 | u8::from(bit);
        }
        let bit = coder.bit(&mut self.class[usize::from(node)], class & 1 == 1);
        node << 1 | u8::from(bit)
    }
}

/// The rows a row is compared with.
struct Rows<'a> {
    /// Row `y - 1`, zeros at `y = 0`.
    above: &'a [u8],
    /// The same row of plane `z - 1`, if there is one.
    behind: Option<&'a [u8]>,
}

/// Classes of the coded neighbours of a voxel, 0 outside the grid.
struct Neighbours {
    left: u8,
    left2: u8,
    up_left: u8,
    up: u8,
    up_right: u8,
    back: u8,
    back_right: u8,
}

/// The number whose bit `i` is flag `i`.
#[inline(always)]
fn bits<const N: usize>(flags: [bool; N]) -> usize {
    let mut out = 0;
    for (i, flag) in flags.into_iter().enumerate() {
        out |= usize::from(flag) << i;
    }
    out
}

#[cfg(test)]
mod tests;
