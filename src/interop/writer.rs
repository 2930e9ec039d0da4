//! Writing tensors with the reference's keys and layouts, so that PyTorch loads them as they are:
//! as safetensors, or as `torch.save` does.

use super::entry::{TensorEntry, Values, WriteError};
use super::layout::reference_shape;
use super::rounding::{Rounding, measure, rounded, stored_as};
use super::tensor::StoredTensor;
use super::{InteropError, TensorFile, torch};
use crate::gpu::Gpu;
use crate::program::Store;
use crate::state::ArenaId;
use crate::tape::ArenaPart;
use crate::tensor::DType;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::collections::HashMap;
use std::io::{self, Seek, Write};

/// Tensors to be written to one file. Each is read from the device only when its turn comes, so the
/// file is never in memory as a whole.
#[derive(Debug, Default)]
pub struct TensorWriter<'a> {
    tensors: Vec<TensorEntry<'a>>,
    metadata: HashMap<String, String>,
}

impl<'a> TensorWriter<'a> {
    /// Adds text to the file's metadata, which only safetensors files have.
    pub fn metadata(&mut self, key: &str, text: String) {
        self.metadata.insert(key.to_owned(), text);
    }

    /// Adds one part of every state of `arena`, as f32, under `prefix` and the reference's keys.
    /// `tracked` is the number of updates of the running statistics; with it each normalisation
    /// gets PyTorch's `num_batches_tracked`.
    pub fn network(
        &mut self,
        from: (&'a Gpu, &'a Store),
        arena: ArenaId,
        part: ArenaPart,
        prefix: &str,
        tracked: Option<i64>,
    ) {
        for state in from.1.states().in_arena(arena) {
            let key = format!("{prefix}{}", state.name);
            let shape = reference_shape(state.shape, state.transposed);
            self.tensors.push(TensorEntry {
                key,
                dtype: Dtype::F32,
                shape,
                values: Values::Device { from, state, part },
            });
            if let (Some(count), Some(layer)) = (tracked, state.name.strip_suffix(".running_var")) {
                let key = format!("{prefix}{layer}.num_batches_tracked");
                let bytes = move || count.to_le_bytes().to_vec();
                self.tensors.push(TensorEntry {
                    key,
                    dtype: Dtype::I64,
                    shape: Vec::new(),
                    values: Values::Host(Box::new(bytes)),
                });
            }
        }
    }

    /// Adds those tensors of another file to which `rename` gives a key, as they are.
    pub fn file<'k>(&mut self, file: &'a TensorFile, rename: impl Fn(&'a str) -> Option<&'k str>) {
        for (key, tensor) in file.tensors() {
            let Some(key) = rename(key) else { continue };
            self.copy(file, key, tensor);
        }
    }

    fn copy(&mut self, file: &'a TensorFile, key: &str, tensor: &'a StoredTensor) {
        self.tensors.push(TensorEntry {
            key: key.to_owned(),
            dtype: tensor.dtype,
            shape: tensor.shape.clone(),
            values: Values::Host(Box::new(|| tensor.bytes(file.bytes()))),
        });
    }

    /// Adds the tensors of another file that `keep` wants, with the weights of convolutions stored
    /// as `precision`. All other floats become f32. Returns what rounding changes.
    ///
    /// # Errors
    /// [`InteropError::NotFinite`] and [`InteropError::Beyond`].
    pub fn rounded_file(
        &mut self,
        file: &'a TensorFile,
        precision: DType,
        keep: impl Fn(&str) -> bool,
    ) -> Result<Rounding, InteropError> {
        let mut changes = Rounding::default();
        for (key, tensor) in file.tensors().filter(|(key, _)| keep(key)) {
            let Some(dtype) = stored_as(tensor, precision) else {
                self.copy(file, key, tensor);
                continue;
            };
            changes.add(measure(file, key, tensor, dtype)?);
            self.tensors.push(TensorEntry {
                key: key.to_owned(),
                dtype,
                shape: tensor.shape.clone(),
                values: Values::Host(Box::new(move || rounded(tensor, file.bytes(), dtype))),
            });
        }
        Ok(changes)
    }

    /// Writes a safetensors file: a header, then every tensor.
    ///
    /// # Errors
    /// Those of `out`; [`InteropError::Unsavable`], and those of reading back.
    pub async fn write(mut self, out: &mut impl Write) -> Result<(), WriteError> {
        // The format wants the strictest alignment first.
        self.tensors
            .sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.key.cmp(&b.key)));
        let mut end = 0;
        let infos = self.tensors.iter().map(|entry| {
            let start = end;
            end += entry.size();
            (
                entry.key.clone(),
                TensorInfo {
                    dtype: entry.dtype,
                    shape: entry.shape.clone(),
                    data_offsets: (start, end),
                },
            )
        });
        let header =
            Metadata::new(Some(self.metadata), infos.collect()).map_err(io::Error::other)?;
        let mut header = serde_json::to_vec(&header).map_err(io::Error::other)?;
        header.resize(header.len().next_multiple_of(size_of::<u64>()), b' ');
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        for entry in &self.tensors {
            out.write_all(&entry.bytes().await.map_err(WriteError::Tensor)?)?;
        }
        Ok(())
    }

    /// The bytes of a safetensors file, for where there are no files.
    ///
    /// # Errors
    /// Those of [`TensorWriter::write`].
    pub async fn bytes(self) -> Result<Vec<u8>, WriteError> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).await?;
        Ok(bytes)
    }

    /// Writes a `.pth` file, a state dict in the order in which the tensors were added.
    ///
    /// # Errors
    /// Those of [`TensorWriter::write`].
    pub async fn write_torch(self, out: &mut (impl Write + Seek)) -> Result<(), WriteError> {
        torch::write(&self.tensors, out).await
    }
}
