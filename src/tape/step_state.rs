//! What changes from step to step, and the device's own record of losses and failures.

crate::params! {
    /// The one uniform that changes between runs of a program; WGSL struct `Step`.
    #[derive(Debug, PartialEq)]
    pub struct StepState {
        /// The run's seed, low word first: keys every random draw together with the step and the
        /// layer.
        pub seed: [u32; 2],
        /// Number of the step, from 1.
        pub step: u32,
        /// Row of the loss ring that this step writes.
        pub ring_row: u32,
        /// Adam's learning rate in this step.
        pub learning_rate: f32,
        /// `1 - beta1^step`.
        pub bias_correction1: f32,
        /// `1 - beta2^step`.
        pub bias_correction2: f32,
        /// Unused.
        pub pad: f32,
    }
}

impl StepState {
    /// State of step `step` (from 1); the corrections are formed in f64.
    pub fn new(seed: u64, step: u64, learning_rate: f64, betas: [f64; 2]) -> Self {
        let correction = |beta: f64| (1.0 - beta.powf(step as f64)) as f32;
        Self {
            seed: [seed as u32, (seed >> 32) as u32],
            step: step as u32,
            ring_row: (step % MONITOR_ROWS) as u32,
            learning_rate: learning_rate as f32,
            bias_correction1: correction(betas[0]),
            bias_correction2: correction(betas[1]),
            pad: 0.0,
        }
    }
}

/// Words of the monitor buffer in front of its ring:
///
/// - word 0: the failure flag. 0, or 1 + the column of the first loss that was not finite. It
///   stays.
/// - word 1: the step in which the flag was set.
/// - from word 4 on: the loss scales, which the operation `loss_scale` writes.
///
/// The ring lies behind them: rows of [`MONITOR_COLUMNS`] f32 losses.
pub const MONITOR_HEAD: u64 = 16;
/// Words of a ring row.
pub const MONITOR_COLUMNS: u64 = 16;
/// Rows of the ring: the host must read at least every so many steps.
pub const MONITOR_ROWS: u64 = 64;
/// Size of the monitor buffer in bytes.
pub const MONITOR_BYTES: u64 = 4 * (MONITOR_HEAD + MONITOR_COLUMNS * MONITOR_ROWS);
