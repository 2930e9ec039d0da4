//! Starts, resumes and compares whole runs.

use pix2pix::data::{Batch, DataOptions, Dataset};
use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::state::ArenaId;
use pix2pix::tape::ArenaPart;
use pix2pix::train::run::RunDir;
use pix2pix::train::{Config, Session, Trainer, checkpoint};
use pollster::block_on;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// The bundled pairs as a configuration prepares them. They are prepared once for all tests.
pub fn bundled(config: &Config) -> Dataset {
    static PREPARED: Mutex<Vec<(DataOptions, Dataset)>> = Mutex::new(Vec::new());
    let options = config.data_options();
    let mut prepared = PREPARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, dataset)) = prepared.iter().find(|(known, _)| *known == options) {
        return dataset.clone();
    }
    let dataset = Dataset::bundled(&options).unwrap();
    prepared.push((options, dataset.clone()));
    dataset
}

/// Trains a new run called `name` to its end.
pub fn train(gpu: &Gpu, config: &Config, root: &Path, name: &str) -> RunDir {
    let run = RunDir::create(root, name).unwrap();
    let mut trainer = block_on(Trainer::start(
        gpu,
        config.clone(),
        &bundled(config),
        run.clone(),
    ))
    .unwrap();
    let outcome = block_on(trainer.train(&AtomicBool::new(false), &mut |_| {})).unwrap();
    assert!(!outcome.interrupted);
    run
}

/// A run called `name` that has nothing but a copy of `checkpoint`.
pub fn copy_of(checkpoint: &Path, root: &Path, name: &str) -> RunDir {
    let run = RunDir::create(root, name).unwrap();
    fs::copy(
        checkpoint,
        run.path()
            .join("checkpoints")
            .join(checkpoint.file_name().unwrap()),
    )
    .unwrap();
    run
}

pub fn resume<'a>(gpu: &'a Gpu, run: &RunDir) -> Trainer<'a> {
    let newest = run.checkpoints().unwrap().pop().unwrap();
    let file = TensorFile::open(&newest.path).unwrap();
    let progress = checkpoint::read_progress(&file).unwrap();
    let dataset = bundled(&progress.config);
    Trainer::resume(gpu, progress, &file, &dataset, run.clone()).unwrap()
}

/// Shape and bytes of every tensor of a file.
pub fn tensors(path: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    file.tensors()
        .into_iter()
        .map(|(key, view)| (key, (view.shape().to_vec(), view.data().to_vec())))
        .collect()
}

pub fn assert_same_tensors(left: &Path, right: &Path) {
    let [left, right] = [left, right].map(tensors);
    assert_eq!(
        left.keys().collect::<Vec<_>>(),
        right.keys().collect::<Vec<_>>()
    );
    let different: Vec<&String> = left
        .keys()
        .filter(|key| left[*key] != right[*key])
        .collect();
    assert!(
        different.is_empty(),
        "{} of {} tensors differ: {different:?}",
        different.len(),
        left.len()
    );
}

pub fn wave(config: &Config) -> Batch {
    let count = config.pairs_per_step() * (config.size as usize).pow(2) * 3;
    let wave = |phase: f32| {
        (0..count)
            .map(|i| (i as f32 * 0.37 + phase).sin())
            .collect()
    };
    Batch {
        sides: (config.size, config.size),
        input: wave(0.0),
        target: wave(1.0),
    }
}

/// A session with its own initial states after `steps` steps on one batch.
pub fn session_after(gpu: &Gpu, config: &Config, steps: u64, batch: &Batch) -> Session {
    let mut session = Session::new(gpu, config).unwrap();
    block_on(session.store.initialise(gpu, config.seed)).unwrap();
    for step in 1..=steps {
        session
            .submit(gpu, step, config.learning_rate, batch)
            .unwrap();
    }
    block_on(gpu.wait()).unwrap();
    session
}

/// What an arena holds in one part, state by state.
pub fn values(gpu: &Gpu, session: &Session, arena: ArenaId, part: ArenaPart) -> Vec<f32> {
    session
        .store
        .states()
        .in_arena(arena)
        .flat_map(|state| block_on(session.store.read(gpu, state.id, part)).unwrap())
        .collect()
}

/// The bits of every part of every state.
pub fn states(gpu: &Gpu, session: &Session, parts: &[ArenaPart]) -> BTreeMap<String, Vec<u32>> {
    let store = &session.store;
    let list = store.states();
    let read = |part: ArenaPart| {
        list.states().iter().map(move |state| {
            let values = block_on(store.read(gpu, state.id, part)).unwrap();
            let key = format!(
                "{} {} {part:?}",
                list.get_arena(state.arena).name,
                state.name
            );
            (key, values.iter().map(|value| value.to_bits()).collect())
        })
    };
    parts.iter().flat_map(|&part| read(part)).collect()
}
