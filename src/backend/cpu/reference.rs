//! The oracle: plain loops over whole regions, one voxel at a time, as the specification reads.
//!
//! Slow and without tiles; every other backend is compared with it bit by bit.

use crate::backend::input::{NetworkInput, is_clipped, refinement};
use crate::backend::{Backend, PredictRequest, Scaling};
use crate::base::error::{Error, Result};
use crate::network::{Head, InputChannels, Layer, LayerRole, LayerScales, Network, Trunk};

/// The reference backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

impl Backend for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn predict_checked(&self, request: &PredictRequest<'_>, out: &mut [f32]) -> Result<()> {
        let run = ReferenceRun::new(request);
        match request.network.arch().head {
            Head::Subbands => run.subbands(request.scaling, out),
            Head::VoxelShuffle => run.voxels(request.scaling, out),
        }
    }
}

/// A box in grid coordinates, which may be negative: outside the domain.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Box3 {
    start: [isize; 3],
    end: [isize; 3],
}

impl Box3 {
    fn positions(self) -> impl Iterator<Item = [isize; 3]> {
        let Self { start: s, end: e } = self;
        (s[0]..e[0])
            .flat_map(move |z| (s[1]..e[1]).flat_map(move |y| (s[2]..e[2]).map(move |x| [z, y, x])))
    }

    fn index(&self, at: [isize; 3]) -> usize {
        let [z, y, x] = [0, 1, 2].map(|axis| at[axis] - self.start[axis]);
        let [_, ny, nx] = [0, 1, 2].map(|axis| self.end[axis] - self.start[axis]);
        ((z * ny + y) * nx + x) as usize
    }

    /// Smaller by the radius of `kernel` on every side.
    fn valid(self, kernel: [usize; 3]) -> Self {
        Self {
            start: [0, 1, 2].map(|axis| self.start[axis] + (kernel[axis] / 2) as isize),
            end: [0, 1, 2].map(|axis| self.end[axis] - (kernel[axis] / 2) as isize),
        }
    }
}

/// One channel on a box.
#[derive(Clone)]
struct Plane<T> {
    region: Box3,
    values: Vec<T>,
}

impl<T: Copy> Plane<T> {
    fn at(&self, at: [isize; 3]) -> T {
        self.values[self.region.index(at)]
    }

    fn cropped(&self, region: Box3) -> impl Iterator<Item = T> {
        region.positions().map(|at| self.at(at))
    }
}

/// Channels on one box.
#[derive(Clone)]
struct PaddedField {
    region: Box3,
    channels: Vec<Plane<i16>>,
}

/// One network on one region.
struct ReferenceRun<'a> {
    network: &'a Network,
    input: &'a NetworkInput<'a>,
    /// What is asked for.
    region: Box3,
    /// What must be known of the input.
    extended: Box3,
    /// Extents of the domain at this resolution.
    domain: [isize; 3],
}

impl<'a> ReferenceRun<'a> {
    fn new(request: &'a PredictRequest<'a>) -> Self {
        let PredictRequest {
            network,
            input,
            region,
            ..
        } = request;
        let radius = network.radius() as isize;
        let mut run = Self {
            network,
            input,
            region: Box3 {
                start: region.start.map(|v| v as isize),
                end: [0, 1, 2].map(|axis| region.end(axis) as isize),
            },
            extended: Box3 {
                start: [0; 3],
                end: [0; 3],
            },
            domain: input.domain.map(|n| n as isize),
        };
        run.extended = run.region;
        for axis in 3 - usize::from(network.arch().rank)..3 {
            run.extended.start[axis] -= radius;
            run.extended.end[axis] += radius;
        }
        run
    }

    /// Predicts detail subbands.
    fn subbands(&self, scaling: Scaling, out: &mut [f32]) -> Result<()> {
        let source = self.input_field();
        let trunk = self.trunk(&source)?;
        let mut prediction = self.output(LayerRole::Head, &trunk, scaling)?;
        if self.network.arch().shortcut_kernel.is_some() {
            let mut fields = source;
            fields
                .channels
                .truncate(self.network.arch().channels.field_count());
            let shortcut = self.output(LayerRole::Shortcut, &fields, scaling)?;
            for (p, s) in prediction.iter_mut().zip(&shortcut) {
                for (p, s) in p.values.iter_mut().zip(s.cropped(p.region)) {
                    *p += s;
                }
            }
        }
        write(&prediction, self.region, out);
        Ok(())
    }

