//! The rung that multiplies at Winograd's points: its candidates, and when CPU adapters take it by
//! default.

use super::candidate::{Candidate, Rung, RungCandidates};
use super::key::{ContractionKey, Family};
use super::wide;
use super::winograd::{POINTS, kernel, tiles};
use crate::gpu::{DeviceClass, Profile};
use crate::tape::vector_width::VEC8;

/// Tiles from which its products save more than the transforms of the weight, or of its gradient,
/// cost.
const MANY_TILES: usize = 24;

/// Channels in groups of eight: of the product's last axis, which lanes own, and before it of the
/// other axis.
fn channels8(key: &ContractionKey) -> [usize; 2] {
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
    let [_, last] = channels8(key);
    let no_lane_idle = wide::lanes(key, profile).is_some_and(|lanes| last.is_multiple_of(lanes));
    profile.class == DeviceClass::Cpu
        && no_lane_idle
        && tiles(key).is_some_and(|tiles| tiles >= MANY_TILES)
}

/// Of convolutions: so many tiles at once.
pub(super) fn conv(key: &ContractionKey, profile: &Profile) -> Option<RungCandidates> {
    let (lanes, tiles) = (wide::lanes(key, profile)?, tiles(key)?);
    let [_, out_channels] = channels8(key);
    let one = |most: usize| {
        let tiles_at_once = tiles.div_ceil(tiles.div_ceil(most));
        let kernel = kernel(key.family)
            .uint("SUBGROUP", lanes)
            .uint("WORKGROUP", lanes)
            .uint("TILES_AT_ONCE", tiles_at_once);
        Candidate::new(
            Rung::Winograd,
            kernel,
            &tiles_at_once.to_string(),
            POINTS * tiles.div_ceil(tiles_at_once) * out_channels.div_ceil(lanes),
        )
    };
    Some(RungCandidates::new(one(32), [24, 16, 8].map(one)))
}

/// Of weight gradients.
pub(super) fn grad_weight(key: &ContractionKey, profile: &Profile) -> Option<RungCandidates> {
    let lanes = wide::lanes(key, profile).filter(|_| tiles(key).is_some())?;
    let ([rows, columns], tile) = (channels8(key), lanes.min(8));
    let kernel = kernel(key.family)
        .uint("SUBGROUP", lanes)
        .uint("WORKGROUP", lanes)
        .uint("TILE_VEC8S", tile);
    let candidate = Candidate::new(
        Rung::Winograd,
        kernel,
        &tile.to_string(),
        POINTS * rows.div_ceil(tile) * columns.div_ceil(lanes),
    );
    Some(RungCandidates::new(candidate, []))
}
