//! Looking into a model behind a canvas: what a page shows of it, in a tab and from the studio.

use super::error::InspectError;
use super::feature_maps::{FeatureMap, MapLimits, feature_maps};
use super::inspection::Inspection;
use crate::gpu::{Gpu, Profile};
use crate::tensor::Shape;
use crate::train::{CanvasModel, TrainError};

impl Inspection {
    /// The forward pass of a model over a drawing of the size that it was trained at.
    ///
    /// # Errors
    /// A pass that does not fit the device.
    pub fn of_canvas(model: &CanvasModel, profile: &Profile) -> Result<Self, TrainError> {
        let loaded = model.loaded();
        let (side, channels) = (loaded.config.size as usize, loaded.config.input.channels());
        Self::of_generator(
            loaded.store.states(),
            &loaded.generator,
            Shape::nhwc(1, side, side, channels),
            loaded.fit,
            &loaded.mode,
            profile,
        )
    }
}

/// What each layer of a model makes of a drawing of 8-bit RGBA; see [`feature_maps`] and
/// [`CanvasModel::prepare`].
///
/// # Errors
/// Those of both.
pub async fn canvas_maps(
    gpu: &Gpu,
    model: &mut CanvasModel,
    size: (u32, u32),
    rgba: Vec<u8>,
    seed: u64,
) -> Result<Vec<FeatureMap>, InspectError> {
    let picture = model.prepare(size, rgba, seed)?;
    let loaded = model.loaded();
    let values: Vec<f32> = loaded.config.input.units(&picture).into_iter().collect();
    feature_maps(
        gpu,
        &loaded.store,
        &loaded.generator,
        (&values, loaded.shape(1, &picture)),
        (loaded.fit, &loaded.mode),
        seed,
        MapLimits::default(),
    )
    .await
}
