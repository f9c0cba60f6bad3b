//! A small RGB image to draw on: `plotters` draws, `png` writes the file.

use std::sync::Once;

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};
use srt::{Error, Result};

/// Red, green, blue.
pub type Rgb = [u8; 3];

/// The one typeface; it is part of the program, so that a picture is the same wherever it is drawn.
const TYPEFACE: &str = "DejaVu Sans";

/// A small RGB image to draw on; what is drawn outside it is left out.
#[derive(Clone, Debug)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// An image of one colour.
    #[must_use]
    pub fn new(width: usize, height: usize, background: Rgb) -> Self {
        Self {
            width,
            height,
            pixels: background.repeat(width * height),
        }
    }

    /// Sets a pixel; what is outside the image is left out.
    pub fn set(&mut self, x: usize, y: usize, color: Rgb) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&color);
        }
    }

    /// Fills the rectangle with its upper left corner at `x`, `y`.
    pub fn fill(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: Rgb) {
        let right = (x + width).min(self.width);
        if x >= right {
            return;
        }
        for row in y..(y + height).min(self.height) {
            let at = row * self.width;
            for pixel in self.pixels[(at + x) * 3..(at + right) * 3].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }

    /// A frame of one pixel around the rectangle, outside it. `x` and `y` are at least 1.
    pub fn frame(&mut self, [x, y]: [usize; 2], [width, height]: [usize; 2], color: Rgb) {
        self.fill([x - 1, y - 1], [width + 2, 1], color);
        self.fill([x - 1, y + height], [width + 2, 1], color);
        self.fill([x - 1, y], [1, height], color);
        self.fill([x + width, y], [1, height], color);
    }

    /// Writes `text` with the upper left corner of its line at `x`, `y`; the line is `size` pixels high.
    ///
    /// # Errors
    /// `InvalidArgument` when the image is too large to be written on.
    pub fn text(
        &mut self,
        [x, y]: [usize; 2],
        size: usize,
        [r, g, b]: Rgb,
        text: &str,
    ) -> Result<()> {
        let side = |n: usize| i32::try_from(n).map_err(|_| too_large());
        let corner = (side(x)?, side(y)?);
        let sides = (side(self.width)? as u32, side(self.height)? as u32);
        let color = RGBColor(r, g, b);
        let style = TextStyle::from(font(size)).color(&color);
        BitMapBackend::with_buffer(&mut self.pixels, sides)
            .draw_text(text, &style, corner)
            .map_err(|e| Error::invalid(format!("text cannot be drawn: {e}")))
    }

    /// Width in pixels of a line of `text` that is `size` pixels high.
    #[must_use]
    pub fn text_width(size: usize, text: &str) -> usize {
        // Letters may reach a pixel beyond what they advance.
        font(size)
            .box_size(text)
            .map_or(0, |(width, _)| width as usize + 1)
    }

    /// The image as a PNG file.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too large.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let side = |n: usize| u32::try_from(n).map_err(|_| too_large());
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, side(self.width)?, side(self.height)?);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Balanced);
        encoder
            .write_header()
            .and_then(|mut writer| {
                writer.write_image_data(&self.pixels)?;
                writer.finish()
            })
            .map_err(std::io::Error::from)?;
        Ok(bytes)
    }
}

fn too_large() -> Error {
    Error::invalid("picture larger than PNG allows")
}

pub(crate) fn font(size: usize) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that were refused would show as an error of the first text.
        let _ = register_font(TYPEFACE, FontStyle::Normal, dejavu::sans::regular());
    });
    (TYPEFACE, size as f64).into_font()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_as_wide_as_told_and_may_leave_the_image() {
        let mut canvas = Canvas::new(300, 40, [255; 3]);
        canvas.text([10, 10], 18, [0; 3], "level 0.25e-3").unwrap();
        let right = 10 + Canvas::text_width(18, "level 0.25e-3");
        let inked = |x: usize, y: usize| canvas.pixels[(y * 300 + x) * 3] < 255;
        let ink: Vec<(usize, usize)> = (0..40)
            .flat_map(|y| (0..300).map(move |x| (x, y)))
            .filter(|&(x, y)| inked(x, y))
            .collect();
        assert!(ink.len() > 100);
        let extents = |side: fn(&(usize, usize)) -> usize| {
            let (least, most) = (ink.iter().map(side).min(), ink.iter().map(side).max());
            (least.unwrap_or_default(), most.unwrap_or_default())
        };
        let (across, down) = (extents(|at| at.0), extents(|at| at.1));
        assert!(across.0 >= 9 && across.1 <= right, "{across:?} to {right}");
        assert!(down.0 >= 7 && down.1 <= 32, "{down:?}");
        assert!(ink.iter().any(|&(x, _)| x + 6 > right));
        canvas.text([295, 35], 18, [0; 3], "outside").unwrap();
        canvas.fill([290, 30], [100, 100], [1; 3]);
        canvas.fill([400, 400], [1, 1], [1; 3]);
    }
}
