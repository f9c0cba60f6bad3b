//! The page of `srt eval --html`: one file with everything in it.

mod chart;
mod curves;
mod octree;
mod page;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::spectrum::power_spectrum;
use crate::subject::{CodedFrame, Subject};
use chart::figure;
use curves::{kept, kept_section, power, power_section, rate_distortion, spectra};
use page::{escape, section};
use srt::{Bound, Result, Shape, error_histogram, seam_profile};
use srt_pictures::chart::{Axis, Chart, Mark, Series, Style};
use srt_pictures::{Colormap, PanelOptions, slices};

/// Bins of the error histogram.
const BINS: usize = 101;
/// Voxels shown on either side of a face.
const REACH: usize = 8;
/// Octree blocks and the tiles that networks run on have their faces at multiples of this.
const BLOCK_FACES: usize = 16;
/// Stops of a colour bar.
const STOPS: usize = 16;

/// The field that reconstructions are compared with.
#[derive(Debug)]
pub(super) struct Original<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Shape,
    pub(super) dtype: String,
    pub(super) values: &'a [f64],
    pub(super) spectrum: Vec<f64>,
}

impl<'a> Original<'a> {
    pub(super) fn new(
        name: &'a str,
        shape: Shape,
        dtype: String,
        values: &'a [f64],
    ) -> Result<Self> {
        Ok(Self {
            name,
            shape,
            dtype,
            values,
            spectrum: power_spectrum(shape, values)?,
        })
    }

    /// Makes NaN what is NaN in the original.
    pub(super) fn leave_out(&self, values: &mut [f64]) {
        for (value, original) in values.iter_mut().zip(self.values) {
            if original.is_nan() {
                *value = f64::NAN;
            }
        }
    }
}

/// The page, made subject by subject, so that one reconstruction is in memory at a time.
#[derive(Debug, Default)]
pub(super) struct Page {
    subjects: Vec<Subject>,
    /// Their power spectra.
    powers: Vec<Vec<f64>>,
    parts: String,
}

impl Page {
    /// Adds a reconstruction.
    ///
    /// # Errors
    /// Those of the measurements.
    pub(super) fn add(
        &mut self,
        original: &Original<'_>,
        subject: Subject,
        values: &[f64],
    ) -> Result<()> {
        let unit = subject.coded.as_ref().map_or("", |coded| &coded.unit);
        let mut body = slices_section(original, values, unit)?;
        body.push_str(&histogram_section(original, &subject, values)?);
        let power = power_spectrum(original.shape, values)?;
        body.push_str(&spectrum_section(&original.spectrum, &power)?);
        if let Some(coded) = &subject.coded {
            body.push_str(&octree_section(original.shape, coded));
        }
        body.push_str(&seam_section(original, &subject, values)?);
        let _ = writeln!(
            self.parts,
            "<h2>{}</h2><p class=\"sub\">{}</p><div class=\"grid2\">{body}</div>",
            escape(&subject.name),
            escape(&subject.description())
        );
        self.subjects.push(subject);
        self.powers.push(power);
        Ok(())
    }

    /// The whole page.
    ///
    /// # Errors
    /// Those of drawing.
    pub(super) fn finish(self, original: &Original<'_>) -> Result<String> {
        let mut body = format!(
            "<h1>{}</h1><p class=\"sub\">{} {}, compared with {} reconstruction{}</p>\n",
            escape(original.name),
            original.shape,
            escape(&original.dtype),
            self.subjects.len(),
            if self.subjects.len() == 1 { "" } else { "s" }
        );
        body.push_str(&table(&self.subjects));
        body.push_str(&rate_distortion(&self.subjects)?);
        body.push_str(&spectra(original, &self.subjects, &self.powers)?);
        body.push_str(&self.parts);
        let _ = writeln!(
            body,
            "<footer>srt {}. PSNR over the range of the original; SSIM with a Gaussian window of 11 voxels per axis.</footer>",
            env!("CARGO_PKG_VERSION")
        );
        Ok(page::page(
            &format!("{}: quality", original.name),
            &chart::style(),
            &body,
        ))
    }
}

