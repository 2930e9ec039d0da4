//! Safetensors files with the reference's keys and layouts, so that PyTorch loads them as they are.

use super::InteropError;
use super::layout::{from_reference, reference_shape, to_reference};
use crate::gpu::Gpu;
use crate::ops::ArenaPart;
use crate::program::Store;
use crate::state::{ArenaId, StateSpec};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Tensors to be written to one file.
#[derive(Debug, Default)]
pub struct TensorWriter {
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
    metadata: HashMap<String, String>,
}

impl TensorWriter {
    /// Adds text to the file's metadata.
    pub fn metadata(&mut self, key: &str, text: String) {
        self.metadata.insert(key.to_owned(), text);
    }

    /// Adds an f32 tensor.
    pub fn add(&mut self, key: String, shape: Vec<usize>, values: &[f32]) {
        self.tensors.push((key, Dtype::F32, shape, bytemuck::cast_slice(values).to_vec()));
    }

    /// Adds a single integer, as PyTorch stores counters.
    pub fn add_count(&mut self, key: String, count: i64) {
        self.tensors.push((key, Dtype::I64, Vec::new(), count.to_le_bytes().to_vec()));
    }

    /// Writes the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut views = Vec::with_capacity(self.tensors.len());
        for (key, dtype, shape, bytes) in &self.tensors {
            let view = TensorView::new(*dtype, shape.clone(), bytes).map_err(io::Error::other)?;
            views.push((key.as_str(), view));
        }
        let file = safetensors::serialize(views, Some(self.metadata.clone())).map_err(io::Error::other)?;
        out.write_all(&file)
    }
}

/// Adds one part of every state of `arena`, under `prefix` and the reference's keys. With `tracked`, the number of updates of the
/// running statistics, each norm layer gets PyTorch's `num_batches_tracked`.
///
/// # Errors
/// [`InteropError::Unsavable`], and those of reading back.
pub fn network_tensors(
    writer: &mut TensorWriter,
    gpu: &Gpu,
    store: &Store,
    arena: ArenaId,
    part: ArenaPart,
    prefix: &str,
    tracked: Option<i64>,
) -> Result<(), InteropError> {
    for state in store.states().in_arena(arena) {
        let values = store.read(gpu, state.id, part)?;
        if !values.iter().all(|v| v.is_finite()) {
            return Err(InteropError::Unsavable { key: format!("{prefix}{}", state.name) });
        }
        let shape = reference_shape(state.shape, state.transposed);
        writer.add(format!("{prefix}{}", state.name), shape, &to_reference(state.shape, state.transposed, &values));
        if let (Some(count), Some(layer)) = (tracked, state.name.strip_suffix(".running_var")) {
            writer.add_count(format!("{prefix}{layer}.num_batches_tracked"), count);
        }
    }
    Ok(())
}

/// A safetensors file in memory.
#[derive(Debug)]
pub struct TensorFile {
    path: PathBuf,
    bytes: Vec<u8>,
    metadata: HashMap<String, String>,
}

impl TensorFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`InteropError::Read`] and [`InteropError::Damaged`].
    pub fn open(path: &Path) -> Result<Self, InteropError> {
        let fail = |source| InteropError::Read { path: path.to_owned(), source };
        // A device or a pipe has no end.
        if !std::fs::metadata(path).map_err(fail)?.is_file() {
            return Err(fail(io::Error::other("not a regular file")));
        }
        let bytes = std::fs::read(path).map_err(fail)?;
        let damaged = |e: safetensors::SafeTensorError| InteropError::Damaged { path: path.to_owned(), reason: e.to_string() };
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        Ok(Self { path: path.to_owned(), bytes, metadata })
    }

    /// Text of the file's metadata.
    ///
    /// # Errors
    /// [`InteropError::Metadata`] when it is not there.
    pub fn metadata(&self, key: &str) -> Result<&str, InteropError> {
        self.metadata.get(key).map(String::as_str).ok_or_else(|| self.bad_metadata(format!("no entry \"{key}\"")))
    }

    /// Metadata that does not parse.
    pub fn bad_metadata(&self, reason: String) -> InteropError {
        InteropError::Metadata { path: self.path.clone(), reason }
    }

    /// The values of `key` in the reference's order, if they are finite f32 of `shape`.
    ///
    /// # Errors
    /// [`InteropError::Missing`], [`InteropError::Shape`], [`InteropError::NotFinite`].
    pub fn values(&self, key: &str, shape: &[usize]) -> Result<Vec<f32>, InteropError> {
        let (path, key) = (self.path.clone(), key.to_owned());
        let file =
            SafeTensors::deserialize(&self.bytes).map_err(|e| InteropError::Damaged { path: path.clone(), reason: e.to_string() })?;
        let Ok(tensor) = file.tensor(&key) else { return Err(InteropError::Missing { path, key }) };
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(InteropError::Shape { path, key, found, needed: shape.to_vec() });
        }
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
        if values.iter().all(|v| v.is_finite()) { Ok(values) } else { Err(InteropError::NotFinite { path, key }) }
    }
}

/// Loads one part of every state of `arena` from the keys under `prefix`. The file is checked as a whole before anything is written.
///
/// # Errors
/// [`InteropError`] names the first tensor that does not fit.
pub fn load_network(
    file: &TensorFile,
    gpu: &Gpu,
    store: &Store,
    arena: ArenaId,
    part: ArenaPart,
    prefix: &str,
) -> Result<(), InteropError> {
    let read = |state: &StateSpec| file.values(&format!("{prefix}{}", state.name), &reference_shape(state.shape, state.transposed));
    let tensors = store.states().in_arena(arena).map(|state| Ok((state, read(state)?))).collect::<Result<Vec<_>, InteropError>>()?;
    for (state, values) in tensors {
        store.write(gpu, state.id, part, &from_reference(state.shape, state.transposed, &values))?;
    }
    Ok(())
}
