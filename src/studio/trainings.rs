//! Trainings that the studio starts. One at a time, on a thread of its own with its own device:
//! while it trains, another start is refused.

use super::datasets::{DataSets, name_of};
use super::refusal::Refusal;
use super::runs::watch::Said;
use super::runs::{Run, RunsFolder};
use crate::data::{Dataset, Split};
use crate::gpu::{DeviceOptions, Gpu, GpuError};
use crate::interop::TensorFile;
use crate::models;
use crate::tensor::DType;
use crate::train::checkpoint::{self, NetworkKind, TrainingProgress};
use crate::train::run::{Commands, RunDir};
use crate::train::{
    Changes, Config, LookUpError, Settings, TrainError, Trainer, check_fits, check_pretrained,
};
use pollster::block_on;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// What a training is started with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// The run's name; without it that of the data set, with a number if it is taken.
    #[serde(default)]
    name: Option<String>,
    /// One of the studio's data sets.
    dataset: String,
    /// Fields of a configuration.
    #[serde(default)]
    config: Map<String, Value>,
}

/// The training that goes on.
#[derive(Debug)]
struct Now {
    id: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What all trainings share.
#[derive(Debug)]
pub struct Trainings {
    pub runs: RunsFolder,
    pub device: DeviceOptions,
    pub commands: Commands,
    pub said: Said,
    now: Mutex<Option<Now>>,
    /// How the last one ended.
    ended: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread needs to begin.
enum Job {
    New {
        settings: Box<Settings>,
        config: Box<Config>,
    },
    Resumed {
        progress: Box<TrainingProgress>,
        file: TensorFile,
    },
}

impl Trainings {
    pub fn new(
        runs: RunsFolder,
        device: DeviceOptions,
        commands: Commands,
        said: Said,
    ) -> Arc<Self> {
        Arc::new(Self {
            runs,
            device,
            commands,
            said,
            now: Mutex::default(),
            ended: Mutex::default(),
        })
    }

    /// Starts a training, and returns the name of its run.
    ///
    /// # Errors
    /// A rule that the configuration breaks, a data set that nobody named, a name that is taken,
    /// and another training that goes on.
    pub fn start(self: &Arc<Self>, data: &DataSets, asked: Start) -> Result<String, Refusal> {
        self.check_free()?;
        let mut settings = Settings::of_form(&asked.config)?;
        if asked.config.contains_key("dataset") {
            return Err(Refusal::bad(
                "the data set is named beside `config`; leave it out of it",
            ));
        }
        settings.dataset = data.find(&self.runs, &asked.dataset)?;
        settings.pretrained = self.weights(settings.pretrained, NetworkKind::Generator)?;
        settings.pretrained_discriminator = self.weights(
            settings.pretrained_discriminator,
            NetworkKind::Discriminator,
        )?;
        // All rules are checked first, because the look-up may have to read all images.
        settings.pixels.check()?;
        settings.values.check(&settings.pixels)?;
        if !settings.pixels.needs_palette() && !settings.pixels.needs_channels() {
            let mut rules = settings.clone();
            rules.values = Default::default();
            rules.config()?;
        }
        settings.look_up().map_err(|error| match error {
            LookUpError::Config(error) => error.into(),
            LookUpError::Data(error) => Refusal::bad(error),
        })?;
        let config = settings.config()?;
        check_pretrained(&config).map_err(of_training)?;
        let name = match asked.name.filter(|name| !name.trim().is_empty()) {
            Some(name) => name.trim().to_owned(),
            None => {
                let base = settings
                    .dataset
                    .as_deref()
                    .map_or("demo".to_owned(), name_of);
                RunDir::unused_name(self.runs.root(), &base)?
            }
        };
        let run = RunDir::create(self.runs.root(), &name)?.with_commands(self.commands);
        // From now on it is a run that can be looked at. Its intervals follow.
        run.write_config(&config)?;
        let job = Job::New {
            settings: Box::new(settings),
            config: Box::new(config),
        };
        self.begin(name, run, job)
    }

