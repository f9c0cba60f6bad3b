//! Power spectra of two fields side by side.

use serde::Serialize;

use srt::Result;
use srt_program::print_line;

/// Mean power by wavenumber, which is the place in the lists.
#[derive(Debug, Serialize)]
pub(super) struct Spectra {
    original: Vec<f64>,
    reconstructed: Vec<f64>,
    /// Reconstructed by original; null where the original has no power.
    ratio: Vec<Option<f64>>,
}

impl Spectra {
    pub(super) fn new(original: Vec<f64>, reconstructed: Vec<f64>) -> Self {
        let ratio = |(after, before): (&f64, &f64)| (*before > 0.0).then(|| after / before);
        Self {
            ratio: reconstructed.iter().zip(&original).map(ratio).collect(),
            original,
            reconstructed,
        }
    }

    pub(super) fn print(&self) -> Result<()> {
        print_line("\n     k        original   reconstructed   P'/P")?;
        let rows = self
            .original
            .iter()
            .zip(&self.reconstructed)
            .zip(&self.ratio);
        for (k, ((before, after), ratio)) in rows.enumerate() {
            let ratio = ratio.map_or("-".into(), |r| format!("{r:.5}"));
            print_line(&format!("{k:6} {before:15.6e} {after:15.6e}   {ratio}"))?;
        }
        Ok(())
    }
}
