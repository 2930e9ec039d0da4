//! How a device is opened.

use wgpu::Features;

/// How to open the device.
#[derive(Debug, Clone, Default)]
pub struct DeviceOptions {
    /// Index or part of the name; the best adapter when absent.
    pub adapter: Option<String>,
    /// Build shaders with bounds checks and loop bounding: slower, for hunting bugs.
    pub checked: bool,
    /// Pretend that the device has no 16-bit floats.
    pub no_f16: bool,
    /// Pretend that the device has no subgroup operations.
    pub no_subgroups: bool,
    /// Pretend that the device has no 64-bit integers.
    pub no_int64: bool,
    /// Pretend that the device has no matrix units.
    pub no_matrix: bool,
    /// Pretend that the device has no timestamps.
    pub no_timestamps: bool,
    /// Run programs as they were recorded, without fusing operations.
    pub no_fusion: bool,
}

impl DeviceOptions {
    /// The optional features to ask for: what we use, less what is switched off.
    pub(super) fn features(&self) -> Features {
        let off = |switched_off: bool, feature| {
            if switched_off {
                feature
            } else {
                Features::empty()
            }
        };
        (Features::PIPELINE_CACHE
            | Features::SHADER_F16
            | Features::SUBGROUP
            | Features::SHADER_INT64
            | Features::TIMESTAMP_QUERY
            | Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            - off(self.no_f16, Features::SHADER_F16)
            - off(self.no_subgroups, Features::SUBGROUP)
            - off(self.no_int64, Features::SHADER_INT64)
            - off(self.no_matrix, Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            - off(self.no_timestamps, Features::TIMESTAMP_QUERY)
    }
}
