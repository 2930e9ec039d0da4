//! Floor 2: shapes, their physical layout and how numbers are stored.
//!
//! Activations are NHWC, convolution weights HWIO
//! (`[kernel_h, kernel_w, in_channels, out_channels]`). In memory the channel count is rounded up
//! to 4 (weights: both channel counts), because kernels load and store vectors of four; the pad
//! lanes are zero and every writer keeps them zero.

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Bytes of one `f32`.
pub const F32_BYTES: u64 = 4;

/// How numbers are stored. Arithmetic is f32 whatever the storage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum DType {
    /// 32-bit floats
    #[default]
    F32,
    /// 16-bit floats, with sums, statistics, losses, the weights that are trained and the optimiser
    /// in f32
    ///
    /// 11 bits of mantissa, magnitudes from 6e-8 to 65504.
    F16,
}

impl DType {
    /// Bytes of one number.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F32 => F32_BYTES,
            Self::F16 => 2,
        }
    }

    /// `values` as they are stored, rounded to the nearest.
    pub fn encode(self, values: &[f32]) -> Cow<'_, [u8]> {
        match self {
            Self::F32 => Cow::Borrowed(bytemuck::cast_slice(values)),
            Self::F16 => {
                let mut halves = vec![f16::ZERO; values.len()];
                halves.convert_from_f32_slice(values);
                Cow::Owned(bytemuck::cast_slice(&halves).to_vec())
            }
        }
    }

    /// The values behind stored `bytes`, which are whole numbers of this type.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F32 => bytemuck::pod_collect_to_vec(bytes),
            Self::F16 => {
                let halves: Vec<f16> = bytemuck::pod_collect_to_vec(bytes);
                let mut values = vec![0.0; halves.len()];
                halves.convert_to_f32_slice(&mut values);
                values
            }
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        })
    }
}

/// How the four dimensions lie in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Activations, vectors and scalars: `[batch, height, width, channels]`.
    Nhwc,
    /// Convolution weights: `[kernel_h, kernel_w, in_channels, out_channels]`.
    Hwio,
}

/// The logical shape of a tensor.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [u32; 4],
    layout: Layout,
}

impl From<Shape> for [usize; 4] {
    fn from(shape: Shape) -> Self {
        shape.dims()
    }
}

impl Shape {
    /// `[batch, height, width, channels]`.
    pub const fn nhwc(batch: usize, height: usize, width: usize, channels: usize) -> Self {
        Self::of([batch, height, width, channels], Layout::Nhwc)
    }

    /// `[kernel_h, kernel_w, in_channels, out_channels]`.
    pub const fn hwio(
        kernel_h: usize,
        kernel_w: usize,
        in_channels: usize,
        out_channels: usize,
    ) -> Self {
        Self::of(
            [kernel_h, kernel_w, in_channels, out_channels],
            Layout::Hwio,
        )
    }

    /// Dimensions are kept as the u32 that shaders see.
    const fn of(dims: [usize; 4], layout: Layout) -> Self {
        Self {
            dims: [
                dims[0] as u32,
                dims[1] as u32,
                dims[2] as u32,
                dims[3] as u32,
            ],
            layout,
        }
    }

    /// One value a channel: biases, normalisation weights, running statistics.
    pub const fn vector(channels: usize) -> Self {
        Self::nhwc(1, 1, 1, channels)
    }

    /// A single number.
    pub const fn scalar() -> Self {
        Self::vector(1)
    }

    /// The four dimensions.
    pub const fn dims(&self) -> [usize; 4] {
        [self.batch(), self.height(), self.width(), self.channels()]
    }

    /// How they lie in memory.
    pub const fn layout(&self) -> Layout {
        self.layout
    }

    /// Images of a batch.
    pub const fn batch(&self) -> usize {
        self.dims[0] as usize
    }

    /// Rows of an image.
    pub const fn height(&self) -> usize {
        self.dims[1] as usize
    }

    /// Pixels of a row.
    pub const fn width(&self) -> usize {
        self.dims[2] as usize
    }

    /// Channels; of a weight the output channels.
    pub const fn channels(&self) -> usize {
        self.dims[3] as usize
    }

    /// The same shape with other channels.
    pub const fn with_channels(&self, channels: usize) -> Self {
        Self {
            dims: [self.dims[0], self.dims[1], self.dims[2], channels as u32],
            layout: self.layout,
        }
    }

    /// The same shape with other images.
    pub const fn with_batch(&self, batch: usize) -> Self {
        Self {
            dims: [batch as u32, self.dims[1], self.dims[2], self.dims[3]],
            layout: self.layout,
        }
    }

