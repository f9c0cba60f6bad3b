//! Keyword arguments to options.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use srt::{AxisPlan, Bound, Effort, EncodeOptions, Model, Observer, builtin, builtin_names};

use crate::errors::raised;

/// What a file is encoded with, as `srt_codec._options` puts it together and checks it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Options {
    /// Name of the bound and its value.
    bound: (String, f64),
    field: String,
    unit: String,
    /// Letters of `zyx`, `none` or `auto`.
    periodic: String,
    mask_value: Option<f64>,
    range: Option<(f64, f64)>,
    model: String,
    form: String,
    plan: String,
    effort: u8,
    memory: Option<u64>,
    frames: usize,
    key_interval: u32,
    pub(crate) threads: Option<usize>,
    /// Called with the number of passes done and the quality of the last.
    progress: Option<Py<PyAny>>,
}

impl Options {
    pub(crate) fn encode_options(&self, py: Python<'_>) -> PyResult<EncodeOptions> {
        let (name, value) = &self.bound;
        let bound = Bound::from_name(name, *value);
        let bound = bound.ok_or_else(|| PyValueError::new_err(format!("no bound {name:?}")))?;
        let effort = Effort::new(self.effort).map_err(|e| raised(py, &e))?;
        let mut options = EncodeOptions::new(bound)
            .with_field(&self.field)
            .with_unit(&self.unit)
            .with_model(self.model(py)?)
            .with_effort(effort)
            .with_frames(self.frames)
            .with_key_interval(self.key_interval);
        options.coding.form = self.form.parse().map_err(|e| raised(py, &e))?;
        options.coding.plan = AxisPlan::choice(&self.plan).map_err(|e| raised(py, &e))?;
        options.coding.periodic = self.periodic.parse().map_err(|e| raised(py, &e))?;
        options.coding.mask_value = self.mask_value;
        options.coding.range = self.range;
        options.resources.memory = self.memory;
        if let Some(call) = &self.progress {
            options.observer = observer(call.clone_ref(py));
        }
        Ok(options)
    }

    fn model(&self, py: Python<'_>) -> PyResult<Model> {
        match self.model.as_str() {
            "default" => Ok(Model::Default),
            "none" => Ok(Model::None),
            name => match builtin(name).map_err(|e| raised(py, &e))? {
                Some(model) => Ok(Model::Given(model)),
                None => {
                    let names: Vec<&str> = builtin_names().collect();
                    Err(PyValueError::new_err(format!(
                        "model 'default', 'none' or one of {names:?} expected, {name:?} found"
                    )))
                }
            },
        }
    }
}

/// Tells a function of Python's after each pass; what it raises is printed, for nobody is there to catch it.
fn observer(call: Py<PyAny>) -> Observer {
    Observer::default().on_progress(move |progress| {
        Python::attach(|py| {
            if let Err(error) = call.call1(py, (progress.passes, progress.quality)) {
                error.write_unraisable(py, Some(call.bind(py)));
            }
        });
    })
}
