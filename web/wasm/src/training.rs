//! Training in a tab, a few steps at a time.

use crate::Tab;
use crate::models::{pixels, set};
use js_sys::{Array, Object, Uint8Array};
use pix2pix::data::{Dataset, Scan, Split, Wanted};
use pix2pix::files::MemoryFolder;
use pix2pix::interop::TensorFile;
use pix2pix::train::checkpoint::read_progress;
use pix2pix::train::{Advanced, Config, InMemoryTrainer, Losses, Settings, form};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use wasm_bindgen::prelude::*;

/// The name of the bundled pairs.
const BUNDLED: &str = "bundled";

#[wasm_bindgen]
impl Tab {
    /// All settings of a training in their groups, with help, default and range, as JSON.
    ///
    /// # Errors
    /// None that a test does not rule out.
    pub fn options(&self) -> Result<String, JsError> {
        serde_json::to_string(&form()).map_err(|error| self.failed(error))
    }

    /// Takes the sheets of the bundled pairs as PNG files.
    pub fn add_bundled(&mut self, train: Vec<u8>, val: Vec<u8>) {
        self.sheets = Some([train, val]);
    }

    /// Takes a folder of pictures: their paths below it, and their bytes. Returns `{pairs, told}`
    /// as JSON.
    ///
    /// # Errors
    /// A folder without pairs, and paths that are none.
    pub fn add_dataset(
        &mut self,
        id: &str,
        paths: Vec<String>,
        arrays: Array,
    ) -> Result<String, JsError> {
        let bytes = arrays.iter().map(|one| Uint8Array::new(&one).to_vec());
        self.datasets.remove(id);
        let folder = MemoryFolder::new(id, paths.into_iter().zip(bytes));
        let folder = folder.map_err(|error| self.failed(error))?;
        let wanted = Wanted {
            images: (1, 1),
            one_picture: false,
            as_stored: false,
        };
        let scan = Scan::of(folder.path(), wanted).map_err(|error| self.failed(error))?;
        let pairs: usize = scan.splits.iter().map(|split| split.pairs.len()).sum();
        let told: Vec<String> = scan.remarks.iter().map(ToString::to_string).collect();
        self.datasets.insert(id.to_owned(), folder);
        Ok(json!({ "pairs": pairs, "told": told }).to_string())
    }

    /// Starts a training of `{dataset, config}`: `config` has the settings that were asked for.
    /// Returns `{step, steps, told}` as JSON.
    ///
    /// # Errors
    /// Settings that break a rule, data that cannot be used, and what the device cannot hold.
    pub async fn start(&mut self, asked: &str) -> Result<String, JsError> {
        let asked: Map<String, Value> =
            serde_json::from_str(asked).map_err(|error| self.failed(error))?;
        let id = dataset_of(&asked);
        let empty = Map::new();
        let config = asked.get("config").and_then(Value::as_object);
        let mut settings =
            Settings::of_form(config.unwrap_or(&empty)).map_err(|error| self.failed(error))?;
        settings.dataset = (id != BUNDLED).then(|| PathBuf::from(&id));
        settings.look_up().map_err(|error| self.failed(error))?;
        let mut config = settings.config().map_err(|error| self.failed(error))?;
        let dataset = self.dataset(&id, &config)?;
        let pairs = dataset.require(Split::Train).map_or(0, |set| set.len());
        settings.set_intervals(&mut config, pairs);
        // The old training's memory is given back first.
        self.training = None;
        let trainer = InMemoryTrainer::start(&self.gpu, config, &dataset).await;
        let trainer = trainer.map_err(|error| self.failed(error))?;
        Ok(self.begin(trainer, &dataset))
    }

    /// Goes on with a checkpoint of `{dataset}`. Returns what [`Tab::start`] does.
    ///
    /// # Errors
    /// Those of [`Tab::start`], and a checkpoint that is damaged.
    pub fn restore(&mut self, asked: &str, bytes: Vec<u8>) -> Result<String, JsError> {
        let asked: Map<String, Value> =
            serde_json::from_str(asked).map_err(|error| self.failed(error))?;
        let file = TensorFile::parse(Path::new("the checkpoint"), bytes);
        let file = file.map_err(|error| self.failed(error))?;
        let progress = read_progress(&file).map_err(|error| self.failed(error))?;
        let dataset = self.dataset(&dataset_of(&asked), &progress.config)?;
        self.training = None;
        let trainer = InMemoryTrainer::resume(&self.gpu, &file, &dataset);
        let trainer = trainer.map_err(|error| self.failed(error))?;
        Ok(self.begin(trainer, &dataset))
    }

    /// Makes at most so many steps. Returns events as JSON: losses, samples that can be asked for,
    /// and the state at the end of the training.
    ///
    /// # Errors
    /// A loss that is not finite, and what the device reports.
    pub async fn step(&mut self, count: u32) -> Result<String, JsError> {
        let training = self.training.as_mut().ok_or_else(nothing)?;
        let advanced = training.advance(&self.gpu, count.into()).await;
        let (step, is_complete) = (training.step(), training.is_complete());
        let advanced = advanced.map_err(|error| self.failed(error))?;
        let mut events = vec![json!({ "kind": "losses", "rows": rows(&advanced) })];
        if advanced.samples_due {
            events.push(json!({ "kind": "samples", "step": step }));
        }
        if is_complete {
            events.push(json!({ "kind": "state", "step": step, "state": "complete" }));
        }
        Ok(Value::Array(events).to_string())
    }

