//! Every shader that a program can select, without a GPU: it parses, validates, fits its caller, and translates to SPIR-V, MSL and
//! HLSL with the options that wgpu 30 asks naga for.

use naga::ShaderStage;
use naga::back::{hlsl, msl, pipeline_constants, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding};
use pix2pix::gpu::{Access, DeviceClass, Interface, Profile};
use pix2pix::nn::{DropoutMode, Mode, Norm, Statistics};
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{Groups, batch_norm, batch_norm_running, instance_norm};
use pix2pix::ops::contraction::Geometry;
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::multiply;
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::random::RandomNormal;
use pix2pix::ops::{Dispatch, Fill};
use pix2pix::program::Plan;
use pix2pix::state::StateList;
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::Shape;
use pix2pix::train::{GanLoss, Length, Objective, Recording, TrainConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What WebGPU promises to every kernel.
const MOST_STORAGE_BINDINGS: usize = 8;
const MOST_INVOCATIONS: u32 = 256;
const MOST_WORKGROUP_BYTES: u32 = 16 << 10;

/// The smallest run that has every part of the network.
pub fn small_config(size: u32, ngf: usize) -> TrainConfig {
    TrainConfig {
        adapter: None,
        dataset: None,
        direction: pix2pix::data::Direction::AtoB,
        size,
        load_size: pix2pix::data::default_load_size(size),
        ngf,
        ndf: ngf,
        num_downs: TrainConfig::downs_for(size).unwrap(),
        d_layers: 3,
        norm: Norm::Batch,
        dropout: true,
        batch_size: 1,
        length: Length::Steps(6),
        learning_rate: 2e-4,
        objective: Objective::default(),
        seed: 0,
        sample_every: 1000,
        checkpoint_every: 1000,
    }
}

/// `shaders/*/*.wgsl` as family and stem.
fn shader_files() -> Vec<(String, String, PathBuf)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let names = |folder: &Path| -> Vec<PathBuf> { std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect() };
    let text = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> =
        names(&root).iter().flat_map(|family| names(family).into_iter().map(|file| (text(family), text(&file), file))).collect();
    files.sort();
    files
}

/// A software adapter with so many lanes (0: no subgroups), or a GPU.
fn profiles() -> Vec<Profile> {
    let cpu = |lanes: u32| Profile { class: DeviceClass::Cpu, subgroup: (lanes > 0).then_some(lanes), ..Profile::portable() };
    let gpu = |lanes: u32| Profile { class: DeviceClass::Gpu, ..cpu(lanes) };
    vec![cpu(8), cpu(4), cpu(0), gpu(32), gpu(0)]
}

/// Each profile as it is, and with each rung of each ladder forced.
fn forced(profiles: &[Profile]) -> Vec<Profile> {
    let is_rung = |stem: &str| stem.split_once('_').is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let rungs: Vec<_> = shader_files().into_iter().filter(|(_, stem, _)| is_rung(stem)).collect();
    let with = |profile: &Profile| -> Vec<Profile> { rungs.iter().map(|(family, rung, _)| profile.clone().force(family, rung)).collect() };
    profiles.iter().flat_map(|profile| [vec![profile.clone()], with(profile)].concat()).collect()
}

/// Dispatches of the distinct kernels, by label.
#[derive(Default)]
struct Variants(BTreeMap<String, Dispatch>);

impl Variants {
    fn add(&mut self, tape: &Tape, states: &StateList, outputs: &[Var], profile: &Profile) {
        let plan = Plan::new(tape, states, outputs, profile).unwrap();
        for dispatch in plan.steps.into_iter().flat_map(|step| step.dispatches) {
            self.0.insert(dispatch.kernel.label(), dispatch);
        }
    }

