//! What a file says of the fields of a series.

use super::series::{FieldInputs, Series};
use crate::args::EncodeArgs;
use srt::{Dataset, Error, Field, Placement, Result, set_or_check_unit};

impl Series {
    /// Describes the file: `old`, where there is one, with what is new. Also returns the place of each
    /// field of the series in it.
    ///
    /// # Errors
    /// `InvalidArgument` when `old` says something else, or for units of fields that are not there.
    pub(super) fn dataset(
        &self,
        args: &EncodeArgs,
        old: Option<&Dataset>,
    ) -> Result<(Dataset, Vec<usize>)> {
        let mut dataset = match old {
            Some(old) => old.clone(),
            None => Dataset::new(self.shape, Vec::new()),
        };
        if dataset.shape != self.shape {
            return Err(Error::invalid(format!(
                "{} voxels expected as in the file, {} found",
                dataset.shape, self.shape
            )));
        }
        let mut places = Vec::new();
        for field in &self.fields {
            places.push(place_of(field, &mut dataset, old)?);
        }
        self.set_units(args, &mut dataset, &places)?;
        set_or_check_unit(
            "unit of lengths",
            &mut dataset.length_unit,
            &args.length_unit,
        )?;
        set_or_check_unit("unit of time", &mut dataset.time_unit, &args.time_unit)?;
        if let Some(placement) = placement(args, dataset.shape.rank())?
            && dataset
                .placement
                .replace(placement)
                .is_some_and(|old| old != placement)
        {
            return Err(Error::invalid("the file has another spacing or origin"));
        }
        Ok((dataset, places))
    }

    fn set_units(&self, args: &EncodeArgs, dataset: &mut Dataset, places: &[usize]) -> Result<()> {
        for text in &args.unit {
            let (place, unit) = match (text.split_once('='), places) {
                (Some((name, unit)), _) => {
                    let place = dataset.field(name);
                    let missing = || Error::invalid(format!("a unit of no field {name:?}"));
                    (place.ok_or_else(missing)?, unit)
                }
                (None, &[place]) => (place, text.as_str()),
                (None, _) => {
                    return Err(Error::invalid(format!(
                        "NAME={text} expected among several fields, {text:?} found"
                    )));
                }
            };
            set_or_check_unit("unit", &mut dataset.fields[place].unit, unit)?;
        }
        Ok(())
    }
}

/// The place of a field in the list of `dataset`, which it is added to if need be. A field without a name is the only
/// one of the file that was there before.
fn place_of(field: &FieldInputs, dataset: &mut Dataset, old: Option<&Dataset>) -> Result<usize> {
    let (path, input) = &field.inputs[0];
    let dtype = input.dtype();
    let is_only = field.name.is_empty() && dataset.fields.len() == 1 && old.is_some();
    let place = match dataset.field(&field.name) {
        None if is_only => Some(0),
        place => place,
    };
    if field.name.is_empty() && place.is_none() && !dataset.fields.is_empty() {
        return Err(Error::invalid(
            "a file of several fields needs their names: give one with --field",
        ));
    }
    let Some((place, known)) = place.and_then(|place| Some((place, dataset.fields.get(place)?)))
    else {
        dataset.fields.push(Field {
            name: field.name.clone(),
            unit: String::new(),
            dtype,
        });
        return Ok(dataset.fields.len() - 1);
    };
    if known.dtype != dtype {
        return Err(Error::invalid(format!(
            "field {:?} of the file has values of {}, {} has {}",
            known.name,
            known.dtype,
            path.display(),
            dtype
        )));
    }
    Ok(place)
}

/// Spacing and origin as given, `None` when neither is.
fn placement(args: &EncodeArgs, rank: usize) -> Result<Option<Placement>> {
    if args.spacing.is_empty() && args.origin.is_empty() {
        return Ok(None);
    }
    let mut placement = Placement::default();
    let both = [
        ("spacing", &args.spacing, &mut placement.spacing),
        ("origin", &args.origin, &mut placement.origin),
    ];
    for (what, given, axes) in both {
        if !given.is_empty() && given.len() != rank {
            return Err(Error::invalid(format!(
                "a {what} of {rank} values expected, {} found",
                given.len()
            )));
        }
        let last = axes.len() - given.len();
        axes[last..].copy_from_slice(given);
    }
    Ok(Some(placement))
}
