//! Every shader that a program can select, without a GPU: it parses, validates, fits its caller,
//! and translates to SPIR-V, MSL and HLSL.

use crate::translate::{translate, validate};
use naga::AddressSpace;
use pix2pix::contraction::Geometry;
use pix2pix::contraction::{ContractionKey, Family, Rung, candidates};
use pix2pix::gpu::{Access, DeviceClass, HostShareable, Interface, Profile, with_parts};
use pix2pix::nn::{DropoutMode, Fit, Mode, Norm, StatisticsFrom, Upsample};
use pix2pix::ops::Fill;
use pix2pix::ops::activation::{Activation, activate};
use pix2pix::ops::batch_norm::{Groups, batch_norm, batch_norm_running, instance_norm};
use pix2pix::ops::conv_transpose2d::conv_transpose2d;
use pix2pix::ops::conv2d::conv2d;
use pix2pix::ops::elementwise::{Power, add, multiply};
use pix2pix::ops::ema::Swap;
use pix2pix::ops::loss::{Loss, LossKind};
use pix2pix::ops::random::{RandomNormal, RandomUniform};
use pix2pix::ops::reduction::Sum;
use pix2pix::ops::resample::Resample;
use pix2pix::program::Plan;
use pix2pix::state::StateList;
use pix2pix::tape::{Dispatch, Slot, StepState};
use pix2pix::tape::{Tape, Var};
use pix2pix::tensor::{DType, Shape};
use pix2pix::train::{
    Architecture, Config, Distance, GanLoss, Objective, Optimizer, Recipe, Recording, UpdateOrder,
};
use pix2pix_harness::config::{penalised, small_config};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What WebGPU promises to every kernel.
const MOST_STORAGE_BINDINGS: usize = 8;
const MOST_INVOCATIONS: u32 = 256;
const MOST_WORKGROUP_BYTES: u32 = 16 << 10;

fn shader_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders")
}

/// What lies in a folder.
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// `shaders/*/*.wgsl` as family and stem, parts not counted.
fn shader_files() -> Vec<(String, String, PathBuf)> {
    let text = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = files_in(&shader_folder())
        .iter()
        .flat_map(|family| {
            files_in(family)
                .into_iter()
                .map(|file| (text(family), text(&file), file))
        })
        .collect();
    files.retain(|(family, _, _)| family != PARTS);
    files.sort();
    files
}

/// The folder of what shaders share.
const PARTS: &str = "parts";

/// A software adapter with so many lanes (0: no subgroups), or a GPU, also with matrix units of
/// either size.
fn profiles() -> Vec<Profile> {
    let cpu = |lanes: u32| Profile {
        class: DeviceClass::Cpu,
        subgroup: (lanes > 0).then_some(lanes),
        ..Profile::portable()
    };
    let int64 = |lanes: u32| Profile {
        int64: true,
        ..cpu(lanes)
    };
    let gpu = |lanes: u32| Profile {
        class: DeviceClass::Gpu,
        ..cpu(lanes)
    };
    let matrix = |lanes: u32, side: u32| Profile {
        f16: true,
        matrix: Some(side),
        ..gpu(lanes)
    };
    vec![
        cpu(8),
        int64(8),
        cpu(4),
        cpu(0),
        gpu(32),
        gpu(0),
        matrix(8, 8),
        matrix(32, 8),
        matrix(32, 16),
        matrix(64, 16),
    ]
}

/// Each profile as it is, and with each rung of each family of contractions forced.
fn forced(profiles: &[Profile]) -> Vec<Profile> {
    let with = |profile: &Profile| -> Vec<Profile> {
        let one = |family: Family, rung: Rung| profile.clone().force(family.name(), rung.name());
        (Family::ALL.into_iter())
            .flat_map(|family| Rung::ALL.map(|rung| one(family, rung)))
            .collect()
    };
    profiles
        .iter()
        .flat_map(|profile| [vec![profile.clone()], with(profile)].concat())
        .collect()
}

/// Dispatches of the distinct kernels, by label.
#[derive(Default)]
struct Variants(BTreeMap<String, Dispatch>);