    /// Predicts the field.
    fn voxels(&self, scaling: Scaling, out: &mut [f32]) -> Result<()> {
        let trunk = self.trunk(&self.input_field())?;
        let shuffled = self.requantised(LayerRole::Shuffle, &trunk)?;
        let fine = self.refined();
        let field = fine.voxel_shuffle(&shuffled, self.network.arch().features.into());
        let field = fine.requantised(LayerRole::Refine, &field)?;
        let prediction = fine.output(LayerRole::Head, &field, scaling)?;
        write(&prediction, fine.region, out);
        Ok(())
    }

    /// The same at the resolution of the output.
    fn refined(&self) -> Self {
        let factor = refinement(self.network).map(|f| f as isize);
        let finer = |b: Box3| Box3 {
            start: [0, 1, 2].map(|axis| b.start[axis] * factor[axis]),
            end: [0, 1, 2].map(|axis| b.end[axis] * factor[axis]),
        };
        Self {
            network: self.network,
            input: self.input,
            region: finer(self.region),
            extended: finer(self.extended),
            domain: [0, 1, 2].map(|axis| self.domain[axis] * factor[axis]),
        }
    }

    /// True where zero padding makes every activation zero.
    fn is_zeroed(&self, at: [isize; 3]) -> bool {
        (0..3).any(|axis| {
            is_clipped(self.network, self.input.extension[axis])
                && !(0..self.domain[axis]).contains(&at[axis])
        })
    }

    /// The input channels on the extended region (spec networks 3 and 4).
    fn input_field(&self) -> PaddedField {
        let arch = self.network.arch();
        let mut channels = Vec::new();
        let mut add = |value: &dyn Fn([isize; 3]) -> i16| {
            let values = self
                .extended
                .positions()
                .map(|at| if self.is_zeroed(at) { 0 } else { value(at) });
            channels.push(Plane {
                region: self.extended,
                values: values.collect(),
            });
        };
        let inside = |at, value| if self.input.is_inside(at) { value } else { 0 };
        if arch.channels.contains(InputChannels::FIELD) {
            add(&|at| self.input.at(at));
        }
        if arch.channels.contains(InputChannels::INSIDE_FIELD) {
            add(&|at| inside(at, self.input.at(at)));
        }
        if arch.channels.contains(InputChannels::INSIDE) {
            add(&|at| inside(at, arch.inside_value()));
        }
        if let Some(condition) = self.input.condition {
            add(&|_| condition);
        }
        PaddedField {
            region: self.extended,
            channels,
        }
    }

    fn trunk(&self, input: &PaddedField) -> Result<PaddedField> {
        let mut x = self.requantised(LayerRole::Input, input)?;
        match self.network.arch().trunk {
            Trunk::Residual { blocks } => {
                for block in 0..blocks {
                    let step = self.requantised(LayerRole::Block(block), &x)?;
                    x = added(&x, step);
                }
            }
            Trunk::Rrdb {
                blocks,
                dense_blocks,
                convolutions,
                beta,
                ..
            } => {
                let first = x.clone();
                for block in 0..blocks {
                    let mut r = x.clone();
                    for dense in 0..dense_blocks {
                        r = self.dense_block(block, dense, convolutions, &r)?;
                    }
                    for plane in &mut r.channels {
                        for v in &mut plane.values {
                            *v = (f32::from(*v) * beta).round_ties_even() as i16;
                        }
                    }
                    x = added(&x, r);
                }
                let end = self.requantised(LayerRole::TrunkEnd, &x)?;
                x = added(&first, end);
            }
        }
        Ok(x)
    }

    fn dense_block(
        &self,
        block: u16,
        dense: u16,
        convolutions: u16,
        x0: &PaddedField,
    ) -> Result<PaddedField> {
        let mut all = x0.clone();
        for conv in 0..convolutions {
            let step = self.requantised(LayerRole::Dense { block, dense, conv }, &all)?;
            if conv + 1 == convolutions {
                return Ok(added(x0, step));
            }
            all.region = step.region;
            all.channels.extend(step.channels);
        }
        Err(Error::invalid("a dense block has at least one convolution"))
    }