    /// The training step and both ways to translate, at the sizes and widths that change a kernel's choice.
    fn add_networks(&mut self, profiles: &[Profile]) {
        let sizes = [(32, 2, 1), (32, 16, 2), (64, 16, 1), (96, 8, 1), (128, 32, 1), (256, 64, 1)];
        for (size, ngf, batch_size) in sizes {
            let base = TrainConfig { batch_size, ..small_config(size, ngf) };
            let loss = |gan_loss| TrainConfig { objective: Objective { gan_loss, ..base.objective }, ..base.clone() };
            let mut configs = vec![base.clone(), TrainConfig { d_layers: 0, ..base.clone() }];
            configs.extend([GanLoss::Lsgan, GanLoss::Wgangp].map(loss));
            // With instance norm the innermost map of 1×1 would be normalised alone.
            configs.push(TrainConfig { norm: Norm::None, ..base.clone() });
            configs.push(TrainConfig { norm: Norm::Instance, num_downs: 5, size: size.max(64), ..base.clone() });
            for config in configs {
                let Recording { states, generator, tape, vars, .. } = Recording::new(&config).unwrap();
                let image = tape.shape(vars.input);
                for profile in profiles {
                    self.add(&tape, &states, &[vars.fake], profile);
                }
                for mode in [Mode::translation(), Mode { statistics: Statistics::Running, dropout: DropoutMode::Random }] {
                    let mut tape = Tape::default();
                    let input = tape.input("input", image);
                    let output = generator.forward(&mut tape, &states, input, &mode).unwrap();
                    for profile in profiles {
                        self.add(&tape, &states, &[output], profile);
                    }
                }
            }
        }
    }

    /// What the networks of today do not use: other geometries, both orientations of a weight, remaining losses and activations.
    fn add_operations(&mut self, profiles: &[Profile]) {
        let mut tape = Tape::default();
        let mut outputs = Vec::new();
        for (kernel, stride, padding) in [(4, 2, 1), (4, 1, 1), (3, 1, 1), (1, 1, 0), (7, 1, 3), (3, 2, 1)] {
            let geometry = Geometry::new(kernel, stride, padding);
            for (pixels, channels) in [(8, [3, 5]), (16, [64, 32])] {
                let input = tape.input("input", Shape::nhwc(2, pixels, pixels, channels[0]));
                let weight = tape.input("weight", Shape::hwio(kernel, kernel, channels[0], channels[1]));
                let bias = tape.input("bias", Shape::vector(channels[1]));
                for bias in [None, Some(bias)] {
                    let wrt: Vec<Var> = [input, weight].into_iter().chain(bias).collect();
                    for output in [
                        conv2d(&mut tape, input, weight, bias, geometry).unwrap(),
                        conv_transpose2d(&mut tape, input, weight, bias, geometry).unwrap(),
                    ] {
                        outputs.extend(second_order(&mut tape, output, &wrt));
                    }
                }
            }
        }
        outputs.extend(pointwise(&mut tape));
        for profile in profiles {
            self.add(&tape, &StateList::default(), &outputs, profile);
        }
    }
}

/// Gradients of an output, and the gradients of the first of them.
fn second_order(tape: &mut Tape, output: Var, wrt: &[Var]) -> Vec<Var> {
    let grad_output = tape.input("grad_output", tape.shape(output));
    let mut outputs = tape.backward_from(output, grad_output, wrt).unwrap();
    for first in [outputs[0], outputs[1]] {
        let other = if first == outputs[0] { wrt[1] } else { wrt[0] };
        let seed = tape.input("seed", tape.shape(first));
        outputs.extend(tape.backward_from(first, seed, &[other, grad_output]).unwrap());
    }
    outputs
}

