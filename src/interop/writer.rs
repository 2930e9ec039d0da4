//! Writing safetensors files with the reference's keys and layouts, so that PyTorch loads them as they are.

use super::InteropError;
use super::layout::{reference_shape, to_reference};
use crate::gpu::Gpu;
use crate::ops::ArenaPart;
use crate::program::Store;
use crate::state::{ArenaId, StateSpec};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::collections::HashMap;
use std::io::{self, Write};

/// Tensors to be written to one file. What lies on the device is read back one tensor after the other while the file is written.
#[derive(Debug)]
pub struct TensorWriter<'a> {
    gpu: &'a Gpu,
    store: &'a Store,
    tensors: Vec<Entry<'a>>,
    metadata: HashMap<String, String>,
}

/// One tensor of a file.
#[derive(Debug)]
struct Entry<'a> {
    key: String,
    values: Values<'a>,
}

/// Where a tensor comes from.
#[derive(Debug)]
enum Values<'a> {
    /// A part of a state, f32 in the reference's order.
    State { state: &'a StateSpec, part: ArenaPart },
    /// A single integer, as PyTorch stores counters.
    Count(i64),
}

/// What ends the writing of a file too early.
#[derive(Debug)]
pub enum WriteError {
    /// The file.
    Io(io::Error),
    /// A tensor that cannot be read back or may not reach the disk.
    Tensor(InteropError),
}

impl From<io::Error> for WriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Values<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::State { .. } => Dtype::F32,
            Self::Count(_) => Dtype::I64,
        }
    }

    fn shape(&self) -> Vec<usize> {
        match self {
            Self::State { state, .. } => reference_shape(state.shape, state.transposed),
            Self::Count(_) => Vec::new(),
        }
    }
}

impl<'a> TensorWriter<'a> {
    /// A file without tensors.
    pub fn new(gpu: &'a Gpu, store: &'a Store) -> Self {
        Self { gpu, store, tensors: Vec::new(), metadata: HashMap::new() }
    }

    /// Adds text to the file's metadata.
    pub fn metadata(&mut self, key: &str, text: String) {
        self.metadata.insert(key.to_owned(), text);
    }

    /// Adds one part of every state of `arena`, under `prefix` and the reference's keys. With `tracked`, the number of updates of
    /// the running statistics, each norm layer gets PyTorch's `num_batches_tracked`.
    pub fn network(&mut self, arena: ArenaId, part: ArenaPart, prefix: &str, tracked: Option<i64>) {
        for state in self.store.states().in_arena(arena) {
            self.tensors.push(Entry { key: format!("{prefix}{}", state.name), values: Values::State { state, part } });
            if let (Some(count), Some(layer)) = (tracked, state.name.strip_suffix(".running_var")) {
                self.tensors.push(Entry { key: format!("{prefix}{layer}.num_batches_tracked"), values: Values::Count(count) });
            }
        }
    }

    /// Writes the file: a header, then every tensor.
    ///
    /// # Errors
    /// Those of `out`; [`InteropError::Unsavable`], and those of reading back.
    pub fn write(mut self, out: &mut impl Write) -> Result<(), WriteError> {
        // The format's order: the strictest alignment first.
        self.tensors.sort_by(|a, b| b.values.dtype().cmp(&a.values.dtype()).then_with(|| a.key.cmp(&b.key)));
        let mut end = 0;
        let infos = self.tensors.iter().map(|Entry { key, values }| {
            let (dtype, shape, start) = (values.dtype(), values.shape(), end);
            end += shape.iter().product::<usize>() * dtype.bitsize() / 8;
            (key.clone(), TensorInfo { dtype, shape, data_offsets: (start, end) })
        });
        let header = Metadata::new(Some(self.metadata), infos.collect()).map_err(io::Error::other)?;
        let mut header = serde_json::to_vec(&header).map_err(io::Error::other)?;
        header.resize(header.len().next_multiple_of(size_of::<u64>()), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for Entry { key, values } in &self.tensors {
            match *values {
                Values::Count(count) => out.write_all(&count.to_le_bytes())?,
                Values::State { state, part } => {
                    let values = read_state(self.gpu, self.store, state, part, key).map_err(WriteError::Tensor)?;
                    out.write_all(bytemuck::cast_slice(&values))?;
                }
            }
        }
        Ok(())
    }
}

/// One part of a state in the reference's order, if it may reach the disk.
fn read_state(gpu: &Gpu, store: &Store, state: &StateSpec, part: ArenaPart, key: &str) -> Result<Vec<f32>, InteropError> {
    let values = store.read(gpu, state.id, part)?;
    match values.iter().all(|v| v.is_finite()) {
        true => Ok(to_reference(state.shape, state.transposed, &values)),
        false => Err(InteropError::Unsavable { key: key.to_owned() }),
    }
}
