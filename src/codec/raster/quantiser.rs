//! From values of the field to steps above its minimum and back (codec `raster`, section 1).

use crate::base::dtype::Element;
use crate::base::real::Real;
use crate::codec::raster::model::Rest;

/// Most steps from the minimum to the maximum of a field.
pub const MAX_TOP: f64 = (1u64 << 31) as f64;

/// The step that integers have which are kept as they are.
pub const WHOLE_STEP: f64 = 1.0;

/// The steps of a field, in the precision that its values are computed in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantum<T> {
    step: T,
    least: T,
    largest: T,
    /// Values in steps lie up to here, one step above the maximum.
    top: T,
    places: Places,
}

/// Where values may lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    /// Anywhere.
    Any,
    /// At whole numbers of steps, which predictions are rounded to.
    Whole,
    /// The same, of which none is stored: all are within reach of a difference.
    Ranks,
}

impl<T: Real> Quantum<T> {
    /// Of steps of `step` over a field of that range; `None` where these are not numbers above 0, or there are more than
    /// [`MAX_TOP`] of them.
    pub fn new(step: f64, range: (f64, f64)) -> Option<Self> {
        let (step, least, largest) = (
            T::from_f64(step),
            T::from_f64(range.0),
            T::from_f64(range.1),
        );
        let steps = (largest - least) / step;
        let is_usable = step > T::ZERO && steps >= T::ZERO && steps.to_f64() <= MAX_TOP;
        is_usable.then(|| Self {
            step,
            least,
            largest,
            top: steps + T::from_f64(1.0),
            places: Places::Any,
        })
    }

    /// Of integers that are kept as they are, whose step is [`WHOLE_STEP`]; `None` where the range has no ends that are integers, or
    /// [`MAX_TOP`] steps or more.
    pub fn of_integers(range: (f64, f64)) -> Option<Self> {
        let is_whole = |end: f64| end.floor() == end;
        let quantum = Self::new(WHOLE_STEP, range);
        let quantum =
            quantum.filter(|q| is_whole(range.0) && is_whole(range.1) && q.top.to_f64() <= MAX_TOP);
        quantum.map(|quantum| Self {
            places: Places::Whole,
            ..quantum
        })
    }

    /// A prediction as differences are added to it, and what was rounded off.
    #[inline(always)]
    pub(super) fn start(&self, prediction: T) -> (T, Rest) {
        match self.places {
            Places::Any => (prediction, Rest::NONE),
            Places::Whole | Places::Ranks => self.nearest(prediction),
        }
    }

    /// The whole number of steps next to it in the range; halves go up.
    #[inline(always)]
    fn nearest(&self, prediction: T) -> (T, Rest) {
        let last = self.top.to_f64() - 1.0;
        let prediction = prediction.to_f64().clamp(0.0, last);
        let nearest = T::from_i32((prediction + 0.5) as i32);
        (nearest, Rest::new(prediction - nearest.to_f64()))
    }

    /// The value of `u` steps above the minimum.
    #[inline(always)]
    pub(super) fn value<E: Element>(&self, u: T) -> E {
        let y = u * self.step + self.least;
        let y = if y < self.least { self.least } else { y };
        let y = if y > self.largest { self.largest } else { y };
        E::from_f64(y.to_f64())
    }

    /// A difference of `q` steps added to a prediction.
    #[inline(always)]
    pub(super) fn add(&self, prediction: T, q: i32) -> T {
        self.within(prediction + T::from_i32(q))
    }

    /// Where a value lies that is stored as it is.
    pub(super) fn place<E: Element>(&self, value: E) -> T {
        self.within((T::from_f64(value.to_f64()) - self.least) / self.step)
    }

    /// Whether a value may be stored: it lies in the range of the field, and is none of a palette.
    pub(super) fn holds<E: Element>(&self, value: E) -> bool {
        let value = T::from_f64(value.to_f64());
        self.places != Places::Ranks && value >= self.least && value <= self.largest
    }

    /// Steps above the minimum, for the encoder alone, which may compute as it likes.
    #[inline(always)]
    pub(super) fn steps(&self, value: f64) -> f64 {
        (value - self.least.to_f64()) / self.step.to_f64()
    }

    /// Kept within a step of the field's range, which no honest value leaves: hostile ones do not grow without end.
    #[inline(always)]
    fn within(&self, u: T) -> T {
        let bottom = -T::from_i32(1);
        let u = if u < bottom { bottom } else { u };
        if u > self.top { self.top } else { u }
    }
}

impl Quantum<f32> {
    /// The places of a palette of `count` values, from 0 on.
    #[must_use]
    pub fn ranks(count: u32) -> Self {
        let largest = count.saturating_sub(1) as f32;
        Self {
            step: 1.0,
            least: 0.0,
            largest,
            top: largest + 1.0,
            places: Places::Ranks,
        }
    }
}
