//! What `srt encode` is given: fields, each with its inputs by time step.

use std::io::StdinLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::args::EncodeArgs;
use srt::{
    Dataset, Decoder, Error, Field, FieldStream, Input, Placement, Result, Shape, set_or_check_unit,
};

/// The inputs of an encoding, opened and found to go together.
pub(super) struct Series {
    pub(super) shape: Shape,
    fields: Vec<Inputs>,
    /// Fields behind the first one on standard input.
    stream: Option<FieldStream<StdinLock<'static>>>,
}

/// One field and its inputs by time step.
struct Inputs {
    /// Empty when none was given.
    name: String,
    inputs: Vec<(PathBuf, Input)>,
}

/// One field at one time step.
pub(super) struct Item {
    /// Place among the fields of the series.
    pub(super) field: usize,
    /// Number of the step, from 0.
    pub(super) step: u64,
    pub(super) path: PathBuf,
    pub(super) input: Arc<Input>,
}

impl Series {
    /// Opens all inputs; of standard input, the first field.
    ///
    /// # Errors
    /// `InvalidArgument` when they do not go together, and what opening reports.
    pub(super) fn open(args: &EncodeArgs) -> Result<Self> {
        let listed = listed(args)?;
        let stdin = |path: &Path| path.as_os_str() == "-";
        if listed.iter().any(|(_, path)| stdin(path)) && listed.len() > 1 {
            return Err(Error::invalid(
                "standard input cannot be one of several inputs: it may hold several time steps",
            ));
        }
        let mut fields: Vec<Inputs> = Vec::new();
        let mut stream = None;
        for (name, path) in listed {
            let input = if stdin(&path) {
                let fields = args.raw.stream()?;
                let next = stream.insert(fields).next_field();
                next?.ok_or_else(|| Error::truncated("a field expected, none found"))?
            } else {
                args.raw.open(&path)?
            };
            let place = fields.iter().position(|field| field.name == name);
            let place = place.unwrap_or_else(|| {
                fields.push(Inputs {
                    name,
                    inputs: Vec::new(),
                });
                fields.len() - 1
            });
            fields[place].inputs.push((path, input));
        }
        let first = fields.first().and_then(|field| field.inputs.first());
        let shape = first.map(|(_, input)| input.shape());
        let shape = shape.ok_or_else(|| Error::invalid("an input expected, none found"))?;
        let series = Self {
            shape,
            fields,
            stream,
        };
        for field in &series.fields {
            for (path, input) in &field.inputs {
                series
                    .check(field, input)
                    .map_err(|e| e.within(path.display()))?;
            }
        }
        Ok(series)
    }

    /// All inputs of a file have one shape, all of a field one type.
    fn check(&self, field: &Inputs, input: &Input) -> Result<()> {
        if input.shape() != self.shape {
            return Err(Error::invalid(format!(
                "{} voxels expected as in the first input, {} found: a file has one domain",
                self.shape,
                input.shape()
            )));
        }
        match field.inputs.first() {
            Some((_, first)) if first.dtype() != input.dtype() => Err(Error::invalid(format!(
                "values of {} expected as in the first step, {} found: a field has one type",
                first.dtype(),
                input.dtype()
            ))),
            _ => Ok(()),
        }
    }

    /// Time steps, as far as they are known: one of standard input.
    pub(super) fn steps(&self) -> usize {
        let steps = self.fields.iter().map(|field| field.inputs.len());
        steps.max().unwrap_or(0)
    }

    /// Inputs, as far as they are known.
    pub(super) fn len(&self) -> usize {
        self.fields.iter().map(|field| field.inputs.len()).sum()
    }

    /// Whether further steps may come on standard input.
    pub(super) fn is_open(&self) -> bool {
        self.stream.is_some()
    }

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
            let (_, input) = &field.inputs[0];
            let dtype = input.dtype();
            let only = field.name.is_empty() && dataset.fields.len() == 1 && old.is_some();
            let place = match dataset.field(&field.name) {
                None if only => Some(0),
                place => place,
            };
            if field.name.is_empty() && place.is_none() && !dataset.fields.is_empty() {
                return Err(Error::invalid(
                    "a file of several fields needs their names: give one with --field",
                ));
            }
            if let Some(old) = place.and_then(|place| dataset.fields.get(place))
                && old.dtype != dtype
            {
                return Err(Error::invalid(format!(
                    "field {:?} of the file has values of {} bytes, {} has {}",
                    old.name,
                    old.dtype.size(),
                    field.inputs[0].0.display(),
                    dtype
                )));
            }
            places.push(place.unwrap_or_else(|| {
                dataset.fields.push(Field {
                    name: field.name.clone(),
                    unit: String::new(),
                    dtype,
                });
                dataset.fields.len() - 1
            }));
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

    /// All inputs, step by step and in a step field by field, each opened when its turn comes.
    ///
    /// # Errors
    /// What reading standard input reports, and `InvalidArgument` for a field there that does not go
    /// with the first.
    pub(super) fn for_each(mut self, mut f: impl FnMut(&Item) -> Result<()>) -> Result<()> {
        let steps = self.steps();
        let mut inputs: Vec<_> = (self.fields.iter_mut())
            .map(|field| std::mem::take(&mut field.inputs).into_iter())
            .collect();
        let mut last = None;
        for step in 0..steps as u64 {
            for (field, inputs) in inputs.iter_mut().enumerate() {
                if let Some((path, input)) = inputs.next() {
                    let item = last.insert(Item {
                        field,
                        step,
                        path,
                        input: Arc::new(input),
                    });
                    f(item)?;
                }
            }
        }
        let (Some(mut stream), Some(mut item)) = (self.stream, last) else {
            return Ok(());
        };
        let (shape, dtype) = (item.input.shape(), item.input.dtype());
        while let Some(input) = stream.next_field()? {
            if (input.shape(), input.dtype()) != (shape, dtype) {
                return Err(Error::invalid(format!(
                    "another field of {shape} {dtype} expected on standard input, {} {} found",
                    input.shape(),
                    dtype
                )));
            }
            item.input = Arc::new(input);
            item.step += 1;
            f(&item)?;
        }
        Ok(())
    }
}

/// Names and paths of all inputs in the order given.
fn listed(args: &EncodeArgs) -> Result<Vec<(String, PathBuf)>> {
    let mut name = None;
    let mut named = Vec::new();
    for text in &args.field {
        match text.split_once('=') {
            Some((name, path)) => named.push((name.to_owned(), PathBuf::from(path))),
            None if name.replace(text.clone()).is_some() => {
                return Err(Error::invalid(
                    "one name for the inputs expected: name further fields with --field NAME=FILE",
                ));
            }
            None => {}
        }
    }
    if name.is_some() && args.inputs().is_empty() {
        return Err(Error::invalid("a name without an input: --field NAME=FILE"));
    }
    let name = name.unwrap_or_default();
    let plain = args
        .inputs()
        .iter()
        .map(|path| (name.clone(), path.clone()));
    Ok(plain.chain(named).collect())
}

/// The number that follows the steps of a field in a file.
pub(super) fn next_step(file: &Decoder<'_>, field: usize) -> u64 {
    let records = file.frames().map(|frame| frame.record());
    let of_field = records.filter(|frame| frame.field == field as u64);
    of_field.map(|frame| frame.step + 1).max().unwrap_or(0)
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