/// All metrics, a row per reconstruction.
fn table(subjects: &[Subject]) -> String {
    let mut rows = String::new();
    for subject in subjects {
        let r = &subject.report;
        let cells = [
            subject.bytes.map_or("-".into(), |b| b.to_string()),
            subject.ratio.map_or("-".into(), |v| format!("{v:.1}")),
            number(r.psnr_db, 2),
            number(r.ssim, 5),
            format!("{:.3e}", r.max_abs_error),
            format!("{:.3e}", r.max_rel_error),
            format!("{:.3e}", r.rmse),
            r.mismatches.to_string(),
        ];
        let _ = write!(rows, "<tr><td>{}</td>", escape(&subject.name));
        for cell in cells {
            let _ = write!(rows, "<td>{cell}</td>");
        }
        rows.push_str("</tr>");
    }
    let heads = [
        "reconstruction",
        "bytes",
        "ratio",
        "PSNR dB",
        "SSIM",
        "largest error",
        "of range",
        "RMSE",
        "mismatches",
    ];
    let heads: String = heads.iter().map(|h| format!("<th>{h}</th>")).collect();
    format!(
        "<section><div class=\"scroll\"><table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>\n"
    )
}

fn number(value: f64, decimals: usize) -> String {
    if value.is_finite() {
        format!("{value:.decimals$}")
    } else if value > 0.0 {
        "infinite".into()
    } else {
        "-".into()
    }
}

fn axis(label: &'static str, logarithmic: bool) -> Axis {
    Axis { label, logarithmic }
}

/// `unit`: of the values, at the colour bars; empty where it is not known.
fn slices_section(original: &Original<'_>, values: &[f64], unit: &str) -> Result<String> {
    let options = PanelOptions::default();
    let drawn = slices(original.shape, original.values, values, &options)?;
    let unit = escape(unit);
    let bar = |map: &Colormap, low: f64, high: f64| {
        let stop = |i: usize| {
            let [r, g, b] = map.color(i as f64 / (STOPS - 1) as f64);
            format!("#{r:02x}{g:02x}{b:02x}")
        };
        let stops: Vec<String> = (0..STOPS).map(stop).collect();
        format!(
            "<div class=\"bar\" style=\"background:linear-gradient(90deg,{})\"></div><div class=\"ends\"><span>{}</span><span>{unit}</span><span>{}</span></div>",
            stops.join(","),
            short(low),
            short(high)
        )
    };
    let (low, high) = drawn.scale;
    let fields = bar(&Colormap::sequential(), low, high);
    let errors = bar(&Colormap::diverging(), -drawn.reach, drawn.reach);
    let mut content = String::from("<div class=\"three\">");
    let parts = ["original", "decoded", "decoded less original"];
    for (i, (name, picture)) in parts.iter().zip(&drawn.pictures).enumerate() {
        let _ = write!(
            content,
            "<figure><figcaption>{name}</figcaption><img alt=\"{name}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">{}</figure>",
            drawn.size[0],
            drawn.size[1],
            STANDARD.encode(picture),
            if i < 2 { &fields } else { &errors }
        );
    }
    content.push_str("</div>");
    let note = match original.shape.grid_rank() {
        2 => "Original and decoded share one colour scale.".to_owned(),
        _ => format!(
            "z = {}; original and decoded share one colour scale.",
            original.shape.dims()[0] / 2
        ),
    };
    Ok(section("Slices", &note, &content).replacen("<section>", "<section class=\"wide\">", 1))
}

/// A number at the end of a scale.
fn short(value: f64) -> String {
    if value == 0.0 || (1e-3..1e5).contains(&value.abs()) {
        format!("{value:.4}")
    } else {
        format!("{value:.2e}")
    }
}