    /// Channel `o * features + c` becomes channel `c` at offset `o` (spec networks 5).
    fn voxel_shuffle(&self, shuffled: &PaddedField, features: usize) -> PaddedField {
        let factor = refinement(self.network).map(|f| f as isize);
        let coarse = shuffled.region;
        let region = Box3 {
            start: [0, 1, 2].map(|axis| coarse.start[axis] * factor[axis]),
            end: [0, 1, 2].map(|axis| coarse.end[axis] * factor[axis]),
        };
        let channel = |c: usize| {
            let values = region.positions().map(|at| {
                let mut offset = 0;
                let mut from = [0; 3];
                for axis in 0..3 {
                    offset = offset * factor[axis] + at[axis].rem_euclid(factor[axis]);
                    from[axis] = at[axis].div_euclid(factor[axis]);
                }
                shuffled.channels[offset as usize * features + c].at(from)
            });
            Plane {
                region,
                values: values.collect(),
            }
        };
        PaddedField {
            region,
            channels: (0..features).map(channel).collect(),
        }
    }

    fn layer(&self, role: LayerRole) -> Result<&'a Layer> {
        self.network
            .layer(role)
            .ok_or_else(|| Error::invalid(format!("the network has no layer {role}")))
    }

    /// Convolution and requantisation; zero outside the domain where the padding is zero.
    fn requantised(&self, role: LayerRole, x: &PaddedField) -> Result<PaddedField> {
        let layer = self.layer(role)?;
        let LayerScales::Activation { positive, negative } = &layer.scales else {
            return Err(Error::invalid("an activation layer expected"));
        };
        let region = x.region.valid(layer.spec.kernel);
        let channel = |o: usize| Plane {
            region,
            values: region
                .positions()
                .map(|at| {
                    if self.is_zeroed(at) {
                        return 0;
                    }
                    let acc = accumulate(layer, x, o, at);
                    let scale = if acc < 0 { negative[o] } else { positive[o] };
                    (acc as f32 * scale)
                        .clamp(-32767.0, 32767.0)
                        .round_ties_even() as i16
                })
                .collect(),
        };
        Ok(PaddedField {
            region,
            channels: (0..layer.spec.outputs).map(channel).collect(),
        })
    }

    /// Convolution and conversion to the unit of the output, on the region asked for.
    fn output(
        &self,
        role: LayerRole,
        x: &PaddedField,
        scaling: Scaling,
    ) -> Result<Vec<Plane<f32>>> {
        let layer = self.layer(role)?;
        let LayerScales::Output(scale) = &layer.scales else {
            return Err(Error::invalid("an output layer expected"));
        };
        let channel = |o: usize| {
            let factor = scale[o] * scaling.factor(role);
            Plane {
                region: self.region,
                values: self
                    .region
                    .positions()
                    .map(|at| accumulate(layer, x, o, at) as f32 * factor)
                    .collect(),
            }
        };
        Ok((0..layer.spec.outputs).map(channel).collect())
    }
}

/// `bias[o] + sum w[o, i, k] x[i, at + k]`.
fn accumulate(layer: &Layer, x: &PaddedField, o: usize, at: [isize; 3]) -> i32 {
    let spec = &layer.spec;
    let [kz, ky, kx] = spec.kernel;
    let first = [0, 1, 2].map(|axis| at[axis] - (spec.kernel[axis] / 2) as isize);
    let mut acc = layer.bias[o];
    let mut index = o * spec.inputs * spec.taps();
    for plane in &x.channels {
        for z in 0..kz {
            for y in 0..ky {
                let row = [first[0] + z as isize, first[1] + y as isize, first[2]];
                let start = plane.region.index(row);
                for value in &plane.values[start..start + kx] {
                    acc += i32::from(layer.weights.get(index)) * i32::from(*value);
                    index += 1;
                }
            }
        }
    }
    acc
}

/// `x + step` clamped to the activation range, on the box of `step`.
fn added(x: &PaddedField, mut step: PaddedField) -> PaddedField {
    for (plane, x) in step.channels.iter_mut().zip(&x.channels) {
        for (v, x) in plane.values.iter_mut().zip(x.cropped(plane.region)) {
            *v = (i32::from(x) + i32::from(*v)).clamp(-32767, 32767) as i16;
        }
    }
    step
}

/// Copies the prediction on `region` to `out`, channel by channel.
fn write(prediction: &[Plane<f32>], region: Box3, out: &mut [f32]) {
    let values = prediction.iter().flat_map(|plane| plane.cropped(region));
    for (out, value) in out.iter_mut().zip(values) {
        *out = value;
    }
}
