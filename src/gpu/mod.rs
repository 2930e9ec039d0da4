//! Floor 1: adapters and limits, the device, buffers, and kernels (WGSL to pipeline), with typed
//! errors.

mod adapter;
mod device;
mod error;
mod kernel;
mod parts;
mod pipelines;
mod precompile;
mod profile;
mod timestamps;
mod upload;
mod user_cache;
mod wgsl;

pub use adapter::{AdapterSummary, list_adapters, quiet_drivers};
pub use device::{Buffer, DeviceOptions, Gpu, ReadBack, buffer_bytes};
pub use error::GpuError;
pub use kernel::{Binding, Kernel, KernelSpec};
pub use parts::with_parts;
pub(crate) use precompile::Precompile;
pub use profile::{DeviceClass, Profile};
pub use timestamps::{Interval, Timestamps};
pub use upload::UploadRing;
pub use user_cache::UserCache;
pub use wgsl::{Access, Interface, ShaderSource};
