//! Kernels: a specialised shader as a compute pipeline, checked against its caller when it is
//! built.

use super::GpuError;
use super::interface::{Access, Interface};
use super::kernel_spec::KernelSpec;
use super::scopes::Scopes;
use wgpu::{
    BindGroupLayoutEntry, BindingType, BufferBindingType, ErrorFilter, PipelineCache, ShaderStages,
};

/// One buffer range of a dispatch.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    /// The buffer.
    pub buffer: &'a wgpu::Buffer,
    /// First byte, a multiple of the device's offset alignment.
    pub offset: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// A compute pipeline with the interface that naga read from its shader.
#[derive(Debug)]
pub struct Kernel {
    spec: KernelSpec,
    interface: Interface,
    layout: wgpu::BindGroupLayout,
    pipeline: wgpu::ComputePipeline,
}

impl Kernel {
    /// The pipeline, for encoding.
    pub fn pipeline(&self) -> &wgpu::ComputePipeline {
        &self.pipeline
    }

    /// Which kernel this is.
    pub fn spec(&self) -> &KernelSpec {
        &self.spec
    }

    /// What the shader expects.
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Bind group over `bindings` in the order of the shader's binding numbers.
    ///
    /// # Errors
    /// [`GpuError::Interface`] when their number or the size of the parameters differs,
    /// [`GpuError::Refused`] by wgpu's own checks.
    pub(super) fn bind(
        &self,
        device: &wgpu::Device,
        scopes: &Scopes,
        bindings: &[Binding],
    ) -> Result<wgpu::BindGroup, GpuError> {
        self.check_interface(bindings)?;
        let entries: Vec<wgpu::BindGroupEntry> = self
            .interface
            .bindings
            .iter()
            .zip(bindings)
            .map(|(&(number, _), b)| wgpu::BindGroupEntry {
                binding: number,
                resource: wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: b.buffer,
                    offset: b.offset,
                    size: wgpu::BufferSize::new(b.bytes),
                }),
            })
            .collect();
        let scope = Scopes::begin(device, ErrorFilter::Validation);
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(self.spec.source.name),
            layout: &self.layout,
            entries: &entries,
        });
        let spec = self.spec.clone();
        scopes.end(scope, move |error| GpuError::Refused {
            doing: format!("bindings of {}", spec.label()),
            reason: error.to_string(),
        })?;
        Ok(group)
    }

    fn check_interface(&self, bindings: &[Binding]) -> Result<(), GpuError> {
        let mismatch = |what, declared: String, given: String| {
            Err(GpuError::Interface {
                shader: self.spec.source.name.to_owned(),
                what,
                declared,
                given,
            })
        };
        let declared = self.interface.bindings.len();
        if declared != bindings.len() {
            return mismatch(
                "number of bindings",
                declared.to_string(),
                bindings.len().to_string(),
            );
        }
        if let Some(params) = bindings.first()
            && u64::from(self.interface.params_bytes) != params.bytes
        {
            return mismatch(
                "bytes of parameters",
                self.interface.params_bytes.to_string(),
                params.bytes.to_string(),
            );
        }
        Ok(())
    }
}

/// What kernels of one device are built with.
pub(super) struct KernelBuilder<'a> {
    pub device: &'a wgpu::Device,
    /// The driver's compiled pipelines of earlier starts.
    pub cache: Option<&'a PipelineCache>,
    /// Whether shaders check their indices and loops.
    pub checked: bool,
    /// Most invocations of one workgroup.
    pub max_invocations: u32,
    /// What the driver says of building them.
    pub scopes: &'a Scopes,
}

impl KernelBuilder<'_> {
    /// Builds a kernel; errors as those of `Gpu::kernel`.
    pub fn build(&self, spec: &KernelSpec) -> Result<Kernel, GpuError> {
        let text = spec.text()?;
        let interface = Interface::of(spec.source.name, &text)?;
        let invocations: u32 = interface.workgroup.iter().product();
        if invocations > self.max_invocations {
            return Err(GpuError::Limit {
                what: format!("a workgroup of {}", spec.label()),
                needed: invocations.into(),
                allowed: self.max_invocations.into(),
                unit: "invocations",
                remedy: "choose another kernel",
            });
        }
        let scope = Scopes::begin(self.device, ErrorFilter::Validation);
        let module = self.module(spec, &text);
        let layout = self.bind_group_layout(spec, &interface);
        let pipeline_layout = self
            .device
            .create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some(spec.source.name),
                bind_group_layouts: &[Some(&layout)],
                immediate_size: 0,
            });
        let pipeline = self
            .device
            .create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(spec.source.name),
                layout: Some(&pipeline_layout),
                module: &module,
                entry_point: Some(&interface.entry_point),
                // Every kernel writes its workgroup memory before it reads it.
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &[],
                    zero_initialize_workgroup_memory: false,
                },
                cache: self.cache,
            });
        let refused = spec.clone();
        self.scopes.end(scope, move |error| GpuError::Refused {
            doing: format!("kernel {}", refused.label()),
            reason: error.to_string(),
        })?;
        Ok(Kernel {
            spec: spec.clone(),
            interface,
            layout,
            pipeline,
        })
    }

    fn module(&self, spec: &KernelSpec, text: &str) -> wgpu::ShaderModule {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(spec.source.name),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        };
        if self.checked || !spec.is_unchecked {
            return self.device.create_shader_module(descriptor);
        }
        // SAFETY: a specification becomes unchecked in three places. A plan does it for the
        // operations of this crate, which derive the parameters from shapes; so do benches of
        // them; and `Gpu::kernel_unchecked` leaves it to its caller. Each shader of this crate
        // compares its indices with these parameters, and its loops count up to a parameter or a
        // constant. The kernel tests run every rung that the device offers without checks, with
        // outputs full of NaN between guard words.
        unsafe {
            self.device
                .create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked())
        }
    }

    fn bind_group_layout(&self, spec: &KernelSpec, interface: &Interface) -> wgpu::BindGroupLayout {
        let entries: Vec<BindGroupLayoutEntry> = interface
            .bindings
            .iter()
            .map(|&(binding, access)| BindGroupLayoutEntry {
                binding,
                visibility: ShaderStages::COMPUTE,
                ty: BindingType::Buffer {
                    ty: match access {
                        Access::Uniform => BufferBindingType::Uniform,
                        Access::Read => BufferBindingType::Storage { read_only: true },
                        Access::ReadWrite => BufferBindingType::Storage { read_only: false },
                    },
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            })
            .collect();
        self.device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some(spec.source.name),
                entries: &entries,
            })
    }
}
