//! Which plan along the slowest axis a frame of the wavelet form has: as asked for, or by what boxes of the field with all of
//! that axis take with each.

use crate::base::dtype::Element;
use crate::base::error::Result;
use crate::base::grid::{Axes, Region};
use crate::frame::encode::FrameEncoder;
use crate::frame::goal::Goal;
use crate::frame::networks::Networks;
use crate::frame::raster::candidates::BoxedField;
use crate::frame::wavelet::encode::{filter_pair, may_be_held};
use crate::frame::wavelet::gains;
use crate::frame::wavelet::probation::{PassEstimate, is_hopeful};
use crate::frame::wavelet::trial::{NormalisedField, TransformedField};
use crate::options::{NetworkTrials, Observer, Periodic};
use crate::transform::AxisPlan;

/// Fields of fewer voxels take few bytes in any case.
const LEAST_VOXELS: usize = 1 << 15;
/// Bytes in working precision of the largest field that is held for its plan, however much memory to aim at there is: the
/// file does not depend on the machine.
const MOST_BYTES: usize = 1 << 29;
/// Fewer planes are no stack.
const LEAST_PLANES: usize = 4;
/// Voxels of a box, about, and the edges of its planes, multiples of a block.
pub(super) const BOX_VOXELS: usize = 1 << 17;
pub(super) const EDGES: [usize; 7] = [32, 40, 48, 64, 96, 128, 192];
/// A plan that keeps all planes in coarse levels, and may need whole columns for a region, is taken where it saves more than this.
const LEAST_SAVING: f64 = 0.05;
/// Networks never save more than this of a field without them, and are not asked where another plan does.
const NETWORKS_SAVE: f64 = 0.5;
/// Passes over a box with networks: the first fits their gains.
const NETWORK_PASSES: usize = 2;
/// The quantisation step, in bounds, that a bound on single errors takes with corrections, about.
const STEP_OF_BOUND: f64 = 2.2;
/// Steps, in standard deviations of a field, that are looked at.
const STEPS: [f64; 2] = [1e-12, 1e6];
/// The PSNR of a field whose SSIM is 0; it gains as many decibels as the distance to 1 loses.
const DB_AT_SSIM_0: f64 = 30.0;

/// Boxes of the field, transformed by one plan.
pub(super) struct PlannedBoxes<E: Element> {
    boxes: Vec<TransformedField<'static, E>>,
}

/// What boxes of a field say of its plan.
#[derive(Clone, Copy)]
pub(super) struct PlanChoice {
    pub(super) plan: AxisPlan,
    /// One that is better if networks do not keep in the field what they promise in boxes.
    pub(super) rival: Option<AxisPlan>,
}

impl PlanChoice {
    fn alone(plan: AxisPlan) -> Self {
        Self { plan, rival: None }
    }
}

/// What all boxes are brought to.
#[derive(Clone, Copy)]
pub(super) enum Aim {
    /// A sum of squared errors, in the normalised unit.
    Error(f64),
    /// A quantisation step.
    Step(f64),
}

impl Aim {
    /// What an error at a step is worth beside what is aimed at. Beside other plans at the same step, all error counts.
    fn bits_of_error(self, error: f64, step: f64) -> f64 {
        let aimed = match self {
            Self::Error(aimed) => aimed,
            Self::Step(_) => 0.0,
        };
        PassEstimate::bits_of_error(error - aimed, step)
    }
}

