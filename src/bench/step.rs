//! Time of whole training steps, of their operations, of the training loop and of a translation.

use super::report::{BenchmarkKind, Report, ReportEntry, WHOLE, ratio};
use crate::clock::Instant;
use crate::data::{Batch, Dataset, Loader, LoaderOptions, Pixels, Split};
use crate::gpu::Gpu;
use crate::program::{Clock, Quantiles, rows};
use crate::tensor::Shape;
use crate::train::{Config, ConfigError, LossReader, Session, TrainError, Translator};
use std::collections::HashMap;

/// Untimed steps before the timed ones: drivers compile a kernel at its first launch.
const WARM_UP: u64 = 3;
/// The most steps of the training loop. Few will do, because its numbers are means.
const LOOP_STEPS: u64 = 10;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct StepOptions {
    /// Timed steps.
    pub steps: u64,
    /// Runs in which every operation is timed.
    pub runs: u32,
}

impl StepOptions {
    /// The most timed steps.
    const MOST_STEPS: u64 = 1_000_000;
    /// The most runs of every operation.
    const MOST_RUNS: u32 = 1000;

    /// Checks that something is measured, and that it ends.
    ///
    /// # Errors
    /// A number outside of its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(1..=Self::MOST_STEPS).contains(&self.steps) {
            return Err(ConfigError::range("steps", self.steps, 1, Self::MOST_STEPS));
        }
        if !(1..=Self::MOST_RUNS).contains(&self.runs) {
            let most = Self::MOST_RUNS.into();
            return Err(ConfigError::range("per_op", self.runs.into(), 1, most));
        }
        Ok(())
    }
}

/// Times, in this order: steps on one made-up batch, each waited for; every operation; the loop as
/// training runs it, with prefetched batches and without waiting; the translation of one image with
/// its upload and download.
///
/// # Errors
/// Numbers outside of their range, networks that do not fit the device, and what the driver
/// reports.
pub async fn time_step(
    gpu: &Gpu,
    config: &Config,
    options: &StepOptions,
) -> Result<Report, TrainError> {
    options.check()?;
    let mut session = Session::new(gpu, config)?;
    session.store.initialise(gpu, config.seed).await?;
    let (step, host) = time_waited(gpu, &mut session, config, options.steps).await?;
    // Read now: later the clock and the translation take memory of their own.
    let peak = gpu.peak_memory_bytes();
    let clock = Clock::of(gpu).await?;
    let mut report = Report::new(BenchmarkKind::Step, gpu, &clock);
    let operations = time_operations(gpu, &session, &clock, options.runs as usize).await?;
    let program = session.program();
    let bytes = operations.iter().map(|entry| entry.bytes).sum();
    // Those of contractions, and of the gradients that an optimiser makes itself.
    let flop = rows(program.plan())
        .iter()
        .map(|row| row.macs as f64 * 2.0)
        .sum();
    let launches = program.plan().dispatches();
    let whole = |name: &str, seconds, launches, flop, bytes| ReportEntry {
        name: name.to_owned(),
        group: WHOLE.to_owned(),
        kernel: String::new(),
        seconds,
        flop,
        bytes,
        launches,
    };
    report
        .entries
        .push(whole("step", step, launches, flop, bytes));
    let mut value = |name: &str, value: f64| report.values.insert(name.to_owned(), value);
    value("peak_memory_bytes", peak as f64);
    value("host_seconds", host.median);
    if let Some([step, wait]) =
        time_loop(gpu, &mut session, config, options.steps.min(LOOP_STEPS)).await?
    {
        value("loop_step_seconds", step);
        value("loop_data_wait_seconds", wait);
    }
    let (translation, launches) = time_translation(gpu, &session, config, options.steps).await?;
    report
        .entries
        .push(whole("translation", translation, launches, 0.0, 0.0));
    report.entries.extend(operations);
    Ok(report)
}

/// Seconds of whole steps, and of these the seconds in which the host encodes and submits.
async fn time_waited(
    gpu: &Gpu,
    session: &mut Session,
    config: &Config,
    steps: u64,
) -> Result<(Quantiles, Quantiles), TrainError> {
    let pixels = config.pairs_per_step() * (config.size as usize).pow(2);
    let batch = Batch {
        sides: (config.size, config.size),
        input: wave(pixels * config.input.channels(), 0.0),
        target: wave(pixels * config.output.channels(), 1.0),
    };
    let (mut whole, mut host) = (Vec::new(), Vec::new());
    for step in 1..=WARM_UP + steps {
        let began = Instant::now();
        session.submit(gpu, step, config.learning_rate, &batch)?;
        let submitted = began.elapsed();
        gpu.wait().await?;
        if step > WARM_UP {
            whole.push(began.elapsed().as_secs_f64());
            host.push(submitted.as_secs_f64());
        }
    }
    Ok((Quantiles::of(&whole), Quantiles::of(&host)))
}

