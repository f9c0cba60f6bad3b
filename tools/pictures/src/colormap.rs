//! Colour maps made from a few anchors in the OKLCH space, where equal steps look equal.

/// Entries of a table.
const STEPS: usize = 256;

/// Lightness, chroma and hue in degrees.
type Lch = [f64; 3];

/// Dark violet through blue and green to light yellow; lightness rises evenly, so the map also reads
/// in grey.
const SEQUENTIAL: [Lch; 5] = [
    [0.22, 0.10, 305.0],
    [0.40, 0.13, 275.0],
    [0.58, 0.11, 220.0],
    [0.76, 0.15, 155.0],
    [0.94, 0.17, 105.0],
];

/// Blue through near white to red, equally dark at both ends.
const DIVERGING: [Lch; 5] = [
    [0.36, 0.16, 262.0],
    [0.67, 0.13, 250.0],
    [0.97, 0.00, 250.0],
    [0.67, 0.15, 30.0],
    [0.36, 0.15, 27.0],
];

/// A table of colours for values from 0 to 1.
#[derive(Clone, Debug)]
pub struct Colormap {
    table: Vec<[u8; 3]>,
}

impl Colormap {
    /// For values that have a smallest and a largest: dark to light.
    #[must_use]
    pub fn sequential() -> Self {
        Self::from_anchors(&SEQUENTIAL)
    }

    /// For values around zero, which is at 0.5: blue below, red above.
    #[must_use]
    pub fn diverging() -> Self {
        Self::from_anchors(&DIVERGING)
    }

    fn from_anchors(anchors: &[Lch; 5]) -> Self {
        let color = |i: usize| {
            let at = i as f64 / (STEPS - 1) as f64 * (anchors.len() - 1) as f64;
            let first = (at as usize).min(anchors.len() - 2);
            let t = at - first as f64;
            let (a, b) = (lab(anchors[first]), lab(anchors[first + 1]));
            srgb(std::array::from_fn(|c| a[c] + (b[c] - a[c]) * t))
        };
        Self {
            table: (0..STEPS).map(color).collect(),
        }
    }

    /// The colour of `t`; values outside 0 to 1 get the colour of the nearer end.
    #[must_use]
    pub fn color(&self, t: f64) -> [u8; 3] {
        // The cast takes NaN to 0 and cuts what is too large.
        let index = (t * (STEPS - 1) as f64 + 0.5) as usize;
        self.table[index.min(STEPS - 1)]
    }
}

fn lab([lightness, chroma, hue]: Lch) -> [f64; 3] {
    let (sin, cos) = hue.to_radians().sin_cos();
    [lightness, chroma * cos, chroma * sin]
}

/// Oklab to 8-bit sRGB; colours the screen cannot show lose chroma, not lightness or hue.
fn srgb([lightness, a, b]: [f64; 3]) -> [u8; 3] {
    let mut chroma = 1.0;
    loop {
        let rgb = linear([lightness, a * chroma, b * chroma]);
        if chroma <= 0.0 || rgb.iter().all(|v| (-1e-3..=1.001).contains(v)) {
            return rgb.map(|v| (gamma(v.clamp(0.0, 1.0)) * 255.0 + 0.5) as u8);
        }
        chroma -= 0.01;
    }
}

/// Oklab to linear sRGB (B. Ottosson, "A perceptual color space for image processing", 2020).
fn linear([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let l = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    [
        4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
        -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
        -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
    ]
}

fn gamma(v: f64) -> f64 {
    match v <= 0.003_130_8 {
        true => 12.92 * v,
        false => 1.055 * v.powf(1.0 / 2.4) - 0.055,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance([r, g, b]: [u8; 3]) -> f64 {
        0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
    }

    #[test]
    fn lightness_rises_all_the_way() {
        let map = Colormap::sequential();
        assert!(
            map.table
                .windows(4)
                .all(|w| luminance(w[3]) > luminance(w[0]))
        );
    }

    #[test]
    fn zero_is_white_and_outliers_get_the_ends() {
        let map = Colormap::diverging();
        assert!(map.color(0.5).iter().all(|&v| v > 240));
        let ([r, _, b], [r2, _, b2]) = (map.color(-9.0), map.color(f64::INFINITY));
        assert!(b > r && r2 > b2);
        let _ = map.color(f64::NAN);
    }
}
