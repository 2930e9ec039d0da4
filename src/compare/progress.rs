//! How far the runs of a comparison are, in words and numbers.

use super::report::{Report, Row, RowRun, RunState};

/// A run at one size, with its row.
type At<'a> = (&'a Row, &'a RowRun);

impl Report {
    /// Each run once, with what it is at each size.
    fn runs(&self) -> Vec<Vec<At<'_>>> {
        let mut runs: Vec<Vec<At<'_>>> = Vec::new();
        for group in &self.groups {
            let of_group = group.rows.iter();
            let of_group = of_group.flat_map(|row| row.runs.iter().map(move |run| (row, run)));
            for (place, run) in of_group.enumerate() {
                match runs.get_mut(place) {
                    Some(sizes) => sizes.push(run),
                    None => runs.push(vec![run]),
                }
            }
        }
        runs
    }

    /// Runs that are done at all sizes, that failed at any, and all.
    pub fn counts(&self) -> [usize; 3] {
        let runs = self.runs();
        let is_done = |(_, run): &At<'_>| matches!(run.state, RunState::Done { .. });
        let has_failed = |(_, run): &At<'_>| matches!(run.state, RunState::Failed(_));
        let done = runs.iter().filter(|sizes| sizes.iter().all(is_done));
        let failed = runs.iter().filter(|sizes| sizes.iter().any(has_failed));
        [done.count(), failed.count(), runs.len()]
    }

    /// How far the comparison is, in words. Nothing if all runs have scores.
    pub fn progress(&self) -> Option<String> {
        let [done, failed, all] = self.counts();
        let sizes = match self.groups.len() {
            0 | 1 => "",
            _ => " at all sizes",
        };
        let failed = match failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        (done < all).then(|| format!("{done} of {all} runs have scores{sizes}{failed}"))
    }

    /// The runs that failed: cell, seed and reason. One that failed at some sizes is named with
    /// each of them.
    pub fn failures(&self) -> Vec<(&str, u64, &str)> {
        let mut failures = Vec::new();
        for sizes in self.runs() {
            let failed = sizes.iter().filter_map(|&(row, run)| match &run.state {
                RunState::Failed(reason) => Some((row, run.seed, reason.as_str())),
                _ => None,
            });
            let failed: Vec<(&Row, u64, &str)> = failed.collect();
            let is_one = failed.iter().all(|(.., reason)| *reason == failed[0].2);
            match failed[..] {
                [(row, seed, reason), ..] if is_one && failed.len() == sizes.len() => {
                    failures.push((row.cell.as_str(), seed, reason));
                }
                _ => {
                    let each = failed.iter();
                    failures.extend(each.map(|(row, seed, why)| (row.label.as_str(), *seed, *why)));
                }
            }
        }
        failures
    }

    /// The runs that `patience` ended before their budget, in words.
    pub fn early(&self) -> Option<String> {
        let early = self.runs().into_iter().filter_map(|sizes| {
            sizes.iter().find_map(|(row, run)| match run.state {
                RunState::Done {
                    early: Some(step), ..
                } => Some(format!("{}, seed {}: step {step}", row.cell, run.seed)),
                _ => None,
            })
        });
        let early: Vec<String> = early.collect();
        (!early.is_empty()).then(|| {
            format!(
                "ended before the budget was used, because no score was better for so long: {}",
                early.join("; ")
            )
        })
    }
}
