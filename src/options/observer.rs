//! What an encoder says while it runs, and what it measures for its report.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// What the search for a quantisation step reports after each pass.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Passes done.
    pub passes: usize,
    /// Quality of the last one in the unit of the bound: dB, SSIM, bytes.
    pub quality: f64,
}

impl Progress {
    pub(crate) fn new(passes: usize, quality: f64) -> Self {
        Self { passes, quality }
    }
}

/// What is called with the form that was chosen.
type OnChoice = dyn Fn(&str) + Send + Sync;

/// Who is told how a run goes on. Nothing in the file depends on it. Default: nobody.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Observer {
    progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    values_read: Option<Arc<dyn Fn(Range<usize>) + Send + Sync>>,
    choice: Option<Arc<OnChoice>>,
    /// Whether the report shall contain the SSIM. Default false.
    pub measure_ssim: bool,
}

impl Observer {
    /// Sets what is called after each pass of a search.
    #[must_use]
    pub fn on_progress(mut self, call: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(call));
        self
    }

    /// Sets what is called with a range of values that will not be read again for a while: a caller who
    /// maps a file may let go of its pages.
    #[must_use]
    pub fn on_values_read(mut self, call: impl Fn(Range<usize>) + Send + Sync + 'static) -> Self {
        self.values_read = Some(Arc::new(call));
        self
    }

    /// Sets what is called with the form that was chosen for a frame, and why, in words.
    #[must_use]
    pub fn on_choice(mut self, call: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.choice = Some(Arc::new(call));
        self
    }

    /// Sets whether the report shall contain the SSIM.
    #[must_use]
    pub fn with_ssim(mut self, measure: bool) -> Self {
        self.measure_ssim = measure;
        self
    }

    pub(crate) fn pass_done(&self, progress: Progress) {
        if let Some(call) = &self.progress {
            call(progress);
        }
    }

    pub(crate) fn choice_made(&self, why: &str) {
        if let Some(call) = &self.choice {
            call(why);
        }
    }

    pub(crate) fn values_read(&self, values: Range<usize>) {
        if let Some(call) = &self.values_read {
            call(values);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer")
            .field("measure_ssim", &self.measure_ssim)
            .finish_non_exhaustive()
    }
}
