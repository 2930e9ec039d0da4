//! Progress on stderr. On a terminal it is a live bar. Elsewhere it is a plain line from time to
//! time.

use super::note;
use crate::train::StepReport;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// Time between plain lines.
const QUIET_PERIOD: Duration = Duration::from_secs(30);

/// Prints the progress of a training run.
pub struct ProgressPrinter {
    has_discriminator: bool,
    bar: Option<ProgressBar>,
    began: Instant,
    first: u64,
    total: u64,
    last_line: Option<Instant>,
    /// The step of that line.
    last_step: u64,
}

impl ProgressPrinter {
    /// A run from step `first` to step `total`, with or without a discriminator.
    pub fn new(first: u64, total: u64, has_discriminator: bool) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10))
                    .with_position(first);
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // A counter that cannot be drawn is no reason to stop.
                let _ = write!(out, "{:.2} steps/s", state.per_sec());
            };
            if let Ok(style) = ProgressStyle::with_template(
                "{msg}\n{wide_bar} step {pos} of {len}, {rate}, {eta} left",
            ) {
                bar.set_style(style.with_key("rate", rate));
            }
            bar.reset_eta();
            bar
        });
        Self {
            has_discriminator,
            bar,
            began: Instant::now(),
            first,
            total,
            last_line: None,
            last_step: 0,
        }
    }

    /// Shows the newest losses.
    pub fn report(&mut self, report: &StepReport) {
        let [g_gan, g_l1, d_real, d_fake] = report.losses.values;
        let held_out = report
            .score
            .map(|score| format!("  held-out L1 {:.4}", score.l1))
            .unwrap_or_default();
        let penalty = report
            .losses
            .d_gp
            .map(|d_gp| format!(" penalty {d_gp:.3}"))
            .unwrap_or_default();
        let losses = match self.has_discriminator {
            true => format!(
                "G {g_gan:.3} L1 {g_l1:.4}  D real {d_real:.3} fake {d_fake:.3}{penalty}{held_out}"
            ),
            false => format!("L1 {g_l1:.4}{held_out}"),
        };
        let step = report.losses.step;
        if let Some(bar) = &self.bar {
            bar.set_position(step);
            bar.set_message(losses);
            return;
        }
        let is_last = step == self.total && self.last_step != step;
        if is_last || self.last_line.is_none_or(|at| at.elapsed() >= QUIET_PERIOD) {
            self.last_step = step;
            self.last_line = Some(Instant::now());
            let seconds = self.began.elapsed().as_secs_f64().max(1e-9);
            let rate = (step - self.first) as f64 / seconds;
            let left = (self.total - step) as f64 / rate.max(1e-9);
            note(&format!(
                "step {step} of {}, epoch {}  {losses}  {rate:.2} steps/s, {left:.0} s left",
                self.total, report.epoch
            ));
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
