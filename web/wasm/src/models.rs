//! Models of a tab: opened from bytes, used on drawings.

use crate::Tab;
use js_sys::{Array, Object, Reflect, Uint8Array};
use pix2pix::data::Pixels;
use pix2pix::inspect::canvas_maps;
use pix2pix::interop::TensorFile;
use pix2pix::models::ModelCard;
use pix2pix::train::CanvasModel;
use serde_json::{Value, json};
use std::path::Path;
use wasm_bindgen::prelude::*;

/// A model on the device.
#[derive(Debug)]
pub struct Model(pub CanvasModel);

#[wasm_bindgen]
impl Tab {
    /// Opens the weights of a generator: a `.safetensors` or `.pth` file of this program or of the
    /// reference. `card` is the JSON of a model in the box. Returns what was understood, as JSON.
    ///
    /// # Errors
    /// A file that is damaged or no generator, and one that the device cannot hold.
    pub fn open_model(
        &mut self,
        id: &str,
        bytes: Vec<u8>,
        card: Option<String>,
    ) -> Result<String, JsError> {
        let name = id.split_once(':').map_or(id, |(_, name)| name);
        let file = TensorFile::parse(Path::new(name), bytes).map_err(|error| self.failed(error))?;
        let card = card.map(|text| ModelCard::parse(name, &text)).transpose();
        let card = card.map_err(|error| self.failed(error))?;
        // The old weights of this name are given back first.
        self.models.remove(id);
        let model = CanvasModel::load(&self.gpu, &file, card.as_ref());
        let model = model.map_err(|error| self.failed(error))?;
        let told = described(&model, card.as_ref()).to_string();
        self.models.insert(id.to_owned(), Model(model));
        Ok(told)
    }

    /// Translates a drawing of 8-bit RGBA. A seed other than 0 draws dropout masks where the model
    /// has them. Returns `{width, height, data}`.
    ///
    /// # Errors
    /// A model that is not open, a drawing that does not fit it, and what the device reports.
    pub async fn translate(
        &mut self,
        id: String,
        width: u32,
        height: u32,
        rgba: Vec<u8>,
        seed: u32,
    ) -> Result<Object, JsError> {
        let Model(model) = self.models.get_mut(&id).ok_or_else(|| not_open(&id))?;
        let translated = model
            .translate(&self.gpu, (width, height), rgba, seed.into())
            .await;
        let picture = translated.map_err(|error| self.failed(error))?;
        pixels(picture.dimensions(), picture.bytes())
    }

    /// What each layer of a model makes of a drawing: an array of `{layer, shape, about, png}`.
    ///
    /// # Errors
    /// Those of [`Tab::translate`].
    pub async fn activations(
        &mut self,
        id: String,
        width: u32,
        height: u32,
        rgba: Vec<u8>,
    ) -> Result<Array, JsError> {
        let Model(model) = self.models.get_mut(&id).ok_or_else(|| not_open(&id))?;
        let maps = canvas_maps(&self.gpu, model, (width, height), rgba, 0).await;
        let maps = maps.map_err(|error| self.failed(error))?;
        let shown = Array::new();
        for map in maps {
            let one = Object::new();
            let shape: Array = map
                .shape
                .iter()
                .map(|&side| JsValue::from(side as u32))
                .collect();
            set(&one, "layer", &map.layer.clone().into())?;
            set(&one, "shape", &shape)?;
            set(&one, "about", &map.about().into())?;
            set(&one, "png", &Uint8Array::from(map.png.as_slice()))?;
            shown.push(&one);
        }
        Ok(shown)
    }
}

/// What the page needs to know of a model.
fn described(model: &CanvasModel, card: Option<&ModelCard>) -> Value {
    let config = &model.loaded().config;
    let size = card.map_or(config.size, |card| card.size);
    json!({
        "width": size,
        "height": size,
        "input": kind_of(&config.input),
        "output": kind_of(&config.output),
        "dropout": config.generator.has_dropout(),
    })
}

fn kind_of(pixels: &Pixels) -> String {
    match pixels {
        Pixels::Gray => "grey".to_owned(),
        Pixels::Labels(_) => "labels".to_owned(),
        other => other.to_string(),
    }
}

/// `{width, height, data}` of 8-bit RGBA.
pub fn pixels((width, height): (u32, u32), rgba: &[u8]) -> Result<Object, JsError> {
    let told = Object::new();
    set(&told, "width", &width.into())?;
    set(&told, "height", &height.into())?;
    set(&told, "data", &Uint8Array::from(rgba))?;
    Ok(told)
}

/// Sets a field of a new object.
pub fn set(object: &Object, name: &str, value: &JsValue) -> Result<(), JsError> {
    let set = Reflect::set(object, &name.into(), value);
    set.map(drop)
        .map_err(|_| JsError::new("the browser refused to make an answer; reload the page"))
}

fn not_open(id: &str) -> JsError {
    JsError::new(&format!("{id} is not open; choose the model again"))
}
