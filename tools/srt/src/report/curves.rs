//! What all files share a chart for: quality against ratio, and power spectra.

use std::fmt::Write;

use srt::Result;
use srt_pictures::chart::{COLORS, Chart, Mark, Series, Style};

use crate::report::chart::figure;
use crate::report::page::section;
use crate::report::{Original, axis};
use crate::subject::Subject;

/// No more spectra share a chart: there are as many colours.
const MOST_SPECTRA: usize = COLORS.len();

/// PSNR and SSIM against ratio, where there are several files.
///
/// # Errors
/// Those of drawing.
pub(super) fn rate_distortion(subjects: &[Subject]) -> Result<String> {
    if subjects.len() < 2 {
        return Ok(String::new());
    }
    let (rated, plain): (Vec<&Subject>, Vec<&Subject>) =
        subjects.iter().partition(|s| s.ratio.is_some());
    let mut note = String::from("Further up and to the right is better.");
    if !plain.is_empty() {
        let names: Vec<&str> = plain.iter().map(|s| s.name.as_str()).collect();
        let _ = write!(
            note,
            " Left out, as nothing tells what they were compressed to: {}.",
            names.join(", ")
        );
    }
    if rated.len() < 2 {
        let note = "The compressed size of at least two files must be known: of .srt files it is, of a field FILE when FILE.eval.json has its \"bytes\".";
        return Ok(framed("rates", &section("Rate and distortion", note, "")));
    }
    let chart = |label, quality: &dyn Fn(&Subject) -> f64| Chart {
        x: axis("compression ratio", true),
        y: axis(label, false),
        series: curves(&rated, quality),
        marks: Vec::new(),
    };
    let psnr = figure(&chart("PSNR in dB", &|s| s.report.psnr_db))?;
    let ssim = figure(&chart("SSIM", &|s| s.report.ssim))?;
    Ok(framed(
        "rates",
        &(section("Rate and PSNR", &note, &psnr) + &section("Rate and SSIM", &note, &ssim)),
    ))
}

/// A curve per family, in order of appearance.
fn curves(subjects: &[&Subject], quality: &dyn Fn(&Subject) -> f64) -> Vec<Series> {
    let mut curves: Vec<Series> = Vec::new();
    for subject in subjects {
        let point = (subject.ratio.unwrap_or(f64::NAN), quality(subject));
        let name = subject.family();
        match curves.iter_mut().find(|s| s.name == name) {
            Some(found) => found.points.push(point),
            None => curves.push(Series {
                name,
                points: vec![point],
                style: Style::Points,
            }),
        }
    }
    for curve in &mut curves {
        curve.points.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    curves
}

/// Power by wavenumber of all files, and what is left of the original's, where there are several.
///
/// # Errors
/// Those of drawing.
pub(super) fn spectra(
    original: &Original<'_>,
    subjects: &[Subject],
    powers: &[Vec<f64>],
) -> Result<String> {
    if subjects.len() < 2 {
        return Ok(String::new());
    }
    if subjects.len() > MOST_SPECTRA {
        let note = format!(
            "Of up to {MOST_SPECTRA} files they share a chart; those of each file are further down."
        );
        return Ok(framed("spectra", &section("Power spectra", &note, "")));
    }
    // The names of the curves above, where they tell the files apart.
    let mut families: Vec<String> = subjects.iter().map(Subject::family).collect();
    families.sort_unstable();
    families.dedup();
    let name = |subject: &Subject| {
        let name = if families.len() == subjects.len() {
            subject.family()
        } else {
            subject.name.clone()
        };
        let ratio = |ratio: f64| format!("{name}: ratio {ratio:.0}");
        subject.ratio.map_or(name.clone(), ratio)
    };
    let all = subjects.iter().zip(powers);
    let mut lines: Vec<Series> = all.clone().map(|(s, p)| power(&name(s), p)).collect();
    lines.push(Series {
        style: Style::Reference,
        ..power("original", &original.spectrum)
    });
    let kept = all.map(|(s, p)| power(&name(s), &kept(&original.spectrum, p)));
    Ok(framed(
        "spectra",
        &(power_section("Power spectra", lines)?
            + &kept_section("Power kept by each", kept.collect())?),
    ))
}

fn framed(id: &str, sections: &str) -> String {
    format!("<div class=\"grid2\" id=\"{id}\">{sections}</div>")
}

/// Values by wavenumber as a line; the mean, at wavenumber 0, has no place on the axis.
pub(super) fn power(name: &str, values: &[f64]) -> Series {
    let points = values.iter().enumerate().skip(1);
    Series {
        name: name.into(),
        points: points.map(|(k, &p)| (k as f64, p)).collect(),
        style: Style::Line,
    }
}

/// Power decoded by power of the original.
pub(super) fn kept(original: &[f64], decoded: &[f64]) -> Vec<f64> {
    decoded.iter().zip(original).map(|(a, b)| a / b).collect()
}

pub(super) fn power_section(title: &str, series: Vec<Series>) -> Result<String> {
    let chart = Chart {
        x: axis("wavenumber k", true),
        y: axis("mean power P", true),
        series,
        marks: Vec::new(),
    };
    let note = "Mean power of Fourier modes by wavenumber, up to Nyquist's.";
    Ok(section(title, note, &figure(&chart)?))
}

pub(super) fn kept_section(title: &str, series: Vec<Series>) -> Result<String> {
    let chart = Chart {
        x: axis("wavenumber k", false),
        y: axis("P' / P", true),
        series,
        marks: vec![Mark::Y(1.0, "all kept")],
    };
    let note = "Decoded by original: below 1, structure is lost; above 1, added.";
    Ok(section(title, note, &figure(&chart)?))
}
