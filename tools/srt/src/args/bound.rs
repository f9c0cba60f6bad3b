//! `--psnr` and the other bounds: exactly one.

use clap::{ArgGroup, Args as ClapArgs};

use srt::{Bound, Error, Result};

#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("bound").required(true)))]
pub(crate) struct BoundArgs {
    /// Peak signal-to-noise ratio of at least DB
    #[arg(long, value_name = "DB", group = "bound", allow_hyphen_values = true)]
    psnr: Option<f64>,
    /// Structural similarity of at least S
    #[arg(long, value_name = "S", group = "bound", allow_hyphen_values = true)]
    ssim: Option<f64>,
    /// Absolute error of every value at most E, in the field's unit; 0 is lossless
    #[arg(long, value_name = "E", group = "bound", allow_hyphen_values = true)]
    max_error: Option<f64>,
    /// Absolute error of every value at most R times the field's range
    #[arg(long, value_name = "R", group = "bound", allow_hyphen_values = true)]
    rel_error: Option<f64>,
    /// Compression ratio of X
    #[arg(long, value_name = "X", group = "bound", allow_hyphen_values = true)]
    ratio: Option<f64>,
}

impl BoundArgs {
    pub(crate) fn bound(&self) -> Result<Bound> {
        let given = [
            self.psnr.map(Bound::Psnr),
            self.ssim.map(Bound::Ssim),
            self.max_error.map(Bound::MaxError),
            self.rel_error.map(Bound::RelError),
            self.ratio.map(Bound::Ratio),
        ];
        given
            .into_iter()
            .flatten()
            .next()
            .ok_or_else(|| Error::invalid("an error bound expected"))
    }
}
