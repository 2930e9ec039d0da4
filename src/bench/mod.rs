//! Floor 6: measuring. Every benchmark ends in a [`Report`], which is printed, written as JSON, drawn and compared.

mod diff;
mod error;
mod file;
mod report;
mod spread;
mod step;

pub use diff::{Change, Difference, Verdict};
pub use error::BenchError;
pub use report::{Ceiling, Device, Entry, Group, Kind, Report, SCHEMA, ratio};
pub use spread::Spread;
pub use step::{StepOptions, time_step};