    /// Goes on with a run from its newest checkpoint, maybe to another length.
    ///
    /// # Errors
    /// A run that is in use or has no checkpoint, changes that break a rule, a data set that is
    /// gone, and another training that goes on.
    pub fn resume(self: &Arc<Self>, id: &str, changes: &Changes) -> Result<String, Refusal> {
        self.check_free()?;
        let Run { path, .. } = self.runs.find(id)?;
        let root = path.parent().unwrap_or(Path::new("."));
        let run = RunDir::open(root, &name_of(&path))?.with_commands(self.commands);
        let Some(newest) = run.checkpoints()?.pop() else {
            return Err(Refusal::conflict(format!(
                "{id} has no checkpoint to go on from; start it again under another name"
            )));
        };
        let file = TensorFile::open(&newest.path).map_err(|error| of_training(error.into()))?;
        let mut progress = checkpoint::read_progress(&file).map_err(of_training)?;
        progress.change(changes)?;
        if let Some(gone) = progress
            .config
            .dataset
            .as_ref()
            .filter(|folder| !folder.exists())
        {
            return Err(Refusal::conflict(format!(
                "its data set {} is no longer there; put it back, or go on in a terminal, where \
                 its new place can be named",
                gone.display()
            )));
        }
        let (steps, done) = (
            progress.steps_of(progress.config.length, progress.pairs),
            progress.step,
        );
        if steps <= done && progress.unscored.is_none() {
            return Err(Refusal::conflict(format!(
                "{id} has done {done} steps, and its length in all is {steps}; ask for more"
            )));
        }
        let job = Job::Resumed {
            progress: Box::new(progress),
            file,
        };
        self.begin(id.to_owned(), run, job)
    }

    /// Stops the training of a run, which is saved.
    ///
    /// # Errors
    /// A run that this studio does not train.
    pub fn stop(&self, id: &str) -> Result<(), Refusal> {
        if let Some(now) = lock(&self.now).as_ref().filter(|now| now.id == id) {
            now.stop.store(true, Ordering::Relaxed);
            return Ok(());
        }
        let run = self.runs.find(id)?;
        Err(Refusal::conflict(match super::runs::summary::alive(&run) {
            (true, Some(process)) => format!(
                "{id} is trained by process {process} and not by this studio; stop it there with \
                 Ctrl-C"
            ),
            (true, None) => {
                format!("{id} is trained by another process; stop it there with Ctrl-C")
            }
            (false, _) => format!("{id} does not train now, so there is nothing to stop"),
        }))
    }

    /// The run that is trained.
    pub fn running(&self) -> Option<String> {
        lock(&self.now).as_ref().map(|now| now.id.clone())
    }

    /// Stops what goes on, waits until it is saved, and says how it ended.
    pub fn end(&self) -> Option<String> {
        let thread = {
            let mut now = lock(&self.now);
            let now = now.as_mut()?;
            now.stop.store(true, Ordering::Relaxed);
            now.thread.take()
        };
        // A thread that panicked has said so.
        thread.map(JoinHandle::join);
        lock(&self.ended).take()
    }

    fn check_free(&self) -> Result<(), Refusal> {
        match self.running() {
            Some(id) => Err(Refusal::conflict(format!(
                "{id} is training, and the studio trains one run at a time; stop it first, or wait \
                 for its end"
            ))),
            None => Ok(()),
        }
    }

    /// The weights that a run shall begin with: a bundled model, or a run's.
    fn weights(
        &self,
        named: Option<PathBuf>,
        kind: NetworkKind,
    ) -> Result<Option<PathBuf>, Refusal> {
        let Some(name) = named else {
            return Ok(None);
        };
        if models::named(&name).is_some() {
            return Ok(Some(name));
        }
        let run = self.runs.find(&name.to_string_lossy()).map_err(|_| {
            Refusal::bad(format!(
                "{} is neither a bundled model nor a run; name one of them to start from",
                name.display()
            ))
        })?;
        let file = run.path.join(kind.file_name());
        match file.is_file() {
            true => Ok(Some(file.canonicalize().unwrap_or(file))),
            false => Err(Refusal::bad(format!(
                "{} has saved no {}; wait for its first checkpoint",
                run.id,
                kind.file_name()
            ))),
        }
    }

