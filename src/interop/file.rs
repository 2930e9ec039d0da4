//! Reading weights: safetensors files, and PyTorch's own.

use super::InteropError;
use super::foreign::recognise;
use super::layout::{from_reference, reference_shape};
use super::tensor::StoredTensor;
use super::torch;
use crate::files;
use crate::gpu::Gpu;
use crate::program::Store;
use crate::state::{ArenaId, StateList, StateSpec};
use crate::tape::ArenaPart;
use safetensors::tensor::SafeTensors;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What PyTorch's wrappers and common checkpoints put in front of the keys of everything they hold.
pub const WRAPPERS: [&str; 4] = ["module.", "_orig_mod.", "state_dict.", "model_state_dict."];

/// A file of tensors in memory: safetensors, or a state dict that `torch.save` wrote, in either of
/// its two formats.
#[derive(Debug, Clone)]
pub struct TensorFile {
    path: PathBuf,
    /// What stands in front of the keys in the file itself.
    prefix: String,
    bytes: Arc<Vec<u8>>,
    tensors: BTreeMap<String, StoredTensor>,
    metadata: HashMap<String, String>,
}

impl TensorFile {
    /// Reads and checks a file. Its first bytes say which format it is.
    ///
    /// # Errors
    /// [`InteropError::Read`], and those of [`TensorFile::parse`].
    pub fn open(path: &Path) -> Result<Self, InteropError> {
        let fail = |source| InteropError::Read {
            path: path.to_owned(),
            source,
        };
        // Only regular files: a device or a pipe has no end.
        files::length(path).map_err(fail)?;
        Self::parse(path, files::read(path).map_err(fail)?)
    }

