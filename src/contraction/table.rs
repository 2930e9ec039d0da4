//! The default table: which rung computes a contraction where nothing was tuned.

use super::candidate::{Candidate, Rung};
use super::key::{ContractionKey, Family};
use super::ladder::{Ladder, naive};
use super::{conv, grad_weight, matrix, thin, wide};
use crate::gpu::{DeviceClass, Profile};

/// The candidate that runs: the forced one or the default of the forced rung, else the tuned one,
/// else the default table's. What the device cannot run is passed over.
pub fn choose(key: &ContractionKey, profile: &Profile) -> Candidate {
    let ladder = Ladder::of(key, profile);
    let forced = profile.forced_rung(key.family.name()).and_then(|wanted| {
        let of_rung = || ladder.default_of(Rung::named(wanted)?);
        ladder.named(wanted).or_else(of_rung)
    });
    let chosen = forced
        .or_else(|| tuned(key, profile, &ladder))
        .or_else(|| ladder.default_of(default_rung(key, profile)));
    match chosen {
        Some(candidate) => candidate.clone(),
        // A GPU whose workgroups are too small for the rung that the table names.
        None => naive(key),
    }
}

/// The candidate that was found by tuning. Files from before keys knew alignment hold one entry for
/// maps at any place.
fn tuned<'a>(key: &ContractionKey, profile: &Profile, ladder: &'a Ladder) -> Option<&'a Candidate> {
    let at_any_place = ContractionKey {
        unaligned: false,
        ..*key
    };
    let name = (profile.tuned.get(&key.to_string()))
        .or_else(|| profile.tuned.get(&at_any_place.to_string()))?;
    ladder.named(name)
}

/// The default table: the rung for a key on a class of device.
fn default_rung(key: &ContractionKey, profile: &Profile) -> Rung {
    let of_family = || match key.family {
        Family::Conv2d | Family::ConvTranspose2d => conv::default_rung(key, profile),
        Family::Conv2dGradWeight => grad_weight::default_rung(key, profile),
    };
    thin::default_rung(key, profile)
        .or_else(of_family)
        .unwrap_or_else(|| usual_rung(key, profile))
}

/// The rung for a result that has channels enough for every rung.
pub(super) fn usual_rung(key: &ContractionKey, profile: &Profile) -> Rung {
    match (profile.class, profile.subgroup) {
        (DeviceClass::Cpu, _) if wide::fills_lanes(key, profile) => Rung::Wide,
        (DeviceClass::Cpu, Some(_)) => Rung::Broadcast,
        (DeviceClass::Cpu, None) => Rung::Register,
        (DeviceClass::Gpu, _) if matrix::sizes(key, profile).is_empty() => Rung::Workgroup,
        (DeviceClass::Gpu, _) => Rung::Matrix,
    }
}

#[cfg(test)]
mod tests {
    use super::super::geometry::Geometry;
    use super::*;
    use crate::tensor::{DType, Shape};

    #[test]
    fn gpus_use_matrix_units_for_f16_only() {
        let gpu = Profile {
            f16: true,
            subgroup: Some(32),
            matrix: Some(16),
            ..Profile::portable()
        };
        let rung = |dtype, profile: &Profile| {
            let (large, small) = (Shape::nhwc(1, 64, 64, 64), Shape::nhwc(1, 32, 32, 128));
            let geometry = Geometry::new(4, 2, 1);
            Family::ALL.map(|family| {
                let key = ContractionKey {
                    dtype,
                    ..ContractionKey::new(family, geometry, large, small)
                };
                choose(&key, profile).rung
            })
        };
        assert_eq!(rung(DType::F16, &gpu), [Rung::Matrix; 3]);
        assert_eq!(rung(DType::F32, &gpu), [Rung::Workgroup; 3]);
        assert_eq!(
            rung(
                DType::F16,
                &Profile {
                    matrix: None,
                    ..gpu.clone()
                }
            ),
            [Rung::Workgroup; 3]
        );
        assert_eq!(
            rung(
                DType::F16,
                &Profile {
                    class: DeviceClass::Cpu,
                    ..gpu
                }
            ),
            [Rung::Broadcast; 3]
        );
    }

    /// The discriminator's fourth layer. On a CPU adapter Winograd runs where tiles are many, and
    /// not where it needs too much memory.
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
            let key = ContractionKey::new(family, geometry, large, small);
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
                [8, 16, 32, 256].map(|side| rung(family, side, &profile) == Rung::Winograd),
                [false, true, true, false],
                "{}",
                family.name()
            );
            assert!(
                others
                    .iter()
                    .all(|profile| rung(family, 32, profile) != Rung::Winograd),
                "{}",
                family.name()
            );
        }
    }
}
