//! What the numbers in files mean: which of them is black and which is white.
//!
//! Most files need no word about it: their type says it (0..255, 0..65535, floats 0..1). Heights,
//! reflectances and depth maps have ranges of their own.

pub(super) mod error;
mod extent;
pub(super) mod floats;
pub(super) mod mapping;
mod range;
pub(super) mod stored;

pub use error::ValueError;
pub use extent::Extent;
pub use mapping::ValueMapping;
pub use range::{AskedRange, RangeError, ValueRange};
