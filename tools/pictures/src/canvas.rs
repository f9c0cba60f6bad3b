//! A small RGB image to draw on.

use crate::font;
use srt::base::error::{Error, Result};

/// Red, green, blue.
pub type Rgb = [u8; 3];

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
        for row in y..y + height {
            for column in x..x + width {
                self.set(column, row, color);
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

    /// Writes `text` with its upper left corner at `x`, `y`, each dot of a letter `dot` pixels wide.
    pub fn text(&mut self, [x, y]: [usize; 2], dot: usize, color: Rgb, text: &str) {
        for (i, c) in text.chars().enumerate() {
            let left = x + i * font::ADVANCE * dot;
            for (row, line) in font::glyph(c).split(' ').enumerate() {
                for (column, _) in line.char_indices().filter(|(_, c)| *c == '#') {
                    self.fill([left + column * dot, y + row * dot], [dot, dot], color);
                }
            }
        }
    }

    /// Width and height of a line of `text` drawn with dots of `dot` pixels.
    #[must_use]
    pub fn text_size(dot: usize, text: &str) -> [usize; 2] {
        [
            text.chars().count() * font::ADVANCE * dot,
            font::HEIGHT * dot,
        ]
    }

    /// The image as a PNG file.
    ///
    /// # Errors
    /// `InvalidArgument` when it is too large.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let side = |n: usize| {
            u32::try_from(n).map_err(|_| Error::invalid("picture larger than PNG allows"))
        };
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
