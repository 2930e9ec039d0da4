//! Looking inside: the recorded step of a configuration, or a model's forward pass, as a table, as
//! a drawing and as shaders, and what each layer of a model makes of a picture.

use super::worker::{Worker, of_device, unknown};
use super::{Drawing, Look, View};
use crate::gpu::Gpu;
use crate::inspect::{FeatureMap, InspectError, Inspection, MapLimits, feature_maps};
use crate::studio::refusal::Refusal;
use crate::tensor::Shape;
use crate::train::Settings;
use axum::http::StatusCode;
use pollster::block_on;
use serde_json::{Map, Value};
use std::path::PathBuf;

impl Worker {
    /// Looks into what is asked for, and returns the text that it wants.
    pub fn look(&mut self, look: &Look, view: View) -> Result<String, Refusal> {
        let gpu = self.gpu()?;
        let made = match (&look.model, &look.config) {
            (Some(id), None) => self.of_model(&gpu, id)?,
            (None, config) => of_config(&gpu, config.as_ref().unwrap_or(&Map::new()))?,
            (Some(_), Some(_)) => {
                return Err(Refusal::bad(
                    "a model and a configuration are two things to look into; name one of them",
                ));
            }
        };
        match view {
            View::Table => Ok(made.json().to_string()),
            View::Drawing => Ok(made.drawing()),
            View::Shader => {
                let kernel = look.kernel.as_deref().unwrap_or_default();
                let text = made.shader(kernel).map_err(Refusal::failed)?;
                text.ok_or_else(|| {
                    Refusal::missing(format!(
                        "there is no kernel {} in it; open the table again",
                        kernel.escape_debug()
                    ))
                })
            }
        }
    }

    fn of_model(&mut self, gpu: &Gpu, id: &str) -> Result<Inspection, Refusal> {
        let at = self.ready(gpu, id, false)?;
        let loaded = &self.ready.get(at).ok_or_else(|| unknown(id))?.loaded;
        let (side, channels) = (loaded.config.size as usize, loaded.config.input.channels());
        let shape = Shape::nhwc(1, side, side, channels);
        Inspection::of_generator(
            loaded.store.states(),
            &loaded.generator,
            shape,
            loaded.fit,
            &loaded.mode,
            gpu.profile(),
        )
        .map_err(of_device)
    }

    /// What each layer of a model makes of a drawing.
    pub fn maps(&mut self, drawing: Drawing) -> Result<Vec<FeatureMap>, Refusal> {
        let gpu = self.gpu()?;
        let dropout = drawing.seed != 0;
        let at = self.ready(&gpu, &drawing.model, dropout)?;
        let ready = self.ready.get(at).ok_or_else(|| unknown(&drawing.model))?;
        let (loaded, size) = (&ready.loaded, (drawing.width, drawing.height));
        let picture = ready.reading.of_rgba(size.0, size.1, drawing.rgba);
        let named = [(PathBuf::from("the drawing"), picture.map_err(Refusal::bad)?)];
        let picture = loaded.config.input.gather(&named).map_err(Refusal::bad)?;
        let values: Vec<f32> = loaded.config.input.units(&picture).into_iter().collect();
        let made = feature_maps(
            &gpu,
            &loaded.store,
            &loaded.generator,
            (&values, loaded.shape(1, &picture)),
            (loaded.fit, &loaded.mode),
            drawing.seed,
            MapLimits::default(),
        );
        block_on(made).map_err(|error| match error {
            InspectError::Train(error) => of_device(error),
            error => Refusal::failed(error),
        })
    }
}

/// The training step of a configuration, which has the fields that were asked for.
fn of_config(gpu: &Gpu, asked: &Map<String, Value>) -> Result<Inspection, Refusal> {
    let config = Settings::of_form(asked)?.config()?;
    Inspection::of_step(&config, gpu.profile())
        .map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error))
}