fn pointwise(tape: &mut Tape) -> Vec<Var> {
    let mut outputs = Vec::new();
    for shape in [Shape::nhwc(2, 4, 4, 6), Shape::nhwc(1, 128, 128, 8)] {
        let [input, target] = ["input", "target"].map(|name| tape.input(name, shape));
        let [weight, bias, mean, variance] =
            ["weight", "bias", "mean", "variance"].map(|name| tape.input(name, Shape::vector(shape.channels())));
        let activations = [Activation::LeakyRelu { slope: 0.2 }, Activation::Tanh, Activation::Sigmoid];
        let mut values: Vec<Var> = activations.map(|activation| activate(tape, input, activation).unwrap()).to_vec();
        values.push(multiply(tape, input, input, 2.0).unwrap());
        for groups in [Groups::Batch, Groups::Instance] {
            values.push(batch_norm(tape, input, [weight, bias], groups, 1e-5).unwrap().0);
        }
        values.push(batch_norm_running(tape, input, [weight, bias], [mean, variance], 1e-5).unwrap());
        values.push(instance_norm(tape, input, 1e-5).unwrap());
        for value in values {
            let grad_output = tape.input("grad_output", shape);
            outputs.extend(tape.backward_from(value, grad_output, &[input]).unwrap());
        }
        for kind in [LossKind::BceWithLogits { target: 1.0 }, LossKind::Mse { target: 0.0 }, LossKind::WganMean { sign: -1.0 }] {
            let loss = tape.record(Loss { kind }, &[input]).unwrap();
            outputs.extend(tape.backward(loss, &[input]).unwrap());
        }
        for kind in [LossKind::L1, LossKind::MsePair] {
            let loss = tape.record(Loss { kind }, &[input, target]).unwrap();
            outputs.extend(tape.backward(loss, &[input, target]).unwrap());
        }
        outputs.push(tape.record(RandomNormal::new(0.0, 1.0, "name", shape), &[]).unwrap());
        outputs.push(tape.record(Fill { value: 1.0, shape }, &[]).unwrap());
    }
    outputs
}

fn all_variants() -> Variants {
    let mut variants = Variants::default();
    variants.add_networks(&profiles());
    let forced = forced(&profiles());
    variants.add_operations(&forced);
    // Forced rungs see the networks' own shapes as well, where tiles and splits differ.
    let Recording { states, tape, vars, .. } = Recording::new(&small_config(64, 16)).unwrap();
    forced.iter().for_each(|profile| variants.add(&tape, &states, &[vars.fake], profile));
    variants
}

/// Parses and validates as wgpu does, then replaces overrides as its backends do.
fn validate(label: &str, text: &str, subgroups: bool) -> Result<(Module, ModuleInfo), String> {
    let module = naga::front::wgsl::parse_str(text).map_err(|e| format!("{label}: {}", e.emit_to_string(text)))?;
    let mut capabilities = Capabilities::empty();
    capabilities.set(Capabilities::SUBGROUP, subgroups);
    let mut validator = Validator::new(ValidationFlags::all(), capabilities);
    if subgroups {
        validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE | naga::valid::ShaderStages::FRAGMENT);
        validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    }
    let info = validator.validate(&module).map_err(|e| format!("{label}: {}", e.emit_to_string(text)))?;
    let entry = (ShaderStage::Compute, &*module.entry_points[0].name);
    let (module, info) =
        pipeline_constants::process_overrides(&module, &info, Some(entry), &Default::default()).map_err(|e| format!("{label}: {e}"))?;
    Ok((module.into_owned(), info.into_owned()))
}

/// The resource bindings of a module, in the order of their declaration, with whether they are written.
fn bindings(module: &Module) -> Vec<(ResourceBinding, AddressSpace)> {
    module.global_variables.iter().filter_map(|(_, variable)| Some((variable.binding?, variable.space))).collect()
}