    /// Checks the `bytes` of a file. Dictionaries in dictionaries are one: the key of an inner
    /// tensor stands behind the outer key and a dot. A name of `WRAPPERS` in front of all keys is
    /// left out. `path` is for messages.
    ///
    /// # Errors
    /// [`InteropError::Foreign`] and [`InteropError::Damaged`].
    pub fn parse(path: &Path, bytes: Vec<u8>) -> Result<Self, InteropError> {
        if let Some(found) = recognise(path, &bytes) {
            return Err(InteropError::Foreign {
                path: path.to_owned(),
                found: found.what,
                remedy: found.remedy,
            });
        }
        let damaged = |format: &'static str| {
            move |reason| InteropError::Damaged {
                path: path.to_owned(),
                format,
                reason,
            }
        };
        let mut metadata = HashMap::new();
        let tensors = if bytes.starts_with(torch::ZIP) {
            torch::read_zip(&bytes).map_err(damaged("PyTorch"))?
        } else if bytes.starts_with(torch::STREAM) {
            torch::read_stream(&bytes).map_err(damaged("PyTorch"))?
        } else {
            let (tensors, text) = read_safetensors(&bytes).map_err(damaged("safetensors"))?;
            metadata = text;
            tensors
        };
        let mut file = Self {
            path: path.to_owned(),
            prefix: String::new(),
            bytes: Arc::new(bytes),
            tensors,
            metadata,
        };
        while let Some(wrapper) = file.wrapper() {
            file = file.part(wrapper, |_| true);
        }
        Ok(file)
    }

    /// A wrapper in front of all keys.
    fn wrapper(&self) -> Option<&'static str> {
        let first = self.tensors.keys().next()?;
        let wrapper = *WRAPPERS
            .iter()
            .find(|&&wrapper| first.starts_with(wrapper))?;
        self.tensors
            .keys()
            .all(|key| key.starts_with(wrapper))
            .then_some(wrapper)
    }

    /// The tensors whose keys begin with `prefix`, under the rest of their keys, as far as `keep`
    /// wants them. Messages still say the whole key.
    pub fn part(&self, prefix: &str, keep: impl Fn(&str) -> bool) -> Self {
        let of_part = |(key, tensor): (&String, &StoredTensor)| {
            let rest = key.strip_prefix(prefix).filter(|rest| keep(rest))?;
            Some((rest.to_owned(), tensor.clone()))
        };
        Self {
            path: self.path.clone(),
            prefix: format!("{}{prefix}", self.prefix),
            bytes: Arc::clone(&self.bytes),
            tensors: self
                .tensors
                .range(prefix.to_owned()..)
                .take_while(|(key, _)| key.starts_with(prefix))
                .filter_map(of_part)
                .collect(),
            metadata: self.metadata.clone(),
        }
    }

    /// What stands in front of the keys in the file itself; nothing, or names and dots.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether both have the same tensors, at the same places of the file.
    pub fn same_tensors(&self, other: &Self) -> bool {
        self.tensors == other.tensors
    }

    /// The key as it is in the file.
    pub fn whole_key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Its tensors by key.
    pub(super) fn tensors(&self) -> impl Iterator<Item = (&str, &StoredTensor)> {
        self.tensors
            .iter()
            .map(|(key, tensor)| (key.as_str(), tensor))
    }

    /// All of it.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Keys and shapes in the reference's order of axes.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors
            .iter()
            .map(|(key, tensor)| (key.as_str(), tensor.shape.as_slice()))
    }

    /// Text of the file's metadata.
    ///
    /// # Errors
    /// [`InteropError::Metadata`] when it is not there.
    pub fn metadata(&self, key: &str) -> Result<&str, InteropError> {
        self.metadata
            .get(key)
            .map(String::as_str)
            .ok_or_else(|| self.bad_metadata(format!("no entry \"{key}\"")))
    }

    /// The error for metadata that does not parse.
    pub fn bad_metadata(&self, reason: String) -> InteropError {
        InteropError::Metadata {
            path: self.path.clone(),
            reason,
        }
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that `key` is there with `shape`, in the reference's order of axes.
    ///
    /// # Errors
    /// [`InteropError::Missing`] and [`InteropError::Shape`].
    pub fn require(&self, key: &str, shape: &[usize]) -> Result<(), InteropError> {
        self.tensor(key, shape).map(|_| ())
    }

    /// The error for a file that holds another network than `wanted`.
    pub fn other_network(&self, wanted: &'static str, hint: impl Into<String>) -> InteropError {
        InteropError::OtherNetwork {
            path: self.path.clone(),
            wanted,
            hint: hint.into(),
        }
    }

    fn tensor(&self, key: &str, shape: &[usize]) -> Result<&StoredTensor, InteropError> {
        let (path, owned) = (self.path.clone(), self.whole_key(key));
        match self.tensors.get(key) {
            None => Err(InteropError::Missing { path, key: owned }),
            Some(tensor) if tensor.shape != shape => Err(tensor.mismatch(path, owned, shape)),
            Some(tensor) => Ok(tensor),
        }
    }

    /// The values of `key` in the reference's order, if they are finite floats of `shape`.
    ///
    /// # Errors
    /// [`InteropError::Missing`], [`InteropError::Shape`], [`InteropError::NotFinite`].
    pub fn values(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>, InteropError> {
        let tensor = self.tensor(key, shape)?;
        let (path, key) = (self.path.clone(), self.whole_key(key));
        let Some(values) = tensor.values(&self.bytes) else {
            return Err(tensor.mismatch(path, key, shape));
        };
        if values.iter().all(|v| v.is_finite()) {
            Ok(values)
        } else {
            Err(InteropError::NotFinite { path, key })
        }
    }
}

/// Tensors by key, and text by key.
type Contents = (BTreeMap<String, StoredTensor>, HashMap<String, String>);

/// The tensors and the metadata of a safetensors file.
fn read_safetensors(bytes: &[u8]) -> Result<Contents, String> {
    let (length, header) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    // The crate checks that tensors neither overlap nor leave holes, and that they end with the
    // file.
    SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    let data = size_of::<u64>() + length;
    let mut tensors = BTreeMap::new();
    for (key, info) in header.tensors() {
        let (start, end) = info.data_offsets;
        tensors.insert(
            key.clone(),
            StoredTensor::contiguous(info.dtype, info.shape.clone(), data + start..data + end)?,
        );
    }
    Ok((tensors, header.metadata().clone().unwrap_or_default()))
}

/// The values of every state of `arena` from the keys under `prefix`, in the reference's order.
///
/// # Errors
/// [`InteropError`] names the first tensor that does not fit.
pub fn network_values<'a>(
    file: &TensorFile,
    states: &'a StateList,
    arena: ArenaId,
    prefix: &str,
) -> Result<Vec<(&'a StateSpec, Vec<f32>)>, InteropError> {
    let read = |state: &StateSpec| {
        file.values(
            &format!("{prefix}{}", state.name),
            &reference_shape(state.shape, state.transposed),
        )
    };
    states
        .in_arena(arena)
        .map(|state| Ok((state, read(state)?)))
        .collect()
}

/// Loads one part of every state of `arena` from the keys under `prefix`. The file is checked as a
/// whole before anything is written.
///
/// # Errors
/// Those of [`network_values`], and what the device reports.
pub fn load_network(
    file: &TensorFile,
    gpu: &Gpu,
    store: &Store,
    arena: ArenaId,
    part: ArenaPart,
    prefix: &str,
) -> Result<(), InteropError> {
    for (state, values) in network_values(file, store.states(), arena, prefix)? {
        store.write(
            gpu,
            state.id,
            part,
            &from_reference(state.shape, state.transposed, &values),
        )?;
    }
    Ok(())
}
