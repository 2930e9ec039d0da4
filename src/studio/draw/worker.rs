//! The thread that owns the device for drawing. It keeps a few models ready, and takes the newest
//! weights of a run where there are newer ones.

use super::models::{FILE, RUN, of_config};
use super::{Drawing, Drawn, Job};
use crate::clock::Instant;
use crate::gpu::{DeviceOptions, Gpu};
use crate::interop::TensorFile;
use crate::models::{self, BundledModel};
use crate::studio::refusal::Refusal;
use crate::studio::runs::RunsFolder;
use crate::train::checkpoint::NetworkKind;
use crate::train::{CanvasModel, TrainError};
use axum::http::StatusCode;
use pollster::block_on;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Models that are kept ready.
const MOST_READY: usize = 4;
/// Files of weights that are kept in memory, and their bytes in all.
const MOST_FILES: usize = 4;
const MOST_BYTES: usize = 1 << 30;

/// A model that is ready.
pub(super) struct Ready {
    id: String,
    /// When the weights of a run were written.
    written: Option<SystemTime>,
    pub(super) model: CanvasModel,
    told: Value,
}

/// Weights that were sent.
struct SentFile {
    id: String,
    bytes: Vec<u8>,
    told: Value,
}

/// What the thread has.
pub struct Worker {
    device: DeviceOptions,
    runs: RunsFolder,
    gpu: Option<Arc<Gpu>>,
    /// The one that was used last is the last.
    pub(super) ready: Vec<Ready>,
    files: Vec<SentFile>,
}

impl Worker {
    pub fn new(device: DeviceOptions, runs: RunsFolder) -> Self {
        Self {
            device,
            runs,
            gpu: None,
            ready: Vec::new(),
            files: Vec::new(),
        }
    }

    pub fn work(&mut self, job: Job) {
        // Whoever asked may be gone, and wants no answer then.
        match job {
            Job::About(answer) => drop(answer.send(self.about())),
            Job::Open(id, answer) => drop(answer.send(self.open(&id))),
            Job::Take(name, bytes, answer) => drop(answer.send(self.take(&name, bytes))),
            Job::Files(answer) => {
                let told = self.files.iter().map(|file| file.told.clone());
                drop(answer.send(Ok(told.collect())));
            }
            // A page that has gone away wants no picture.
            Job::Draw(_, answer) if answer.is_closed() => {}
            Job::Draw(drawing, answer) => drop(answer.send(self.draw(drawing))),
            Job::Look(look, view, answer) => drop(answer.send(self.look(&look, view))),
            Job::Maps(drawing, answer) => drop(answer.send(self.maps(drawing))),
            Job::Forget(id, answer) => drop(answer.send(self.forget(&id))),
        }
    }

    pub(super) fn gpu(&mut self) -> Result<Arc<Gpu>, Refusal> {
        if self.gpu.as_ref().is_some_and(|gpu| gpu.check().is_err()) {
            // A lost device takes its models along. The next one opens both again.
            self.ready.clear();
            self.gpu = None;
        }
        match &self.gpu {
            Some(gpu) => Ok(gpu.clone()),
            None => {
                let gpu = block_on(Gpu::open(&self.device)).map_err(Refusal::failed)?;
                Ok(self.gpu.insert(Arc::new(gpu)).clone())
            }
        }
    }

    fn about(&mut self) -> Result<Value, Refusal> {
        let gpu = self.gpu()?;
        let info = gpu.info();
        Ok(json!({
            "adapter": info.name,
            "driver": format!("{} {}", info.driver, info.driver_info),
            "backend": info.backend.to_string(),
            "version": env!("CARGO_PKG_VERSION"),
        }))
    }

    fn open(&mut self, id: &str) -> Result<Value, Refusal> {
        let gpu = self.gpu()?;
        let at = self.ready(&gpu, id)?;
        Ok(self.ready[at].told.clone())
    }

    /// Keeps weights. The oldest ones go where there are too many.
    fn take(&mut self, name: &str, bytes: Vec<u8>) -> Result<Value, Refusal> {
        let id = format!("{FILE}{name}");
        self.files.retain(|file| file.id != id);
        self.ready.retain(|ready| ready.id != id);
        self.files.push(SentFile {
            id: id.clone(),
            bytes,
            told: Value::Null,
        });
        let bytes = |files: &[SentFile]| files.iter().map(|file| file.bytes.len()).sum::<usize>();
        while self.files.len() > MOST_FILES
            || (self.files.len() > 1 && bytes(&self.files) > MOST_BYTES)
        {
            self.files.remove(0);
        }
        let told = self.open(&id);
        match &told {
            Ok(told) => {
                let file = self.files.iter_mut().find(|file| file.id == id);
                file.into_iter().for_each(|file| file.told = told.clone());
            }
            Err(_) => self.files.retain(|file| file.id != id),
        }
        told
    }

