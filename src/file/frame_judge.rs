//! A frame judged beside the field that it was made from.

use std::borrow::Cow;
use std::ops::Range;

use crate::base::dtype::{Dtype, Element, dtype_dispatch};
use crate::base::error::{Error, Result};
use crate::base::grid::Shape;
use crate::codec::mask::Mask;
use crate::container::{Frame, slowest};
use crate::file::field_source::FieldSource;
use crate::file::frame_reader::FrameReader;
use crate::frame::judge::{Evidence, Judge, Take, Verdict, Voxels, compare_plain};
use crate::frame::sample::for_each_stretch;
use crate::metrics::EvalReport;
use crate::options::Observer;
use crate::volume::{AnyVolume, Values, VolumeView};

/// How a frame is judged.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Judging {
    /// Voxels where the original has this value are not measured. Those that the frame's mask tells never are. Default
    /// none.
    pub mask_value: Option<f64>,
    /// Who is told which values of the original have been read. Default nobody.
    pub observer: Observer,
}

impl Judging {
    /// Sets the value whose voxels are not measured.
    #[must_use]
    pub fn with_mask_value(mut self, value: impl Into<Option<f64>>) -> Self {
        self.mask_value = value.into();
        self
    }

    /// Sets who is told which values of the original have been read.
    #[must_use]
    pub fn with_observer(mut self, observer: Observer) -> Self {
        self.observer = observer;
        self
    }
}

/// Compares a field that is no frame with its original, stretch by stretch: the numbers of [`EvalReport::measure`]. `observer`
/// is told which of its values have been read, as that of `judging` is of the original's.
///
/// # Errors
/// `InvalidArgument` for fields of different shapes.
pub fn compare_fields(
    original: &VolumeView<'_>,
    reconstructed: &VolumeView<'_>,
    judging: &Judging,
    observer: &Observer,
) -> Result<EvalReport> {
    let shape = original.shape();
    check_shapes(shape, reconstructed.shape())?;
    match (original.values(), reconstructed.values()) {
        (Values::F16(a), Values::F16(b)) => judging.compare(shape, a, &stretches(b, observer)),
        (Values::F32(a), Values::F32(b)) => judging.compare(shape, a, &stretches(b, observer)),
        (Values::F64(a), Values::F64(b)) => judging.compare(shape, a, &stretches(b, observer)),
        // In double precision, which holds the values of all types, for not every pair of types has code of its own.
        (a, b) => {
            let each = |f: &mut Take<'_, f64>| {
                dtype_dispatch!(b, Values(b) => {
                    for_each_stretch(b, observer, |_, values| f(&doubles(values)));
                });
            };
            dtype_dispatch!(a, Values(a) => judging.compare(shape, a, &each))
        }
    }
}

/// Hands out a field stretch by stretch.
fn stretches<'a, B>(
    values: &'a [B],
    observer: &'a Observer,
) -> impl Fn(&mut Take<'_, B>) + use<'a, B> {
    move |f| for_each_stretch(values, observer, |_, values| f(values))
}

fn doubles<E: Element>(values: &[E]) -> Vec<f64> {
    values.iter().map(|v| v.to_f64()).collect()
}

/// The values of a layer in double precision.
fn in_doubles(layer: &AnyVolume) -> Result<Cow<'_, [f64]>> {
    Ok(dtype_dispatch!(layer, AnyVolume(v) => doubles(v.data())).into())
}

impl Judging {
    /// Compares a field that is no frame with its original.
    fn compare<A: Element, B: Element>(
        &self,
        shape: Shape,
        values: &[A],
        each_stretch: &dyn Fn(&mut Take<'_, B>),
    ) -> Result<EvalReport> {
        let voxels = match self.mask_value {
            Some(value) => Voxels::default().without(values, value, &self.observer),
            None => Voxels::default(),
        };
        let evidence = Evidence {
            shape,
            values,
            voxels: &voxels,
            observer: &self.observer,
        };
        compare_plain(&evidence, each_stretch)
    }
}

fn check_shapes(original: Shape, reconstructed: Shape) -> Result<()> {
    if original == reconstructed {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the original has {original} voxels, the reconstruction {reconstructed}"
    )))
}

