//! How a field is encoded.
#![allow(unsafe_code)]

use std::ffi::c_char;

use srt::{AxisPlan, Effort, EncodeOptions, KEY_INTERVAL, Model};

use crate::arguments::{put, text};
use crate::codes::{Status, bound};
use crate::failure::{Failure, call};

/// How a field is encoded: `srt_options_init` fills it in, then `bound` and `bound_value` are set, and what else is wanted.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Bytes of this structure: by them a library knows which header the program was compiled with.
    pub struct_size: usize,
    /// An `srt_bound`; 0, as it is filled in, is refused: what may get lost is for the caller to say.
    pub bound: i32,
    /// How much; its unit follows from the bound.
    pub bound_value: f64,
    /// How much time may be taken, from 1 to 9. Default 5.
    pub effort: i32,
    /// Threads; 0, the default: all cores, or one beside other calls.
    pub threads: i32,
    /// Whether the built-in networks are tried: 1, the default, or 0.
    pub networks: i32,
    /// Whether `mask_value` marks values that are none. Default 0.
    pub has_mask_value: i32,
    /// Comes back as it is; NaN and infinities do so by themselves.
    pub mask_value: f64,
    /// Whether PSNR and relative errors refer to the range that follows rather than to the field's own. Default 0.
    pub has_range: i32,
    /// Smallest value of that range.
    pub range_min: f64,
    /// Largest value of that range.
    pub range_max: f64,
    /// Axes along which the field repeats: letters of `zyx`, `none`, or null, the default, for those that are found.
    pub periodic: *const c_char,
    /// Plan along the slowest axis: `levels`, `dct`, `wavelet`, `slices`, or null, the default, for the one a sample tells.
    pub plan: *const c_char,
    /// Form: `wavelet`, `raster`, or null, the default, for the one a sample tells.
    pub form: *const c_char,
    /// Of so many frames of a field one is coded by itself, and those after it may be predicted from the ones before. Default 16;
    /// 1: each by itself.
    pub key_interval: u32,
    /// Bytes of memory to keep to; 0, the default: a field may take five times its size.
    pub memory: u64,
}

/// Fills in the defaults. `struct_size` is `sizeof(srt_options)`.
///
/// # Safety
/// `options` is null or valid for `struct_size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn srt_options_init(options: *mut Options, struct_size: usize) -> Status {
    call(0, || {
        check_size(struct_size)?;
        let defaults = Options {
            struct_size,
            bound: 0,
            bound_value: 0.0,
            effort: 5,
            threads: 0,
            networks: 1,
            has_mask_value: 0,
            mask_value: 0.0,
            has_range: 0,
            range_min: 0.0,
            range_max: 0.0,
            periodic: std::ptr::null(),
            plan: std::ptr::null(),
            form: std::ptr::null(),
            key_interval: KEY_INTERVAL,
            memory: 0,
        };
        // SAFETY: the caller's promise.
        unsafe { put(options, defaults, "options") }
    })
}

fn check_size(found: usize) -> Result<(), Failure> {
    let expected = size_of::<Options>();
    if found == expected {
        return Ok(());
    }
    Err(Failure::invalid(format!(
        "options of {expected} bytes expected, {found} found: filled in by srt_options_init, of the same version?"
    )))
}

/// A switch.
fn is_on(number: i32, what: &str) -> Result<bool, Failure> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Failure::invalid(format!(
            "0 or 1 expected for {what}, {other} found"
        ))),
    }
}

/// # Safety
/// `text` is null, or a zero ends it.
unsafe fn optional<'a>(start: *const c_char, what: &str) -> Result<Option<&'a str>, Failure> {
    if start.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { text(start, what) }.map(Some)
}

impl Options {
    /// # Safety
    /// Its texts are null, or a zero ends them.
    pub(crate) unsafe fn encode_options(&self) -> Result<EncodeOptions, Failure> {
        check_size(self.struct_size)?;
        let mut options = EncodeOptions::new(bound(self.bound, self.bound_value)?);
        let effort = u8::try_from(self.effort).unwrap_or_default();
        options = options.with_effort(Effort::new(effort)?);
        if !is_on(self.networks, "networks")? {
            options = options.with_model(Model::None);
        }
        if is_on(self.has_mask_value, "has_mask_value")? {
            options = options.with_mask_value(self.mask_value);
        }
        if is_on(self.has_range, "has_range")? {
            options = options.with_range(self.range_min, self.range_max);
        }
        if self.memory > 0 {
            options = options.with_memory(self.memory);
        }
        // SAFETY: the caller's promise.
        let (periodic, plan, form) = unsafe {
            (
                optional(self.periodic, "periodic axes")?,
                optional(self.plan, "a plan")?,
                optional(self.form, "a form")?,
            )
        };
        if let Some(axes) = periodic {
            options.coding.periodic = axes.parse()?;
        }
        options.coding.plan = AxisPlan::choice(plan.unwrap_or("auto"))?;
        options.coding.form = form.unwrap_or("auto").parse()?;
        Ok(options.with_key_interval(self.key_interval))
    }
}
