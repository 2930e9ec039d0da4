//! What a run saves, as bytes: a browser's tab has no files.

use pix2pix::gpu::Gpu;
use pix2pix::interop::TensorFile;
use pix2pix::train::checkpoint::NetworkKind;
use pix2pix::train::run::RunDir;
use pix2pix::train::{Trainer, checkpoint};
use pollster::block_on;
use std::fs;
use std::path::Path;

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
