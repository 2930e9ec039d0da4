//! All kernels that can compute a contraction on a device.

use super::candidate::{Candidate, Rung, RungCandidates};
use super::key::{ContractionKey, Family};
use super::{conv, grad_weight, thin};
use crate::gpu::Profile;

/// The kernels that can compute a contraction on a device.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// The naive kernel, which runs everywhere and which the others are checked against.
    pub naive: Candidate,
    /// The faster rungs that the device can run, each once.
    pub rungs: Vec<RungCandidates>,
}

impl Ladder {
    /// Every candidate of `key` on a device with this profile.
    pub fn of(key: &ContractionKey, profile: &Profile) -> Self {
        let mut rungs = match key.family {
            Family::Conv2d | Family::ConvTranspose2d => conv::rungs(key, profile),
            Family::Conv2dGradWeight => grad_weight::rungs(key, profile),
        };
        rungs.extend(thin::candidates(key, profile));
        Self {
            naive: naive(key),
            rungs,
        }
    }

    /// All candidates, the naive one among them; every name once.
    pub fn all(&self) -> impl Iterator<Item = &Candidate> {
        std::iter::once(&self.naive).chain(self.faster())
    }

    /// All candidates but the naive one.
    pub fn faster(&self) -> impl Iterator<Item = &Candidate> {
        self.rungs.iter().flat_map(RungCandidates::all)
    }

    /// The default tile of each rung but the naive one.
    pub fn defaults(&self) -> impl Iterator<Item = &Candidate> {
        self.rungs.iter().map(|rung| &rung.default)
    }

    /// The default tile of a rung; `None` where the device cannot run it on this key.
    pub fn default_of(&self, rung: Rung) -> Option<&Candidate> {
        std::iter::once(&self.naive)
            .chain(self.defaults())
            .find(|candidate| candidate.rung == rung)
    }

    /// The candidate of this name.
    pub fn named(&self, name: &str) -> Option<&Candidate> {
        self.all().find(|candidate| candidate.name == name)
    }
}

/// The naive kernel for `key`.
pub fn naive(key: &ContractionKey) -> Candidate {
    match key.family {
        Family::Conv2d | Family::ConvTranspose2d => conv::naive(key),
        Family::Conv2dGradWeight => grad_weight::naive(key),
    }
}

/// The kernels that can compute `key` on a device with this profile, every name once.
pub fn candidates(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    Ladder::of(key, profile).all().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::super::candidate::Rung;
    use super::super::geometry::Geometry;
    use super::*;
    use crate::gpu::DeviceClass;
    use crate::tensor::{DType, Shape};
    use std::collections::HashSet;

    /// A candidate's rung is the file that it runs, and no two candidates have one name.
    #[test]
    fn rungs_are_named_as_their_shaders() {
        let matrix = Profile {
            f16: true,
            subgroup: Some(32),
            matrix: Some(16),
            ..Profile::portable()
        };
        let cpu = Profile {
            class: DeviceClass::Cpu,
            subgroup: Some(8),
            int64: true,
            ..Profile::portable()
        };
        let mut found = HashSet::new();
        for profile in [matrix, cpu] {
            for (family, channels) in Family::ALL
                .into_iter()
                .flat_map(|family| [[3, 64], [64, 64], [64, 1]].map(|channels| (family, channels)))
            {
                for dtype in [DType::F32, DType::F16] {
                    let [large, small] = [(9, channels[0]), (8, channels[1])]
                        .map(|(side, channels)| Shape::nhwc(1, side, side, channels));
                    let key = ContractionKey {
                        dtype,
                        ..ContractionKey::new(family, Geometry::new(4, 1, 1), large, small)
                    };
                    let all = candidates(&key, &profile);
                    let names: HashSet<&str> = all.iter().map(|one| one.name.as_str()).collect();
                    assert_eq!(names.len(), all.len(), "{key}");
                    for candidate in all {
                        assert_eq!(candidate.kernel.source.rung(), candidate.rung.name());
                        assert_eq!(
                            Rung::named(candidate.rung.name()),
                            Some(candidate.rung),
                            "{key}"
                        );
                        found.insert(candidate.rung);
                    }
                }
            }
        }
        // The maps are too large to be split.
        assert_eq!(found.len(), Rung::ALL.len() - 1, "{found:?}");
    }
}
