//! Why a metric is not defined for two pictures.

use crate::data::Depth;
use thiserror::Error;

/// What is wrong with the pictures that were to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MetricError {
    /// Two pictures of different sizes or channels.
    #[error(
        "{metric} compares pictures of one size and kind, and these are {}×{} and {}×{} with {} \
         and {} channels; compare an output with the target of the same input",
        left.0, left.1, right.0, right.1, left.2, right.2
    )]
    Shapes {
        /// Which metric.
        metric: &'static str,
        /// Width, height and channels of one.
        left: (u32, u32, usize),
        /// Those of the other.
        right: (u32, u32, usize),
    },
    /// A picture of 16 bits.
    #[error(
        "{metric} is defined on samples of 8 bits, and this picture has {} bits; write it with \
         8 bits first",
        8 * depth.bytes()
    )]
    Depth {
        /// Which metric.
        metric: &'static str,
        /// The depth of the picture.
        depth: Depth,
    },
    /// A picture without pixels, or one that a window does not fit into.
    #[error(
        "{metric} needs {least} pixels a side, and this picture has {}×{}; use larger pictures or \
         leave the metric out",
        size.0, size.1
    )]
    Small {
        /// Which metric.
        metric: &'static str,
        /// Width and height of the picture.
        size: (u32, u32),
        /// The shortest side that it is defined for.
        least: u32,
    },
    /// A ratio to a target that has nothing of it, as a target of one colour.
    #[error("{metric} is a ratio to the target's, and this target has none")]
    Flat {
        /// Which metric.
        metric: &'static str,
    },
    /// A metric of colours, and a picture that has none.
    #[error("{metric} is defined on red, green and blue, and this picture has {channels} channels")]
    Colours {
        /// Which metric.
        metric: &'static str,
        /// The channels of the picture.
        channels: usize,
    },
}
