//! A contraction as the choice of its kernel sees it.

use super::geometry::Geometry;
use crate::tape::Operand;
use crate::tape::vector_width::VEC8;
use crate::tensor::{DType, Shape};
use std::fmt;

/// The three contraction families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// From the large map to the small one.
    Conv2d,
    /// From the small map to the large one.
    ConvTranspose2d,
    /// From both maps to the weight.
    Conv2dGradWeight,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Conv2d, Self::ConvTranspose2d, Self::Conv2dGradWeight];

    /// The stem of shaders, operation and tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv2d => "conv2d",
            Self::ConvTranspose2d => "conv_transpose2d",
            Self::Conv2dGradWeight => "conv2d_grad_weight",
        }
    }
}

/// All that the choice of a contraction's kernel may depend on, besides the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContractionKey {
    /// Which family.
    pub family: Family,
    /// Kernel, stride, padding of the convolution from the large to the small map.
    pub geometry: Geometry,
    /// The map that a convolution reads: `[batch, height, width, channels]`.
    pub large: Shape,
    /// The map that a convolution writes.
    pub small: Shape,
    /// Whether the weight, or its gradient, has its two channel axes swapped.
    pub transposed: bool,
    /// Whether a bias is added.
    pub bias: bool,
    /// How the maps, and the weight that is read, are stored.
    pub dtype: DType,
    /// Whether a map cannot be read eight numbers at a time although its f32 channels come in
    /// groups of eight: it begins at an odd group of four, or goes on by an odd number of them.
    pub unaligned: bool,
}

impl ContractionKey {
    /// The contraction of f32 maps that lie densely, without a bias and with the weight as it is.
    pub const fn new(family: Family, geometry: Geometry, large: Shape, small: Shape) -> Self {
        Self {
            family,
            geometry,
            large,
            small,
            transposed: false,
            bias: false,
            dtype: DType::F32,
            unaligned: false,
        }
    }

    /// The same contraction of maps that are stored as `dtype` and lie at these places, the large
    /// map first.
    pub fn at(self, dtype: DType, maps: [Operand; 2]) -> Self {
        let unaligned =
            dtype == DType::F32 && self.has_channels8() && !maps.iter().all(Operand::is_even);
        Self {
            dtype,
            unaligned,
            ..self
        }
    }

    /// Whether the channels of both maps are multiples of eight.
    pub(super) fn has_channels8(&self) -> bool {
        [self.large, self.small]
            .iter()
            .all(|map| map.channels().is_multiple_of(VEC8))
    }

    /// Multiply-accumulates, those with the padding included.
    pub fn macs(&self) -> u64 {
        let pixels = self.small.batch() * self.small.height() * self.small.width();
        (pixels * self.small.channels() * self.large.channels() * self.geometry.kernel.pow(2))
            as u64
    }

    /// Products that an element of the result is the sum of, at most.
    pub fn terms(&self) -> usize {
        let taps = self.geometry.kernel.pow(2);
        match self.family {
            Family::Conv2d => self.large.channels() * taps,
            Family::ConvTranspose2d => self.small.channels() * taps,
            Family::Conv2dGradWeight => self.small.rows(),
        }
    }

    /// The map that the family writes; for a weight gradient the small one.
    pub(crate) fn output(&self) -> Shape {
        if self.family == Family::ConvTranspose2d {
            self.large
        } else {
            self.small
        }
    }
}

/// For example `conv2d k4s2p1 1x64x64x64 32x32x128 bias f16`: the name of the key in files and
/// tables.
impl fmt::Display for ContractionKey {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Geometry {
            kernel,
            stride,
            padding,
        } = self.geometry;
        let ([n, h, w, c], [_, y, x, o]) = (self.large.dims(), self.small.dims());
        write!(
            f,
            "{} k{kernel}s{stride}p{padding} {n}x{h}x{w}x{c} {y}x{x}x{o}",
            self.family.name()
        )?;
        f.write_str(if self.transposed { " transposed" } else { "" })?;
        f.write_str(if self.bias { " bias" } else { "" })?;
        f.write_str(if self.dtype == DType::F16 { " f16" } else { "" })?;
        f.write_str(if self.unaligned { " unaligned" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_at_odd_places_are_unaligned() {
        let [channels16, channels12] = [16, 12].map(|channels| Shape::nhwc(1, 4, 4, channels));
        let unaligned = |shape: Shape, dtype: DType, offset: u32, stride: u32| {
            let dense = Operand::stored(shape, dtype);
            let moved = Operand {
                offset,
                stride,
                ..dense
            };
            ContractionKey::new(Family::Conv2d, Geometry::new(3, 1, 1), shape, shape)
                .at(dtype, [dense, moved])
                .unaligned
        };
        let places = [(0, 4, false), (2, 6, false), (1, 4, true), (0, 5, true)];
        for (offset, stride, expected) in places {
            assert_eq!(
                unaligned(channels16, DType::F32, offset, stride),
                expected,
                "{offset} {stride}"
            );
            // Nothing loads eight f16 numbers, or eight of twelve channels, at a time.
            assert!(!unaligned(channels16, DType::F16, offset, stride));
            assert!(!unaligned(channels12, DType::F32, offset, stride));
        }
    }
}
