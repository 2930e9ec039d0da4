//! The pix2pix training step in burn on its wgpu backend, checked and timed; prints one line of
//! JSON.

mod network;
mod training;

use burn::prelude::*;
use clap::Parser;
use network::trained_parameters;
use std::process::ExitCode;
use std::time::Instant;
use training::{Losses, Training};

/// Parameters of G and D at (size, ngf = ndf); 256 at 64 is the paper's network.
const PARAMETERS: [([usize; 2], [usize; 2]); 3] = [
    ([64, 16], [1_830_563, 176_081]),
    ([128, 32], [10_461_507, 696_225]),
    ([256, 64], [54_413_955, 2_768_705]),
];

/// Times pix2pix training steps in burn.
#[derive(Parser)]
struct Args {
    /// Height and width, a power of two
    #[arg(long, default_value_t = 64)]
    size: usize,
    /// Channels of the first layers of G and D
    #[arg(long, default_value_t = 16)]
    ngf: usize,
    /// Timed steps
    #[arg(long, default_value_t = 20)]
    steps: usize,
    /// Checked, untimed steps before them
    #[arg(long, default_value_t = 10)]
    warm_up: usize,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("burn-step: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<serde_json::Value, String> {
    let device = device().autodiff();
    let name = device
        .identity()
        .map_or_else(|| "unknown".to_owned(), |identity| identity.name);
    let mut training = Training::new(args.size, args.ngf, &device);
    let parameters = [
        trained_parameters(&training.generator),
        trained_parameters(&training.discriminator),
    ];
    check_parameters([args.size, args.ngf], parameters)?;

    let images = [0.0, 1.0].map(|phase| wave(phase, args.size));
    let mut losses = Vec::new();
    let mut seconds = Vec::new();
    for step in 0..args.warm_up + args.steps {
        let began = Instant::now();
        let [input, target] = images.clone();
        let (next, step_losses) = training.step(input, target);
        training = next;
        device
            .sync()
            .map_err(|error| format!("step {}: {error:?}", step + 1))?;
        if step < args.warm_up {
            losses.push(step_losses.read());
        } else {
            seconds.push(began.elapsed().as_secs_f64());
        }
    }
    seconds.sort_by(f64::total_cmp);
    let median = |sorted: &[f64]| (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0;
    let (min, max) = seconds
        .first()
        .zip(seconds.last())
        .ok_or("--steps must be at least 1")?;
    // Reported beside the times and not instead of them: a step launches the same kernels whatever
    // its numbers are.
    let failed_check = check_losses(&losses).err();
    Ok(serde_json::json!({
        "peer": "burn", "device": name, "size": args.size, "ngf": args.ngf, "batch": 1,
        "parameters": parameters, "losses": losses,
        "median": median(&seconds), "min": min, "max": max, "failed_check": failed_check,
    }))
}

#[cfg(not(feature = "vulkan"))]
fn device() -> Device {
    Device::wgpu(DeviceKind::DefaultDevice)
}

#[cfg(feature = "vulkan")]
fn device() -> Device {
    Device::vulkan(DeviceKind::DefaultDevice)
}

/// The made-up image of all three programs: a sine along the NHWC index.
fn wave(phase: f32, size: usize) -> TensorData {
    let at = |row: usize, column: usize, channel: usize| {
        (((row * size + column) * 3 + channel) as f32 * 0.37 + phase).sin()
    };
    let values = (0..3).flat_map(|channel| {
        (0..size * size).map(move |pixel| at(pixel / size, pixel % size, channel))
    });
    TensorData::new(values.collect::<Vec<f32>>(), [1, 3, size, size])
}

fn check_parameters(network: [usize; 2], parameters: [usize; 2]) -> Result<(), String> {
    match PARAMETERS.iter().find(|(known, _)| *known == network) {
        Some((_, wanted)) if *wanted != parameters => Err(format!(
            "parameters of G and D are {parameters:?}, not {wanted:?}"
        )),
        _ => Ok(()),
    }
}

/// Finite, and an L1 that falls; D's losses need not fall, since G works against them.
fn check_losses(losses: &[[f32; 4]]) -> Result<(), String> {
    if let Some(step) = losses
        .iter()
        .position(|step| !step.iter().all(|loss| loss.is_finite()))
    {
        let meaning = "its time is that of its launches, not of a training that works";
        return Err(format!(
            "its losses were not finite from step {} on: {meaning}",
            step + 1
        ));
    }
    match losses {
        [first, .., last] if last[Losses::L1] >= first[Losses::L1] => Err(format!(
            "its L1 did not fall on one batch, from {} to {}: it does not learn",
            first[Losses::L1],
            last[Losses::L1]
        )),
        _ => Ok(()),
    }
}
