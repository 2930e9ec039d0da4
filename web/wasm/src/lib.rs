//! The library in a browser's tab: what the page's worker calls. Every failure is an `Error` whose
//! message is a sentence with the remedy.

mod inside;
mod models;
mod training;

use models::Model;
use pix2pix::files::MemoryFolder;
use pix2pix::gpu::{DeviceOptions, Gpu, GpuError};
use pix2pix::inspect::Inspection;
use pix2pix::train::InMemoryTrainer;
use serde_json::json;
use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error;
use wasm_bindgen::prelude::*;

/// The engine of a tab: it owns the device, the models and the training. Its methods are called one
/// at a time.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Tab {
    gpu: Gpu,
    adapter: String,
    /// Whether a call failed because the device is gone.
    lost: Cell<bool>,
    models: HashMap<String, Model>,
    datasets: HashMap<String, MemoryFolder>,
    /// The sheets of the bundled pairs as PNG files: those for training and those held out.
    sheets: Option<[Vec<u8>; 2]>,
    training: Option<InMemoryTrainer>,
    /// What was looked into last.
    inspection: Option<Inspection>,
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = ["navigator", "gpu"], js_name = requestAdapter)]
    async fn request_adapter(options: &JsValue) -> Result<JsValue, JsValue>;
}

/// What the browser says of the adapter that it gives out: wgpu does not pass it on. Browsers tell
/// little, so that nobody is known by it.
async fn adapter_name() -> Result<String, JsValue> {
    let options = js_sys::Object::new();
    js_sys::Reflect::set(
        &options,
        &"powerPreference".into(),
        &"high-performance".into(),
    )?;
    let adapter = request_adapter(&options).await?;
    let info = js_sys::Reflect::get(&adapter, &"info".into())?;
    let word = |name: &str| js_sys::Reflect::get(&info, &name.into()).ok()?.as_string();
    let told = word("description").filter(|words| !words.is_empty());
    let words = told.map_or_else(
        || vec![word("vendor"), word("architecture")],
        |it| vec![Some(it)],
    );
    let words: Vec<String> = words.into_iter().flatten().collect();
    Ok(words.join(" ").trim().to_owned())
}

#[wasm_bindgen]
impl Tab {
    /// Opens the device that the browser gives out.
    ///
    /// # Errors
    /// A browser without WebGPU or without an adapter, and what the device reports.
    pub async fn open() -> Result<Self, JsError> {
        let gpu = Gpu::open(&DeviceOptions::default()).await?;
        let adapter = adapter_name().await.unwrap_or_default();
        Ok(Self {
            gpu,
            adapter,
            lost: Cell::new(false),
            models: HashMap::new(),
            datasets: HashMap::new(),
            sheets: None,
            training: None,
            inspection: None,
        })
    }

    /// The device and the version of this program, as JSON.
    pub fn about(&self) -> String {
        let profile = self.gpu.profile();
        json!({
            "adapter": self.adapter,
            "driver": "",
            "backend": "WebGPU",
            "version": env!("CARGO_PKG_VERSION"),
            "limits": {
                "bufferBytes": profile.max_buffer_bytes,
                "bindingBytes": profile.max_binding_bytes,
                "invocations": profile.max_invocations,
            },
        })
        .to_string()
    }

    /// Whether the device is gone, and all that was on it with it. A new `Tab` opens another.
    pub fn lost(&self) -> bool {
        if let Err(GpuError::DeviceLost { .. }) = self.gpu.check() {
            self.lost.set(true);
        }
        self.lost.get()
    }
}

impl Tab {
    /// The JavaScript error of one of ours. A lost device is remembered.
    fn failed(&self, error: impl Error + 'static) -> JsError {
        let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(found) = cause {
            if let Some(GpuError::DeviceLost { .. }) = found.downcast_ref() {
                self.lost.set(true);
            }
            cause = found.source();
        }
        JsError::new(&error.to_string())
    }
}
