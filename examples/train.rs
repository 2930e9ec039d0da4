//! Trains for a few steps on the bundled pairs and says where the run is.
//!
//! `cargo run --release --example train -- runs-folder`

use pix2pix::data::Dataset;
use pix2pix::gpu::{DeviceOptions, Gpu};
use pix2pix::train::run::RunDir;
use pix2pix::train::{Length, Preset, Trainer};
use pollster::block_on;
use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "runs".into()));
    let gpu = pollster::block_on(Gpu::open(&DeviceOptions {
        adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
        ..DeviceOptions::default()
    }))?;

    // The bundled pairs' own settings, with smaller networks and for twenty steps only.
    let mut config = Preset::Fast.config();
    config.ngf = 4;
    config.ndf = 4;
    config.length = Length::Steps(20);

    let dataset = Dataset::bundled(&config.data_options())?;
    let run = RunDir::create(&root, "example")?;
    let mut trainer = block_on(Trainer::start(&gpu, config, &dataset, run.clone()))?;
    let outcome = block_on(trainer.train(&AtomicBool::new(false), &mut |report| {
        println!("step {}: {:?}", report.losses.step, report.losses);
    }))?;
    println!("{} steps, in {}", outcome.step, run.path().display());
    Ok(())
}
