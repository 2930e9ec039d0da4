//! Two reports of one kind side by side.

use super::Report;
use super::report::ReportEntry;
use crate::program::Quantiles;
use std::collections::BTreeSet;

/// With fewer samples than these, quartiles mean nothing.
const FEW: usize = 3;

/// How an entry changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// The middle halves of both series overlap.
    Same,
    /// The second is faster, beyond the spreads.
    Faster,
    /// The second is slower, beyond the spreads.
    Slower,
    /// One side has fewer than three samples.
    Unknown,
}

/// An entry that both reports have.
#[derive(Debug, Clone)]
pub struct Change {
    /// The entry's name.
    pub name: String,
    /// Its seconds in the first report.
    pub before: Quantiles,
    /// Its seconds in the second report.
    pub after: Quantiles,
    /// Whether they differ.
    pub comparison: Comparison,
}

/// The whole comparison.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Entries of both, in the order of the first.
    pub changes: Vec<Change>,
    /// Names that only the first has.
    pub only_before: Vec<String>,
    /// Names that only the second has.
    pub only_after: Vec<String>,
    /// Single numbers of both: name, first, second.
    pub values: Vec<(String, f64, f64)>,
}

impl Difference {
    /// Compares `after` with `before`, entry by entry.
    pub fn of(before: &Report, after: &Report) -> Self {
        let change = |entry: &ReportEntry| {
            let after = after.entry(&entry.name)?.seconds;
            Some(Change {
                name: entry.name.clone(),
                before: entry.seconds,
                after,
                comparison: comparison(&entry.seconds, &after),
            })
        };
        let names = |report: &Report| {
            report
                .entries
                .iter()
                .map(|entry| entry.name.clone())
                .collect::<BTreeSet<_>>()
        };
        let (first, second) = (names(before), names(after));
        let value = |(name, &old): (&String, &f64)| {
            after.values.get(name).map(|&new| (name.clone(), old, new))
        };
        Self {
            changes: before.entries.iter().filter_map(change).collect(),
            only_before: first.difference(&second).cloned().collect(),
            only_after: second.difference(&first).cloned().collect(),
            values: before.values.iter().filter_map(value).collect(),
        }
    }

    /// Number of entries that became slower.
    pub fn slower(&self) -> usize {
        self.changes
            .iter()
            .filter(|change| change.comparison == Comparison::Slower)
            .count()
    }
}

fn comparison(before: &Quantiles, after: &Quantiles) -> Comparison {
    match before.is_apart_from(after) {
        _ if before.samples.min(after.samples) < FEW => Comparison::Unknown,
        false => Comparison::Same,
        true if after.median < before.median => Comparison::Faster,
        true => Comparison::Slower,
    }
}
