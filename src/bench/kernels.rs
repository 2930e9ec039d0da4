//! Every candidate of every contraction of the real networks, each alone. Every other kernel of the
//! step is timed within the step.

use super::report::{BenchmarkKind, Contest, Report, ReportEntry};
use super::step::time_operations;
use super::{BenchError, KernelOptions};
use crate::contraction::{Candidate, ContractionKey, Ladder, choose};
use crate::gpu::{Gpu, Profile};
use crate::program::{Agreement, Clock, Trial};
use crate::train::{Config, Recording, Session, TrainError};
use std::collections::{BTreeSet, HashSet};

/// Runs of a step in which the operations without candidates are timed.
const RUNS: usize = 5;

/// A comparison of candidates, and their times.
type TimedContest = (Contest, Vec<ReportEntry>);

/// What to measure.
#[derive(Debug, Clone)]
pub enum Workload<'a> {
    /// One contraction.
    Key(ContractionKey),
    /// The kernels of a training step: of one family (a folder under `shaders/`), or all of them.
    Step(&'a Config, Option<&'a str>),
}

/// The kernels of a training step.
#[derive(Debug, Clone, Default)]
pub struct StepKernels {
    /// Its distinct contractions, with how often each occurs.
    pub contractions: Vec<(ContractionKey, usize)>,
    /// The families of all its kernels.
    pub families: BTreeSet<String>,
}

impl StepKernels {
    /// Those of `config` on a device of this profile.
    ///
    /// # Errors
    /// Networks that do not fit the images or the device.
    pub fn of(profile: &Profile, config: &Config) -> Result<Self, BenchError> {
        let recording = Recording::new(config)?;
        let plan = recording.plan(profile)?;
        let mut kernels = Self::default();
        for key in plan
            .steps
            .iter()
            .filter_map(|step| step.choice.as_ref())
            .map(|choice| choice.key)
        {
            match kernels
                .contractions
                .iter_mut()
                .find(|(known, _)| *known == key)
            {
                Some((_, uses)) => *uses += 1,
                None => kernels.contractions.push((key, 1)),
            }
        }
        kernels.families = plan
            .steps
            .iter()
            .flat_map(|step| &step.dispatches)
            .map(|launch| family(&launch.kernel.label()))
            .collect();
        Ok(kernels)
    }
}

/// The folder of a kernel's shader.
pub fn family(kernel: &str) -> String {
    kernel.split('/').next().unwrap_or_default().to_owned()
}

/// Measures `workload`. `progress` is called for every contraction before it is measured.
///
/// # Errors
/// Shapes that contradict each other or do not fit the device, and what the device reports.
pub async fn time_kernels(
    gpu: &Gpu,
    clock: &Clock,
    options: &KernelOptions,
    workload: &Workload<'_>,
    progress: &mut dyn FnMut(&str),
) -> Result<Report, BenchError> {
    let mut report = Report::new(BenchmarkKind::Kernels, gpu, clock);
    let (keys, config, wanted) = match workload {
        Workload::Key(key) => (vec![(*key, 1)], None, None),
        Workload::Step(config, wanted) => (
            StepKernels::of(gpu.profile(), config)?.contractions,
            Some(config),
            *wanted,
        ),
    };
    for (key, uses) in keys
        .into_iter()
        .filter(|(key, _)| wanted.is_none_or(|family| key.family.name() == family))
    {
        progress(&key.to_string());
        let trial = Trial::new(gpu, clock, &key, &options.trial()).await?;
        let default = choose(&key, gpu.profile());
        let ladder = Ladder::of(&key, gpu.profile());
        let found = in_order(ladder, &default, options.quick);
        let start = Contest {
            key: key.to_string(),
            uses,
            default: default.name,
            ..Contest::default()
        };
        let (contest, entries) = contest(&trial, &key, &found, start, options).await?;
        report.contests.push(contest);
        report.entries.extend(entries);
    }
    let (default, best) = totals(&report);
    report.values.insert("default_seconds".to_owned(), default);
    report.values.insert("best_seconds".to_owned(), best);
    // Kernels without candidates are timed within the step. If a family was asked for that has
    // candidates, they are left out.
    if let Some(config) = config
        && (wanted.is_none() || report.contests.is_empty())
    {
        progress("the kernels without candidates");
        let all = others(gpu, clock, options, config).await?;
        report.entries.extend(
            all.into_iter()
                .filter(|entry| wanted.is_none_or(|wanted| family(&entry.kernel) == wanted)),
        );
    }
    Ok(report)
}

/// What is timed, in its order; if it shall be `quick`, one candidate of each rung.
fn in_order(ladder: Ladder, default: &Candidate, quick: bool) -> Vec<Candidate> {
    // The naive kernel last, since it is hopeless.
    let mut found: Vec<Candidate> = if quick {
        ladder.defaults().cloned().collect()
    } else {
        ladder.faster().cloned().collect()
    };
    found.push(ladder.naive);
    // The kernel that runs by default first, since it never is.
    found.retain(|candidate| candidate.name != default.name);
    found.insert(0, default.clone());
    found
}

