//! The result of every benchmark: one format for tables, files and comparisons.

use crate::clock::since_1970;
use crate::gpu::{DeviceClass, Gpu};
use crate::program::{Clock, Quantiles};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Version of the format; a file of another version is refused.
pub const SCHEMA: u32 = 1;

/// Which benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BenchmarkKind {
    /// The device's ceilings.
    Ceiling,
    /// Every candidate of every kernel.
    Kernels,
    /// Whole steps.
    Step,
}

impl fmt::Display for BenchmarkKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Ceiling => "ceiling",
            Self::Kernels => "kernels",
            Self::Step => "step",
        })
    }
}

/// A finished benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Which benchmark.
    pub kind: BenchmarkKind,
    /// Name and version of this program.
    pub program: String,
    /// Its arguments.
    pub command: Vec<String>,
    /// When it began, UTC.
    pub date: String,
    /// Where it ran.
    pub device: Device,
    /// What timed the kernels: `timestamps`, or why it was the host's clock.
    pub clock: String,
    /// The ceilings, where they were measured in the same run.
    pub ceilings: Vec<Ceiling>,
    /// What was timed.
    pub entries: Vec<ReportEntry>,
    /// Contractions whose candidates were compared.
    pub contests: Vec<Contest>,
    /// Single numbers; the name ends with the unit.
    pub values: BTreeMap<String, f64>,
}

/// A device, and which of its features were used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The adapter's name.
    pub name: String,
    /// The driver and its version.
    pub driver: String,
    /// The graphics interface, for example `Vulkan`.
    pub backend: String,
    /// Whether it is a software rasteriser.
    pub cpu: bool,
    /// Lanes of a subgroup, where subgroups may be used.
    pub subgroup: Option<u32>,
    /// Whether 16-bit floats may be used.
    pub f16: bool,
}

/// The best that was found on the device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ceiling {
    /// How operands are stored: `f32` or `f16`.
    pub dtype: String,
    /// Floating-point operations a second of the best contraction.
    pub flop_per_second: f64,
    /// That contraction and its kernel.
    pub contraction: String,
    /// Bytes read and written a second by the best copy.
    pub bytes_per_second: f64,
    /// That copy's kernel.
    pub copy: String,
}

/// Something that was timed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportEntry {
    /// Its name: unique in this report, and the same from run to run.
    pub name: String,
    /// The group in which it is summed up: an operation's name, or `whole`.
    pub group: String,
    /// The kernels that ran.
    pub kernel: String,
    /// Seconds.
    pub seconds: Quantiles,
    /// Floating-point operations of contractions; a multiply-accumulate is two.
    pub flop: f64,
    /// Bytes read and written if every operand is touched once.
    pub bytes: f64,
    /// Kernel launches.
    pub launches: usize,
}

impl ReportEntry {
    /// Floating-point operations a second, by the median.
    pub fn flop_per_second(&self) -> f64 {
        ratio(self.flop, self.seconds.median)
    }

    /// Bytes a second, by the median.
    pub fn bytes_per_second(&self) -> f64 {
        ratio(self.bytes, self.seconds.median)
    }
}

/// The candidates of one contraction; their times are the entries `key: candidate`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Contest {
    /// The contraction.
    pub key: String,
    /// How often it occurs in a step.
    pub uses: usize,
    /// The candidate that runs when nothing is tuned.
    pub default: String,
    /// The fastest.
    pub best: String,
    /// Candidates whose result differs from the naive kernel's, and by what.
    pub disagreeing: Vec<String>,
}

impl Contest {
    /// The name of a candidate's entry.
    pub fn entry_name(&self, candidate: &str) -> String {
        format!("{}: {candidate}", self.key)
    }
}

/// Group of the entries that are no single operation.
pub const WHOLE: &str = "whole";

/// Entries summed up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GroupTotals {
    /// What they have in common.
    pub name: String,
    /// Sum of the medians.
    pub seconds: f64,
    /// Sum of the floating-point operations.
    pub flop: f64,
    /// Sum of the bytes.
    pub bytes: f64,
    /// Sum of the launches.
    pub launches: usize,
}

impl GroupTotals {
    /// The sum of `entries`.
    pub fn of<'a>(name: &str, entries: impl Iterator<Item = &'a ReportEntry>) -> Self {
        let mut group = Self {
            name: name.to_owned(),
            ..Self::default()
        };
        for entry in entries {
            group.seconds += entry.seconds.median;
            group.flop += entry.flop;
            group.bytes += entry.bytes;
            group.launches += entry.launches;
        }
        group
    }
}

/// `part / whole`, or zero if `whole` is zero: JSON cannot hold a NaN.
pub fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

impl Report {
    /// An empty report, dated now.
    pub fn new(kind: BenchmarkKind, gpu: &Gpu, clock: &Clock) -> Self {
        let (info, profile) = (gpu.info(), gpu.profile());
        Self {
            schema: SCHEMA,
            kind,
            program: format!("pix2pix {}", env!("CARGO_PKG_VERSION")),
            command: std::env::args().skip(1).collect(),
            date: date(since_1970().as_secs()),
            device: Device {
                name: info.name.clone(),
                driver: format!("{} {}", info.driver, info.driver_info),
                backend: info.backend.to_string(),
                cpu: profile.class == DeviceClass::Cpu,
                subgroup: profile.subgroup,
                f16: profile.f16,
            },
            clock: match clock {
                Clock::Timestamps => "timestamps".to_owned(),
                Clock::Host { reason } => reason.clone(),
            },
            ceilings: Vec::new(),
            entries: Vec::new(),
            contests: Vec::new(),
            values: BTreeMap::new(),
        }
    }

    /// The entries that are single operations.
    pub fn operations(&self) -> impl Iterator<Item = &ReportEntry> {
        self.entries.iter().filter(|entry| entry.group != WHOLE)
    }

    /// The operations summed up by group, the longest first.
    pub fn groups(&self) -> Vec<GroupTotals> {
        let names: BTreeSet<&str> = self
            .operations()
            .map(|entry| entry.group.as_str())
            .collect();
        let of = |name: &str| {
            GroupTotals::of(name, self.operations().filter(|entry| entry.group == name))
        };
        let mut groups: Vec<GroupTotals> = names.into_iter().map(of).collect();
        groups.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        groups
    }

    /// The part of the ceiling that an entry reaches. For a contraction it is the ceiling of
    /// arithmetic, for everything else that of memory.
    pub fn share_of_ceiling(&self, entry: &ReportEntry) -> Option<f64> {
        let ceiling = self.ceilings.first()?;
        Some(match entry.flop > 0.0 {
            true => ratio(entry.flop_per_second(), ceiling.flop_per_second),
            false => ratio(entry.bytes_per_second(), ceiling.bytes_per_second),
        })
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&ReportEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// Seconds since 1970 as `2026-11-24T23:47:41Z`.
fn date(seconds: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    format!(
        "{year:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        month + 1,
        days + 1,
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_know_leap_years() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(date(seconds), expected);
        }
    }
}
