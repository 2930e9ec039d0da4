//! Where a tensor lies in a file, whatever the file's format.

use super::InteropError;
use half::{bf16, f16};
use safetensors::tensor::Dtype;
use std::ops::Range;
use std::path::PathBuf;

/// More axes than a tensor of any network has.
const MOST_AXES: usize = 8;

/// A tensor in the bytes of a file. Every index that it can form lies within these bytes; this is
/// checked when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredTensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// In elements.
    strides: Vec<usize>,
    /// In elements from the start of `bytes`.
    offset: usize,
    /// Where its storage lies in the file.
    bytes: Range<usize>,
}

impl StoredTensor {
    /// A view into the storage at `bytes`.
    ///
    /// # Errors
    /// A view that leaves its storage.
    pub fn new(
        dtype: Dtype,
        shape: Vec<usize>,
        strides: Vec<usize>,
        offset: usize,
        bytes: Range<usize>,
    ) -> Result<Self, String> {
        if shape.len() > MOST_AXES {
            return Err(format!("it has {} axes", shape.len()));
        }
        let stored = bytes.len() / element_bytes(dtype);
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(offset, |last, (&size, &stride)| {
                // An empty axis has no last element, but then no element is ever read.
                last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
            });
        let fits = shape.contains(&0) || last.is_some_and(|last| last < stored);
        // An expanded view (stride 0) could claim more than any memory holds.
        let count = shape
            .iter()
            .try_fold(1_usize, |count, &size| count.checked_mul(size));
        match fits && count.is_some_and(|count| count <= stored) && shape.len() == strides.len() {
            true => Ok(Self {
                dtype,
                shape,
                strides,
                offset,
                bytes,
            }),
            false => Err(format!(
                "a view of {shape:?} with strides {strides:?} from {offset} leaves its storage of \
                 {stored} elements"
            )),
        }
    }

    /// A tensor whose elements follow one another in row-major order, as in safetensors files.
    ///
    /// # Errors
    /// More elements than bytes.
    pub fn contiguous(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: Range<usize>,
    ) -> Result<Self, String> {
        let strides = contiguous_strides(&shape);
        Self::new(dtype, shape, strides, 0, bytes)
    }

    /// The error for a tensor that does not hold `needed` floats.
    pub fn mismatch(&self, path: PathBuf, key: String, needed: &[usize]) -> InteropError {
        InteropError::Shape {
            path,
            key,
            found: format!("{:?} {:?}", self.dtype, self.shape),
            needed: needed.to_vec(),
        }
    }

    /// The values in row-major order, as f32. `None` if the type is no floating-point type.
    pub fn values(&self, file: &[u8]) -> Option<Vec<f32>> {
        let mut values = Vec::new();
        self.each_float(file, |value| values.push(value as f32))
            .then_some(values)
    }

    /// Calls `visit` with every value in row-major order, and says whether these are floats.
    pub fn each_float(&self, file: &[u8], mut visit: impl FnMut(f64)) -> bool {
        let convert: fn(&[u8]) -> f64 = match self.dtype {
            Dtype::F32 => |bytes| f32::from_le_bytes(array(bytes)).into(),
            Dtype::F64 => |bytes| f64::from_le_bytes(array(bytes)),
            Dtype::F16 => |bytes| f16::from_le_bytes(array(bytes)).into(),
            Dtype::BF16 => |bytes| bf16::from_le_bytes(array(bytes)).into(),
            _ => return false,
        };
        self.for_each(file, |element| visit(convert(element)));
        true
    }

    /// The elements' bytes in row-major order.
    pub fn bytes(&self, file: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.for_each(file, |element| bytes.extend_from_slice(element));
        bytes
    }

    /// Calls `visit` with the bytes of every element in row-major order.
    fn for_each(&self, file: &[u8], mut visit: impl FnMut(&[u8])) {
        let (size, storage) = (element_bytes(self.dtype), &file[self.bytes.clone()]);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.shape.iter().product() {
            let at = self.offset
                + index
                    .iter()
                    .zip(&self.strides)
                    .map(|(i, stride)| i * stride)
                    .sum::<usize>();
            visit(&storage[at * size..(at + 1) * size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
    }
}

/// The strides of a tensor in row-major order.
pub(super) fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1_usize; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis].saturating_mul(shape[axis]);
    }
    strides
}

fn element_bytes(dtype: Dtype) -> usize {
    (dtype.bitsize() / 8).max(1)
}

/// The bytes of one element.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}
