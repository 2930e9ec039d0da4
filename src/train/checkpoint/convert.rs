//! A copy of one network's weights, in PyTorch's format or as safetensors.

use super::find::NetworkFile;
use super::network::{MODEL, json, write};
use crate::interop::{Rounding, TensorFile, TensorWriter};
use crate::tensor::DType;
use crate::train::config::ModelConfig;
use crate::train::error::TrainError;
use std::collections::HashSet;
use std::path::Path;

/// Copies the weights of a network to `path`, and nothing else: bit by bit, or stored as
/// `precision`. If `path` ends in `.pth`, the new file is as `torch.save` writes it. Else it is a
/// safetensors file. Returns what was rounded.
///
/// # Errors
/// A folder or disk that cannot take the new file, and weights that `precision` cannot hold.
pub async fn convert(
    network: &NetworkFile,
    precision: Option<DType>,
    path: &Path,
) -> Result<Option<Rounding>, TrainError> {
    let file = &network.file;
    let mut writer = TensorWriter::default();
    if let Some(model) = &network.model {
        writer.metadata(MODEL, model_text(file, model));
    }
    let known: HashSet<&str> = network
        .states
        .states()
        .iter()
        .map(|state| state.name.as_str())
        .collect();
    let counters: HashSet<&str> = file
        .shapes()
        .filter(|(_, shape)| shape.is_empty())
        .map(|(key, _)| key)
        .collect();
    let counts = |name: &str| {
        let layer = name.strip_suffix(".num_batches_tracked");
        counters.contains(name)
            && layer.is_some_and(|layer| known.contains(&*format!("{layer}.running_var")))
    };
    let is_own = |name: &str| known.contains(name) || counts(name);
    let rounding = match precision {
        Some(precision) => Some(writer.rounded_file(file, precision, is_own)?),
        None => {
            writer.file(file, |key| Some(key).filter(|name| is_own(name)));
            None
        }
    };
    write(writer, path).await?;
    Ok(rounding)
}

/// The text of [`MODEL`] for a copy of a generator.
fn model_text(file: &TensorFile, model: &ModelConfig) -> String {
    let known = file.metadata(MODEL).map(str::to_owned);
    known.unwrap_or_else(|_| json(model))
}
