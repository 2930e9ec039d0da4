//! Looking inside: the recorded step of a configuration, or a model's forward pass, as a table, as
//! a drawing and as shaders, and what each layer of a model makes of a picture.

use super::worker::{Worker, of_drawing, unknown};
use super::{Drawing, Look, View};
use crate::gpu::Gpu;
use crate::inspect::{FeatureMap, InspectError, Inspection, canvas_maps};
use crate::studio::refusal::Refusal;
use crate::train::Settings;
use axum::http::StatusCode;
use pollster::block_on;
use serde_json::{Map, Value};

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
        let at = self.ready(gpu, id)?;
        let ready = self.ready.get(at).ok_or_else(|| unknown(id))?;
        Inspection::of_canvas(&ready.model, gpu.profile()).map_err(of_drawing)
    }

    /// What each layer of a model makes of a drawing.
    pub fn maps(&mut self, drawing: Drawing) -> Result<Vec<FeatureMap>, Refusal> {
        let gpu = self.gpu()?;
        let at = self.ready(&gpu, &drawing.model)?;
        let ready = self
            .ready
            .get_mut(at)
            .ok_or_else(|| unknown(&drawing.model))?;
        let size = (drawing.width, drawing.height);
        let made = canvas_maps(&gpu, &mut ready.model, size, drawing.rgba, drawing.seed);
        block_on(made).map_err(|error| match error {
            InspectError::Train(error) => of_drawing(error),
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