    fn begin(self: &Arc<Self>, id: String, run: RunDir, job: Job) -> Result<String, Refusal> {
        let mut now = lock(&self.now);
        if now.is_some() {
            drop(now);
            run.remove_unsaved();
            self.check_free()?;
            return Err(Refusal::conflict("another training began; try again"));
        }
        lock(&self.said.failures).remove(&id);
        lock(&self.said.remarks).remove(&id);
        let stop = Arc::new(AtomicBool::new(false));
        let (trainings, flag, name) = (self.clone(), stop.clone(), id.clone());
        let thread = thread::Builder::new().name("training".to_owned());
        let thread = thread.spawn(move || {
            let ended = trainings.train((&name, &run), job, &flag);
            if ended.is_err() {
                run.remove_unsaved();
            }
            drop(run);
            let said = match ended {
                Ok(line) => format!("{name} {line}"),
                Err(error) => {
                    lock(&trainings.said.failures).insert(name.clone(), error.to_string());
                    format!("{name} failed: {error}")
                }
            };
            *lock(&trainings.ended) = Some(said);
            *lock(&trainings.now) = None;
        });
        let thread = thread.map_err(|error| {
            Refusal::failed(format!(
                "no thread could be started ({error}); end other programs"
            ))
        })?;
        *now = Some(Now {
            id: id.clone(),
            stop,
            thread: Some(thread),
        });
        Ok(id)
    }

    /// Trains to the end, or until it is stopped. Returns where the run stands.
    fn train(
        &self,
        (id, run): (&str, &RunDir),
        job: Job,
        stop: &AtomicBool,
    ) -> Result<String, TrainError> {
        let (asked, config) = match &job {
            Job::New { settings, config } => (settings.precision, &**config),
            Job::Resumed { progress, .. } => (None, &progress.config),
        };
        let adapter = config
            .adapter
            .clone()
            .or_else(|| self.device.adapter.clone());
        let gpu = block_on(Gpu::open(&DeviceOptions {
            adapter,
            ..self.device.clone()
        }))?;
        let remembered = config.precision;
        let precision = precision(&gpu, asked, remembered)?;
        let mut told = Vec::new();
        if precision != remembered && asked.is_none() {
            told.push(format!(
                "{} has no 16-bit floats, so the run goes on in f32",
                gpu.info().name
            ));
        }
        let profile = match &job {
            Job::New { .. } => gpu.profile().clone(),
            Job::Resumed { progress, .. } => progress.with_choices(gpu.profile()),
        };
        let gpu = gpu.with_profile(profile);
        let (mut trainer, dataset) = match job {
            Job::New {
                settings,
                mut config,
            } => {
                config.precision = precision;
                // Before the data is read: at a large size its images alone take gigabytes.
                check_fits(&config, gpu.profile())?;
                let dataset = config.open_dataset()?;
                let pairs = dataset.get(Split::Train).map_or(0, |set| set.len());
                settings.set_intervals(&mut config, pairs);
                let trainer = Trainer::start(&gpu, *config, &dataset, run.clone());
                (block_on(trainer)?, dataset)
            }
            Job::Resumed { mut progress, file } => {
                told.extend(run.edits(&progress.config));
                progress.config.precision = precision;
                let dataset = progress.config.open_dataset()?;
                let trainer = Trainer::resume(&gpu, *progress, &file, &dataset, run.clone())?;
                told.extend(trainer.notes().iter().cloned());
                (trainer, dataset)
            }
        };
        told.extend(remarks_of(&dataset));
        drop(dataset);
        if !run.is_locked() {
            told.push(
                "this file system has no locks, so nothing keeps a second process out of the run"
                    .to_owned(),
            );
        }
        lock(&self.said.remarks).insert(id.to_owned(), told);
        let summary = block_on(trainer.train(stop, &mut |_| ()))?;
        let go_on = (self.commands.go_on)(run.path(), &summary.standing);
        Ok(format!("{}: {}", go_on.words, go_on.commands.join(", or ")))
    }
}

/// The precision that was asked for, or the one that a run remembers. Without 16-bit floats a run
/// that remembers them goes on in f32.
fn precision(gpu: &Gpu, asked: Option<DType>, remembered: DType) -> Result<DType, TrainError> {
    match asked.unwrap_or(remembered) {
        wanted if wanted == DType::F32 || gpu.profile().f16 => Ok(wanted),
        _ if asked.is_none() => Ok(DType::F32),
        _ => Err(GpuError::NoF16 {
            adapter: gpu.info().name.clone(),
        }
        .into()),
    }
}

/// What is told of a data set: how it was understood, what is odd in it, and what was counted.
fn remarks_of(dataset: &Dataset) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(scan) = dataset.scan() {
        told.push(scan.to_string());
        told.extend(scan.remarks.iter().map(ToString::to_string));
    }
    told.extend(dataset.tally().lines());
    told
}

/// An error of a training, before it begins.
fn of_training(error: TrainError) -> Refusal {
    match error {
        TrainError::Config(error) => error.into(),
        error => Refusal::conflict(error),
    }
}
