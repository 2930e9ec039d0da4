//! A contraction's key from its name, as [`ContractionKey`] prints it.

use super::geometry::Geometry;
use super::key::{ContractionKey, Family};
use crate::tensor::{DType, Shape};
use std::str::FromStr;
use thiserror::Error;

/// A text that names no contraction.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "\"{text}\" names no contraction; write the family (conv2d, conv_transpose2d, \
     conv2d_grad_weight), kernel, stride and padding, the large and the small map, and where they \
     apply \"transposed\", \"bias\", \"f16\" and \"unaligned\", for example \"conv2d k4s2p1 \
     1x64x64x64 32x32x128 bias\""
)]
pub struct ParseKeyError {
    text: String,
}

/// Sizes up to this make no product that overflows.
const MOST: usize = 1 << 14;

impl FromStr for ContractionKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        parse(text).ok_or_else(|| ParseKeyError {
            text: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<ContractionKey> {
    let mut words = text.split_whitespace();
    let name = words.next()?;
    let family = Family::ALL
        .into_iter()
        .find(|family| family.name() == name)?;
    let (kernel, rest) = words.next()?.strip_prefix('k')?.split_once('s')?;
    let (stride, padding) = rest.split_once('p')?;
    let [kernel, stride] = [size(kernel)?, size(stride)?];
    let padding: usize = padding.parse().ok().filter(|&padding| padding < kernel)?;
    let [batch, height, width, channels] = sizes(words.next()?)?;
    let [small_height, small_width, small_channels] = sizes(words.next()?)?;
    let mut rest = words.collect::<Vec<_>>();
    let mut flag = |name: &str| rest.first() == Some(&name) && !rest.remove(0).is_empty();
    let (transposed, bias) = (flag("transposed"), flag("bias"));
    let (half, unaligned) = (flag("f16"), flag("unaligned"));
    rest.is_empty().then_some(ContractionKey {
        family,
        geometry: Geometry::new(kernel, stride, padding),
        large: Shape::nhwc(batch, height, width, channels),
        small: Shape::nhwc(batch, small_height, small_width, small_channels),
        transposed,
        bias,
        dtype: if half { DType::F16 } else { DType::F32 },
        unaligned,
    })
}

fn size(text: &str) -> Option<usize> {
    text.parse().ok().filter(|size| (1..=MOST).contains(size))
}

fn sizes<const N: usize>(text: &str) -> Option<[usize; N]> {
    text.split('x')
        .map(size)
        .collect::<Option<Vec<_>>>()?
        .try_into()
        .ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_prints_is_read_back() {
        for text in [
            "conv2d k4s2p1 1x64x64x64 32x32x128 bias",
            "conv2d k4s1p1 2x32x32x256 31x31x512 f16",
            "conv2d k4s1p1 2x32x32x256 31x31x512 unaligned",
            "conv_transpose2d k4s2p1 1x64x64x64 32x32x128 transposed bias",
            "conv2d_grad_weight k1s1p0 1x5x9x16 5x9x1 transposed",
        ] {
            assert_eq!(text.parse::<ContractionKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for text in [
            "",
            "conv3d k4s2p1 1x64x64x64 32x32x128",
            "conv2d",
            "conv2d k4s0p1 1x64x64x64 32x32x128",
            "conv2d k4s2p4 1x64x64x64 32x32x128",
            "conv2d k4s2p1 64x64x64 32x32x128",
            "conv2d k4s2p1 1x64x64x64 32x32x128 bias transposed",
            "conv2d k4s2p1 1x64x64x99999999 32x32x128",
            "conv2d k4s2p1 1x-4x64x3 32x32x128",
        ] {
            let error = text.parse::<ContractionKey>().unwrap_err().to_string();
            assert!(error.contains("for example"), "{error}");
        }
    }
}
