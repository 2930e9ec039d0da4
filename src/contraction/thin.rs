//! Candidates for few channels on one side: they count them exactly, pad channels left out, and
//! share loads within a subgroup.

use super::candidate::{Candidate, Rung, RungCandidates, splits};
use super::key::{ContractionKey, Family};
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource, shader};

/// Most channels of a thin side.
const FEW_CHANNELS: usize = 8;
/// Most channels where the shader keeps all of them in one `vec4`.
const LANES: usize = 4;

/// The rung that the default table takes before all others: where it won on a CPU adapter; on a GPU
/// (unmeasured) where other rungs' tiles would stay all but empty.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> Option<Rung> {
    profile.subgroup?;
    thin_rung(key).filter(|&rung| match key.family {
        // A transposed weight has to be put together from four times as many loads.
        Family::Conv2d if rung == Rung::Thin => {
            profile.class == DeviceClass::Cpu && !key.transposed
        }
        Family::ConvTranspose2d => key.large.channels() <= LANES,
        Family::Conv2d | Family::Conv2dGradWeight => true,
    })
}

/// The rung that fits the channels, if one does.
fn thin_rung(key: &ContractionKey) -> Option<Rung> {
    let (large, small) = (key.large.channels(), key.small.channels());
    match key.family {
        Family::Conv2d if large <= FEW_CHANNELS => Some(Rung::Thin),
        Family::Conv2d if small <= LANES => Some(Rung::Dot),
        Family::ConvTranspose2d
            if large <= FEW_CHANNELS && key.geometry.padding < key.geometry.kernel =>
        {
            Some(Rung::Thin)
        }
        Family::Conv2dGradWeight if small <= LANES => Some(Rung::Thin),
        _ => None,
    }
}

/// The candidates of the rung that fits, if the channels are few and the device has subgroups.
pub(super) fn candidates(key: &ContractionKey, profile: &Profile) -> Option<RungCandidates> {
    let (rung, subgroup) = (thin_rung(key)?, profile.subgroup? as usize);
    // A CPU adapter takes the subgroups of a group one after the other, so small groups spread over
    // its cores.
    let workgroup = if profile.class == DeviceClass::Cpu {
        subgroup
    } else {
        subgroup.max(64)
    };
    let thin = Thin {
        key,
        subgroup,
        workgroup,
    };
    Some(match key.family {
        Family::Conv2d if rung == Rung::Dot => thin.few_outputs(),
        Family::Conv2d => thin.few_inputs(),
        Family::ConvTranspose2d => thin.pictures(),
        Family::Conv2dGradWeight => thin.weight_gradients(profile.class),
    })
}

struct Thin<'a> {
    key: &'a ContractionKey,
    subgroup: usize,
    workgroup: usize,
}

impl Thin<'_> {
    fn kernel(&self, source: ShaderSource, strip: usize) -> KernelSpec {
        KernelSpec::new(source)
            .uint("SUBGROUP", self.subgroup)
            .uint("WORKGROUP", self.workgroup)
            .uint("STRIP", strip)
    }

    /// From few channels: a lane is a strip of pixels.
    fn few_inputs(&self) -> RungCandidates {
        let (large, small) = (self.key.large, self.key.small);
        let one = |(strip, vectors): (usize, usize)| {
            let vectors = vectors.min(small.channels4());
            let kernel = self
                .kernel(shader!("conv2d/thin"), strip)
                .uint("IN_CHANNELS", large.channels())
                .uint("TILE_VECTORS", vectors);
            let strips = small.batch() * small.height() * small.width().div_ceil(strip);
            Candidate::new(
                Rung::Thin,
                kernel,
                &format!("{strip}x{vectors}"),
                strips.div_ceil(self.workgroup) * small.channels4().div_ceil(vectors),
            )
        };
        RungCandidates::new(one((4, 4)), [(8, 2), (4, 8)].map(one))
    }

    /// To few channels: the lanes of a subgroup share the sum.
    fn few_outputs(&self) -> RungCandidates {
        let small = self.key.small;
        let one = |most: usize| {
            // Of equal strips the longest that is not over `most`.
            let strip = small.width().div_ceil(small.width().div_ceil(most));
            let kernel = self
                .kernel(shader!("conv2d/dot"), strip)
                .uint("OUT_CHANNELS", small.channels());
            let strips = small.batch() * small.height() * small.width().div_ceil(strip);
            Candidate::new(
                Rung::Dot,
                kernel,
                &strip.to_string(),
                strips.div_ceil(self.workgroup / self.subgroup),
            )
        };
        RungCandidates::new(one(8), [one(4)])
    }

    /// From the small map to few channels: a lane is a strip of pixels.
    fn pictures(&self) -> RungCandidates {
        let (large, stride) = (self.key.large, self.key.geometry.stride);
        let one = |strip: usize| {
            let kernel = self
                .kernel(shader!("conv_transpose2d/thin"), strip)
                .uint("OUT_CHANNELS", large.channels())
                .uint("PADDING", self.key.geometry.padding);
            let strips = large.batch()
                * large.height().div_ceil(stride)
                * large.width().div_ceil(stride * strip);
            Candidate::new(
                Rung::Thin,
                kernel,
                &strip.to_string(),
                stride * strips.div_ceil(self.workgroup),
            )
        };
        RungCandidates::new(one(4), [one(2)])
    }

    /// The weight gradient for few channels of the small map: a lane is a `vec4` of the large map's
    /// channels.
    fn weight_gradients(&self, class: DeviceClass) -> RungCandidates {
        let (large, small, kernel) = (self.key.large, self.key.small, self.key.geometry.kernel);
        let groups = kernel * large.channels4().div_ceil(self.workgroup);
        let result_bytes = (kernel.pow(2) * large.channels4() * 64) as u64;
        let rows = small.batch() * small.height();
        // The rows of taps are groups enough for a CPU.
        let parts = if class == DeviceClass::Gpu {
            splits(groups, rows, result_bytes)
        } else {
            1
        };
        let one = |strip: usize| {
            let kernel = self
                .kernel(shader!("conv2d_grad_weight/thin"), strip)
                .uint("SMALL_CHANNELS", small.channels());
            Candidate::new(Rung::Thin, kernel, &strip.to_string(), groups).split(parts)
        };
        RungCandidates::new(one(self.subgroup.min(6)), [one(self.subgroup.min(4))])
    }
}
