//! Looking inside: the recorded step or a model's forward pass, as a table, as a drawing, and its
//! shaders.

use crate::Tab;
use crate::models::Model;
use pix2pix::inspect::Inspection;
use pix2pix::train::Settings;
use serde_json::{Map, Value};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Tab {
    /// The operations of `{"model": id}` or of the step of `{"config": {..}}`, and their memory, as
    /// JSON.
    ///
    /// # Errors
    /// A model that is not open, and a configuration that breaks a rule or does not fit the device.
    pub fn inspect(&mut self, what: &str) -> Result<String, JsError> {
        Ok(self.look_into(what)?.json().to_string())
    }

    /// The same as a drawing, in SVG.
    ///
    /// # Errors
    /// Those of [`Tab::inspect`].
    pub fn drawing(&mut self, what: &str) -> Result<String, JsError> {
        Ok(self.look_into(what)?.drawing())
    }

    /// The WGSL of a kernel of what was looked into last.
    ///
    /// # Errors
    /// A kernel that it does not have.
    pub fn shader(&self, kernel: &str) -> Result<String, JsError> {
        let inspection = self.inspection.as_ref();
        let found = inspection.map(|inspection| inspection.shader(kernel));
        let found = found.transpose().map_err(|error| self.failed(error))?;
        found.flatten().ok_or_else(|| {
            JsError::new(&format!(
                "there is no kernel {kernel} here; open the table again"
            ))
        })
    }

    fn look_into(&mut self, what: &str) -> Result<&Inspection, JsError> {
        let asked: Map<String, Value> =
            serde_json::from_str(what).map_err(|error| self.failed(error))?;
        let profile = self.gpu.profile();
        let made = match (asked.get("model"), asked.get("config")) {
            (Some(id), _) => {
                let id = id.as_str().unwrap_or_default();
                let Some(Model(model)) = self.models.get(id) else {
                    return Err(JsError::new(&format!(
                        "{id} is not open; choose the model again"
                    )));
                };
                Inspection::of_canvas(model, profile)
            }
            (None, config) => {
                let empty = Map::new();
                let config = config.and_then(Value::as_object).unwrap_or(&empty);
                let config = Settings::of_form(config).and_then(|settings| settings.config());
                let config = config.map_err(|error| self.failed(error))?;
                Inspection::of_step(&config, profile)
            }
        };
        let made = made.map_err(|error| self.failed(error))?;
        Ok(self.inspection.insert(made))
    }
}
