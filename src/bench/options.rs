//! How much time a benchmark of kernels spends.

use crate::program::{Budget, TrialOptions};

/// A candidate that is so many times slower than the best so far is timed once.
const HOPELESS: f64 = 2.0;

/// Seconds and bytes for each candidate.
#[derive(Debug, Clone, Copy)]
pub struct KernelOptions {
    /// For a quick check, not for numbers to keep.
    pub quick: bool,
    /// Seconds for each candidate.
    pub seconds: f64,
    /// Bytes of inputs that launches use in turn, so that no cache holds them.
    pub rotated_bytes: u64,
    /// Multiply-accumulates that the naive kernel may spend on one contraction.
    pub checked_macs: u64,
}

impl KernelOptions {
    /// A benchmark takes seconds when `quick`, minutes otherwise.
    pub fn new(quick: bool) -> Self {
        match quick {
            true => Self {
                quick,
                seconds: 0.01,
                rotated_bytes: 4 << 20,
                checked_macs: 1 << 22,
            },
            // More than the last caches of today's devices hold. On a CPU the naive kernel takes
            // seconds for what the others do in a tenth of that.
            false => Self {
                quick,
                seconds: 0.3,
                rotated_bytes: 128 << 20,
                checked_macs: 1 << 28,
            },
        }
    }

    /// The size of a trial.
    pub fn trial(&self) -> TrialOptions {
        TrialOptions {
            rotated_bytes: self.rotated_bytes,
            checked_macs: self.checked_macs,
        }
    }

    /// How long one candidate is timed, if the best so far takes `best` seconds.
    pub fn budget(&self, best: f64) -> Budget {
        Budget {
            seconds: self.seconds,
            hopeless: HOPELESS * best,
        }
    }
}
