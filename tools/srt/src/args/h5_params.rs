//! Arguments of `srt h5-params`.

use clap::Args as ClapArgs;

use super::bound::BoundArgs;

#[derive(Debug, ClapArgs)]
pub(crate) struct H5ParamsArgs {
    #[command(flatten)]
    pub(crate) bound: BoundArgs,
    /// How much time to take for smaller chunks, from 1 to 9; 5 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=9))]
    pub(crate) effort: Option<u32>,
    /// Networks: default, or none
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = ["default", "none"])]
    pub(crate) model: String,
    /// Print a report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
