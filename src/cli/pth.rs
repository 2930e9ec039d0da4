//! The options about what a file of weights does not say. `translate` and `convert` have them.

use super::note_as_it_is;
use crate::nn::Upsample;
use crate::train::checkpoint::{NetworkChoice, NetworkKind, WeightsNote};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use std::convert::Infallible;
use std::path::Path;

/// The ways to resize a map, without transposed convolutions. Those are seen in the file, so nobody
/// has to name them.
fn resizing() -> impl TypedValueParser<Value = Upsample> {
    let ways = Upsample::value_variants()
        .iter()
        .filter(|way| **way != Upsample::Deconv)
        .filter_map(Upsample::to_possible_value);
    PossibleValuesParser::new(ways).try_map(|name| Upsample::from_str(&name, false))
}

/// A kind of network, or the name of one in the file.
fn network(text: &str) -> Result<NetworkChoice, Infallible> {
    let kind = NetworkKind::from_str(text, false);
    Ok(kind.map_or_else(
        |_| NetworkChoice::Named(text.to_owned()),
        NetworkChoice::Kind,
    ))
}

/// Says what was left out of a file of weights.
pub fn say(path: &Path, note: &WeightsNote) {
    note_as_it_is(&format!("note: {}: {note}", path.display()));
}

/// Which network of a file is meant, and how its generator is built, if the file does not say it.
#[derive(Debug, Clone, Args)]
pub struct PthArgs {
    /// Which network of a file with several: generator, discriminator, or its name in the file, for
    /// example netG
    #[arg(long, value_parser = network, default_value = "generator", value_name = "NETWORK")]
    pub network: NetworkChoice,
    /// How the generator of a .pth file resizes its maps, if it resizes any. The file itself does
    /// not say it
    #[arg(long, value_parser = resizing(), value_name = "NAME")]
    pub upsample: Option<Upsample>,
}

impl PthArgs {
    /// The kind that was asked for. A name in a file is that of a generator where a folder has a
    /// file for each kind.
    pub fn kind(&self) -> NetworkKind {
        match self.network {
            NetworkChoice::Kind(kind) => kind,
            NetworkChoice::Named(_) => NetworkKind::Generator,
        }
    }
}
