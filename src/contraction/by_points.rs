//! The rung that multiplies at Winograd's points: its candidates, and when CPU adapters take it by
//! default.

use super::{Candidate, ContractionKey, Family, wide};
use crate::contraction::winograd::{POINTS, kernel, tiles};
use crate::gpu::{DeviceClass, Profile};
use crate::tape::vector_width::VEC8;

/// Tiles from which its products save more than the transforms of the weight, or of its gradient,
/// cost.
const MANY_TILES: usize = 24;

/// Channels in eights: of the product's last axis, which lanes own, and before it of the other
/// axis.
fn eights(key: &ContractionKey) -> [usize; 2] {
    let [large, small] = [key.large, key.small].map(|map| map.channels() / VEC8);
    let last_is_large = match key.family {
        Family::Conv2d => false,
        Family::ConvTranspose2d => true,
        Family::Conv2dGradWeight => key.transposed,
    };
    if last_is_large {
        [small, large]
    } else {
        [large, small]
    }
}

/// Whether it is the default: on a CPU adapter, with many tiles and no lane idle.
pub(super) fn is_default(key: &ContractionKey, profile: &Profile) -> bool {
    let [_, last] = eights(key);
    let no_lane_idle = wide::lanes(key, profile).is_some_and(|lanes| last.is_multiple_of(lanes));
    profile.class == DeviceClass::Cpu
        && no_lane_idle
        && tiles(key).is_some_and(|tiles| tiles >= MANY_TILES)
}

/// Of convolutions: so many tiles at once.
pub(super) fn conv(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    let (Some(lanes), Some(tiles)) = (wide::lanes(key, profile), tiles(key)) else {
        return Vec::new();
    };
    let [_, out_channels] = eights(key);
    let one = |most: usize| {
        let at_once = tiles.div_ceil(tiles.div_ceil(most));
        let kernel = kernel(key.family)
            .uint("SUBGROUP", lanes)
            .uint("WORKGROUP", lanes)
            .uint("TILE_PIXELS", at_once);
        Candidate::new(
            kernel,
            &at_once.to_string(),
            POINTS * tiles.div_ceil(at_once) * out_channels.div_ceil(lanes),
        )
    };
    [32, 24, 16, 8].map(one).into()
}

/// Of weight gradients.
pub(super) fn grad_weight(key: &ContractionKey, profile: &Profile) -> Option<Candidate> {
    let lanes = wide::lanes(key, profile).filter(|_| tiles(key).is_some())?;
    let ([rows, columns], tile) = (eights(key), lanes.min(8));
    let kernel = kernel(key.family)
        .uint("SUBGROUP", lanes)
        .uint("WORKGROUP", lanes)
        .uint("TILE_EIGHTS", tile);
    Some(Candidate::new(
        kernel,
        &tile.to_string(),
        POINTS * rows.div_ceil(tile) * columns.div_ceil(lanes),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::default_rung;
    use super::*;
    use crate::contraction::Geometry;
    use crate::contraction::winograd::RUNG;
    use crate::tensor::{DType, Shape};

    /// The discriminator's fourth layer: on CPU adapters many tiles go by Winograd's points, few do
    /// not, nor what needs too much memory.
    #[test]
    fn winograd_is_for_many_tiles() {
        let profile = Profile {
            class: DeviceClass::Cpu,
            subgroup: Some(8),
            int64: true,
            ..Profile::portable()
        };
        let rung = |family: Family, side: usize, profile: &Profile| {
            let [large, small] = [(side, 128), (side - 1, 256)]
                .map(|(side, channels)| Shape::nhwc(1, side, side, channels));
            let geometry = Geometry::new(4, 1, 1);
            let key = ContractionKey {
                family,
                geometry,
                large,
                small,
                transposed: false,
                bias: false,
                dtype: DType::F32,
            };
            default_rung(&key, profile)
        };
        let others = [
            Profile {
                int64: false,
                ..profile.clone()
            },
            Profile {
                class: DeviceClass::Gpu,
                ..profile.clone()
            },
        ];
        for family in Family::ALL {
            assert_eq!(
                [8, 16, 32, 256].map(|side| rung(family, side, &profile) == RUNG),
                [false, true, true, false],
                "{}",
                family.name()
            );
            assert!(
                others
                    .iter()
                    .all(|profile| rung(family, 32, profile) != RUNG),
                "{}",
                family.name()
            );
        }
    }
}
