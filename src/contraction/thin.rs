//! Candidates for few channels on one side: they count them exactly, pad channels left out, and
//! share loads within a subgroup.

use super::{Candidate, ContractionKey, Family, splits};
use crate::gpu::{DeviceClass, KernelSpec, Profile, ShaderSource};
use crate::shader;

/// The rung for few channels on the side that a convolution reads, or a weight gradient on the
/// small map.
const THIN: &str = "thin";
/// The rung for few output channels of a convolution.
const DOT: &str = "dot";
/// Most channels of a thin side.
const FEW_CHANNELS: usize = 8;
/// Most channels where the shader keeps all of them in one `vec4`.
const LANES: usize = 4;

/// The rung that the default table takes before all others: where it won on a CPU adapter; on a GPU
/// (unmeasured) where other rungs' tiles would stay all but empty.
pub(super) fn default_rung(key: &ContractionKey, profile: &Profile) -> Option<&'static str> {
    profile.subgroup?;
    thin_rung(key).filter(|&rung| match key.family {
        // A transposed weight has to be put together from four times as many loads.
        Family::Conv2d if rung == THIN => profile.class == DeviceClass::Cpu && !key.transposed,
        Family::ConvTranspose2d => key.large.channels() <= LANES,
        Family::Conv2d | Family::Conv2dGradWeight => true,
    })
}

/// The rung that fits the channels, if one does.
fn thin_rung(key: &ContractionKey) -> Option<&'static str> {
    let (large, small) = (key.large.channels(), key.small.channels());
    match key.family {
        Family::Conv2d if large <= FEW_CHANNELS => Some(THIN),
        Family::Conv2d if small <= LANES => Some(DOT),
        Family::ConvTranspose2d
            if large <= FEW_CHANNELS && key.geometry.padding < key.geometry.kernel =>
        {
            Some(THIN)
        }
        Family::Conv2dGradWeight if small <= LANES => Some(THIN),
        _ => None,
    }
}

/// The thin rung's tiles, if the channels are few and the device has subgroups.
pub(super) fn candidates(key: &ContractionKey, profile: &Profile) -> Vec<Candidate> {
    let (Some(rung), Some(subgroup)) = (thin_rung(key), profile.subgroup) else {
        return Vec::new();
    };
    let subgroup = subgroup as usize;
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
    match (key.family, rung) {
        (Family::Conv2d, THIN) => thin.few_inputs(),
        (Family::Conv2d, _) => thin.few_outputs(),
        (Family::ConvTranspose2d, _) => thin.pictures(),
        (Family::Conv2dGradWeight, _) => thin.weight_gradients(profile.class),
    }
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
    fn few_inputs(&self) -> Vec<Candidate> {
        let (large, small) = (self.key.large, self.key.small);
        let one = |(strip, wide): (usize, usize)| {
            let wide = wide.min(small.channels4());
            let kernel = self
                .kernel(shader!("conv2d/thin"), strip)
                .uint("IN_CHANNELS", large.channels())
                .uint("TILE_VECTORS", wide);
            let strips = small.batch() * small.height() * small.width().div_ceil(strip);
            Candidate::new(
                kernel,
                &format!("{strip}x{wide}"),
                strips.div_ceil(self.workgroup) * small.channels4().div_ceil(wide),
            )
        };
        [(4, 4), (8, 2), (4, 8)].map(one).into()
    }

    /// To few channels: the lanes of a subgroup share the sum.
    fn few_outputs(&self) -> Vec<Candidate> {
        let small = self.key.small;
        let one = |most: usize| {
            // Of equal strips the longest that is not over `most`.
            let strip = small.width().div_ceil(small.width().div_ceil(most));
            let kernel = self
                .kernel(shader!("conv2d/dot"), strip)
                .uint("OUT_CHANNELS", small.channels());
            let strips = small.batch() * small.height() * small.width().div_ceil(strip);
            Candidate::new(
                kernel,
                &strip.to_string(),
                strips.div_ceil(self.workgroup / self.subgroup),
            )
        };
        [8, 4].map(one).into()
    }

    /// From the small map to few channels: a lane is a strip of pixels.
    fn pictures(&self) -> Vec<Candidate> {
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
                kernel,
                &strip.to_string(),
                stride * strips.div_ceil(self.workgroup),
            )
        };
        [4, 2].map(one).into()
    }

    /// The weight gradient for few channels of the small map: a lane is a `vec4` of the large map's
    /// channels.
    fn weight_gradients(&self, class: DeviceClass) -> Vec<Candidate> {
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
            Candidate::new(kernel, &strip.to_string(), groups).split(parts)
        };
        [self.subgroup.min(6), self.subgroup.min(4)].map(one).into()
    }
}
