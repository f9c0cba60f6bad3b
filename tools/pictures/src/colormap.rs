//! Colour maps of the crate `colorous`, with one rule for values that have no place on them.

/// Colours for values from 0 to 1.
#[derive(Clone, Debug)]
pub struct Colormap {
    gradient: colorous::Gradient,
    direction: Direction,
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Forward,
    Backward,
}

impl Colormap {
    /// For values that have a smallest and a largest: viridis, dark to light, which also reads in grey.
    #[must_use]
    pub fn sequential() -> Self {
        Self {
            gradient: colorous::VIRIDIS,
            direction: Direction::Forward,
        }
    }

    /// For values around zero, which is at 0.5: blue below, near white at zero, red above.
    #[must_use]
    pub fn diverging() -> Self {
        Self {
            gradient: colorous::RED_BLUE,
            direction: Direction::Backward,
        }
    }

    /// The colour of `t`; values outside 0 to 1 get the colour of the nearer end, NaN that of 0.
    #[must_use]
    pub fn color(&self, t: f64) -> [u8; 3] {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let color = self.gradient.eval_continuous(match self.direction {
            Direction::Forward => t,
            Direction::Backward => 1.0 - t,
        });
        [color.r, color.g, color.b]
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
        let lightness: Vec<f64> = (0..256)
            .map(|i| luminance(map.color(f64::from(i) / 255.0)))
            .collect();
        assert!(lightness.windows(4).all(|w| w[3] > w[0]));
    }

    #[test]
    fn zero_is_the_lightest_and_outliers_get_the_ends() {
        let map = Colormap::diverging();
        let middle = map.color(0.5);
        assert!(middle.iter().all(|&v| v > 230), "{middle:?}");
        assert!(middle.iter().max().unwrap() - middle.iter().min().unwrap() < 8);
        for i in 0..=32 {
            assert!(luminance(map.color(f64::from(i) / 32.0)) <= luminance(middle));
        }
        let ([r, _, b], [r2, _, b2]) = (map.color(-9.0), map.color(f64::INFINITY));
        assert!(b > r && r2 > b2);
        assert_eq!(map.color(f64::NAN), map.color(0.0));
    }
}