impl Variants {
    fn add(&mut self, tape: &Tape, states: &StateList, outputs: &[Var], profile: &Profile) {
        for fusion in [true, false] {
            let plan = Plan::new(
                tape,
                states,
                outputs,
                &Profile {
                    fusion,
                    ..profile.clone()
                },
            )
            .unwrap();
            for dispatch in plan.steps.into_iter().flat_map(|step| step.dispatches) {
                self.0.insert(dispatch.kernel.label(), dispatch);
            }
        }
    }

    /// The training step and both ways to translate, at the sizes and widths that change a kernel's
    /// choice.
    fn add_networks(&mut self, profiles: &[Profile]) {
        let sizes = [
            (32, 2, 1),
            (32, 16, 2),
            (64, 16, 1),
            (96, 8, 1),
            (128, 32, 1),
            (256, 64, 1),
        ];
        for (size, ngf, batch_size) in sizes {
            let base = Config {
                batch_size,
                ..small_config(size, ngf)
            };
            let loss = |gan_loss| Config {
                objective: Objective {
                    gan_loss,
                    ..base.objective
                },
                ..base.clone()
            };
            let mut configs = vec![
                base.clone(),
                Config {
                    d_layers: 0,
                    ..base.clone()
                },
            ];
            configs.extend([GanLoss::Lsgan, GanLoss::Hinge, GanLoss::Wgangp].map(loss));
            let torch = Objective {
                order: UpdateOrder::Torch,
                conditional: false,
                distance: Distance::L2,
                lambda_gan: 0.5,
                ..base.objective
            };
            configs.push(Config {
                objective: torch,
                ..base.clone()
            });
            // With instance norm the innermost map of 1×1 would be normalised alone.
            configs.push(Config {
                norm: Norm::None,
                ..base.clone()
            });
            configs.push(Config {
                norm: Norm::Instance,
                num_downs: 5,
                size: size.max(64),
                load_size: base.load_size.max(72),
                ..base.clone()
            });
            if size == 32 {
                let upsample = Upsample::Bilinear;
                configs.push(Config {
                    architecture: Architecture::ResNet6,
                    num_downs: 2,
                    upsample,
                    ..base.clone()
                });
            }
            for momentum in [0.0, 0.9] {
                let optimizer = Optimizer::Sgd { momentum };
                let recipe = Recipe {
                    optimizer,
                    pool: 2,
                    ema: Some(0.99),
                    accumulate: batch_size,
                    ..Recipe::default()
                };
                configs.push(Config {
                    recipe,
                    ..base.clone()
                });
            }
            configs.push(penalised(Config {
                norm: Norm::Instance,
                num_downs: 5,
                size: size.max(64),
                load_size: base.load_size.max(72),
                ..base.clone()
            }));
            let halves = |config: &Config| Config {
                precision: DType::F16,
                ..config.clone()
            };
            configs.extend([halves(&base), halves(configs.last().unwrap())]);
            if size == 32 {
                let odd = [Fit::Pad, Fit::Crop].map(|fit| Config {
                    size: 50,
                    load_size: 50,
                    d_layers: 1,
                    fit,
                    ..base.clone()
                });
                configs.extend(odd.iter().map(halves));
                configs.extend(odd);
            }
            for config in configs {
                let Recording {
                    states,
                    generator,
                    tape,
                    vars,
                    ..
                } = Recording::new(&config).unwrap();
                let image = tape.shape(vars.input);
                for profile in profiles {
                    self.add(&tape, &states, &[vars.fake], profile);
                }
                if config.recipe.ema.is_some() {
                    let mut tape = Tape::default();
                    let swap = tape
                        .record(
                            Swap {
                                arena: generator.parameters(),
                            },
                            &[],
                        )
                        .unwrap();
                    profiles
                        .iter()
                        .for_each(|profile| self.add(&tape, &states, &[swap], profile));
                }
                for mode in [
                    Mode::translation(),
                    Mode {
                        statistics: StatisticsFrom::Running,
                        dropout: DropoutMode::Random,
                    },
                ] {
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

    /// What the networks of today do not use: other geometries, both orientations of a weight,
    /// remaining losses and activations.
    fn add_operations(&mut self, profiles: &[Profile]) {
        let mut tape = Tape::default();
        let mut outputs = Vec::new();
        for (kernel, stride, padding) in [
            (4, 2, 1),
            (4, 1, 1),
            (3, 1, 1),
            (1, 1, 0),
            (7, 1, 3),
            (3, 2, 1),
        ] {
            let geometry = Geometry::new(kernel, stride, padding);
            for (pixels, channels) in [(8, [3, 5]), (16, [64, 32])] {
                let input = tape.input("input", Shape::nhwc(2, pixels, pixels, channels[0]));
                let weight = tape.input(
                    "weight",
                    Shape::hwio(kernel, kernel, channels[0], channels[1]),
                );
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
            for precision in [DType::F32, DType::F16] {
                self.add(&tape, &StateList::new(precision), &outputs, profile);
            }
        }
    }

    /// Every tile of every rung, on a layer that is large enough for all of them.
    fn add_candidates(&mut self, profiles: &[Profile]) {
        let geometry = Geometry::new(4, 2, 1);
        let (large, small) = (Shape::nhwc(1, 32, 32, 64), Shape::nhwc(1, 16, 16, 128));
        let mut tape = Tape::default();
        let [input, weight] = [("input", large), ("weight", Shape::hwio(4, 4, 64, 128))]
            .map(|(name, shape)| tape.input(name, shape));
        let output = conv2d(&mut tape, input, weight, None, geometry).unwrap();
        let outputs = second_order(&mut tape, output, &[input, weight]);
        let types = [DType::F32, DType::F16];
        let families = types
            .into_iter()
            .flat_map(|dtype| Family::ALL.map(|family| (family, dtype)));
        for (profile, (family, dtype)) in profiles
            .iter()
            .flat_map(|profile| families.clone().map(move |case| (profile, case)))
        {
            let key = ContractionKey {
                dtype,
                ..ContractionKey::new(family, geometry, large, small)
            };
            let matrix = profile.clone().force(family.name(), Rung::Matrix.name());
            for candidate in candidates(&key, &matrix) {
                self.add(
                    &tape,
                    &StateList::new(dtype),
                    &outputs,
                    &profile.clone().force(family.name(), &candidate.name),
                );
            }
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
        outputs.extend(
            tape.backward_from(first, seed, &[other, grad_output])
                .unwrap(),
        );
    }
    outputs
}

fn pointwise(tape: &mut Tape) -> Vec<Var> {
    let mut outputs = Vec::new();
    for shape in [Shape::nhwc(2, 4, 4, 6), Shape::nhwc(1, 128, 128, 8)] {
        let [input, target] = ["input", "target"].map(|name| tape.input(name, shape));
        let [weight, bias, mean, variance] = ["weight", "bias", "mean", "variance"]
            .map(|name| tape.input(name, Shape::vector(shape.channels())));
        let activations = [
            Activation::LeakyRelu { slope: 0.2 },
            Activation::Tanh,
            Activation::Sigmoid,
        ];
        let mut values: Vec<Var> = activations
            .map(|activation| activate(tape, input, activation).unwrap())
            .to_vec();
        values.push(multiply(tape, input, input, 2.0).unwrap());
        for groups in [Groups::Batch, Groups::Instance] {
            values.push(
                batch_norm(tape, input, [weight, bias], groups, 1e-5)
                    .unwrap()
                    .0,
            );
        }
        values
            .push(batch_norm_running(tape, input, [weight, bias], [mean, variance], 1e-5).unwrap());
        values.push(instance_norm(tape, input, 1e-5).unwrap());
        for value in values {
            let grad_output = tape.input("grad_output", shape);
            outputs.extend(tape.backward_from(value, grad_output, &[input]).unwrap());
        }
        for kind in [
            LossKind::BceWithLogits { target: 1.0 },
            LossKind::Mse { target: 0.0 },
            LossKind::WganMean { sign: -1.0 },
        ] {
            let loss = tape.record(Loss { kind }, &[input]).unwrap();
            outputs.extend(tape.backward(loss, &[input]).unwrap());
        }
        for kind in [LossKind::L1, LossKind::MsePair] {
            let loss = tape.record(Loss { kind }, &[input, target]).unwrap();
            outputs.extend(tape.backward(loss, &[input, target]).unwrap());
        }
        outputs.push(
            tape.record(RandomNormal::new(0.0, 1.0, "name", shape), &[])
                .unwrap(),
        );
        outputs.push(tape.record(RandomUniform::new("name", shape), &[]).unwrap());
        for halves in [-1, 2] {
            outputs.push(
                tape.record(
                    Power {
                        halves,
                        shift: 0.0,
                        scale: 1.0,
                    },
                    &[input],
                )
                .unwrap(),
            );
        }
        for resample in [
            Resample::ReflectPad { pad: 1 },
            Resample::Nearest,
            Resample::Bilinear,
        ] {
            let larger = tape.record(resample, &[input]).unwrap();
            let grad_output = tape.input("grad_output", tape.shape(larger));
            outputs.push(larger);
            outputs.extend(tape.backward_from(larger, grad_output, &[input]).unwrap());
        }
        outputs.extend(reductions(tape, input, target));
        outputs.push(tape.record(Fill { value: 1.0, shape }, &[]).unwrap());
    }
    outputs
}

/// Sums of each kind and what they broadcast, and the gradients of these.
fn reductions(tape: &mut Tape, input: Var, other: Var) -> Vec<Var> {
    let map = tape.shape(input);
    let mut outputs = Vec::new();
    for shape in [
        Shape::nhwc(map.batch(), 1, 1, map.channels()),
        Shape::scalar(),
    ] {
        let sum = tape.record(Sum { shape, scale: 1.0 }, &[input]).unwrap();
        let of_products = tape
            .record(Sum { shape, scale: 1.0 }, &[input, other])
            .unwrap();
        let shifted = add(tape, other, sum).unwrap();
        let output = multiply(tape, shifted, of_products, 1.0).unwrap();
        let grad_output = tape.input("grad_output", map);
        outputs.extend(
            tape.backward_from(output, grad_output, &[input, other])
                .unwrap(),
        );
    }
    outputs
}

fn all_variants() -> Variants {
    let mut variants = Variants::default();
    variants.add_networks(&profiles());
    let forced = forced(&profiles());
    variants.add_operations(&forced);
    variants.add_candidates(&profiles());
    // Forced rungs see the networks' own shapes as well, where tiles and splits differ.
    for precision in [DType::F32, DType::F16] {
        let Recording {
            states, tape, vars, ..
        } = Recording::new(&Config {
            precision,
            ..small_config(64, 16)
        })
        .unwrap();
        forced
            .iter()
            .for_each(|profile| variants.add(&tape, &states, &[vars.fake], profile));
    }
    variants
}

#[test]
fn every_shader_file_validates_and_translates_as_it_lies() {
    let files = shader_files();
    assert!(files.len() > 25, "{} files", files.len());
    for (family, stem, path) in files {
        assert_eq!(path.extension().unwrap(), "wgsl", "{}", path.display());
        let text = std::fs::read_to_string(&path).unwrap();
        let name = format!("{family}/{stem}");
        translate(&name, &with_parts(&name, &text, &[]).unwrap()).unwrap();
        assert!(
            text.lines().count() <= 250,
            "{} is longer than 250 lines",
            path.display()
        );
    }
}

#[test]
fn every_variant_translates_to_spirv_msl_and_hlsl() {
    let variants = all_variants();
    let mut failures = Vec::new();
    for (label, dispatch) in &variants.0 {
        failures.extend(translate(label, &dispatch.kernel.text().unwrap()).err());
    }
    assert!(
        failures.is_empty(),
        "{} of {} variants:\n{}",
        failures.len(),
        variants.0.len(),
        failures.join("\n")
    );
    println!("{} variants", variants.0.len());
}

#[test]
fn every_variant_fits_its_caller_and_the_least_device() {
    for (label, dispatch) in &all_variants().0 {
        let text = dispatch.kernel.text().unwrap();
        let interface = Interface::of(label, &text).unwrap();
        assert_eq!(
            interface.bindings.len(),
            dispatch.slots.len() + 1,
            "{label}: bindings"
        );
        assert_eq!(
            interface.params_bytes as usize,
            dispatch.params.len(),
            "{label}: bytes of parameters"
        );
        assert_eq!(interface.bindings[0], (0, Access::Uniform), "{label}");
        assert!(
            interface
                .bindings
                .iter()
                .enumerate()
                .all(|(i, &(number, _))| number as usize == i),
            "{label}: gaps"
        );
        let storage = interface
            .bindings
            .iter()
            .filter(|(_, access)| *access != Access::Uniform)
            .count();
        assert!(
            storage <= MOST_STORAGE_BINDINGS,
            "{label}: {storage} storage bindings"
        );
        let invocations: u32 = interface.workgroup.iter().product();
        assert!(
            (1..=MOST_INVOCATIONS).contains(&invocations),
            "{label}: {invocations} invocations"
        );
        let (module, _) = validate(label, &text).unwrap();
        let shared = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
        let bytes: u32 = shared
            .map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()))
            .sum();
        assert!(
            bytes <= MOST_WORKGROUP_BYTES,
            "{label}: {bytes} bytes of workgroup memory"
        );
    }
}

#[test]
fn every_uniform_has_the_members_that_its_rust_struct_has() {
    let mut differences = Vec::new();
    for (label, dispatch) in &all_variants().0 {
        let interface = Interface::of(label, &dispatch.kernel.text().unwrap()).unwrap();
        let of_slot = |slot: &Slot| match slot {
            Slot::Step => StepState::members("", 0),
            _ => Vec::new(),
        };
        let expected =
            std::iter::once((dispatch.members)()).chain(dispatch.slots.iter().map(of_slot));
        for (binding, rust) in expected.enumerate() {
            let wgsl = interface.uniform(binding as u32);
            if wgsl != rust {
                differences.push(format!(
                    "{label}, binding {binding}: WGSL {wgsl:?}, Rust {rust:?}"
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// A kind that no branch names is no kernel: nothing plausible is computed in its place.
#[test]
fn an_unknown_kind_is_refused() {
    let mut tried = BTreeSet::new();
    for (family, stem, path) in shader_files() {
        let name = format!("{family}/{stem}");
        let text = std::fs::read_to_string(&path).unwrap();
        for constant in ["KIND", "RIGHT"] {
            let declaration = format!("const {constant}: u32 = 0u;");
            if text.contains(&declaration) {
                let unknown = text.replace(&declaration, &declaration.replace("0u", "99u"));
                let unknown = with_parts(&name, &unknown, &[]).unwrap();
                assert!(
                    Interface::of(&name, &unknown).is_err(),
                    "{name}: {constant}"
                );
                tried.insert(name.clone());
            }
        }
    }
    let expected = ["activation", "loss", "resample"]
        .iter()
        .flat_map(|family| ["backward", "forward"].map(|stem| format!("{family}/{stem}")))
        .chain(["elementwise/binary".to_owned()])
        .collect();
    assert_eq!(tried, expected);
}

#[test]
fn every_shader_file_is_selected_somewhere() {
    let selected: BTreeSet<String> = all_variants()
        .0
        .values()
        .map(|dispatch| dispatch.kernel.source.name.to_owned())
        .collect();
    let files: BTreeSet<String> = shader_files()
        .iter()
        .map(|(family, stem, _)| format!("{family}/{stem}"))
        .collect();
    assert_eq!(selected, files);
}

/// The formula is complete as it lies.
#[test]
fn the_first_rung_of_a_ladder_uses_no_parts() {
    let mut naive = 0;
    for (family, stem, path) in shader_files() {
        if stem == "1_naive" {
            let text = std::fs::read_to_string(&path).unwrap();
            let combined = with_parts(&family, &text, &[]).unwrap();
            assert_eq!(combined.trim_end(), text.trim_end(), "{}", path.display());
            naive += 1;
        }
    }
    assert_eq!(naive, 3);
}

#[test]
fn every_part_is_used() {
    let texts: Vec<String> = shader_files()
        .iter()
        .flat_map(|(family, _, path)| {
            let text = std::fs::read_to_string(path).unwrap();
            let wide = with_parts(family, &text, &[("vec4", "vec8")]);
            std::iter::once(with_parts(family, &text, &[]).unwrap()).chain(wide)
        })
        .collect();
    for path in files_in(&shader_folder().join(PARTS)) {
        let body = std::fs::read_to_string(&path).unwrap();
        assert!(
            texts.iter().any(|text| text.contains(body.trim_end())),
            "no shader uses {}",
            path.display()
        );
        let long = body.lines().find(|line| line.chars().count() > 100);
        assert_eq!(long, None, "more than 100 columns in {}", path.display());
        assert!(body.lines().count() <= 250, "{}", path.display());
    }
}
