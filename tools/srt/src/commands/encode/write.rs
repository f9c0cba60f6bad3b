//! Frame after frame of a series into a file.

use std::path::Path;
use std::sync::Arc;

use super::fills::FillWatch;
use super::recipe::Recipe;
use super::report::FrameLine;
use super::series::{Item, Series, one_input};
use crate::args::{EncodeArgs, values_of};
use srt::{
    Coding, Decoder, EncodeOptions, Encoder, Error, FileReport, FrameKey, Observer, Result, Shape,
};
use srt_program::{OutputFile, within_input};

/// A series that is written, but for the name of its file.
pub(super) struct WrittenSeries {
    pub(super) file: OutputFile,
    pub(super) report: FileReport,
    pub(super) frames: Vec<FrameLine>,
    /// Why standard input broke off, if it did: the steps before are in the file.
    pub(super) broken_off: Option<Error>,
}

/// Encodes all of a series into `out`.
pub(super) fn write(
    args: &EncodeArgs,
    series: Series,
    old: Option<&Decoder<'_>>,
    mut options: EncodeOptions,
    out: OutputFile,
) -> Result<WrittenSeries> {
    if args.part.is_some() && (series.is_open() || series.len() != 1) {
        return Err(one_input());
    }
    let (dataset, places) = series.dataset(args, old.map(Decoder::dataset))?;
    check_times(args, &series)?;
    let first = |&place: &usize| match (args.step, old) {
        (Some(step), _) => step,
        (None, Some(old)) => next_step(old, place),
        (None, None) => 0,
    };
    let first_steps = places.iter().map(first).collect();
    if !series.is_open() {
        options.coding.frames = series.len();
        if old.is_none() && series.steps() == 1 {
            // Nothing follows that its bands would be kept for.
            options.coding.key_interval = 1;
        }
    }
    let (observer, coding) = (options.observer.clone(), options.coding.clone());
    let encoder = match old {
        Some(old) => Encoder::append(out, old, dataset, options)?,
        None => Encoder::new(out, dataset, options)?,
    };
    // Who reads a pipe at the other end of a pipe waits for each step.
    let encoder = if series.is_open() && args.output() == Path::new("-") {
        encoder
    } else {
        encoder.compact()
    };
    let mut writer = SeriesWriter {
        args,
        shape: series.shape,
        places,
        first_steps,
        observer,
        watch: FillWatch::new(args),
        coding,
        encoder,
    };
    let mut frames = Vec::new();
    let broken_off = series.for_each(|item: &Item| {
        frames.push(writer.add(item)?);
        Ok(())
    })?;
    writer.watch.end();
    let (file, report) = writer.encoder.finish()?;
    Ok(WrittenSeries {
        file,
        report,
        frames,
        broken_off,
    })
}

/// One time for each step, or none.
fn check_times(args: &EncodeArgs, series: &Series) -> Result<()> {
    let steps = series.steps();
    if !args.time.is_empty() && args.time.len() != steps && !series.is_open() {
        return Err(Error::invalid(format!(
            "{steps} times expected, one for each time step, {} found",
            args.time.len()
        )));
    }
    Ok(())
}

/// The number that follows the steps of a field in a file.
fn next_step(file: &Decoder<'_>, field: usize) -> u64 {
    let records = file.frames().map(|frame| frame.record());
    let of_field = records.filter(|frame| frame.field == field as u64);
    of_field.map(|frame| frame.step + 1).max().unwrap_or(0)
}

/// A series on its way into a file.
struct SeriesWriter<'a> {
    args: &'a EncodeArgs,
    shape: Shape,
    /// By field of the series: its place in the file.
    places: Vec<usize>,
    /// By field of the series: the number of its first step.
    first_steps: Vec<u64>,
    observer: Observer,
    watch: FillWatch<'a>,
    coding: Coding,
    encoder: Encoder<OutputFile>,
}

impl SeriesWriter<'_> {
    fn add(&mut self, item: &Item) -> Result<FrameLine> {
        let place = self.places[item.field];
        let step = self.first_steps[item.field].saturating_add(item.step);
        let time = self.time(item);
        let shape = self.shape;
        let slab = self.args.part.map(|part| part.slab(shape)).transpose()?;
        let own = slab.map_or(0..shape.len(), |slab| values_of(slab, shape));
        let (mapped, first) = (Arc::clone(&item.input), own.start);
        let encoder = &mut self.encoder;
        let observer = self.observer.clone().on_values_read(move |values| {
            mapped.release(first + values.start..first + values.end);
        });
        encoder.observe(observer.clone());
        let values = item.input.values()?;
        let values = values.slice(own);
        self.watch.look(&item.path, &values, |values| {
            item.input.release(first + values.start..first + values.end);
        });
        let mut key = FrameKey::new(place, step).at(time);
        if let Some(slab) = slab {
            key = key.planes(slab.start..slab.end());
        }
        let report = encoder.write(&key, &values);
        let report = report.map_err(|e| within_input(e, &item.path))?;
        if slab.is_some() {
            let recipe = Recipe::new(self.args, &self.coding)?.of(&values, &observer);
            encoder.add_ancillary(Recipe::kind()?, &recipe.to_bytes())?;
        }
        let name = &encoder.dataset().fields[place].name;
        Ok(FrameLine::new(name, step, time, &report))
    }

    /// The time of a step, where times were given.
    fn time(&self, item: &Item) -> Option<f64> {
        self.args.time.get(item.step as usize).copied()
    }
}
