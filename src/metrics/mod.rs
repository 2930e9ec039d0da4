//! Floor 7: numbers from pictures. How far outputs are from targets, and how good they look by
//! themselves.
//!
//! All are defined on samples of 8 bits as files hold them, and refuse others. Distances: [`mae`],
//! [`rmse`], [`psnr`]. Structure: [`ssim`], [`ms_ssim`]. Sharpness: [`sharpness`],
//! [`highest_frequency`]. Sets of pictures: [`LabHistograms`], [`Confusion`]. A [`Mean`] over
//! pictures comes with its interval, and so does a [`Share`] of trials. [`Metric`] names those of
//! one output and its target.
//!
//! FID and LPIPS are not among them. Both are defined by the weights of networks that were trained
//! on other pictures, and neither means anything with other weights.

mod distance;
mod error;
mod histogram;
mod interval;
mod labels;
mod metric;
pub mod number;
mod planes;
mod share;
mod sharpness;
mod ssim;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use distance::{mae, psnr, rmse};
pub use error::MetricError;
pub use histogram::LabHistograms;
pub use interval::Mean;
pub use labels::{Confusion, class_mean};
pub use metric::{Better, Metric};
pub use share::Share;
pub use sharpness::{highest_frequency, sharpness};
pub use ssim::{MS_SSIM_LEAST, SsimWindow, ms_ssim, ssim};
