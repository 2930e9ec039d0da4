//! Floor 6: measuring.

mod step;

pub use step::{StepTiming, time_step};
