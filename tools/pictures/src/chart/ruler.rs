//! The numbers along an axis of a chart.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;

use crate::scale::Scale;

/// Most numbers along a linear axis, and most decades along a logarithmic one.
const MOST: usize = 6;
const MOST_DECADES: f64 = 7.0;

/// An axis with its range as it is drawn: in values, or in their logarithms to base 10.
///
/// Logarithms are taken here, as the axis of `plotters` drops numbers below 2.2e-16.
#[derive(Clone, Debug)]
pub(super) struct Ruler {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where numbers stand, as drawn, and the numbers.
    pub(super) ticks: Vec<(f64, String)>,
    logarithmic: bool,
}

impl Ruler {
    /// An axis that holds all `values` that can be drawn on it; `None` where there is none.
    pub(super) fn new(logarithmic: bool, values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut ruler = Self {
            low: 0.0,
            high: 0.0,
            ticks: Vec::new(),
            logarithmic,
        };
        let drawn: Vec<f64> = values.filter_map(|v| ruler.drawn(v)).collect();
        if drawn.is_empty() {
            return None;
        }
        let Scale { low, high } = Scale::of(drawn.into_iter());
        // Room around a single value, and a little below and above others.
        let margin = if high > low {
            (high - low) * 0.04
        } else {
            0.5f64.max(low.abs() * 0.05)
        };
        (ruler.low, ruler.high) = (low - margin, high + margin);
        ruler.ticks = ruler.find_ticks();
        Some(ruler)
    }

    /// Where a value is drawn; `None` for one that cannot be.
    pub(super) fn drawn(&self, value: f64) -> Option<f64> {
        let drawn = if self.logarithmic {
            value.log10()
        } else {
            value
        };
        drawn.is_finite().then_some(drawn)
    }

    fn find_ticks(&self) -> Vec<(f64, String)> {
        let (low, high) = (self.low, self.high);
        if !self.logarithmic {
            return linear(low, high);
        }
        if high - low < 0.5 {
            // Too little of a decade for its round parts.
            let ticks = linear(10f64.powf(low), 10f64.powf(high));
            return ticks.into_iter().map(|(at, s)| (at.log10(), s)).collect();
        }
        let decades = (low.floor() as i32)..=(high.ceil() as i32);
        let step = ((high - low) / MOST_DECADES).ceil().max(1.0) as i32;
        let digits: &[f64] = match high - low {
            span if span < 1.2 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            span if span < 3.0 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        decades
            .filter(|decade| decade % step == 0)
            .flat_map(|decade| digits.iter().map(move |&digit| (digit, decade)))
            .map(|(digit, decade)| (f64::from(decade) + digit.log10(), number(digit, decade)))
            .filter(|(at, _)| (low..=high).contains(at))
            .collect()
    }
}

impl Ranged for Ruler {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, drawn: &f64, limit: (i32, i32)) -> i32 {
        RangedCoordf64::from(self.low..self.high).map(drawn, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _hint: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(at, _)| *at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Ruler {
    fn format_ext(&self, at: &f64) -> String {
        let tick = self.ticks.iter().find(|(place, _)| place == at);
        tick.map_or(String::new(), |(_, label)| label.clone())
    }
}

/// Round numbers from `low` to `high`.
fn linear(low: f64, high: f64) -> Vec<(f64, String)> {
    let (ticks, power) = Scale { low, high }.ticks(MOST);
    let power = power.replace("x 1", "");
    let at = |place: f64| low + place * (high - low);
    let ticks = ticks.into_iter();
    ticks
        .map(|t| (at(t.at), format!("{}{power}", t.label)))
        .collect()
}

/// `digit` times ten to the power `decade`, in few letters.
fn number(digit: f64, decade: i32) -> String {
    let plain = match decade {
        -3..=5 => format!("{}", digit * 10f64.powi(decade)),
        _ => String::new(),
    };
    // Ten to a power below one has digits to spare.
    if (1..=7).contains(&plain.len()) {
        plain
    } else {
        format!("{digit}e{decade}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_of_a_decade_has_ticks_too() {
        for (low, high) in [(119.0, 186.0), (3.0, 3.3), (0.012, 0.02)] {
            let ruler = Ruler::new(true, [low, high].into_iter()).unwrap();
            assert!(ruler.ticks.len() >= 2, "{low} {high}: {ruler:?}");
            for (at, label) in &ruler.ticks {
                let value: f64 = label.parse().unwrap();
                assert!((value.log10() - at).abs() < 1e-9, "{label} at {at}");
            }
        }
    }

    #[test]
    fn numbers_below_the_precision_of_one_have_ticks() {
        let ruler = Ruler::new(true, [1e-30, 1e-20].into_iter()).unwrap();
        assert_eq!(ruler.format_ext(&-30.0), "1e-30");
    }

    proptest! {
        #[test]
        fn ticks_are_few_and_within_the_axis(a in any::<f64>(), b in any::<f64>(), logarithmic: bool) {
            if let Some(ruler) = Ruler::new(logarithmic, [a, b].into_iter()) {
                prop_assert!(ruler.ticks.len() <= 12);
                let slack = (ruler.high - ruler.low) * 1e-6;
                for (at, _) in &ruler.ticks {
                    prop_assert!(!at.is_finite() || (ruler.low - slack..=ruler.high + slack).contains(at));
                }
            }
        }
    }
}
