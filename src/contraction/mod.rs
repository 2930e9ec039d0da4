//! Floor 3: what `conv2d`, `conv_transpose2d` and their weight gradient share: the geometry, and
//! the choice of a kernel.
//!
//! A [`ContractionKey`] is all that a choice may depend on. A [`Ladder`] holds the kernels that can
//! compute it on a device: each [`Rung`] with its tiles, by name. [`choose`] takes a forced rung if
//! there is one, else the tuned choice of the profile, else the default table, which lies with each
//! family's candidates.

mod by_points;
mod candidate;
mod conv;
mod geometry;
mod grad_weight;
mod key;
mod ladder;
mod matrix;
mod operation;
mod parse;
mod renamed;
pub mod rounding;
mod table;
mod thin;
mod wide;
pub(crate) mod winograd;

pub use candidate::{Candidate, Rung, RungCandidates};
pub use geometry::Geometry;
pub(crate) use geometry::weight_channels;
pub use key::{ContractionKey, Family};
pub use ladder::{Ladder, candidates, naive};
pub(crate) use operation::UNCHANGED;
pub use operation::{Activated, Choice, Contraction, Conv2d, Conv2dGradWeight, ConvTranspose2d};
pub use parse::ParseKeyError;
pub use renamed::with_current_names;
pub use table::choose;
