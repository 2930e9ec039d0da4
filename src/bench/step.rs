//! Time of whole training steps.

use crate::data::Batch;
use crate::gpu::Gpu;
use crate::program::{Row, rows};
use crate::train::{RGB, Session, TrainConfig, TrainError};
use std::time::Instant;

/// Untimed steps before the timed ones: drivers compile a kernel at its first launch.
const WARM_UP: u64 = 3;

/// What a benchmark of the step measured.
#[derive(Debug, Clone)]
pub struct StepTiming {
    /// Seconds of each step, in order, each waited for.
    pub seconds: Vec<f64>,
    /// Floating-point operations of the contractions of a step, two a multiply-accumulate.
    pub flop: f64,
    /// Kernel launches of a step.
    pub launches: usize,
    /// Most device memory at one time, in bytes.
    pub peak_bytes: u64,
    /// Seconds of each operation alone, when that was asked for.
    pub operations: Vec<(Row, f64)>,
}

impl StepTiming {
    /// Median, smallest and largest time in seconds.
    pub fn spread(&self) -> [f64; 3] {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |i: usize| sorted.get(i).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        [(at(last / 2) + at(sorted.len() / 2)) / 2.0, at(0), at(last)]
    }
}

/// Times `steps` steps on one made-up batch; with `repeats` above zero also each operation alone, launched so many times in a row.
///
/// # Errors
/// Networks that do not fit the device, and what the driver reports.
pub fn time_step(gpu: &Gpu, config: &TrainConfig, steps: u64, repeats: usize) -> Result<StepTiming, TrainError> {
    let session = Session::new(gpu, config)?;
    session.store.initialise(gpu, config.seed)?;
    let values = config.batch_size * (config.size as usize).pow(2) * RGB;
    let wave = |phase: f32| (0..values).map(|i| (i as f32 * 0.37 + phase).sin()).collect();
    let batch = Batch { input: wave(0.0), target: wave(1.0) };
    let mut seconds = Vec::new();
    for step in 1..=WARM_UP + steps {
        let began = Instant::now();
        session.submit(gpu, step, config.learning_rate, &batch)?;
        gpu.wait()?;
        if step > WARM_UP {
            seconds.push(began.elapsed().as_secs_f64());
        }
    }
    let program = session.program();
    let rows = rows(program.tape(), program.plan());
    let flop = rows.iter().map(|row| row.macs as f64 * 2.0).sum();
    let operations = match repeats {
        0 => Vec::new(),
        _ => rows.into_iter().zip(session.time_operations(gpu, repeats)?).map(|(row, (_, seconds))| (row, seconds)).collect(),
    };
    Ok(StepTiming { seconds, flop, launches: program.plan().dispatches(), peak_bytes: gpu.peak_memory_bytes(), operations })
}
