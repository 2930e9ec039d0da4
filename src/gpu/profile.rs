//! What a device can do, as far as the choice of kernels depends on it. Plain data, so that
//! programs can be lowered, printed and tested without a device.

use super::GpuError;
use std::collections::BTreeMap;
use wgpu::{CooperativeMatrixProperties, CooperativeScalarType, Features};

/// The class of a device: kernels that win on one class often lose on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceClass {
    /// A software rasteriser that runs shaders on CPU cores.
    Cpu,
    /// A discrete, integrated or virtual GPU.
    Gpu,
}

/// The facts that kernel choices and memory plans are made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Software or hardware.
    pub class: DeviceClass,
    /// Lanes of a subgroup, when the device has subgroup operations and one fixed subgroup size.
    pub subgroup: Option<u32>,
    /// Whether shaders may store and load 16-bit floats.
    pub f16: bool,
    /// Whether kernels may load 64-bit words.
    pub int64: bool,
    /// Rows and columns of the largest matrices of 16-bit floats that the device's matrix units
    /// multiply and sum in f32.
    pub matrix: Option<u32>,
    /// Whether the device can time passes.
    pub timestamps: bool,
    /// Whether programs are fused before they are planned.
    pub fusion: bool,
    /// Most bytes that one storage binding may cover.
    pub max_binding_bytes: u64,
    /// Most bytes of one buffer.
    pub max_buffer_bytes: u64,
    /// Most invocations of one workgroup.
    pub max_invocations: u32,
    /// Alignment of a storage binding's offset, in bytes.
    pub offset_alignment: u32,
    /// Forced kernels, by family: a file stem, or the whole name of a candidate. For tests,
    /// benchmarks and resumed runs.
    pub forced: BTreeMap<String, String>,
    /// Tuned choices: from the key of a contraction to the name of its kernel.
    pub tuned: BTreeMap<String, String>,
}

impl Profile {
    /// The least that WebGPU promises: the default for programs that are printed without a device.
    pub fn portable() -> Self {
        Self {
            class: DeviceClass::Gpu,
            subgroup: None,
            f16: false,
            int64: false,
            matrix: None,
            timestamps: false,
            fusion: true,
            max_binding_bytes: 128 << 20,
            max_buffer_bytes: 256 << 20,
            max_invocations: 256,
            offset_alignment: 256,
            forced: BTreeMap::new(),
            tuned: BTreeMap::new(),
        }
    }

    /// What an open device can do.
    pub(super) fn of(
        info: &wgpu::AdapterInfo,
        device: &wgpu::Device,
        matrices: &[CooperativeMatrixProperties],
    ) -> Self {
        let limits = device.limits();
        let fixed_subgroup =
            info.subgroup_min_size == info.subgroup_max_size && info.subgroup_min_size > 0;
        let has = |feature| device.features().contains(feature);
        let subgroup =
            (has(Features::SUBGROUP) && fixed_subgroup).then_some(info.subgroup_min_size);
        // The kernels count subgroups, so they need to know their size.
        let matrix_units = has(Features::EXPERIMENTAL_COOPERATIVE_MATRIX)
            && has(Features::SHADER_F16)
            && subgroup.is_some();
        Self {
            class: if info.device_type == wgpu::DeviceType::Cpu {
                DeviceClass::Cpu
            } else {
                DeviceClass::Gpu
            },
            subgroup,
            f16: has(Features::SHADER_F16),
            int64: has(Features::SHADER_INT64),
            matrix: matrices
                .iter()
                .filter(|_| matrix_units)
                .filter_map(matrix_side)
                .max(),
            timestamps: has(Features::TIMESTAMP_QUERY),
            fusion: true,
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            max_invocations: limits.max_compute_invocations_per_workgroup,
            offset_alignment: limits
                .min_storage_buffer_offset_alignment
                .max(limits.min_uniform_buffer_offset_alignment),
            forced: Default::default(),
            tuned: Default::default(),
        }
    }

    /// Checks that one buffer may have so many bytes.
    ///
    /// # Errors
    /// [`GpuError::Limit`].
    pub fn check_buffer(&self, label: &str, bytes: u64) -> Result<(), GpuError> {
        if bytes <= self.max_buffer_bytes {
            return Ok(());
        }
        Err(GpuError::Limit {
            what: format!("buffer \"{label}\""),
            needed: bytes,
            allowed: self.max_buffer_bytes,
            unit: "bytes",
            remedy: "use smaller images, a smaller batch or image pool, or a narrower network",
        })
    }

    /// The same device with one family's rung forced: `force("conv2d", "1_naive")`.
    pub fn force(mut self, family: &str, rung: &str) -> Self {
        self.forced.insert(family.to_owned(), rung.to_owned());
        self
    }

    /// The rung forced for `family`, if any.
    pub fn forced_rung(&self, family: &str) -> Option<&str> {
        self.forced.get(family).map(String::as_str)
    }
}

/// Rows and columns of matrices of f16 with sums of f32; WGSL can say square ones only.
fn matrix_side(matrix: &CooperativeMatrixProperties) -> Option<u32> {
    let CooperativeMatrixProperties {
        m_size,
        n_size,
        k_size,
        ab_type,
        cr_type,
        saturating_accumulation,
    } = *matrix;
    let square = m_size == n_size && n_size == k_size;
    let types = ab_type == CooperativeScalarType::F16 && cr_type == CooperativeScalarType::F32;
    (square && types && !saturating_accumulation).then_some(m_size)
}