    /// What the generator makes of a few fixed pairs now: `{pairs: [{name, input, output,
    /// target}]}`.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn samples(&mut self) -> Result<Object, JsError> {
        let training = self.training.as_mut().ok_or_else(nothing)?;
        let samples = training.samples(&self.gpu).await;
        let samples = samples.map_err(|error| self.failed(error))?;
        let pairs = Array::new();
        for (index, row) in samples.rows.iter().enumerate() {
            let one = Object::new();
            set(&one, "name", &format!("pair {}", index + 1).into())?;
            for (name, values) in [
                ("input", &row.input),
                ("output", &row.output),
                ("target", &row.target),
            ] {
                let width = values.len() / (3 * row.height.max(1));
                let size = (width as u32, row.height as u32);
                let shown = pixels(size, &rgba_of(values))?;
                set(&one, name, &shown)?;
            }
            pairs.push(&one);
        }
        let told = Object::new();
        set(&told, "pairs", &pairs)?;
        Ok(told)
    }

    /// The bytes of a checkpoint, which a run folder can hold too.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn save(&self) -> Result<Vec<u8>, JsError> {
        let training = self.training.as_ref().ok_or_else(nothing)?;
        let bytes = training.checkpoint(&self.gpu).await;
        bytes.map_err(|error| self.failed(error))
    }

    /// The bytes of the generator's `.safetensors` file, which the native program takes.
    ///
    /// # Errors
    /// What the device reports.
    pub async fn weights(&self) -> Result<Vec<u8>, JsError> {
        let training = self.training.as_ref().ok_or_else(nothing)?;
        let bytes = training.generator(&self.gpu).await;
        bytes.map_err(|error| self.failed(error))
    }

    fn begin(&mut self, trainer: InMemoryTrainer, dataset: &Dataset) -> String {
        let mut told = trainer.notes().to_vec();
        let remarks = dataset.scan().map(|scan| scan.remarks.iter());
        told.extend(remarks.into_iter().flatten().map(ToString::to_string));
        let steps = trainer.schedule().total_steps;
        let begun = json!({ "step": trainer.step(), "steps": steps, "told": told });
        self.training = Some(trainer);
        begun.to_string()
    }

    fn dataset(&self, id: &str, config: &Config) -> Result<Dataset, JsError> {
        let options = config.data_options();
        let opened = match (id, &self.sheets) {
            (BUNDLED, Some([train, val])) => Dataset::from_sheets(
                &[(Split::Train, &train[..]), (Split::Val, &val[..])],
                &options,
            ),
            (BUNDLED, None) => Dataset::bundled(&options),
            _ => {
                let folder = self.datasets.get(id).ok_or_else(|| {
                    JsError::new(&format!(
                        "the pictures of {id} are not here; add them again"
                    ))
                })?;
                Dataset::open(folder.path(), &options)
            }
        };
        opened.map_err(|error| self.failed(error))
    }
}

fn dataset_of(asked: &Map<String, Value>) -> String {
    let named = asked.get("dataset").and_then(Value::as_str);
    named.unwrap_or(BUNDLED).to_owned()
}

/// A row for each step, with the names of metrics.csv.
fn rows(advanced: &Advanced) -> Vec<Value> {
    let row = |losses: &Losses| {
        let [g_gan, g_l1, d_real, d_fake] = losses.values;
        let mut row = json!({
            "step": losses.step,
            "g_gan": g_gan,
            "g_l1": g_l1,
            "d_real": d_real,
            "d_fake": d_fake,
        });
        let more = [("d_gp", losses.d_gp), ("g_feat", losses.g_feat)];
        for (name, value) in more {
            if let Some(value) = value {
                row[name] = value.into();
            }
        }
        row
    };
    let mut rows: Vec<Value> = advanced.losses.iter().map(row).collect();
    if let (Some(last), Some(score)) = (rows.last_mut(), &advanced.score) {
        last["val_l1"] = score.l1.into();
        last["val_psnr"] = score.psnr.into();
        last["val_ssim"] = score.ssim.into();
    }
    rows
}

/// 8 bits of RGBA for a screen, of RGB in -1..1.
fn rgba_of(values: &[f32]) -> Vec<u8> {
    let byte = |value: f32| ((value + 1.0) * 127.5).round().clamp(0.0, 255.0) as u8;
    let pixel = |rgb: &[f32]| match *rgb {
        [red, green, blue] => [byte(red), byte(green), byte(blue), u8::MAX],
        _ => [0, 0, 0, u8::MAX],
    };
    values.chunks(3).flat_map(pixel).collect()
}

fn nothing() -> JsError {
    JsError::new("no training is open here; start one")
}
