//! Autotuning: which candidate computes each contraction fastest on this very device. A candidate
//! is checked before it is timed. It displaces the default only by a win above the noise. Results
//! are kept in the user's cache folder, by device and driver.

use super::{Budget, Clock, ProgramError, Quantiles, Trial, TrialOptions};
use crate::contraction::{Candidate, ContractionKey, Ladder, choose, with_current_names};
use crate::gpu::{Gpu, UserCache};
use std::collections::{BTreeMap, HashSet};

/// How much time tuning may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Effort {
    /// The default table for this kind of device
    Off,
    /// Try each version of a kernel once
    Quick,
    /// Try every version with every tile
    Full,
}

impl Effort {
    /// Time for one candidate after its warm-up, where the best so far takes `best` seconds.
    fn budget(self, best: f64) -> Budget {
        Budget {
            seconds: if self == Self::Full { 0.06 } else { 0.02 },
            hopeless: HOPELESS * best,
        }
    }

    /// The file of the user's cache that holds what was found with this effort.
    fn file(self) -> &'static str {
        if self == Self::Full {
            "kernels-full.json"
        } else {
            "kernels-quick.json"
        }
    }
}

/// A win counts when the candidate's median is below this share of the default's and its median
/// below the default's fastest run.
const LEAST_WIN: f64 = 0.95;
/// A candidate that takes this many times as long as the best so far in its first launches is not
/// timed further.
const HOPELESS: f64 = 1.5;

/// Finds a kernel for each of `keys`: from the cache where they were tuned before, else by trying.
/// The result is for [`Profile::tuned`](crate::gpu::Profile::tuned). `report` hears of each
/// contraction that is tried: how many are done, of how many.
///
/// # Errors
/// A contraction that does not fit the device, and what the driver reports. A candidate that cannot
/// be built or that disagrees with the naive kernel is passed over.
pub async fn tune(
    gpu: &Gpu,
    keys: &[ContractionKey],
    effort: Effort,
    report: &mut dyn FnMut(usize, usize),
) -> Result<BTreeMap<String, String>, ProgramError> {
    if effort == Effort::Off {
        return Ok(BTreeMap::new());
    }
    let cache = UserCache::for_device(gpu.info());
    let mut known = with_current_names(cache.read_json(effort.file()).unwrap_or_default());
    let mut tuned = BTreeMap::new();
    let mut seen = HashSet::new();
    let unknown: Vec<&ContractionKey> = keys
        .iter()
        .filter(|key| {
            let entry = entry(gpu, key);
            !known.contains_key(&entry) && seen.insert(entry)
        })
        .collect();
    let clock = if unknown.is_empty() {
        Clock::Host {
            reason: String::new(),
        }
    } else {
        Clock::of(gpu).await?
    };
    for (done, key) in unknown.iter().enumerate() {
        report(done, unknown.len());
        known.insert(entry(gpu, key), best(gpu, &clock, key, effort).await?.name);
    }
    if !unknown.is_empty() {
        report(unknown.len(), unknown.len());
        cache.write_json(effort.file(), &known);
    }
    for key in keys {
        if let Some(name) = known.get(&entry(gpu, key)) {
            tuned.insert(key.to_string(), name.clone());
        }
    }
    Ok(tuned)
}

/// The cache's name for a key. It names forced fallbacks too, because they change the list of
/// candidates. Where no candidate loads eight numbers at a time, maps at any place share an entry.
fn entry(gpu: &Gpu, key: &ContractionKey) -> String {
    let profile = gpu.profile();
    let loads_8_wide = profile.int64 && profile.subgroup.is_some();
    let key = ContractionKey {
        unaligned: key.unaligned && loads_8_wide,
        ..*key
    };
    format!("{key} subgroup {}", profile.subgroup.unwrap_or(0))
}

/// The fastest candidate that agrees with the naive kernel; the default one unless another clearly
/// wins.
async fn best(
    gpu: &Gpu,
    clock: &Clock,
    key: &ContractionKey,
    effort: Effort,
) -> Result<Candidate, ProgramError> {
    let trial = Trial::new(gpu, clock, key, &TrialOptions::default()).await?;
    let default = choose(key, gpu.profile());
    let reference = trial.time(&default, &effort.budget(f64::INFINITY)).await?;
    let mut winner = (default.clone(), reference);
    for candidate in contenders(gpu, key, effort)
        .into_iter()
        .filter(|candidate| candidate.name != default.name)
    {
        let Some(timing) = attempt(&trial, &candidate, effort, winner.1.median).await else {
            continue;
        };
        if timing.median < winner.1.median
            && timing.median < LEAST_WIN * reference.median
            && timing.median < reference.min
        {
            winner = (candidate, timing);
        }
    }
    Ok(winner.0)
}

/// The candidates to try: all but the naive one, or the default tile of each rung.
fn contenders(gpu: &Gpu, key: &ContractionKey, effort: Effort) -> Vec<Candidate> {
    let ladder = Ladder::of(key, gpu.profile());
    match effort {
        Effort::Off => Vec::new(),
        Effort::Quick => ladder.defaults().cloned().collect(),
        Effort::Full => ladder.faster().cloned().collect(),
    }
}

/// The candidate's time, if it can be built and agrees.
async fn attempt(
    trial: &Trial<'_>,
    candidate: &Candidate,
    effort: Effort,
    best: f64,
) -> Option<Quantiles> {
    if !trial.check(candidate).await.ok()?.holds() {
        return None;
    }
    trial.time(candidate, &effort.budget(best)).await.ok()
}