impl<E: Element> PlannedBoxes<E> {
    fn sum(&self, of_box: impl Fn(&TransformedField<'static, E>) -> f64) -> f64 {
        self.boxes.iter().map(of_box).sum()
    }

    /// The step that an aim takes.
    pub(super) fn step(&self, aim: Aim) -> f64 {
        match aim {
            Aim::Step(step) => step,
            Aim::Error(error) => step_of(error, |step| {
                self.sum(|field| field.analysis.expected_error(step))
            }),
        }
    }

    /// Bits at the step of an aim by the magnitudes of the coefficients alone: a rough guess, for nearly nothing.
    pub(super) fn expected_bits(&self, aim: Aim) -> f64 {
        let step = self.step(aim);
        let bits = self.sum(|field| field.analysis.expected_bits(step));
        let error = self.sum(|field| field.analysis.expected_error(step));
        (bits + aim.bits_of_error(error, step)).max(0.0)
    }

    /// Bits at a step, about, without networks or with them, as if the error were that of `aim`; `None` where the coder
    /// cannot use the step.
    pub(super) fn bits(&self, aim: Aim, networks: Option<&Networks>) -> Result<Option<f64>> {
        let step = self.step(aim);
        let (mut bits, mut error) = (0.0, 0.0);
        for field in &self.boxes {
            let mut gains = networks.map_or(Vec::new(), |networks| field.gains(networks));
            let passes = if networks.is_some() {
                NETWORK_PASSES
            } else {
                1
            };
            let mut last = None;
            for _ in 0..passes {
                let Some(pass) = field.quantise(step, networks, &gains, None)? else {
                    return Ok(None);
                };
                gains::refit(&mut gains, &pass.gain_factors);
                last = Some(PassEstimate::new(&pass));
            }
            let Some(estimate) = last else {
                return Ok(None);
            };
            bits += estimate.bits;
            error += estimate.squared_error;
        }
        Ok(Some((bits + aim.bits_of_error(error, step)).max(0.0)))
    }
}

/// The step at which `value`, which grows with it, is `wanted`, to a thousandth.
fn step_of(wanted: f64, value: impl Fn(f64) -> f64) -> f64 {
    let [mut low, mut high] = STEPS.map(f64::ln);
    while high - low > 1e-3 {
        let middle = (low + high) / 2.0;
        if value(middle.exp()) < wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.exp()
}

impl<E: Element> FrameEncoder<'_, E> {
    /// The plan that was asked for, or the one that takes fewest bytes in boxes.
    ///
    /// # Errors
    /// `InvalidArgument` for a plan that the field cannot have, and what networks report.
    pub(super) fn plan(&self) -> Result<PlanChoice> {
        let shape = self.original.shape;
        if let Some(plan) = self.options.coding.plan {
            return plan.check(shape).map(|()| PlanChoice::alone(plan));
        }
        let networks = self.networks.map(|priced| priced.networks);
        let is_stack = shape.rank() == 3
            && shape.len() >= LEAST_VOXELS
            && shape.len() <= MOST_BYTES / size_of::<E::Work>()
            && shape.dims()[0] >= LEAST_PLANES
            && !self.options.coding.periodic.given().contains(0);
        if !is_stack || !may_be_held::<E>(shape, self.options, networks) {
            return Ok(PlanChoice::alone(AxisPlan::Levels));
        }
        self.best_plan(networks)
    }

    fn best_plan(&self, networks: Option<&Networks>) -> Result<PlanChoice> {
        let boxes = self.columns(BOX_VOXELS, &EDGES);
        let levels = self.planned(AxisPlan::Levels, &boxes)?;
        let aim = self.aim(&levels);
        let mut found = vec![(AxisPlan::Levels, levels.expected_bits(aim))];
        let Some(others) = self.other_plans(&levels, &boxes, aim, &mut found)? else {
            return Ok(PlanChoice::alone(AxisPlan::Levels));
        };
        let fewest = others.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
        let Some(other) = fewest else {
            self.tell_of_plans(AxisPlan::Levels, &boxes, "", &found);
            return Ok(PlanChoice::alone(AxisPlan::Levels));
        };
        let mut bits = found[0].1;
        let saves = |bits: f64| other.1 < (1.0 - LEAST_SAVING) * bits;
        let saves_without_networks = saves(bits);
        let mut with = "";
        if let Some(networks) = networks
            && other.1 < bits
            && other.1 > (1.0 - NETWORKS_SAVE) * bits
            && self.may_use_networks(&levels, levels.step(aim))
            && let Some(fewer) = levels.bits(aim, Some(networks))?
            && fewer < bits
        {
            (bits, with) = (fewer, " with networks");
        }
        let choice = if saves(bits) {
            PlanChoice::alone(other.0)
        } else {
            PlanChoice {
                plan: AxisPlan::Levels,
                rival: saves_without_networks.then_some(other.0),
            }
        };
        found[0].1 = bits;
        self.tell_of_plans(choice.plan, &boxes, with, &found);
        Ok(choice)
    }

    /// The plans other than `levels` that may be better, with their bits in boxes; `found`, which has the bits that are
    /// expected of levels, gets those of all. A plan that does not seem to save enough by its magnitudes is not quantised, and
    /// neither are levels beside none. `None` where the coder cannot use the step of levels.
    fn other_plans(
        &self,
        levels: &PlannedBoxes<E>,
        boxes: &[Region],
        aim: Aim,
        found: &mut Vec<(AxisPlan, f64)>,
    ) -> Result<Option<Vec<(AxisPlan, f64)>>> {
        let likely = self.options.coding.effort.plan().likely_plans * found[0].1;
        let mut hopeful = Vec::new();
        for plan in AxisPlan::ALL.into_iter().skip(1) {
            if plan.check(self.original.shape).is_err() {
                continue;
            }
            let planned = self.planned(plan, boxes)?;
            let expected = planned.expected_bits(aim);
            found.push((plan, expected));
            // An expectation that is no number tells nothing.
            if expected.is_nan() || expected < likely {
                hopeful.push((found.len() - 1, planned));
            }
        }
        let mut others = Vec::new();
        if hopeful.is_empty() {
            return Ok(Some(others));
        }
        let Some(bits) = levels.bits(aim, None)? else {
            return Ok(None);
        };
        found[0].1 = bits;
        for (place, planned) in hopeful {
            if let Some(bits) = planned.bits(aim, None)? {
                found[place].1 = bits;
                others.push(found[place]);
            }
        }
        Ok(Some(others))
    }

    /// Says which plan was chosen, and the bytes by each.
    fn tell_of_plans(
        &self,
        chosen: AxisPlan,
        boxes: &[Region],
        with: &str,
        found: &[(AxisPlan, f64)],
    ) {
        let bytes = |bits: f64| (bits / 8.0).max(0.0).round();
        let by = |(i, &(plan, bits)): (usize, &(AxisPlan, f64))| match i {
            0 => format!("{} bytes by {}{with}", bytes(bits), plan.name()),
            _ => format!("{} by {}", bytes(bits), plan.name()),
        };
        let all: Vec<String> = found.iter().enumerate().map(by).collect();
        self.tell(&format!(
            "plan {}: {} boxes take about {}",
            chosen.name(),
            boxes.len(),
            all.join(", ")
        ));
    }

    /// The boxes of about so many voxels, with planes of one of `edges`, that stand for the field, each with all of the slowest axis: two, or the field itself where that is not
    /// much more.
    pub(super) fn columns(&self, voxels: usize, edges: &[usize]) -> Vec<Region> {
        let whole = self.original.shape.region();
        let [planes, ny, nx] = whole.size;
        let fits = |edge: &&usize| planes * **edge * **edge <= voxels;
        let edge = edges.iter().rev().find(fits).unwrap_or(&edges[0]);
        let size = [planes, ny.min(*edge), nx.min(*edge)];
        let voxels: usize = size.iter().product();
        if whole.len() <= 3 * voxels {
            return vec![whole];
        }
        // One beside the middle and one towards the far corner.
        let place = |part: usize| Region {
            start: [0, (ny - size[1]) * part / 8, (nx - size[2]) * part / 8],
            size,
        };
        vec![place(2), place(6)]
    }

    pub(super) fn planned(&self, plan: AxisPlan, boxes: &[Region]) -> Result<PlannedBoxes<E>> {
        let mut coding = self.options.coding.clone();
        coding.plan = Some(plan);
        coding.periodic = Periodic::Given(Axes::NONE);
        let networks = self.networks.map(|priced| priced.networks);
        let wavelet = filter_pair(self.options, networks);
        let observer = Observer::default();
        let transformed = |region: &Region| {
            let held = BoxedField::cut(&self.original, *region);
            let original = held.original(&observer);
            let field = NormalisedField::Held(original.normalised(&self.normalisation));
            let cells = region.len();
            TransformedField::new(
                original.shape,
                &coding,
                wavelet,
                self.normalisation,
                field,
                cells,
            )
        };
        Ok(PlannedBoxes {
            boxes: boxes.iter().map(transformed).collect::<Result<_>>()?,
        })
    }

    /// What the goal comes to in boxes.
    pub(super) fn aim(&self, levels: &PlannedBoxes<E>) -> Aim {
        let scale = levels.boxes.first().map_or(1.0, |field| field.form.scale);
        let range = levels
            .boxes
            .first()
            .map_or(0.0, |field| field.normalised_range());
        let voxels = levels.sum(|field| field.analysis.plan.shape().len() as f64);
        let of_psnr = |db: f64| Aim::Error(range * range * 10f64.powf(-db / 10.0) * voxels);
        match self.goal {
            Goal::Psnr(db) => of_psnr(db),
            Goal::Ssim(ssim) => of_psnr(DB_AT_SSIM_0 - 10.0 * (1.0 - ssim).max(1e-6).log10()),
            Goal::MaxError(bound) => Aim::Step(STEP_OF_BOUND * bound / scale),
            Goal::Ratio(ratio) => {
                let bits = voxels * size_of::<E>() as f64 * 8.0 / ratio;
                // Bits fall with the step, so that fewer of them stand for a larger error.
                let step = step_of(-bits, |step| {
                    -levels.sum(|field| field.analysis.expected_bits(step))
                });
                Aim::Error(levels.sum(|field| field.analysis.expected_error(step)))
            }
        }
    }

    pub(super) fn may_use_networks(&self, levels: &PlannedBoxes<E>, step: f64) -> bool {
        let mut fields = levels.boxes.iter();
        self.network_trials() != NetworkTrials::Hopeful
            || fields.any(|field| is_hopeful(&field.analysis, step))
    }
}