    /// Gives back the memory of weights that were sent.
    fn forget(&mut self, id: &str) -> Result<(), Refusal> {
        let before = self.files.len();
        self.files.retain(|file| file.id != id);
        self.ready.retain(|ready| ready.id != id);
        match self.files.len() < before {
            true => Ok(()),
            false => Err(Refusal::missing(format!(
                "there are no sent weights {}; only those can be forgotten",
                id.escape_debug()
            ))),
        }
    }

    fn draw(&mut self, drawing: Drawing) -> Result<Drawn, Refusal> {
        let began = Instant::now();
        let gpu = self.gpu()?;
        let at = self.ready(&gpu, &drawing.model)?;
        let model = &mut self.ready[at].model;
        let size = (drawing.width, drawing.height);
        let picture = block_on(model.translate(&gpu, size, drawing.rgba, drawing.seed));
        let picture = picture.map_err(of_drawing)?;
        let (width, height) = picture.dimensions();
        Ok(Drawn {
            milliseconds: began.elapsed().as_secs_f64() * 1e3,
            width,
            height,
            rgba: picture.bytes().to_vec(),
        })
    }

    /// Makes a model ready, and returns its place.
    pub(super) fn ready(&mut self, gpu: &Gpu, id: &str) -> Result<usize, Refusal> {
        let written = self.written(id)?;
        let is_newest = |ready: &Ready| ready.id == id && ready.written == written;
        let found = self.ready.iter().position(is_newest);
        let ready = match found {
            Some(at) => self.ready.remove(at),
            None => {
                self.ready.retain(|ready| ready.id != id);
                if self.ready.len() >= MOST_READY {
                    self.ready.remove(0);
                }
                let (model, told) = self.load(gpu, id)?;
                Ready {
                    id: id.to_owned(),
                    written,
                    model,
                    told,
                }
            }
        };
        self.ready.push(ready);
        Ok(self.ready.len() - 1)
    }

    /// When the weights of a run were written.
    fn written(&self, id: &str) -> Result<Option<SystemTime>, Refusal> {
        let Some(run) = id.strip_prefix(RUN) else {
            return Ok(None);
        };
        let metadata = fs::metadata(self.weights(run)?);
        let written = metadata.and_then(|file| file.modified());
        written.map(Some).map_err(|_| no_weights(run))
    }

    fn weights(&self, run: &str) -> Result<PathBuf, Refusal> {
        let run = self.runs.find(run)?;
        Ok(run.path.join(NetworkKind::Generator.file_name()))
    }

    fn load(&self, gpu: &Gpu, id: &str) -> Result<(CanvasModel, Value), Refusal> {
        let bundled = models::named(Path::new(id));
        let file = match (bundled, id.strip_prefix(RUN)) {
            (Some(model), _) => model.file().map_err(Refusal::failed)?,
            (_, Some(run)) => TensorFile::open(&self.weights(run)?).map_err(Refusal::conflict)?,
            _ => {
                let sent = self.files.iter().find(|file| file.id == id);
                let sent = sent.ok_or_else(|| unknown(id))?;
                let name = id.strip_prefix(FILE).unwrap_or(id);
                TensorFile::parse(Path::new(name), sent.bytes.clone()).map_err(Refusal::bad)?
            }
        };
        let card = bundled.map(BundledModel::card).transpose();
        let card = card.map_err(Refusal::failed)?;
        let model = CanvasModel::load(gpu, &file, card.as_ref()).map_err(of_drawing)?;
        let told = of_config(id, &model.loaded().config, card.as_ref());
        Ok((model, told))
    }
}

pub(super) fn unknown(id: &str) -> Refusal {
    Refusal::missing(format!(
        "there is no model {}; choose one of the list, or open the file again",
        id.escape_debug()
    ))
}

fn no_weights(run: &str) -> Refusal {
    Refusal::missing(format!(
        "{run} has saved no weights yet; wait for its first checkpoint"
    ))
}

/// An error of the device, or of a file or drawing that it cannot take.
pub(super) fn of_drawing(error: TrainError) -> Refusal {
    match error {
        error if error.is_too_large() => Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("{error}; draw on a smaller canvas"),
        ),
        TrainError::Gpu(_) | TrainError::Program(_) => Refusal::failed(error),
        error => Refusal::bad(error),
    }
}