    /// Number of logical elements.
    pub const fn len(&self) -> usize {
        self.logical_rows() * self.channels()
    }

    /// Whether a dimension is zero.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Physical rows: pixels, or for a weight taps times padded input channels.
    pub const fn rows(&self) -> usize {
        let third = match self.layout {
            Layout::Nhwc => self.width(),
            Layout::Hwio => self.width().next_multiple_of(4),
        };
        self.batch() * self.height() * third
    }

    /// Groups of four channels in a physical row.
    pub const fn channels4(&self) -> usize {
        self.channels().div_ceil(4)
    }

    /// Physical size in bytes as f32.
    pub const fn bytes(&self) -> u64 {
        self.bytes_in(DType::F32)
    }

    /// Physical size in bytes.
    pub const fn bytes_in(&self, dtype: DType) -> u64 {
        (self.rows() * self.channels4() * 4) as u64 * dtype.bytes()
    }

    /// Adds the pad lanes: logical elements in row-major order to physical ones. Missing elements
    /// read as zero.
    pub fn pack(&self, logical: &[f32]) -> Vec<f32> {
        let channels = self.channels();
        let stride = self.channels4() * 4;
        let mut physical = vec![0.0; self.rows() * stride];
        for (row, values) in logical
            .chunks_exact(channels.max(1))
            .take(self.logical_rows())
            .enumerate()
        {
            let start = self.physical_row(row) * stride;
            physical[start..start + channels].copy_from_slice(values);
        }
        physical
    }

    /// Strips the pad lanes: the inverse of [`Shape::pack`].
    pub fn unpack(&self, physical: &[f32]) -> Vec<f32> {
        let channels = self.channels();
        let stride = self.channels4() * 4;
        let mut logical = Vec::with_capacity(self.len());
        for row in 0..self.logical_rows() {
            let start = self.physical_row(row) * stride;
            logical.extend(physical.get(start..start + channels).unwrap_or_default());
        }
        logical
    }

    const fn logical_rows(&self) -> usize {
        self.batch() * self.height() * self.width()
    }

    /// Where a logical row lies: rows of a weight are padded to whole groups of four input
    /// channels.
    const fn physical_row(&self, row: usize) -> usize {
        match self.layout {
            Layout::Nhwc => row,
            Layout::Hwio => {
                row / self.width() * self.width().next_multiple_of(4) + row % self.width()
            }
        }
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [a, b, c, d] = self.dims();
        match self.layout {
            Layout::Nhwc => write!(f, "[{a}, {b}, {c}, {d}]"),
            Layout::Hwio => write!(f, "[{a}, {b}, {c} in, {d} out]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pad_lanes_come_and_go() {
        for shape in [
            Shape::nhwc(2, 3, 2, 3),
            Shape::vector(5),
            Shape::hwio(2, 1, 3, 6),
            Shape::hwio(1, 1, 8, 4),
            Shape::scalar(),
        ] {
            let logical: Vec<f32> = (1..=shape.len()).map(|i| i as f32).collect();
            let physical = shape.pack(&logical);
            assert_eq!(physical.len() as u64 * F32_BYTES, shape.bytes(), "{shape}");
            assert_eq!(
                physical.iter().filter(|&&v| v != 0.0).count(),
                shape.len(),
                "{shape}"
            );
            assert_eq!(shape.unpack(&physical), logical, "{shape}");
        }
    }

    #[test]
    fn halves_come_back_rounded() {
        let values = [0.0, -1.5, 65504.0, 1e6, 1.0 / 3.0, 6e-8, 1e-9, f32::NAN];
        let bytes = DType::F16.encode(&values);
        assert_eq!(bytes.len(), 2 * values.len());
        let back = DType::F16.decode(&bytes);
        assert_eq!(back[..4], [0.0, -1.5, 65504.0, f32::INFINITY]);
        assert!((back[4] - 1.0 / 3.0).abs() <= 0.5 * 2.0f32.powi(-12));
        assert_eq!(back[5..7], [2.0f32.powi(-24), 0.0]);
        assert!(back[7].is_nan());
        assert_eq!(
            DType::F32.decode(&DType::F32.encode(&values))[..7],
            values[..7]
        );
    }

    #[test]
    fn a_weight_pads_both_channel_counts() {
        let shape = Shape::hwio(4, 4, 6, 3);
        assert_eq!(shape.bytes(), 4 * 4 * 8 * 4 * F32_BYTES);
    }
}
