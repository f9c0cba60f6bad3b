//! What `srt encode` is given: fields, each with its inputs by time step.

use std::ffi::OsStr;
use std::io::StdinLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap_lex::OsStrExt;

use crate::args::EncodeArgs;
use srt::{Error, FieldStream, Input, Result, Shape};
use srt_program::note;

/// The inputs of an encoding, opened and found to go together.
pub(super) struct Series {
    pub(super) shape: Shape,
    pub(super) fields: Vec<FieldInputs>,
    /// Fields after the first one on standard input.
    stream: Option<FieldStream<StdinLock<'static>>>,
    /// Number of times given for them, where some are.
    times: Option<usize>,
}

/// One field and its inputs by time step.
pub(super) struct FieldInputs {
    /// Empty when none was given.
    pub(super) name: String,
    pub(super) inputs: Vec<(PathBuf, Input)>,
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
        let mut fields: Vec<FieldInputs> = Vec::new();
        let mut stream = None;
        for (name, path) in listed {
            let inputs = if stdin(&path) && args.steps_axis.is_none() {
                let fields = args.raw.stream()?;
                let next = stream.insert(fields).next_field();
                vec![next?.ok_or_else(|| Error::truncated("a field expected, none found"))?]
            } else {
                args.raw.open_steps(&path, args.steps_axis)?
            };
            if inputs.len() > 1 && args.steps_axis.is_none() && !args.quiet {
                let steps = inputs.len();
                note(format!(
                    "{}: {steps} time steps along axis 0",
                    path.display()
                ));
            }
            let inputs = inputs.into_iter().map(|input| (path.clone(), input));
            match fields.iter_mut().find(|field| field.name == name) {
                Some(field) => field.inputs.extend(inputs),
                None => fields.push(FieldInputs {
                    name,
                    inputs: inputs.collect(),
                }),
            }
        }
        let first = fields.first().and_then(|field| field.inputs.first());
        let shape = first.map(|(_, input)| input.shape());
        let shape = shape.ok_or_else(|| Error::invalid("an input expected, none found"))?;
        let series = Self {
            shape,
            fields,
            stream,
            times: (!args.time.is_empty()).then_some(args.time.len()),
        };
        series.check_all()?;
        Ok(series)
    }

    fn check_all(&self) -> Result<()> {
        for field in &self.fields {
            for (path, input) in &field.inputs {
                self.check(field, input)
                    .map_err(|e| e.within(path.display()))?;
            }
        }
        Ok(())
    }

    /// All inputs of a file have one shape, all of a field one type.
    fn check(&self, field: &FieldInputs, input: &Input) -> Result<()> {
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

    /// All inputs, step by step and in a step field by field, each opened when its turn comes. Where standard input
    /// breaks off after a whole field, gives why: what came before is not to be lost.
    ///
    /// # Errors
    /// What `f` reports.
    pub(super) fn for_each(
        mut self,
        mut f: impl FnMut(&Item) -> Result<()>,
    ) -> Result<Option<Error>> {
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
        match (self.stream, last) {
            (Some(stream), Some(item)) => continue_with(stream, item, self.times, f),
            _ => Ok(None),
        }
    }
}

/// The fields that come on standard input after `item`, as its next steps; why they end, if not with the input.
fn continue_with(
    mut stream: FieldStream<StdinLock<'static>>,
    mut item: Item,
    times: Option<usize>,
    mut f: impl FnMut(&Item) -> Result<()>,
) -> Result<Option<Error>> {
    let (shape, dtype) = (item.input.shape(), item.input.dtype());
    loop {
        let input = match stream.next_field() {
            Ok(None) => return Ok(None),
            Ok(Some(input)) if (input.shape(), input.dtype()) != (shape, dtype) => {
                return Ok(Some(Error::invalid(format!(
                    "another field of {shape} {dtype} expected, {} {} found",
                    input.shape(),
                    input.dtype()
                ))));
            }
            Ok(Some(_)) if times.is_some_and(|times| item.step + 1 >= times as u64) => {
                return Ok(Some(Error::invalid("more time steps than times given")));
            }
            Ok(Some(input)) => input,
            Err(error) => return Ok(Some(error)),
        };
        item.input = Arc::new(input);
        item.step += 1;
        f(&item)?;
    }
}

/// Names and paths of all inputs in the order given.
pub(super) fn listed(args: &EncodeArgs) -> Result<Vec<(String, PathBuf)>> {
    let mut name = None;
    let mut named = Vec::new();
    for text in &args.field {
        match text.split_once("=") {
            Some((name, path)) => named.push((field_name(name)?, PathBuf::from(path))),
            None if name.replace(field_name(text)?).is_some() => {
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

/// Names are UTF-8 in files, where paths may be anything.
fn field_name(text: &OsStr) -> Result<String> {
    let name = text.to_str().map(str::to_owned);
    name.ok_or_else(|| Error::invalid(format!("a name in UTF-8 expected, {text:?} found")))
}

/// A part is of one field at one step.
pub(super) fn one_input() -> Error {
    Error::invalid("--part takes one field at one step, from a file: one input expected")
}
