//! The record `DSET` (spec section 4.1): what a file describes.

use crate::base::dtype::Dtype;
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::container::Frame;
use crate::container::bytes::{Cursor, Encode, MAX_STRING};

/// Most fields of a dataset.
const MAX_FIELDS: u64 = 4096;

/// `DSET`: domain, fields and where the domain lies.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Dataset {
    /// Domain.
    pub shape: Shape,
    /// Named quantities.
    pub fields: Vec<Field>,
    /// Where the voxels lie, if that is known.
    pub placement: Option<Placement>,
    /// Unit of the placement as text; may be empty.
    pub length_unit: String,
    /// Unit of the frames' times as text; may be empty.
    pub time_unit: String,
}

/// A named quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name; may be empty in a file of one field.
    pub name: String,
    /// Unit as text; may be empty.
    pub unit: String,
    /// Type of its values.
    pub dtype: Dtype,
}

/// Where voxels lie: voxel `i` of an axis at `origin + i * spacing`. Axes `z, y, x`; what rank 2 lacks
/// is 1 and 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Distance of neighbouring voxels, above 0.
    pub spacing: [f64; 3],
    /// Place of the first voxel.
    pub origin: [f64; 3],
}

/// Sets a unit that may be known already; empty ones are not.
///
/// # Errors
/// `InvalidArgument` when `what` is known to be another.
pub fn set_or_check_unit(what: &str, known: &mut String, other: &str) -> Result<()> {
    if known.is_empty() {
        other.clone_into(known);
    } else if !other.is_empty() && known != other {
        return Err(Error::invalid(format!(
            "one {what} expected, {known:?} and {other:?} found"
        )));
    }
    Ok(())
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            spacing: [1.0; 3],
            origin: [0.0; 3],
        }
    }
}

impl Dataset {
    /// Fields on a domain of which no more is known.
    #[must_use]
    pub fn new(shape: Shape, fields: Vec<Field>) -> Self {
        Self {
            shape,
            fields,
            placement: None,
            length_unit: String::new(),
            time_unit: String::new(),
        }
    }

    /// Place of the field of that name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// A field by its number in the records; `None` if there is no such field.
    #[must_use]
    pub fn numbered(&self, field: u64) -> Option<&Field> {
        self.fields.get(usize::try_from(field).ok()?)
    }

    /// Type of the values of a field, by its number in the records; `None` if there is no such field.
    #[must_use]
    pub fn dtype(&self, field: u64) -> Option<Dtype> {
        Some(self.numbered(field)?.dtype)
    }

    /// Type of the values of a frame.
    ///
    /// # Errors
    /// `Corrupt` when the dataset has no such field.
    pub fn dtype_of(&self, frame: &Frame) -> Result<Dtype> {
        let field = frame.field;
        let missing = || Error::corrupt(format!("no field {field} in the dataset"));
        self.dtype(field).ok_or_else(missing)
    }

    /// Checks what the format asks of a dataset.
    ///
    /// # Errors
    /// `InvalidArgument` for two fields of one name, more than 4 096 fields, texts of more than 1 024
    /// bytes, or a placement that is none.
    pub fn check(&self) -> Result<()> {
        if self.fields.len() as u64 > MAX_FIELDS {
            return Err(Error::invalid(format!(
                "at most {MAX_FIELDS} fields expected, {} found",
                self.fields.len()
            )));
        }
        let units = [&self.length_unit, &self.time_unit].into_iter();
        let texts = self.fields.iter().flat_map(|f| [&f.name, &f.unit]);
        if let Some(text) = units.chain(texts).find(|t| t.len() as u64 > MAX_STRING) {
            return Err(Error::invalid(format!(
                "names and units of at most {MAX_STRING} bytes expected, {} found",
                text.len()
            )));
        }
        for (place, field) in self.fields.iter().enumerate() {
            if self.field(&field.name) != Some(place) {
                return Err(Error::invalid(format!(
                    "field name {:?} given twice",
                    field.name
                )));
            }
        }
        let placement = self.placement.unwrap_or_default();
        if !placement.spacing.iter().all(|s| s.is_finite() && *s > 0.0) {
            return Err(Error::invalid(format!(
                "finite spacing above 0 expected, {:?} found",
                placement.spacing
            )));
        }
        if !placement.origin.iter().all(|o| o.is_finite()) {
            return Err(Error::invalid(format!(
                "finite origin expected, {:?} found",
                placement.origin
            )));
        }
        Ok(())
    }

