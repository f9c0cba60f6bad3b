//! `srt encode`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use crate::args::{Embed, EncodeArgs};
use crate::decode::read_file;
use crate::encode_report::{FrameLine, Report};
use crate::memory::quarter_of_ram;
use crate::models;
use crate::output::{Spinner, overwrite, print_json, print_line};
use crate::part::{finished, one_input, values_of};
use crate::series::{Item, Series, next_step};
use crate::stat::range;
use srt::{
    AtomicFile, Decoder, EncodeOptions, Encoder, Error, FileBytes, FileReport, FrameKey, Observer,
    Result, builtin_names,
};

pub(super) fn run(args: &EncodeArgs) -> Result<ExitCode> {
    let start = Instant::now();
    if args.part.is_some() {
        args.check_part()?;
    }
    if let (true, Some(part)) = (args.resume, args.part)
        && let Some(bytes) = finished(args, part)?
    {
        return tell_finished(args, bytes);
    }
    let mut options = options(args)?;
    let old = if args.append {
        Some(existing(args)?)
    } else {
        None
    };
    let file = AtomicFile::create(
        args.output(),
        overwrite(args.force || args.append || args.resume),
    )?;
    let series = Series::open(args)?;
    let old = match &old {
        Some(bytes) => {
            let decoder = models::open(bytes.bytes());
            Some(decoder.map_err(|e| e.within(args.output().display()))?)
        }
        None => None,
    };
    let spinner = Arc::new(Spinner::new(args.quiet || args.verbose, "encoding"));
    options.observer = observer(args, Arc::clone(&spinner));
    let (file, report, frames) = write(args, series, old.as_ref(), options, file)?;
    drop(old);
    file.commit()?;
    spinner.finish();
    if !args.quiet {
        tell_left_out(args, &report);
    }
    let report = Report::new(&report, frames, start.elapsed().as_secs_f64());
    let to_stdout = args.output().as_os_str() == "-";
    if args.json && !to_stdout {
        print_json(&report)?;
    } else if !args.quiet && !to_stdout {
        print_line(&report.summary())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A model asked for by name that no frame uses is a surprise: says why.
fn tell_left_out(args: &EncodeArgs, report: &FileReport) {
    if report.model != "none" || matches!(args.model.as_str(), "default" | "none") {
        return;
    }
    let embedded = match args.embed_weights {
        Embed::Auto => !builtin_names().any(|name| name == args.model),
        Embed::Yes => true,
        Embed::No => false,
    };
    let instead = if embedded {
        " with its weights in the file; --embed-weights no names them instead"
    } else {
        ""
    };
    eprintln!(
        "note: {} is not used: nothing is gained{instead}",
        args.model
    );
}

fn tell_finished(args: &EncodeArgs, bytes: usize) -> Result<ExitCode> {
    if args.json {
        print_json(&serde_json::json!({ "schema": 1, "finished_before": true, "bytes": bytes }))?;
    } else if !args.quiet {
        print_line(&format!("there already and whole: {bytes} bytes"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &EncodeArgs) -> Result<EncodeOptions> {
    let mut options = EncodeOptions::new(args.bound()?);
    options.coding.profile = args.paper.profile()?;
    options.coding.periodic = args.periodic.unwrap_or_default();
    options.coding.wavelet = args.wavelet;
    options.coding.brick_edge = args.brick;
    options.coding.mask_value = args.mask_value;
    options.coding.range = args.range.as_deref().map(range).transpose()?;
    options.resources.backend = args.backend.open()?;
    options.resources.threads = args.threads;
    options.resources.memory = args.memory.map(|size| size.0).or_else(quarter_of_ram);
    options.coding.model = models::choose(&args.model)?;
    options.coding.embed_weights = args.embed_weights.into();
    Ok(options)
}

/// The file to append to.
fn existing(args: &EncodeArgs) -> Result<FileBytes> {
    if args.output().as_os_str() == "-" {
        return Err(Error::invalid(
            "--append needs a file: standard output has no frames yet",
        ));
    }
    read_file(args.output())
}

/// Encodes all of a series into `out`.
fn write(
    args: &EncodeArgs,
    series: Series,
    old: Option<&Decoder<'_>>,
    mut options: EncodeOptions,
    out: AtomicFile,
) -> Result<(AtomicFile, FileReport, Vec<FrameLine>)> {
    if args.part.is_some() && (series.is_open() || series.len() != 1) {
        return Err(one_input());
    }
    let (dataset, places) = series.dataset(args, old.map(Decoder::dataset))?;
    let steps = series.steps();
    if !args.time.is_empty() && args.time.len() != steps && !series.is_open() {
        return Err(Error::invalid(format!(
            "{steps} times expected, one for each time step, {} found",
            args.time.len()
        )));
    }
    let first = |place: usize| match (args.step, old) {
        (Some(step), _) => step,
        (None, Some(old)) => next_step(old, place),
        (None, None) => 0,
    };
    let firsts: Vec<u64> = places.iter().map(|&place| first(place)).collect();
    if !series.is_open() {
        options.coding.frames = series.len();
    }
    let observer = options.observer.clone();
    let mut encoder = match old {
        Some(old) => Encoder::append(out, old, dataset, options)?,
        None => Encoder::new(out, dataset, options)?,
    };
    let mut lines = Vec::new();
    let shape = series.shape;
    series.for_each(|item: &Item| {
        let place = places[item.field];
        let step = firsts[item.field].saturating_add(item.step);
        let time = match args.time.get(item.step as usize) {
            None if !args.time.is_empty() => {
                return Err(Error::invalid(format!(
                    "{} times given, standard input has more time steps",
                    args.time.len()
                )));
            }
            time => time.copied(),
        };
        let slab = args.part.map(|part| part.slab(shape)).transpose()?;
        let own = slab.map_or(0..shape.len(), |slab| values_of(slab, shape));
        let (mapped, first) = (Arc::clone(&item.input), own.start);
        encoder.observe(observer.clone().on_values_read(move |values| {
            mapped.release(first + values.start..first + values.end);
        }));
        let values = item.input.values()?;
        let values = values.slice(own);
        let mut key = FrameKey::new(place, step).at(time);
        if let Some(slab) = slab {
            key = key.planes(slab.start..slab.end());
        }
        let report = encoder.write(&key, &values);
        let report = report.map_err(|e| e.within(item.path.display()))?;
        let name = &encoder.dataset().fields[place].name;
        lines.push(FrameLine::new(name, step, time, &report));
        Ok(())
    })?;
    let (file, report) = encoder.finish()?;
    Ok((file, report, lines))
}

/// Prints each pass, or shows it on the spinner.
fn observer(args: &EncodeArgs, spinner: Arc<Spinner>) -> Observer {
    let observer = Observer::default().with_ssim(args.json);
    if args.verbose {
        observer.on_progress(|pass| eprintln!("pass {}: {:.4}", pass.passes, pass.quality))
    } else {
        observer.on_progress(move |pass| spinner.pass(pass))
    }
}
