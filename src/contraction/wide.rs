//! The rung that loads eight numbers at a time as 64-bit words: which contractions it can run. CPU
//! adapters, which load lane by lane, take it by default.

use super::key::{ContractionKey, Family};
use crate::gpu::Profile;
use crate::tape::vector_width::VEC8;
use crate::tensor::DType;

/// Lanes of the rung, where the device has 64-bit words, all channels come in groups of eight f32
/// numbers, and the maps lie so that these can be loaded together.
pub(super) fn lanes(key: &ContractionKey, profile: &Profile) -> Option<usize> {
    let fits = key.has_channels8() && key.dtype == DType::F32 && !key.unaligned;
    profile
        .subgroup
        .filter(|_| profile.int64 && fits)
        .map(|size| size as usize)
}

/// Whether it can run with no lane idle.
pub(super) fn fills_lanes(key: &ContractionKey, profile: &Profile) -> bool {
    let last_axis = match (key.family, key.transposed) {
        (Family::Conv2dGradWeight, true) => key.geometry.kernel.pow(2) * key.large.channels(),
        (Family::Conv2dGradWeight, false) => key.small.channels(),
        _ => key.output().channels(),
    };
    lanes(key, profile).is_some_and(|lanes| last_axis.is_multiple_of(VEC8 * lanes))
}
