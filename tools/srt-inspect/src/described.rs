//! What a file says of its dataset, as text.

use srt::container::{Attributes, Dataset};
use srt_program::printable;

use crate::file::File;

/// Where the voxels lie, if that is known.
pub(crate) fn placement_text(dataset: &Dataset) -> String {
    let Some(placement) = &dataset.placement else {
        return String::new();
    };
    let rank = dataset.shape.rank();
    let line = |name: &str, values: &[f64; 3]| {
        let axes = ["z", "y", "x"].into_iter().zip(values).skip(3 - rank);
        let axes: Vec<String> = axes.map(|(axis, v)| format!("{axis} = {v}")).collect();
        format!("  {name}: {}\n", axes.join(", "))
    };
    let unit = match dataset.length_unit.as_str() {
        "" => String::new(),
        unit => format!("  // in {}", printable(unit)),
    };
    let spacing = line("spacing", &placement.spacing);
    format!(
        "placement:{unit}\n{spacing}{}",
        line("origin", &placement.origin)
    )
}

/// What else is known of the dataset.
pub(crate) fn attributes_text(file: &File<'_>) -> String {
    let text =
        |attributes: &Attributes| format!("attributes:\n  {}\n", printable(attributes.text()));
    file.attributes.as_ref().map_or_else(String::new, text)
}
