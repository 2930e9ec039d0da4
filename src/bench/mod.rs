//! Floor 9: measuring. Every benchmark ends in a [`Report`], which is printed, written as JSON,
//! drawn and compared.

mod ceiling;
mod diff;
mod error;
mod file;
mod kernels;
mod options;
mod report;
mod roofline;
mod step;

pub use ceiling::measure_ceiling;
pub use diff::{Change, Comparison, Difference};
pub use error::BenchError;
pub use kernels::{StepKernels, Workload, family, time_kernels};
pub use options::KernelOptions;
pub use report::{
    BenchmarkKind, Ceiling, Contest, Device, GroupTotals, Report, ReportEntry, SCHEMA, ratio,
};
pub use roofline::draw_roofline;
pub use step::{StepOptions, time_step};
