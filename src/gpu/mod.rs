//! Floor 1: adapters and limits, the device, buffers, and kernels (WGSL to pipeline), with typed
//! errors.

mod adapter;
mod buffer;
mod declared;
mod device;
mod error;
mod interface;
mod kernel;
mod kernel_spec;
mod lock;
mod options;
mod params;
#[cfg(not(target_arch = "wasm32"))]
mod parsed;
mod parts;
mod pipelines;
mod precompile;
mod profile;
mod read_back;
mod scopes;
#[cfg(test)]
mod tests;
mod timestamps;
mod upload;
mod user_cache;
mod wgsl;

pub use adapter::{AdapterSummary, list_adapters, quiet_drivers};
pub use buffer::{Buffer, buffer_bytes};
pub use device::Gpu;
pub use error::GpuError;
pub use interface::{Access, Interface};
pub use kernel::{Binding, Kernel};
pub use kernel_spec::KernelSpec;
pub use options::DeviceOptions;
pub use params::{HostShareable, Member, OffsetStride, Pad, member_name};
pub use parts::with_parts;
pub(crate) use precompile::Precompile;
pub use profile::{DeviceClass, Profile};
pub use read_back::ReadBack;
pub use timestamps::{Interval, Timestamps};
pub use upload::UploadRing;
pub use user_cache::UserCache;
pub use wgsl::ShaderSource;
pub(crate) use wgsl::shader;