impl FrameReader<'_> {
    /// Decodes the frame layer by layer and judges it beside its original, as the encoder did: over the voxels that its
    /// mask does not leave out (these must have come back as they were), by the range that its bound refers to, every
    /// bit where the bound is 0 or the form lossless. A part of a field is judged beside its own planes of the
    /// original, which is that of the whole domain.
    ///
    /// Memory: beside that of [`FrameReader::layers`] a byte or two for each voxel where the frame has a mask or a mask
    /// value is given, and the planes of a window of the SSIM.
    ///
    /// ```
    /// use srt::{Bound, Decoder, EncodeOptions, Judging, Shape, Volume};
    ///
    /// let shape = Shape::new(&[12, 13, 14])?;
    /// let values = (0..shape.len()).map(|i| (i as f32 * 1e-2).sin()).collect();
    /// let volume = Volume::new(shape, values)?;
    /// let file = srt::encode(&volume, &EncodeOptions::new(Bound::Psnr(60.0)))?;
    /// let frame = Decoder::new(&file)?;
    /// let verdict = frame.only_frame()?.judge(&(&volume).into(), &Judging::default())?;
    /// assert_eq!(verdict.holds, Some(true));
    /// assert!(verdict.report.psnr_db >= 60.0);
    /// # Ok::<(), srt::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for an original of another shape and for a part with gaps, and as
    /// [`FrameReader::read_any`].
    pub fn judge(&self, original: &VolumeView<'_>, judging: &Judging) -> Result<Verdict> {
        self.judge_layers(original, judging, |_| Ok(()))
    }

    /// As [`FrameReader::judge`], and hands on each layer as [`FrameReader::layers`] does.
    ///
    /// # Errors
    /// As [`FrameReader::judge`], and what `sink` reports.
    pub fn judge_layers(
        &self,
        original: &VolumeView<'_>,
        judging: &Judging,
        mut sink: impl FnMut(AnyVolume) -> Result<()> + Send,
    ) -> Result<Verdict> {
        let domain = self.decoder().dataset().shape;
        check_shapes(original.shape(), domain)?;
        let (planes, dtype) = (
            self.planes()?,
            self.decoder().dataset().dtype_of(self.record())?,
        );
        let plane = domain.len() / domain.dims()[slowest(domain)];
        let mut extents = domain.dims();
        extents[slowest(domain)] = planes.len();
        let shape = domain.with_dims(extents);
        let own = planes.start * plane..planes.end * plane;
        let first = own.start;
        let told = judging.observer.clone();
        let observer = Observer::default().on_values_read(move |values| {
            told.values_read(first + values.start..first + values.end);
        });
        let values = original.values().slice(own);
        let voxels = Voxels {
            coded: self.coded(shape.len())?,
            measured: None,
        };
        self.with_source(|source| {
            dtype_dispatch!(&values, Values(values) => {
                let voxels = match judging.mask_value {
                    Some(value) => voxels.without(values, value, &observer),
                    None => voxels,
                };
                let evidence = Evidence { shape, values, voxels: &voxels, observer: &observer };
                self.judge_typed(source, &evidence, dtype, &mut sink)
            })
        })
    }

    /// Decodes all that is there of the frame, layer by layer, and keeps nothing.
    ///
    /// # Errors
    /// As [`FrameReader::read_any`], but for planes that are missing.
    pub fn check(&self) -> Result<()> {
        self.with_source(|source| source.layers_at_hand(&mut |_, _| Ok(())))
    }

    /// Judges a field whose decoded values have type `dtype`: beside an original of another one in double precision, which holds the
    /// values of all types.
    fn judge_typed<A: Element>(
        &self,
        source: &FieldSource<'_>,
        evidence: &Evidence<'_, A>,
        dtype: Dtype,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<Verdict> {
        if dtype == A::DTYPE {
            return self.judge_as::<A, A>(source, evidence, &AnyVolume::data_of, sink);
        }
        self.judge_as::<A, f64>(source, evidence, &in_doubles, sink)
    }

    fn judge_as<A: Element, B: Element>(
        &self,
        source: &FieldSource<'_>,
        evidence: &Evidence<'_, A>,
        values_of: &dyn for<'l> Fn(&'l AnyVolume) -> Result<Cow<'l, [B]>>,
        sink: &mut dyn FnMut(AnyVolume) -> Result<()>,
    ) -> Result<Verdict> {
        let ranges = self.records().map(|record| record.range);
        let range = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        // Decoded values are clamped to the range, and those of lossless frames are those of the original.
        let range = range.unwrap_or_default();
        let mut judge = Judge::<A, B>::new(evidence, range, range)?;
        source.layers_at_hand(&mut |frame: &Frame, layer: AnyVolume| {
            judge.push(&values_of(&layer)?, frame)?;
            sink(layer)
        })?;
        judge.finish(self.records().map(|record| record.bound))
    }

    /// Grid of the whole field, of which a part may be there.
    #[must_use]
    pub fn domain(&self) -> Shape {
        self.decoder().dataset().shape
    }

    /// The planes of the domain that are there, without gaps.
    ///
    /// # Errors
    /// `InvalidArgument` where there are gaps.
    pub fn planes(&self) -> Result<Range<usize>> {
        let domain = self.decoder().dataset().shape;
        let all = domain.dims()[slowest(domain)];
        let mut found: Option<Range<usize>> = None;
        for record in self.records() {
            let planes = match record.slab {
                None => 0..all,
                // Slabs lie in the domain, whose extents are of this machine's size.
                Some(slab) => slab.start as usize..slab.end() as usize,
            };
            found = match found {
                None => Some(planes),
                Some(before) if before.end == planes.start => Some(before.start..planes.end),
                Some(before) => {
                    return Err(Error::invalid(format!(
                        "planes {} to {} of the field are not in this file",
                        before.end, planes.start
                    )));
                }
            };
        }
        Ok(found.unwrap_or(0..all))
    }

    /// Which of the frame's voxels its mask does not leave out; `None` where it has none.
    fn coded(&self, voxels: usize) -> Result<Option<Vec<bool>>> {
        let decoder = self.decoder();
        let (dataset, limits) = (decoder.dataset(), &decoder.setup().options.limits);
        let mut coded: Option<Vec<bool>> = None;
        let mut first = 0;
        for chunks in self.chunks() {
            let shape: Shape = chunks.frame.shape(dataset.shape)?;
            if let Some(number) = chunks.mask {
                let payload = decoder.reader().payload(number)?;
                let mask = Mask::decode(shape, dataset.dtype_of(&chunks.frame)?, payload, limits)?;
                let coded = coded.get_or_insert_with(|| vec![true; voxels]);
                for (coded, class) in coded.iter_mut().skip(first).zip(mask.classes) {
                    *coded = class == 0;
                }
            }
            first += shape.len();
        }
        Ok(coded)
    }
}
