//! `srt encode`.

mod dataset;
mod destination;
mod fills;
mod recipe;
mod report;
mod resume;
mod series;
mod write;

use std::sync::Arc;
use std::time::Instant;

use crate::args::{Embed, EncodeArgs, quarter_of_ram, threads};
use crate::commands::stat::range;
use crate::models;
use crate::output::Spinner;
use destination::destination;
use report::Report;
use resume::complete_part;
use series::Series;
use srt::{EncodeOptions, Error, FileBytes, FileReport, Observer, Result, builtin_names};
use srt_program::{note, print_json, print_line, read_file, say};
use write::{WrittenSeries, write};

pub(crate) fn run(args: &EncodeArgs) -> Result<u8> {
    let start = Instant::now();
    let mut output = destination(args)?;
    if args.append || args.resume {
        output.lock(args.lock.contention(args.quiet))?;
    }
    if args.part.is_some() {
        args.check_part()?;
    }
    let mut options = options(args)?;
    if let (true, Some(part)) = (args.resume, args.part)
        && let Some(bytes) = complete_part(args, part, &options.coding)?
    {
        return tell_finished(args, bytes);
    }
    let old = args.append.then(|| existing(args)).transpose()?;
    // What is tried takes the disk of the output, or where it goes nowhere that of temporary files.
    let scratch = output.folder().unwrap_or_else(std::env::temp_dir);
    options.resources.scratch = Some(scratch);
    let file = output.create()?;
    let series = Series::open(args)?;
    let old = old.as_ref().map(|file| models::open(file.bytes()));
    let old = old
        .transpose()
        .map_err(|e| e.within(args.output().display()))?;
    let spinner = Arc::new(Spinner::new(args.quiet || args.verbose, "encoding"));
    options.observer = observer(args, Arc::clone(&spinner));
    let WrittenSeries {
        file,
        report,
        frames,
        broken_off,
    } = write(args, series, old.as_ref(), options, file)?;
    let steps = frames.len();
    drop(old);
    file.commit()?;
    spinner.finish();
    if !args.quiet {
        tell_left_out(args, &report);
    }
    tell(
        args,
        &Report::new(&report, frames, start.elapsed().as_secs_f64()),
    )?;
    broken_off.map_or(Ok(0), |why| Err(torn(args, steps, &why)))
}

/// Standard input broke off after `steps` whole time steps.
fn torn(args: &EncodeArgs, steps: usize, why: &Error) -> Error {
    let output = match args.output() {
        path if path.as_os_str() == "-" => "the output".into(),
        path => path.display().to_string(),
    };
    let those = match steps {
        1 => "the time step before is".to_owned(),
        n => format!("the {n} time steps before are"),
    };
    Error::truncated(format!(
        "standard input breaks off: {why}; {those} in {output}"
    ))
}

/// Prints the report, unless standard output has the file.
fn tell(args: &EncodeArgs, report: &Report) -> Result<()> {
    if args.output().as_os_str() == "-" {
        return Ok(());
    }
    if args.json {
        print_json(report)?;
    } else if !args.quiet {
        print_line(&report.summary())?;
    }
    Ok(())
}

/// A model asked for by name that no frame uses is a surprise: says why.
fn tell_left_out(args: &EncodeArgs, report: &FileReport) {
    let model = args.model.as_os_str();
    if report.model != "none" || model == "default" || model == "none" {
        return;
    }
    let embedded = match args.embed_weights {
        Embed::Auto => !builtin_names().any(|name| model == name),
        Embed::Yes => true,
        Embed::No => false,
    };
    let instead = if embedded {
        " with its weights in the file; --embed-weights no names them instead"
    } else {
        ""
    };
    note(format!(
        "{} is not used: nothing is gained{instead}",
        args.model.display()
    ));
}

fn tell_finished(args: &EncodeArgs, bytes: usize) -> Result<u8> {
    if args.json {
        print_json(&serde_json::json!({ "schema": 1, "finished_before": true, "bytes": bytes }))?;
    } else if !args.quiet {
        print_line(&format!("there already and whole: {bytes} bytes"))?;
    }
    Ok(0)
}

fn options(args: &EncodeArgs) -> Result<EncodeOptions> {
    let mut options = EncodeOptions::new(args.bound()?);
    options.coding.profile = args.paper.profile()?;
    options.coding.form = args.form.into();
    options.coding.periodic = args.periodic;
    options.coding.plan = args.plan.0;
    options.coding.wavelet = args.wavelet;
    options.coding.brick_edge = args.brick;
    options.coding.effort = args.effort;
    options.coding.key_interval = args.key_interval;
    options.coding.mask_value = args.mask_value;
    options.coding.range = args.range.as_deref().map(range).transpose()?;
    options.resources.backend = args.backend.open()?;
    options.resources.threads = threads(args.threads);
    options.resources.memory = args.memory.map(|size| size.0).or_else(quarter_of_ram);
    options.resources.memory_limit = args.memory.map(|size| size.0);
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

/// Prints each pass, or shows it on the spinner.
fn observer(args: &EncodeArgs, spinner: Arc<Spinner>) -> Observer {
    let observer = Observer::default().with_ssim(args.json);
    if args.verbose {
        let observer = observer.on_choice(|why| say(why.to_owned()));
        observer.on_progress(|pass| say(format!("pass {}: {:.4}", pass.passes, pass.quality)))
    } else {
        observer.on_progress(move |pass| spinner.pass(pass))
    }
}
