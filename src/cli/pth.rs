//! The option about what a state dict of PyTorch does not say. `translate` and `convert` have it.

use crate::nn::Upsample;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

/// The ways to resize a map, without transposed convolutions. Those are seen in the file, so nobody
/// has to name them.
fn resizing() -> impl TypedValueParser<Value = Upsample> {
    let ways = Upsample::value_variants()
        .iter()
        .filter(|way| **way != Upsample::Deconv)
        .filter_map(Upsample::to_possible_value);
    PossibleValuesParser::new(ways).try_map(|name| Upsample::from_str(&name, false))
}

/// How the generator of a file is built, if the file does not say it.
#[derive(Debug, Clone, Args)]
pub struct PthArgs {
    /// How the generator of a .pth file resizes its maps, if it resizes any. The file itself does
    /// not say it
    #[arg(long, value_parser = resizing(), value_name = "NAME")]
    pub upsample: Option<Upsample>,
}