    /// Serialises the record. Fields at its end that say nothing are left out.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let rank = self.shape.rank();
        let mut out = vec![rank.to_le_bytes()[0]];
        for &extent in self.shape.extents() {
            out.put_varint(extent as u64);
        }
        out.put_varint(self.fields.len() as u64);
        for field in &self.fields {
            out.put_string(&field.name);
            out.put_string(&field.unit);
            out.push(field.dtype.code());
        }
        let mut needed = out.len();
        out.push(u8::from(self.placement.is_some()));
        if let Some(Placement { spacing, origin }) = &self.placement {
            for value in axes(spacing, rank).chain(axes(origin, rank)) {
                out.extend(value.to_le_bytes());
            }
            needed = out.len();
        }
        for unit in [&self.length_unit, &self.time_unit] {
            out.put_string(unit);
            if !unit.is_empty() {
                needed = out.len();
            }
        }
        out.truncate(needed);
        out
    }

    /// Reads the record, which lies at `offset` in the file.
    ///
    /// # Errors
    /// `Corrupt`; `Unsupported` for a type of values that is not known.
    pub fn parse(payload: &[u8], offset: u64) -> Result<Self> {
        let mut f = Cursor::new(payload, offset);
        let rank = f.u8("rank")?;
        if !(1..=3).contains(&rank) {
            return Err(f.corrupt(format!("rank 1, 2 or 3 expected, {rank} found")));
        }
        let mut extents = Vec::new();
        for _ in 0..rank {
            let extent = f.varint_up_to("axis extent", u64::from(u32::MAX))?;
            extents.push(usize::try_from(extent).unwrap_or(usize::MAX));
        }
        let shape = Shape::new(&extents).map_err(|e| f.corrupt(e.to_string()))?;
        let count = f.varint_up_to("field count", MAX_FIELDS)?;
        let mut dataset = Self::new(shape, Vec::new());
        for _ in 0..count {
            let name = f.string("field name")?;
            if dataset.field(&name).is_some() {
                return Err(f.corrupt(format!("field name {name:?} found twice")));
            }
            let unit = f.string("field unit")?;
            let code = f.u8("value type")?;
            let unknown = || {
                let message = format!("value type {code:#04x}, which this version does not know");
                Error::unsupported(message).at(f.offset())
            };
            let dtype = Dtype::from_code(code).ok_or_else(unknown)?;
            dataset.fields.push(Field { name, unit, dtype });
        }
        // What follows may be missing, from any field on.
        if !f.rest().is_empty() {
            dataset.placement = placement(&mut f, shape.rank())?;
        }
        if !f.rest().is_empty() {
            dataset.length_unit = f.string("unit of lengths")?;
        }
        if !f.rest().is_empty() {
            dataset.time_unit = f.string("unit of time")?;
        }
        Ok(dataset)
    }
}

/// The values of the axes that a rank has.
fn axes(values: &[f64; 3], rank: usize) -> impl Iterator<Item = f64> {
    values.iter().copied().skip(3 - rank)
}

fn placement(f: &mut Cursor<'_>, rank: usize) -> Result<Option<Placement>> {
    match f.u8("placement")? {
        0 => return Ok(None),
        1 => {}
        other => return Err(f.corrupt(format!("placement 0 or 1 expected, {other} found"))),
    }
    let mut placement = Placement::default();
    for spacing in placement.spacing.iter_mut().skip(3 - rank) {
        *spacing = f.finite("spacing")?;
        if *spacing <= 0.0 {
            return Err(f.corrupt(format!("spacing above 0 expected, {spacing} found")));
        }
    }
    for origin in placement.origin.iter_mut().skip(3 - rank) {
        *origin = f.finite("origin")?;
    }
    Ok(Some(placement))
}