/// The operations of a step that are no contraction: each kernel with each size once.
async fn others(
    gpu: &Gpu,
    clock: &Clock,
    options: &KernelOptions,
    config: &Config,
) -> Result<Vec<ReportEntry>, BenchError> {
    let session = Session::new(gpu, config)?;
    session
        .store
        .initialise(gpu, config.seed)
        .await
        .map_err(TrainError::from)?;
    // One untimed run first: drivers compile a kernel at its first launch.
    time_operations(gpu, &session, clock, 1).await?;
    let mut entries =
        time_operations(gpu, &session, clock, if options.quick { 1 } else { RUNS }).await?;
    let mut seen = HashSet::new();
    entries.retain(|entry| {
        entry.flop == 0.0 && seen.insert((entry.kernel.clone(), entry.bytes.to_bits()))
    });
    Ok(entries)
}

/// Checks and times these candidates in their order. One that disagrees with the naive kernel is
/// named and not timed.
async fn contest(
    trial: &Trial<'_>,
    key: &ContractionKey,
    found: &[Candidate],
    contest: Contest,
    options: &KernelOptions,
) -> Result<TimedContest, BenchError> {
    let mut outcome = (contest, Vec::new());
    let (contest, entries) = (&mut outcome.0, &mut outcome.1);
    let mut best = f64::INFINITY;
    for candidate in found {
        let agreement = trial.check(candidate).await?;
        if !agreement.holds() {
            let Agreement {
                difference,
                tolerance,
            } = agreement;
            let what = format!(
                "{}: {difference:e} from the naive kernel, where rounding explains {tolerance:e}",
                candidate.name
            );
            contest.disagreeing.push(what);
            continue;
        }
        let seconds = trial.time(candidate, &options.budget(best)).await?;
        if seconds.median < best {
            best = seconds.median;
            contest.best = candidate.name.clone();
        }
        entries.push(ReportEntry {
            name: contest.entry_name(&candidate.name),
            group: key.family.name().to_owned(),
            kernel: candidate.name.clone(),
            seconds,
            flop: key.macs() as f64 * 2.0,
            bytes: trial.bytes() as f64,
            launches: 1,
        });
    }
    Ok(outcome)
}

/// Seconds of a step's contractions: with the default kernels, and with the best kernel of each.
fn totals(report: &Report) -> (f64, f64) {
    let seconds = |contest: &Contest, kernel: &str| {
        let entry = report.entry(&contest.entry_name(kernel));
        entry.map_or(0.0, |entry| entry.seconds.median * contest.uses as f64)
    };
    let sum = |kernel: fn(&Contest) -> &str| {
        report
            .contests
            .iter()
            .map(|contest| seconds(contest, kernel(contest)))
            .sum()
    };
    (
        sum(|contest| &contest.default),
        sum(|contest| &contest.best),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::contraction::naive;
    use crate::gpu::DeviceOptions;
    use pollster::block_on;

    #[test]
    fn a_candidate_that_disagrees_with_the_naive_kernel_is_named_and_not_timed() {
        let options = DeviceOptions {
            adapter: std::env::var("PIX2PIX_ADAPTER").ok(),
            ..DeviceOptions::default()
        };
        let gpu = pollster::block_on(Gpu::open(&options)).unwrap();
        let clock = Clock::Host {
            reason: "a test".to_owned(),
        };
        let options = KernelOptions::new(true);
        let key: ContractionKey = "conv2d k4s2p1 1x8x8x8 4x4x8 bias".parse().unwrap();
        let mut trial = block_on(Trial::new(&gpu, &clock, &key, &options.trial())).unwrap();
        let found = &[choose(&key, gpu.profile()), naive(&key)];
        let start = Contest {
            key: key.to_string(),
            default: found[0].name.clone(),
            ..Contest::default()
        };
        let (honest, entries) =
            block_on(contest(&trial, &key, found, start.clone(), &options)).unwrap();
        assert_eq!((honest.disagreeing.len(), entries.len()), (0, 2));
        assert!(entries.iter().all(|entry| entry.seconds.median > 0.0) && !honest.best.is_empty());
        trial.expect_something_else();
        let (spoilt, entries) = block_on(contest(&trial, &key, found, start, &options)).unwrap();
        assert_eq!(
            (
                spoilt.disagreeing.len(),
                entries.len(),
                spoilt.best.as_str()
            ),
            (2, 0, "")
        );
        assert!(
            spoilt.disagreeing[0].starts_with(&found[0].name)
                && spoilt.disagreeing[0].contains("naive"),
            "{spoilt:?}"
        );
    }
}
