//! What a run saves, as bytes: a browser's tab has no files.

use pix2pix::data::Dataset;
use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::train::checkpoint::NetworkKind;
use pix2pix::train::run::RunDir;
use pix2pix::train::{Advanced, Config, InMemoryTrainer, Length, Trainer, checkpoint};
use pix2pix_harness::config::small_config;
use pix2pix_harness::gpu;
use pollster::block_on;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// The checkpoint of a run that was stopped, from bytes that were never in a file. It holds what
/// the run's own files hold.
pub fn checkpoint_in_memory(gpu: &Gpu, trainer: &Trainer, run: &RunDir) -> TensorFile {
    let (session, progress) = (trainer.session(), trainer.progress());
    let bytes = block_on(checkpoint::save_bytes(gpu, session, &progress)).unwrap();
    let parsed = TensorFile::parse(Path::new("in memory"), bytes).unwrap();
    let saved = TensorFile::open(&run.checkpoints().unwrap().pop().unwrap().path).unwrap();
    assert!(parsed.shapes().eq(saved.shapes()) && parsed.shapes().count() > 10);
    for (key, shape) in parsed.shapes() {
        let values = |file: &TensorFile| file.values(key, shape).ok();
        assert_eq!(values(&parsed), values(&saved), "{key}");
    }
    let step = |file| checkpoint::read_progress(file).unwrap().step;
    assert_eq!(step(&parsed), step(&saved));
    for kind in [NetworkKind::Generator, NetworkKind::Discriminator] {
        let bytes = block_on(checkpoint::export_bytes(gpu, session, &progress, kind)).unwrap();
        let exported = fs::read(run.path().join(kind.file_name())).unwrap();
        assert!(bytes.unwrap() == exported, "{}", kind.file_name());
    }
    parsed
}

/// Steps of both trainings below, with a score and samples in the middle.
const STEPS: u64 = 6;

#[test]
fn a_training_without_a_folder_has_the_numbers_of_one_with_a_folder() {
    let root = tempfile::tempdir().unwrap();
    let config = Config {
        length: Length::Steps(STEPS),
        sample_every: 3,
        ..small_config(32, 4)
    };
    let gpu = gpu();
    let dataset = Dataset::bundled(&config.data_options()).unwrap();
    let run = RunDir::create(root.path(), "run").unwrap();
    let trainer = Trainer::start(&gpu, config.clone(), &dataset, run.clone());
    let mut trainer = block_on(trainer).unwrap();
    block_on(trainer.train(&AtomicBool::new(false), &mut |_| ())).unwrap();
    let rows = run.metrics().unwrap();

    let training = InMemoryTrainer::start(&gpu, config.clone(), &dataset);
    let mut training = block_on(training).unwrap();
    let mut seen: Vec<Advanced> = Vec::new();
    // The checkpoint after a few steps, from which another training goes on below.
    let mut early = Vec::new();
    while !training.is_complete() {
        seen.push(block_on(training.advance(&gpu, 2)).unwrap());
        if training.step() == 2 {
            early = block_on(training.checkpoint(&gpu)).unwrap();
        }
    }
    let steps: Vec<usize> = seen.iter().map(|advanced| advanced.losses.len()).collect();
    assert_eq!(steps, [2, 1, 2, 1], "it stops where a score is due");
    let losses: Vec<[f32; 4]> = seen
        .iter()
        .flat_map(|advanced| advanced.losses.iter().map(|losses| losses.values))
        .collect();
    let losses: Vec<[Option<f32>; 4]> = losses.iter().map(|row| row.map(Some)).collect();
    let expected: Vec<[Option<f32>; 4]> = rows
        .iter()
        .map(|row| [row.g_gan, Some(row.g_l1), row.d_real, row.d_fake])
        .collect();
    assert_eq!(losses, expected);
    let scores = |l1: Option<f64>| l1.map(|l1| l1 as f32);
    assert_eq!(
        seen.iter()
            .map(|advanced| scores(advanced.score.map(|score| score.l1)))
            .collect::<Vec<_>>(),
        [None, rows[2].val_l1, None, rows[5].val_l1]
    );
    assert!(seen[1].samples_due && !seen[0].samples_due);
    assert_eq!(block_on(training.samples(&gpu)).unwrap().rows.len(), 8);
    let generator = block_on(training.generator(&gpu)).unwrap();
    let native = fs::read(run.path().join("generator.safetensors")).unwrap();
    assert!(generator == native, "the weights of both are the same file");

    let file = TensorFile::parse(Path::new("early"), early).unwrap();
    let mut resumed = InMemoryTrainer::resume(&gpu, &file, &dataset).unwrap();
    assert_eq!(resumed.step(), 2);
    while !resumed.is_complete() {
        block_on(resumed.advance(&gpu, STEPS)).unwrap();
    }
    let generator = block_on(resumed.generator(&gpu)).unwrap();
    assert!(generator == native, "going on gives the same bits");
}
