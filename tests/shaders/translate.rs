//! Validates and translates shaders to SPIR-V, MSL and HLSL with the options that wgpu 30 asks naga
//! for.

use naga::ShaderStage;
use naga::back::{hlsl, msl, pipeline_constants, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding};

/// Features of the device that a shader may use, and no others.
#[derive(Clone, Copy)]
struct Needs {
    subgroups: bool,
    f16: bool,
    int64: bool,
    matrix: bool,
}

impl Needs {
    /// Only the rungs built on subgroups, 64-bit words and matrix units and the 8-wide kernels may
    /// need these; the directive says who needs f16.
    fn of(label: &str, text: &str) -> Self {
        let name = label.split(' ').next().unwrap();
        let rung = name.split_once('/').unwrap().1;
        let matrix = rung == "matrix";
        let shares = ["4_broadcast", "5_wide", "thin", "dot", "winograd"].contains(&rung);
        Self {
            subgroups: shares || matrix,
            f16: text.contains("enable f16;"),
            int64: label.contains("vec4=vec8")
                || rung.ends_with("_wide")
                || rung.starts_with("winograd"),
            matrix,
        }
    }

    /// The oldest, that of Vulkan 1.1, and the newest. Subgroup operations need Vulkan 1.1.
    fn spirv_versions(self) -> &'static [(u8, u8)] {
        if self.subgroups {
            &[(1, 3), (1, 6)]
        } else {
            &[(1, 0), (1, 3), (1, 6)]
        }
    }

    fn oldest_msl(self) -> (u8, u8) {
        if self.matrix || self.int64 {
            (2, 3)
        } else {
            (2, 1)
        }
    }

    /// The oldest and the newest; HLSL cannot say matrix units.
    fn shader_models(self) -> Vec<hlsl::ShaderModel> {
        match (self.matrix, self.f16, self.subgroups) {
            (true, ..) => vec![],
            (_, true, _) => vec![hlsl::ShaderModel::V6_2, hlsl::ShaderModel::V6_7],
            (.., true) => vec![hlsl::ShaderModel::V6_0, hlsl::ShaderModel::V6_7],
            _ => vec![hlsl::ShaderModel::V5_1, hlsl::ShaderModel::V6_7],
        }
    }
}

/// Parses and validates as wgpu does, then replaces overrides as its backends do.
fn validate(label: &str, text: &str) -> Result<(Module, ModuleInfo), String> {
    let needs = Needs::of(label, text);
    let module = naga::front::wgsl::parse_str(text)
        .map_err(|e| format!("{label}: {}", e.emit_to_string(text)))?;
    let mut capabilities = Capabilities::empty();
    capabilities.set(Capabilities::SUBGROUP, needs.subgroups);
    capabilities.set(Capabilities::SHADER_FLOAT16, needs.f16);
    capabilities.set(Capabilities::SHADER_INT64, needs.int64);
    capabilities.set(Capabilities::COOPERATIVE_MATRIX, needs.matrix);
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if needs.subgroups {
        validator.subgroup_stages(
            naga::valid::ShaderStages::COMPUTE | naga::valid::ShaderStages::FRAGMENT,
        );
        validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    }
    let info = validator
        .validate(&module)
        .map_err(|e| format!("{label}: {}", e.emit_to_string(text)))?;
    let entry = (ShaderStage::Compute, &*module.entry_points[0].name);
    let (module, info) =
        pipeline_constants::process_overrides(&module, &info, Some(entry), &Default::default())
            .map_err(|e| format!("{label}: {e}"))?;
    Ok((module.into_owned(), info.into_owned()))
}

/// The resource bindings of a module, in the order of their declaration, with whether they are
/// written.
fn bindings(module: &Module) -> Vec<(ResourceBinding, AddressSpace)> {
    module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| Some((variable.binding?, variable.space)))
        .collect()
}

fn policies(checked: bool) -> BoundsCheckPolicies {
    let policy = if checked {
        BoundsCheckPolicy::Restrict
    } else {
        BoundsCheckPolicy::Unchecked
    };
    BoundsCheckPolicies {
        index: policy,
        buffer: policy,
        image_load: policy,
        binding_array: BoundsCheckPolicy::Unchecked,
    }
}

/// What a device of these features lets SPIR-V say.
fn spirv_capabilities(needs: Needs) -> Vec<spv::Capability> {
    use spv::Capability as C;
    let mut capabilities = vec![
        C::Shader,
        C::Matrix,
        C::ImageQuery,
        C::DerivativeControl,
        C::StorageImageExtendedFormats,
    ];
    if needs.subgroups {
        capabilities.extend([
            C::GroupNonUniform,
            C::GroupNonUniformVote,
            C::GroupNonUniformArithmetic,
            C::GroupNonUniformBallot,
            C::GroupNonUniformShuffle,
            C::GroupNonUniformShuffleRelative,
            C::GroupNonUniformQuad,
        ]);
    }
    if needs.f16 {
        capabilities.extend([
            C::Float16,
            C::StorageBuffer16BitAccess,
            C::UniformAndStorageBuffer16BitAccess,
        ]);
    }
    if needs.int64 {
        capabilities.push(C::Int64);
    }
    if needs.matrix {
        capabilities.extend([C::CooperativeMatrixKHR, C::VulkanMemoryModel]);
    }
    capabilities
}