fn policies(checked: bool) -> BoundsCheckPolicies {
    let policy = if checked { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
    BoundsCheckPolicies { index: policy, buffer: policy, image_load: policy, binding_array: BoundsCheckPolicy::Unchecked }
}

fn to_spirv(module: &Module, info: &ModuleInfo, entry: &str, checked: bool, lang_version: (u8, u8), subgroups: bool) -> Result<(), String> {
    use spv::Capability as C;
    let mut capabilities = vec![C::Shader, C::Matrix, C::ImageQuery, C::DerivativeControl, C::StorageImageExtendedFormats];
    if subgroups {
        capabilities.extend([C::GroupNonUniform, C::GroupNonUniformVote, C::GroupNonUniformArithmetic, C::GroupNonUniformBallot]);
        capabilities.extend([C::GroupNonUniformShuffle, C::GroupNonUniformShuffleRelative, C::GroupNonUniformQuad]);
    }
    let options = spv::Options {
        lang_version,
        flags: spv::WriterFlags::empty(),
        fake_missing_bindings: false,
        binding_map: bindings(module)
            .iter()
            .map(|&(binding, _)| (binding, spv::BindingInfo { descriptor_set: 0, binding: binding.binding, binding_array_size: None }))
            .collect(),
        capabilities: Some(capabilities.into_iter().collect()),
        bounds_check_policies: policies(checked),
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: checked,
        use_storage_input_output_16: false,
        emit_int_div_checks: checked,
        ..Default::default()
    };
    let pipeline = spv::PipelineOptions { shader_stage: ShaderStage::Compute, entry_point: entry.to_owned() };
    spv::write_vec(module, info, &options, Some(&pipeline)).map(|_| ()).map_err(|e| format!("SPIR-V {lang_version:?}: {e}"))
}

fn to_msl(module: &Module, info: &ModuleInfo, entry: &str, checked: bool, lang_version: (u8, u8)) -> Result<(), String> {
    let target = |(slot, (binding, space)): (usize, (ResourceBinding, AddressSpace))| {
        let mutable = matches!(space, AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE));
        (binding, msl::BindTarget { buffer: Some(slot as u8), mutable, ..Default::default() })
    };
    let bindings = bindings(module);
    let sizes_buffer = Some(bindings.len() as u8);
    let resources = bindings.into_iter().enumerate().map(target).collect();
    let resources = msl::EntryPointResources { resources, immediates_buffer: None, sizes_buffer };
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
    let (_, translated) = msl::write_string(module, info, &options, &pipeline).map_err(|e| format!("MSL {lang_version:?}: {e:?}"))?;
    translated.entry_point_names[0].clone().map(|_| ()).map_err(|e| format!("MSL {lang_version:?}: {e}"))
}

fn to_hlsl(module: &Module, info: &ModuleInfo, entry: &str, checked: bool, shader_model: hlsl::ShaderModel) -> Result<(), String> {
    let target = |(register, (binding, _)): (usize, (ResourceBinding, AddressSpace))| {
        let target = hlsl::BindTarget { space: 0, register: register as u32, restrict_indexing: true, ..Default::default() };
        (binding, target)
    };
    let options = hlsl::Options {
        shader_model,
        binding_map: bindings(module).into_iter().enumerate().map(target).collect(),
        fake_missing_bindings: false,
        // The dispatch size, which wgpu passes so that `num_workgroups` works.
        special_constants_binding: Some(hlsl::BindTarget { space: 1, ..Default::default() }),
        zero_initialize_workgroup_memory: false,
        restrict_indexing: checked,
        force_loop_bounding: checked,
        ..Default::default()
    };
    let pipeline = hlsl::PipelineOptions { entry_point: Some((ShaderStage::Compute, entry.to_owned())) };
    let mut source = String::new();
    let written = hlsl::Writer::new(&mut source, &options, &pipeline)
        .write(module, info, None)
        .map_err(|e| format!("HLSL {shader_model:?}: {e:?}"))?;
    written.entry_point_names[0].clone().map(|_| ()).map_err(|e| format!("HLSL {shader_model:?}: {e}"))
}

