//! The devices that kernels are chosen for: what they can do, and no device.

use pix2pix::contraction::{Family, Rung};
use pix2pix::gpu::{DeviceClass, Profile};

/// A software adapter with so many lanes (0: no subgroups), or a GPU, also with matrix units of
/// either size.
pub fn profiles() -> Vec<Profile> {
    let cpu = |lanes: u32| Profile {
        class: DeviceClass::Cpu,
        subgroup: (lanes > 0).then_some(lanes),
        ..Profile::portable()
    };
    let int64 = |lanes: u32| Profile {
        int64: true,
        ..cpu(lanes)
    };
    let gpu = |lanes: u32| Profile {
        class: DeviceClass::Gpu,
        ..cpu(lanes)
    };
    let matrix = |lanes: u32, side: u32| Profile {
        f16: true,
        matrix: Some(side),
        ..gpu(lanes)
    };
    vec![
        cpu(8),
        int64(8),
        cpu(4),
        cpu(0),
        gpu(32),
        gpu(0),
        matrix(8, 8),
        matrix(32, 8),
        matrix(32, 16),
        matrix(64, 16),
    ]
}

/// The profile with each rung of the contractions forced. A forced rung is that of its family
/// alone, so one profile forces a rung of all three.
pub fn with_each_rung(profile: &Profile) -> Vec<Profile> {
    let force = |rung: Rung| {
        let force_one =
            |profile: Profile, family: Family| profile.force(family.name(), rung.name());
        Family::ALL.into_iter().fold(profile.clone(), force_one)
    };
    Rung::ALL.into_iter().map(force).collect()
}