fn to_spirv(
    module: &Module,
    info: &ModuleInfo,
    entry: &str,
    checked: bool,
    lang_version: (u8, u8),
    needs: Needs,
) -> Result<(), String> {
    let target = |&(binding, _): &(ResourceBinding, AddressSpace)| {
        let target = spv::BindingInfo {
            descriptor_set: 0,
            binding: binding.binding,
            binding_array_size: None,
        };
        (binding, target)
    };
    let options = spv::Options {
        lang_version,
        flags: spv::WriterFlags::empty(),
        fake_missing_bindings: false,
        binding_map: bindings(module).iter().map(target).collect(),
        capabilities: Some(spirv_capabilities(needs).into_iter().collect()),
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: checked,
        use_storage_input_output_16: false,
        emit_int_div_checks: checked,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: entry.to_owned(),
    };
    spv::write_vec(module, info, &options, Some(&pipeline))
        .map(|_| ())
        .map_err(|e| format!("SPIR-V {lang_version:?}: {e}"))
}

fn to_msl(
    module: &Module,
    info: &ModuleInfo,
    entry: &str,
    checked: bool,
    lang_version: (u8, u8),
) -> Result<(), String> {
    let target = |(slot, (binding, space)): (usize, (ResourceBinding, AddressSpace))| {
        let mutable = match space {
            AddressSpace::Storage { access } => access.contains(naga::StorageAccess::STORE),
            _ => false,
        };
        (
            binding,
            msl::BindTarget {
                buffer: Some(slot as u8),
                mutable,
                ..Default::default()
            },
        )
    };
    let bindings = bindings(module);
    let sizes_buffer = Some(bindings.len() as u8);
    let resources = bindings.into_iter().enumerate().map(target).collect();
    let resources = msl::EntryPointResources {
        resources,
        immediates_buffer: None,
        sizes_buffer,
    };
    let options = msl::Options {
        lang_version,
        per_entry_point_map: [(entry.to_owned(), resources)].into(),
        fake_missing_bindings: false,
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: false,
        force_loop_bounding: checked,
        emit_int_div_checks: checked,
        ..Default::default()
    };
    let pipeline = msl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, entry.to_owned())),
        vertex_pulling_transform: true,
        ..Default::default()
    };
    let (_, translated) = msl::write_string(module, info, &options, &pipeline)
        .map_err(|e| format!("MSL {lang_version:?}: {e:?}"))?;
    translated.entry_point_names[0]
        .clone()
        .map(|_| ())
        .map_err(|e| format!("MSL {lang_version:?}: {e}"))
}

fn to_hlsl(
    module: &Module,
    info: &ModuleInfo,
    entry: &str,
    checked: bool,
    shader_model: hlsl::ShaderModel,
) -> Result<(), String> {
    let target = |(register, (binding, _)): (usize, (ResourceBinding, AddressSpace))| {
        let target = hlsl::BindTarget {
            space: 0,
            register: register as u32,
            restrict_indexing: true,
            ..Default::default()
        };
        (binding, target)
    };
    let options = hlsl::Options {
        shader_model,
        binding_map: bindings(module)
            .into_iter()
            .enumerate()
            .map(target)
            .collect(),
        fake_missing_bindings: false,
        // The dispatch size, which wgpu passes so that `num_workgroups` works.
        special_constants_binding: Some(hlsl::BindTarget {
            space: 1,
            ..Default::default()
        }),
        zero_initialize_workgroup_memory: false,
        restrict_indexing: checked,
        force_loop_bounding: checked,
        ..Default::default()
    };
    let pipeline = hlsl::PipelineOptions {
        entry_point: Some((ShaderStage::Compute, entry.to_owned())),
    };
    let mut source = String::new();
    let written = hlsl::Writer::new(&mut source, &options, &pipeline)
        .write(module, info, None)
        .map_err(|e| format!("HLSL {shader_model:?}: {e:?}"))?;
    written.entry_point_names[0]
        .clone()
        .map(|_| ())
        .map_err(|e| format!("HLSL {shader_model:?}: {e}"))
}

/// What the backends made of a shader.
pub struct Translated {
    /// Bytes of its workgroup memory.
    pub workgroup_bytes: u32,
    /// What a backend refused.
    pub outcome: Result<(), String>,
}

/// Which versions of a language a shader is translated to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// The oldest that can say it, without checks of indices: what most devices ask for.
    Oldest,
    /// Everything that wgpu could ask for: trusted and checked, the oldest and the newest.
    Every,
}

/// Translates a shader to SPIR-V, MSL and HLSL.
///
/// # Errors
/// What naga's parser and validator say.
pub fn translate(label: &str, text: &str, versions: Versions) -> Result<Translated, String> {
    let (module, info) = validate(label, text)?;
    let shared = module
        .global_variables
        .iter()
        .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
    let workgroup_bytes = shared
        .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
        .sum();
    let outcome = to_each_language(Needs::of(label, text), &module, &info, versions);
    Ok(Translated {
        workgroup_bytes,
        outcome: outcome.map_err(|e| format!("{label}: {e}")),
    })
}

fn to_each_language(
    needs: Needs,
    module: &Module,
    info: &ModuleInfo,
    versions: Versions,
) -> Result<(), String> {
    let entry = &*module.entry_points[0].name;
    // The oldest version comes first in each list.
    let (most, checks): (usize, &[bool]) = match versions {
        Versions::Oldest => (1, &[false]),
        Versions::Every => (usize::MAX, &[false, true]),
    };
    for &checked in checks {
        for &version in needs.spirv_versions().iter().take(most) {
            to_spirv(module, info, entry, checked, version, needs)?;
        }
        for version in [needs.oldest_msl(), (4, 0)].into_iter().take(most) {
            to_msl(module, info, entry, checked, version)?;
        }
        for model in needs.shader_models().into_iter().take(most) {
            to_hlsl(module, info, entry, checked, model)?;
        }
    }
    Ok(())
}
