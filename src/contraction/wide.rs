//! The rung that loads eight numbers at a time as 64-bit words: which contractions it can run. CPU
//! adapters, which load lane by lane, take it by default.

use super::{ContractionKey, Family};
use crate::gpu::{KernelSpec, Profile};
use crate::tape::Operand;
use crate::tape::vector_width::VEC8;
use crate::tensor::DType;
use std::borrow::Cow;

/// The rung.
pub(super) const RUNG: &str = "5_wide";

/// Whether this is the rung.
pub(crate) fn is_rung(kernel: &KernelSpec) -> bool {
    kernel.source.rung() == RUNG
}

/// Lanes of the rung, where the device has 64-bit words and all channels come in eights of f32.
pub(super) fn lanes(key: &ContractionKey, profile: &Profile) -> Option<usize> {
    let eights = [key.large, key.small]
        .iter()
        .all(|map| map.channels().is_multiple_of(VEC8));
    profile
        .subgroup
        .filter(|_| profile.int64 && eights && key.dtype == DType::F32)
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

/// The profile for maps at these places: without 64-bit words where one of them begins at, or goes
/// on by, an odd number of `vec4`s.
pub(crate) fn aligned<'a>(profile: &'a Profile, maps: &[Operand]) -> Cow<'a, Profile> {
    let even = maps.iter().all(Operand::is_even);
    if even {
        Cow::Borrowed(profile)
    } else {
        Cow::Owned(Profile {
            int64: false,
            ..profile.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    #[test]
    fn maps_at_odd_places_do_without() {
        let profile = Profile {
            int64: true,
            ..Profile::portable()
        };
        let dense = Operand::dense(Shape::nhwc(1, 4, 4, 16));
        let places = [(0, 4, true), (2, 6, true), (1, 4, false), (0, 5, false)];
        for (offset, stride, wide) in places {
            let moved = Operand {
                offset,
                stride,
                ..dense
            };
            assert_eq!(
                aligned(&profile, &[dense, moved]).int64,
                wide,
                "{offset} {stride}"
            );
        }
    }
}