fn wave(values: usize, phase: f32) -> Vec<f32> {
    (0..values)
        .map(|i| (i as f32 * 0.37 + phase).sin())
        .collect()
}

/// An entry for each operation, in the order in which they run.
pub(super) async fn time_operations(
    gpu: &Gpu,
    session: &Session,
    clock: &Clock,
    runs: usize,
) -> Result<Vec<ReportEntry>, TrainError> {
    let rows = rows(session.program().plan());
    let mut seconds = vec![Vec::new(); rows.len()];
    for _ in 0..runs.max(1) {
        let times = session.time_operations(gpu, clock).await?;
        seconds
            .iter_mut()
            .zip(times)
            .for_each(|(seconds, (_, time))| seconds.push(time));
    }
    // The discriminator runs several times, so a name may occur several times. The later entries
    // get a number.
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut entries = Vec::with_capacity(rows.len());
    for (row, seconds) in rows.into_iter().zip(seconds) {
        let count = seen.entry(row.op.clone()).or_default();
        *count += 1;
        entries.push(ReportEntry {
            name: if *count == 1 {
                row.op
            } else {
                format!("{} #{count}", row.op)
            },
            group: row.kind.to_owned(),
            launches: row.kernels.len(),
            kernel: row.kernels.join(" + "),
            seconds: Quantiles::of(&seconds),
            flop: if row.is_contraction {
                row.macs as f64 * 2.0
            } else {
                0.0
            },
            bytes: row.bytes as f64,
        });
    }
    Ok(entries)
}

/// Seconds of a step and of waiting for its batch, as training runs: the mean of `steps` steps on
/// the bundled pairs. `None` if a batch is larger than that set, or if the networks are for other
/// images.
async fn time_loop(
    gpu: &Gpu,
    session: &mut Session,
    config: &Config,
    steps: u64,
) -> Result<Option<[f64; 2]>, TrainError> {
    if [&config.input, &config.output].iter().any(|pixels| {
        matches!(
            pixels,
            Pixels::Labels(_) | Pixels::Channels(_) | Pixels::Stack { .. }
        )
    }) {
        return Ok(None);
    }
    let pairs = Dataset::bundled(&config.data_options())?
        .require(Split::Train)?
        .clone();
    if config.pairs_per_step() > pairs.len() {
        return Ok(None);
    }
    let mut loader = Loader::new(
        pairs,
        &LoaderOptions::new(config.pairs_per_step(), config.seed),
    )?;
    // The first batch cannot be prefetched. It counts for the start, not for the loop.
    let mut batch = loader.next_batch()?;
    let waited = loader.waited();
    let mut reader = LossReader::new(0, &config.objective);
    let began = Instant::now();
    for step in 1..=steps {
        session.submit(gpu, step, config.learning_rate, &batch)?;
        reader.submitted(gpu, &session.store, step).await?;
        batch = loader.next_batch()?;
    }
    reader.finish(gpu, &session.store, steps).await?;
    let mean = |seconds: f64| ratio(seconds, steps as f64);
    Ok(Some([
        mean(began.elapsed().as_secs_f64()),
        mean((loader.waited() - waited).as_secs_f64()),
    ]))
}

/// Seconds to translate one image, with upload and download, and the number of launches.
async fn time_translation(
    gpu: &Gpu,
    session: &Session,
    config: &Config,
    times: u64,
) -> Result<(Quantiles, usize), TrainError> {
    let shape = Shape::nhwc(
        1,
        config.size as usize,
        config.size as usize,
        config.input.channels(),
    );
    let translator = Translator::new(
        gpu,
        &session.store,
        &session.generator,
        shape,
        config.fit,
        &config.test.mode(),
    )?;
    let image = wave(shape.len(), 0.0);
    let mut seconds = Vec::new();
    for time in 0..=times {
        let began = Instant::now();
        translator
            .translate(gpu, &session.store, &image, config.seed)
            .await?;
        if time > 0 {
            seconds.push(began.elapsed().as_secs_f64());
        }
    }
    Ok((
        Quantiles::of(&seconds),
        translator.program().plan().dispatches(),
    ))
}