fn histogram_section(original: &Original<'_>, subject: &Subject, values: &[f64]) -> Result<String> {
    let title = "Errors";
    let report = &subject.report;
    let bound = subject.coded.as_ref().and_then(|coded| match coded.bound {
        Bound::MaxError(bound) => Some(bound),
        Bound::RelError(r) => Some(r * report.range),
        Bound::Psnr(_) | Bound::Ssim(_) | Bound::Ratio(_) => None,
    });
    let reach = report.max_abs_error.max(bound.unwrap_or(0.0));
    if !(reach > 0.0 && reach.is_finite()) {
        let note = if report.identical {
            "Every value is equal."
        } else {
            "The fields are finite in different places."
        };
        return Ok(section(title, note, ""));
    }
    let histogram = error_histogram(original.values, values, reach, BINS)?;
    let points = histogram.counts.iter().enumerate();
    let chart = Chart {
        x: axis("error", false),
        y: axis("voxels", true),
        series: vec![Series {
            name: "voxels".into(),
            points: points
                .map(|(i, &n)| (histogram.center(i), n as f64))
                .collect(),
            style: Style::Area,
        }],
        marks: match bound {
            Some(bound) => vec![Mark::X(-bound, "bound"), Mark::X(bound, "bound")],
            None => vec![
                Mark::X(-report.max_abs_error, "largest"),
                Mark::X(report.max_abs_error, "largest"),
            ],
        },
    };
    let note = match bound {
        Some(bound) => format!("No error may pass the bound of {}.", short(bound)),
        None => "No bound on the error of single voxels; the largest one is drawn.".to_owned(),
    };
    Ok(section(title, &note, &figure(&chart)?))
}

fn spectrum_section(before: &[f64], after: &[f64]) -> Result<String> {
    let lines = vec![power("original", before), power("decoded", after)];
    let ratio = power("decoded / original", &kept(before, after));
    Ok(power_section("Power spectrum", lines)? + &kept_section("Power kept", vec![ratio])?)
}

fn octree_section(shape: Shape, coded: &CodedFrame) -> String {
    let title = "Octree";
    match &coded.leaves {
        None => section(
            title,
            "This form of frame has none: it is stored constant or lossless.",
            "",
        ),
        Some(leaves) => section(
            title,
            "The level down to which detail is stored; level 0 is everything, finer detail is left to the networks.",
            &octree::map(shape, leaves, coded.levels),
        ),
    }
}

fn seam_section(original: &Original<'_>, subject: &Subject, values: &[f64]) -> Result<String> {
    let mut series = Vec::new();
    let brick = subject.coded.as_ref().and_then(|coded| coded.brick_edge);
    let faces = [
        (Some(BLOCK_FACES), "octree blocks and tiles"),
        (brick, "bricks"),
    ];
    for (period, what) in faces {
        let Some(period) = period else { continue };
        let profile = seam_profile(original.shape, original.values, values, period, REACH)?;
        let Some(profile) = profile else { continue };
        let rmse = subject.report.rmse;
        let middle = profile.len() as f64 / 2.0;
        series.push(Series {
            name: format!("{what}, every {period} voxels"),
            points: profile
                .iter()
                .enumerate()
                .map(|(d, v)| (d as f64 - middle, v / rmse))
                .collect(),
            style: Style::Points,
        });
    }
    let title = "Across faces";
    let drawable = subject.report.rmse > 0.0 && subject.report.rmse.is_finite();
    if series.is_empty() || !drawable {
        return Ok(section(
            title,
            "No face lies inside this field, or it has no errors.",
            "",
        ));
    }
    let chart = Chart {
        x: axis("voxels after the face", false),
        y: axis("RMS error / overall", false),
        series,
        marks: vec![Mark::X(-0.5, "face"), Mark::Y(1.0, "")],
    };
    let note =
        "Errors by distance from the faces between boxes: a seam would be a peak at the face.";
    Ok(section(title, note, &figure(&chart)?))
}
