//! Models on the device, and translation as one draws. One thread owns the device for it.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs` | how the server asks that thread |
//! | `worker.rs` | the thread: the models that are ready, and the newest one of a run |
//! | `models.rs` | which models there are, and what is told of each |
//! | `socket.rs` | pixels in, pixels out |
//! | `inside.rs` | what is inside: tables, drawings, shaders, feature maps |

mod inside;
mod models;
pub mod socket;
mod worker;

pub use models::list;

use super::refusal::Refusal;
use super::runs::RunsFolder;
use crate::gpu::DeviceOptions;
use crate::inspect::FeatureMap;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;
use tokio::sync::oneshot;
use worker::Worker;

/// Bytes of weights that may be sent.
pub const MOST_WEIGHTS: usize = 512 << 20;
/// Bytes of a picture that may be sent: 4096 × 4096 pixels.
pub const MOST_PIXELS: usize = 64 << 20;
/// Requests that wait for the thread. Each socket has at most one.
const WAITING: usize = 64;

/// A picture to translate.
#[derive(Debug)]
pub struct Drawing {
    pub model: String,
    pub seed: u64,
    pub width: u32,
    pub height: u32,
    /// 8 bits of red, green, blue and opacity for each pixel.
    pub rgba: Vec<u8>,
}

impl Drawing {
    /// A picture whose bytes were sent.
    ///
    /// # Errors
    /// Bytes that are not as many as the size says.
    pub fn new(
        model: String,
        seed: u64,
        (width, height): (u32, u32),
        rgba: Vec<u8>,
    ) -> Result<Self, Refusal> {
        let expected = u64::from(width) * u64::from(height) * 4;
        match expected == rgba.len() as u64 && expected > 0 {
            true => Ok(Self {
                model,
                seed,
                width,
                height,
                rgba,
            }),
            false => Err(Refusal::bad(format!(
                "{} bytes are no picture of {width}×{height} pixels; send 4 for each pixel",
                rgba.len()
            ))),
        }
    }
}

/// A picture that was translated.
#[derive(Debug)]
pub struct Drawn {
    pub milliseconds: f64,
    pub width: u32,
    pub height: u32,
    pub rgba: Vec<u8>,
}

/// What is looked into: a model, or the training step of a configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Look {
    #[serde(default)]
    model: Option<String>,
    /// The fields of a configuration that were asked for.
    #[serde(default)]
    config: Option<Map<String, Value>>,
    /// The kernel whose shader is wanted.
    #[serde(default)]
    kernel: Option<String>,
}

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub enum View {
    Table,
    Drawing,
    Shader,
}

/// What the thread is asked for. The answer goes to whoever asked, if it still waits.
enum Job {
    About(oneshot::Sender<Result<Value, Refusal>>),
    Open(String, oneshot::Sender<Result<Value, Refusal>>),
    Take(String, Vec<u8>, oneshot::Sender<Result<Value, Refusal>>),
    Files(oneshot::Sender<Result<Vec<Value>, Refusal>>),
    Draw(Drawing, oneshot::Sender<Result<Drawn, Refusal>>),
    Look(Look, View, oneshot::Sender<Result<String, Refusal>>),
    Maps(Drawing, oneshot::Sender<Result<Vec<FeatureMap>, Refusal>>),
    Forget(String, oneshot::Sender<Result<(), Refusal>>),
}

/// The thread that draws.
#[derive(Debug, Clone)]
pub struct Drawer {
    jobs: SyncSender<Job>,
}

impl Drawer {
    /// Starts the thread. The device is opened when it is needed.
    ///
    /// # Errors
    /// A thread that cannot be started.
    pub fn start(device: DeviceOptions, runs: RunsFolder) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("drawing".to_owned());
        thread.spawn(move || {
            let mut worker = Worker::new(device, runs);
            for job in queue {
                worker.work(job);
            }
        })?;
        Ok(Self { jobs })
    }

    /// The adapter.
    pub async fn about(&self) -> Result<Value, Refusal> {
        self.ask(Job::About).await
    }

    /// Makes a model ready, and describes it.
    pub async fn open(&self, id: String) -> Result<Value, Refusal> {
        self.ask(|answer| Job::Open(id, answer)).await
    }

    /// Keeps the weights of a file in memory, makes them ready, and describes them.
    pub async fn take(&self, name: String, bytes: Vec<u8>) -> Result<Value, Refusal> {
        self.ask(|answer| Job::Take(name, bytes, answer)).await
    }

    /// The weights that were sent.
    pub async fn files(&self) -> Result<Vec<Value>, Refusal> {
        self.ask(Job::Files).await
    }

    /// Translates.
    pub async fn draw(&self, drawing: Drawing) -> Result<Drawn, Refusal> {
        self.ask(|answer| Job::Draw(drawing, answer)).await
    }

    /// Looks inside.
    pub async fn look(&self, look: Look, view: View) -> Result<String, Refusal> {
        self.ask(|answer| Job::Look(look, view, answer)).await
    }

    /// What each layer makes of a picture.
    pub async fn maps(&self, drawing: Drawing) -> Result<Vec<FeatureMap>, Refusal> {
        self.ask(|answer| Job::Maps(drawing, answer)).await
    }

    /// Forgets weights that were sent.
    pub async fn forget(&self, id: String) -> Result<(), Refusal> {
        self.ask(|answer| Job::Forget(id, answer)).await
    }

    async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Job,
    ) -> Result<T, Refusal> {
        let (sender, answer) = oneshot::channel();
        match self.jobs.try_send(job(sender)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Refusal::conflict(
                    "too many pictures wait to be translated; close some pages and try again",
                ));
            }
            Err(TrySendError::Disconnected(_)) => return Err(died()),
        }
        answer.await.map_err(|_| died())?
    }
}

fn died() -> Refusal {
    Refusal::failed("the thread that draws has failed; report it, and start the studio again")
}
