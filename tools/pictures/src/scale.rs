//! Numbers beside a colour bar: round values, a common power of ten taken out.

/// A linear scale from `low` to `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Value at the lower end.
    pub low: f64,
    /// Value at the upper end.
    pub high: f64,
}

/// A number on a scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// 0 at the scale's low end, 1 at its high end.
    pub at: f64,
    pub label: String,
}

impl Scale {
    /// The scale of the finite values; 0 to 0 where there is none.
    pub fn of(values: impl Iterator<Item = f64>) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
                (l.min(v), h.max(v))
            });
        if low <= high {
            Self { low, high }
        } else {
            Self {
                low: 0.0,
                high: 0.0,
            }
        }
    }

    /// The scale around zero that holds all finite values.
    pub fn around_zero(values: impl Iterator<Item = f64>) -> Self {
        let Self { low, high } = Self::of(values);
        let high = high.max(-low).max(0.0);
        Self {
            low: 0.0 - high,
            high,
        }
    }

    /// Place of `value` on the scale, 0.5 where the scale has no extent.
    pub fn place(&self, value: f64) -> f64 {
        // Halves cannot overflow; values too small to be halved exactly do not show either.
        let span = self.high * 0.5 - self.low * 0.5;
        if span > 0.0 {
            (value * 0.5 - self.low * 0.5) / span
        } else {
            0.5
        }
    }

    /// At most `most` round numbers (at least 2) and the power of ten to be written above them, empty
    /// when there is none.
    pub fn ticks(&self, most: usize) -> (Vec<Tick>, String) {
        let span = self.high - self.low;
        let raw = span / most.max(2) as f64;
        let largest = self.low.abs().max(self.high.abs());
        if !raw.is_normal() || !span.is_finite() || largest < 1e-290 {
            return (self.ends(), String::new());
        }
        let mut step = 10f64.powi(raw.log10().floor() as i32);
        step *= [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .find(|&m| step * m >= raw * 0.999)
            .unwrap_or(10.0);
        let exponent = match largest.log10().floor() as i32 {
            -2..=4 => 0,
            other => other,
        };
        // Where the span is small beside the values, rounded numbers would all look alike.
        let decimals = exponent - (step * 1.000_001).log10().floor() as i32;
        if decimals > 9 {
            return (self.ends(), String::new());
        }
        let (unit, decimals) = (10f64.powi(exponent), decimals.max(0) as usize);
        let first = (self.low / step - 1e-6).ceil();
        let last = (self.high / step + 1e-6).floor();
        let count = (last - first) as usize;
        let ticks = (0..=count.min(most + 1))
            .map(|i| {
                let value = (first + i as f64) * step;
                // Adding zero turns -0 into 0.
                Tick {
                    at: self.place(value).clamp(0.0, 1.0),
                    label: format!("{:.decimals$}", value / unit + 0.0),
                }
            })
            .collect();
        let power = match exponent {
            0 => String::new(),
            n => format!("x 1e{n}"),
        };
        (ticks, power)
    }

    fn ends(&self) -> Vec<Tick> {
        let label = |v: f64| {
            if v == 0.0 || (1e-3..1e6).contains(&v.abs()) {
                let digits = format!("{v:.6}");
                digits.trim_end_matches('0').trim_end_matches('.').into()
            } else {
                format!("{v:.6e}")
            }
        };
        let tick = |at, v| Tick {
            at,
            label: label(v),
        };
        if self.low == self.high {
            vec![tick(0.5, self.low)]
        } else {
            vec![tick(0.0, self.low), tick(1.0, self.high)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(low: f64, high: f64) -> (Vec<String>, String) {
        let (ticks, power) = Scale { low, high }.ticks(5);
        (ticks.into_iter().map(|t| t.label).collect(), power)
    }

    #[test]
    fn numbers_are_round() {
        assert_eq!(
            labels(0.0, 5.0),
            (
                ["0", "1", "2", "3", "4", "5"].map(String::from).to_vec(),
                String::new()
            )
        );
        let (numbers, power) = labels(-3.1e-5, 3.1e-5);
        assert_eq!(
            (numbers, power.as_str()),
            (["-2", "0", "2"].map(String::from).to_vec(), "x 1e-5")
        );
        assert_eq!(labels(0.1, 0.62).0, ["0.2", "0.4", "0.6"]);
        assert_eq!(labels(7.0, 7.0).0, ["7"]);
    }

    proptest! {
        #[test]
        fn any_scale_has_a_few_numbers_on_it(a in any::<f64>(), b in any::<f64>(), most in 0usize..12) {
            let scale = Scale::of([a, b].into_iter());
            let (ticks, _) = scale.ticks(most);
            prop_assert!(ticks.len() <= most.max(2) + 2);
            prop_assert!(ticks.iter().all(|t| (0.0..=1.0).contains(&t.at) && t.label.len() < 24));
        }
    }
}
