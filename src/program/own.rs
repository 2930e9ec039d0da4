//! Which operations are this crate's own. Their kernels run without checks of indices, because the
//! kernel tests show that they stay within their buffers. A caller's operation may launch the same
//! kernels with any parameters, so its kernels are compiled with checks.

use crate::contraction::{Activated, Conv2d, Conv2dGradWeight, ConvTranspose2d};
use crate::ops::activation::{Activate, ActivateBackward};
use crate::ops::batch_norm::{
    FusedNorm, GradAffine, GradInput, GradSums, InvStd, MaskedGradInput, MaskedGradSums, NormGrad,
    Normalize, NormalizeActivate, RowPad, RunningStatistics, RunningToStats, SelectRow, Statistics,
};
use crate::ops::dropout::Dropout;
use crate::ops::elementwise::{
    Assemble, BatchPad, BatchSlice, Binary, Byproduct, ChannelPad, Concat, Detach, Fill, Power,
    Scale, Slice,
};
use crate::ops::ema::{Average, Swap};
use crate::ops::loss::{Loss, LossBackward, LossWithGradient};
use crate::ops::random::{RandomNormal, RandomUniform};
use crate::ops::reduction::{Broadcast, Sum};
use crate::ops::resample::{AveragePool, AveragePoolBackward, Resample, ResampleBackward};
use crate::ops::{
    adam::Adam, channel_sum::ChannelSum, image_pool::ImagePool, loss_scale::LossScale,
    monitor::Watch, sgd::Sgd, window::Window,
};
use crate::tape::Op;
use std::any::Any;

macro_rules! is_one_of {
    ($op:expr, $($own:ty),+ $(,)?) => {
        $($op.is::<$own>())||+
    };
}

/// Whether `op` is of a type of this crate, and so is the contraction in it, if it has one.
#[rustfmt::skip]
pub(super) fn is_own(op: &dyn Op) -> bool {
    let any = op as &dyn Any;
    if let Some(Activated { contraction, .. }) = any.downcast_ref() {
        return is_own(contraction.as_ref());
    }
    is_one_of!(
        any, Activate, ActivateBackward, Adam, Assemble, Average, AveragePool, AveragePoolBackward,
        BatchPad, BatchSlice, Binary, Broadcast, Byproduct, ChannelPad, ChannelSum, Concat, Conv2d,
        Conv2dGradWeight, ConvTranspose2d, Detach, Dropout, Fill, FusedNorm, GradAffine, GradInput,
        GradSums, ImagePool, InvStd, Loss, LossBackward, LossScale, LossWithGradient,
        MaskedGradInput, MaskedGradSums, NormGrad, Normalize, NormalizeActivate, Power,
        RandomNormal, RandomUniform, Resample, ResampleBackward, RowPad, RunningStatistics,
        RunningToStats, Scale, SelectRow, Sgd, Slice, Statistics, Sum, Swap, Watch, Window,
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;
    use std::path::Path;

    /// Files of Rust under `folder`.
    fn texts(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| match path.is_dir() {
                true => texts(&path),
                false => vec![fs::read_to_string(&path).unwrap()],
            })
            .collect()
    }

    #[test]
    fn every_operation_of_the_crate_is_listed() {
        let list = include_str!("own.rs").split("is_one_of!(").nth(1).unwrap();
        let listed: Vec<&str> = list.split([',', ' ', '\n', ')']).collect();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = 0;
        for text in texts(&source) {
            for line in text.lines() {
                let Some(name) = line.strip_prefix("impl Op for ") else {
                    continue;
                };
                let name = name.trim_end_matches(" {");
                found += 1;
                assert!(name == "Activated" || listed.contains(&name), "{name}");
            }
        }
        assert!(found > 50, "{found}");
    }
}
