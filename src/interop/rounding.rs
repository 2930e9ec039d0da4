//! Weights in another storage type than that of their file, and what rounding does to them.

use super::tensor::StoredTensor;
use super::{InteropError, TensorFile};
use crate::tensor::DType;
use half::f16;
use safetensors::tensor::Dtype;

/// What rounding changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rounding {
    /// The largest difference between a weight and what is stored of it.
    pub largest: f64,
    /// The tensor with this weight. `None` if nothing was changed.
    pub tensor: Option<String>,
    /// Weights that are smaller than the smallest number of the type, and are stored as zero.
    pub zeros: usize,
    /// Weights that were not zero before.
    pub weights: usize,
}

impl Rounding {
    fn note(&mut self, key: &str, value: f64, stored: f64) {
        let error = (value - stored).abs();
        if error > self.largest {
            (self.largest, self.tensor) = (error, Some(key.to_owned()));
        }
        self.weights += usize::from(value != 0.0);
        self.zeros += usize::from(value != 0.0 && stored == 0.0);
    }

    /// Adds the changes of another tensor.
    pub(super) fn add(&mut self, other: Self) {
        if other.largest > self.largest {
            (self.largest, self.tensor) = (other.largest, other.tensor);
        }
        self.zeros += other.zeros;
        self.weights += other.weights;
    }
}

/// The type in which a tensor is stored where weights are stored as `precision`. These are the
/// weights of convolutions, which are nearly all. Vectors and running statistics stay f32, as on
/// the device: they are few, and the square of a map can be too large for f16 or too small. `None`
/// for what holds no floats, such as counters.
pub(super) fn stored_as(tensor: &StoredTensor, precision: DType) -> Option<Dtype> {
    let is_float = matches!(
        tensor.dtype,
        Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16
    );
    let is_kernel = tensor.shape.len() > 1;
    is_float.then_some(match precision {
        DType::F16 if is_kernel => Dtype::F16,
        _ => Dtype::F32,
    })
}

/// The little-endian bytes of a tensor as `dtype`, F16 or F32: each value rounded to the nearest,
/// and to the even one of two that are as near.
pub(super) fn rounded(tensor: &StoredTensor, file: &[u8], dtype: Dtype) -> Vec<u8> {
    let values = tensor.values(file).unwrap_or_default();
    match dtype {
        Dtype::F16 => bytemuck::pod_collect_to_vec(
            &values
                .iter()
                .map(|&value| f16::from_f32(value).to_le_bytes())
                .collect::<Vec<_>>(),
        ),
        _ => values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
    }
}

/// What rounding a tensor of `file` to `dtype`, F16 or F32, does to it.
///
/// # Errors
/// [`InteropError::NotFinite`], and [`InteropError::Beyond`] for values that would become
/// infinite.
pub(super) fn measure(
    file: &TensorFile,
    key: &str,
    tensor: &StoredTensor,
    dtype: Dtype,
) -> Result<Rounding, InteropError> {
    let key = file.whole_key(key);
    let path = || file.path().to_owned();
    let mut rounding = Rounding::default();
    let (mut beyond, mut is_finite) = ((0, 0.0_f64), true);
    tensor.each_float(file.bytes(), |value| {
        let stored = match dtype {
            Dtype::F16 => f64::from(f16::from_f32(value as f32).to_f32()),
            _ => f64::from(value as f32),
        };
        is_finite &= value.is_finite();
        if stored.is_infinite() {
            let most = if value.abs() > beyond.1.abs() {
                value
            } else {
                beyond.1
            };
            beyond = (beyond.0 + 1, most);
        } else {
            rounding.note(&key, value, stored);
        }
    });
    match beyond {
        _ if !is_finite => Err(InteropError::NotFinite { path: path(), key }),
        (0, _) => Ok(rounding),
        (count, example) => Err(InteropError::Beyond {
            path: path(),
            key,
            dtype: format!("{dtype:?}"),
            count,
            example,
        }),
    }
}
