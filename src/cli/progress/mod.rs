//! Progress on stderr. On a terminal it is a live bar. Elsewhere it is a plain line from time to
//! time.

mod images;

pub use images::{ImageProgress, SharedBar};

use super::note;
use crate::train::StepReport;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between plain lines.
const QUIET_PERIOD: Duration = Duration::from_secs(30);

/// The bar that is on the terminal.
static SHOWN: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// A bar on the terminal. `None` if stderr is none.
struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar that is drawn as `style` says, at the place of `first` in `total`.
    fn new(first: u64, total: u64, style: Option<ProgressStyle>) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let target = ProgressDrawTarget::stderr_with_hz(10);
            let bar = ProgressBar::with_draw_target(Some(total), target).with_position(first);
            if let Some(style) = style {
                bar.set_style(style);
            }
            bar.reset_eta();
            bar
        });
        *shown() = bar.clone();
        Self(bar)
    }

    /// Removes it from the terminal.
    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
            *shown() = None;
        }
    }
}

impl Drop for Bar {
    /// An error may end the work before the bar's end.
    fn drop(&mut self) {
        self.finish();
    }
}

fn shown() -> std::sync::MutexGuard<'static, Option<ProgressBar>> {
    SHOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes to the terminal. A bar that is there makes room meanwhile, so that it tears no line.
pub fn beside_bar<T>(write: impl FnOnce() -> T) -> T {
    let bar = shown().clone();
    match bar {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

/// How fast `done` steps were, and how long those that are `left` will take. Nothing before there
/// is a step to tell it from.
fn pace(done: u64, left: u64, time: Duration) -> String {
    if done == 0 {
        return String::new();
    }
    let rate = done as f64 / time.as_secs_f64().max(1e-9);
    let left = left as f64 / rate;
    format!("  {rate:.2} steps/s, {left:.0} s left")
}

/// Prints the progress of a training run.
pub struct ProgressPrinter {
    has_discriminator: bool,
    bar: Bar,
    /// The first step that was reported, and when. Before it kernels were compiled.
    first: Option<(u64, Instant)>,
    total: u64,
    last_line: Option<Instant>,
    /// The step of that line.
    last_step: u64,
}

impl ProgressPrinter {
    /// A run from step `first` to step `total`, with or without a discriminator.
    pub fn new(first: u64, total: u64, has_discriminator: bool) -> Self {
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            // A counter that cannot be drawn is no reason to stop.
            let _ = write!(out, "{:.2} steps/s", state.per_sec());
        };
        let template = "{msg}\n{wide_bar} step {pos} of {len}, {rate}, {eta} left";
        let style = ProgressStyle::with_template(template).ok();
        let style = style.map(|style| style.with_key("rate", rate));
        let bar = Bar::new(first, total, style);
        Self {
            has_discriminator,
            bar,
            first: None,
            total,
            last_line: None,
            last_step: 0,
        }
    }

    /// Shows the newest losses.
    pub fn report(&mut self, report: &StepReport) {
        let [g_gan, g_l1, d_real, d_fake] = report.losses.values;
        let step = report.losses.step;
        // The score of the last step comes later, with the last words of the run.
        let held_out = report
            .score
            .filter(|_| step < self.total)
            .map(|score| format!("  held-out L1 {:.4}", score.l1))
            .unwrap_or_default();
        let penalty = report
            .losses
            .d_gp
            .map(|d_gp| format!(" penalty {d_gp:.3}"))
            .unwrap_or_default();
        let features = report
            .losses
            .g_feat
            .map(|g_feat| format!(" features {g_feat:.3}"))
            .unwrap_or_default();
        let losses = match self.has_discriminator {
            true => format!(
                "G {g_gan:.3} L1 {g_l1:.4}{features}  D real {d_real:.3} fake {d_fake:.3}{penalty}{held_out}"
            ),
            false => format!("L1 {g_l1:.4}{held_out}"),
        };
        let (first, since) = *self.first.get_or_insert_with(|| {
            // Kernels are compiled before the first step. That says nothing of the others.
            self.bar.0.iter().for_each(|bar| {
                bar.set_position(step);
                bar.reset_eta();
            });
            (step, Instant::now())
        });
        if let Some(bar) = &self.bar.0 {
            bar.set_position(step);
            bar.set_message(losses);
            return;
        }
        let is_last = step == self.total && self.last_step != step;
        if is_last || self.last_line.is_none_or(|at| at.elapsed() >= QUIET_PERIOD) {
            self.last_step = step;
            self.last_line = Some(Instant::now());
            let pace = pace(step - first, self.total - step, since.elapsed());
            note(&format!(
                "step {step} of {}, epoch {}  {losses}{pace}",
                self.total, report.epoch
            ));
        }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_told_once_there_is_one() {
        assert_eq!(pace(0, 100, Duration::from_secs(13)), "");
        let text = pace(40, 100, Duration::from_secs(8));
        assert_eq!(text, "  5.00 steps/s, 20 s left");
    }
}
