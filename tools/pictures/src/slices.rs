//! The three pictures of a panel without its texts, for pages that write their own.

use crate::canvas::{Canvas, Rgb};
use crate::colormap::Colormap;
use crate::panel::{Blocks, NOT_FINITE, PanelOptions, Slice, average, farthest};
use crate::scale::Scale;
use srt::{Element, Error, Result, Shape};

/// A slice of a field, of its reconstruction and of their difference.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Slices {
    /// PNG files: original, decoded, decoded less original.
    pub pictures: [Vec<u8>; 3],
    /// Columns and rows of the pictures in pixels.
    pub size: [usize; 2],
    /// Ends of the colour scale of original and decoded.
    pub scale: (f64, f64),
    /// The upper end of the scale of the difference; the lower one is its negative.
    pub reach: f64,
}

/// Draws the slice that `options` names; its caption is not used.
///
/// # Errors
/// As [`slice_panel`](crate::slice_panel).
pub fn slices<A: Element, B: Element>(
    shape: Shape,
    original: &[A],
    decoded: &[B],
    options: &PanelOptions,
) -> Result<Slices> {
    if original.len() != shape.len() || decoded.len() != shape.len() {
        return Err(Error::invalid(format!("fields of {shape} expected")));
    }
    let slice = Slice::new(shape, options)?;
    let blocks = Blocks::new(slice.size, options.side);
    let original = slice.values(|i| original[i].to_f64());
    let decoded = slice.values(|i| decoded[i].to_f64());
    let difference: Vec<f64> = original.iter().zip(&decoded).map(|(a, b)| b - a).collect();
    let scale = Scale::of(original.iter().copied());
    let reach = Scale::around_zero(difference.iter().copied());
    let (map, error_map) = (Colormap::sequential(), Colormap::diverging());
    let size = blocks.pixels();
    let draw = |values: &[f64], scale: Scale, map: &Colormap, reduce| {
        let mut canvas = Canvas::new(size[0], size[1], NOT_FINITE);
        let color = |v: f64| -> Rgb {
            if v.is_finite() {
                map.color(scale.place(v))
            } else {
                NOT_FINITE
            }
        };
        blocks.draw(&mut canvas, [0, 0], &blocks.reduce(values, reduce), color);
        canvas.to_png()
    };
    Ok(Slices {
        pictures: [
            draw(&original, scale, &map, average)?,
            draw(&decoded, scale, &map, average)?,
            draw(&difference, reach, &error_map, farthest)?,
        ],
        size,
        scale: (scale.low, scale.high),
        reach: reach.high,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_the_size_told_and_scales_of_their_fields() {
        let shape = Shape::new(&[3, 40, 50]).unwrap();
        let field: Vec<f32> = (0..shape.len()).map(|i| (i % 50) as f32).collect();
        let other: Vec<f32> = field.iter().map(|v| v + 0.5).collect();
        let drawn = slices(shape, &field, &other, &PanelOptions::default()).unwrap();
        assert_eq!((drawn.scale, drawn.reach), ((0.0, 49.0), 0.5));
        for picture in &drawn.pictures {
            let reader = png::Decoder::new(std::io::Cursor::new(picture))
                .read_info()
                .unwrap();
            let size = [reader.info().width, reader.info().height].map(|n| n as usize);
            assert_eq!(size, drawn.size);
        }
        assert!(slices(shape, &field, &other[1..], &PanelOptions::default()).is_err());
    }
}