/// Everything that wgpu could ask for: trusted and checked, the oldest and the newest version of each language.
fn translate(label: &str, text: &str, subgroups: bool) -> Result<(), String> {
    let (module, info) = validate(label, text, subgroups)?;
    let entry = &*module.entry_points[0].name;
    // Subgroup operations need Vulkan 1.1 and shader model 6.
    let (spirv, model) = if subgroups { ((1, 3), hlsl::ShaderModel::V6_0) } else { ((1, 0), hlsl::ShaderModel::V5_1) };
    for checked in [false, true] {
        for version in [spirv, (1, 3), (1, 6)] {
            to_spirv(&module, &info, entry, checked, version, subgroups).map_err(|e| format!("{label}: {e}"))?;
        }
        for version in [(2, 1), (4, 0)] {
            to_msl(&module, &info, entry, checked, version).map_err(|e| format!("{label}: {e}"))?;
        }
        for model in [model, hlsl::ShaderModel::V6_7] {
            to_hlsl(&module, &info, entry, checked, model).map_err(|e| format!("{label}: {e}"))?;
        }
    }
    Ok(())
}

/// Only a rung built on subgroup operations may need them.
fn uses_subgroups(name: &str) -> bool {
    name.ends_with("_broadcast")
}

#[test]
fn every_shader_file_validates_and_translates_as_it_lies() {
    let files = shader_files();
    assert!(files.len() > 25, "{} files", files.len());
    for (family, stem, path) in files {
        assert_eq!(path.extension().unwrap(), "wgsl", "{}", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        translate(&format!("{family}/{stem}"), &text, uses_subgroups(&stem)).unwrap();
        assert!(text.lines().count() <= 250, "{} is longer than 250 lines", path.display());
    }
}

#[test]
fn every_variant_translates_to_spirv_msl_and_hlsl() {
    let variants = all_variants();
    let mut failures = Vec::new();
    for (label, dispatch) in &variants.0 {
        let source = &dispatch.kernel.source;
        let text = dispatch.kernel.text().unwrap();
        failures.extend(translate(label, &text, uses_subgroups(source.name)).err());
    }
    assert!(failures.is_empty(), "{} of {} variants:\n{}", failures.len(), variants.0.len(), failures.join("\n"));
    println!("{} variants", variants.0.len());
}

#[test]
fn every_variant_fits_its_caller_and_the_least_device() {
    for (label, dispatch) in &all_variants().0 {
        let text = dispatch.kernel.text().unwrap();
        let interface = Interface::of(label, &text).unwrap();
        assert_eq!(interface.bindings.len(), dispatch.slots.len() + 1, "{label}: bindings");
        assert_eq!(interface.params_bytes as usize, dispatch.params.len(), "{label}: bytes of parameters");
        assert_eq!(interface.bindings[0], (0, Access::Uniform), "{label}");
        assert!(interface.bindings.iter().enumerate().all(|(i, &(number, _))| number as usize == i), "{label}: gaps");
        let storage = interface.bindings.iter().filter(|(_, access)| *access != Access::Uniform).count();
        assert!(storage <= MOST_STORAGE_BINDINGS, "{label}: {storage} storage bindings");
        let invocations: u32 = interface.workgroup.iter().product();
        assert!((1..=MOST_INVOCATIONS).contains(&invocations), "{label}: {invocations} invocations");
        let (module, _) = validate(label, &text, uses_subgroups(dispatch.kernel.source.name)).unwrap();
        let shared = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx())).sum();
        assert!(bytes <= MOST_WORKGROUP_BYTES, "{label}: {bytes} bytes of workgroup memory");
    }
}

#[test]
fn every_shader_file_is_selected_somewhere() {
    let selected: BTreeSet<String> = all_variants().0.values().map(|dispatch| dispatch.kernel.source.name.to_owned()).collect();
    let files: BTreeSet<String> = shader_files().iter().map(|(family, stem, _)| format!("{family}/{stem}")).collect();
    assert_eq!(selected, files);
}
