//! Values share memory only when their live ranges do not touch: by a simulation that knows nothing
//! of the planner, and on the device.

use crate::values::{bits, inputs, number};
use pix2pix::gpu::{Gpu, Profile};
use pix2pix::nn::Norm;
use pix2pix::program::{Plan, PlannedNode, Program, Storage, Store, fuse};
use pix2pix::state::{StateList, StateSpec};
use pix2pix::tape::{ArenaPart, LowerContext, StepState};
use pix2pix::tape::{Source, Tape, Var};
use pix2pix::train::{Config, Recording};
use pix2pix_harness::config::{penalised, small_config};
use pix2pix_harness::{Tensor, gpu};
use pollster::block_on;
use std::collections::{HashMap, HashSet};

/// Steps through a plan with the tenant of every buffer, knowing nothing of how the plan was made.
pub struct Simulation<'a> {
    tape: &'a Tape,
    plan: &'a Plan,
    tenant: HashMap<usize, usize>,
    written: HashSet<usize>,
}

impl<'a> Simulation<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        let tape = &plan.tape;
        let mut simulation = Self {
            tape,
            plan,
            tenant: HashMap::new(),
            written: HashSet::new(),
        };
        for (node, place) in plan.places.iter().enumerate() {
            if let (Source::Input(name), Some(place)) = (&tape.nodes()[node].source, place) {
                let Storage::Node(owner) = place.storage else {
                    panic!("input {name} lies in an arena")
                };
                let before = simulation.tenant.insert(plan.buffer_of[&owner], owner);
                assert_eq!(
                    before, None,
                    "input {name} shares its buffer with another input"
                );
                simulation.written.insert(node);
            }
        }
        simulation
    }

    fn owner(&self, node: usize) -> Option<usize> {
        match self.plan.places[node]
            .unwrap_or_else(|| panic!("node {node} is dead but used"))
            .storage
        {
            Storage::Node(owner) => Some(owner),
            Storage::Arena { .. } => None,
        }
    }

    /// A view is written when what it looks at is.
    fn check_written(&self, node: usize, reader: &str) {
        let source = &self.tape.nodes()[node];
        if self.written.contains(&node) || matches!(source.source, Source::State(_)) {
            return;
        }
        let is_view = matches!(&source.source, Source::Op(op) if op.view().is_some());
        assert!(
            is_view,
            "{reader} reads {} (node {node}) before it is written",
            source.name()
        );
        source
            .inputs
            .iter()
            .for_each(|&input| self.check_written(number(input), reader));
    }

    fn check_read(&self, node: usize, reader: &str) {
        self.check_written(node, reader);
        if let Some(owner) = self.owner(node) {
            let tenant = self.tenant.get(&self.plan.buffer_of[&owner]);
            assert_eq!(
                tenant,
                Some(&owner),
                "{reader} reads node {node}, whose buffer was given away while it lived"
            );
        }
    }

    pub fn run(mut self, states: &StateList, profile: &Profile, outputs: &[Var]) {
        for step in &self.plan.steps {
            self.check_step(step, states, profile);
        }
        let inputs = inputs(self.tape).into_iter().map(|(input, _)| input);
        for output in outputs.iter().copied().chain(inputs) {
            self.check_read(number(output), "the host");
        }
    }

    /// Runs one step: its inputs are whole, its results have buffers of their own.
    fn check_step(&mut self, step: &PlannedNode, states: &StateList, profile: &Profile) {
        let node = &self.tape.nodes()[step.node];
        let name = format!("{}: {} (node {})", node.scope, node.name(), step.node);
        self.check_scratch(step, &name, states, profile);
        let made: Vec<usize> = [step.node]
            .into_iter()
            .chain(step.byproducts.iter().flatten().map(|&var| number(var)))
            .collect();
        let own: Vec<usize> = made
            .iter()
            .filter_map(|&value| self.owner(value))
            .map(|owner| self.plan.buffer_of[&owner])
            .collect();
        assert_eq!(
            own.iter().collect::<HashSet<_>>().len(),
            own.len(),
            "{name}: two results share a buffer"
        );
        for &input in &node.inputs {
            self.check_read(number(input), &name);
            if let Some(owner) = self.owner(number(input)) {
                assert!(
                    !own.contains(&self.plan.buffer_of[&owner]),
                    "{name}: an input shares its buffer with a result"
                );
            }
        }
        for value in made {
            if let Some(owner) = self.owner(value) {
                let buffer = self.plan.buffer_of[&owner];
                assert!(
                    self.plan.buffers[buffer] >= self.tape.nodes()[owner].shape.bytes(),
                    "{name}: buffer too small"
                );
                self.tenant.insert(buffer, owner);
            }
            self.written.insert(value);
        }
    }

    fn check_scratch(&self, step: &PlannedNode, name: &str, states: &StateList, profile: &Profile) {
        let node = &self.tape.nodes()[step.node];
        let Source::Op(op) = &node.source else {
            panic!("{name} launches something")
        };
        let operand = |var: &Var| self.plan.places[number(*var)].unwrap().operand;
        let operands: Vec<_> = node.inputs.iter().map(operand).collect();
        let beside: Vec<_> = step
            .byproducts
            .iter()
            .map(|value| value.as_ref().map(operand))
            .collect();
        let lowered = op.lower(&LowerContext {
            inputs: &operands,
            output: self.plan.places[step.node].unwrap().operand,
            byproducts: &beside,
            profile,
            states,
        });
        assert_eq!(step.scratch_bytes, lowered.scratch_bytes, "{name}");
        assert!(
            self.plan.scratch_bytes >= lowered.scratch_bytes,
            "{name}: scratch too small"
        );
    }
}

#[test]
fn no_value_of_the_training_step_is_overwritten_while_it_lives() {
    let profiles = [
        Profile::portable(),
        Profile {
            class: pix2pix::gpu::DeviceClass::Cpu,
            subgroup: Some(8),
            ..Profile::portable()
        },
        Profile {
            class: pix2pix::gpu::DeviceClass::Cpu,
            ..Profile::portable()
        },
    ];
    for (size, ngf, batch_size, norm) in [
        (32, 2, 1, Norm::Batch),
        (32, 3, 2, Norm::None),
        (64, 16, 1, Norm::Batch),
        (256, 64, 1, Norm::Batch),
    ] {
        let config = Config {
            batch_size,
            norm,
            ..small_config(size, ngf)
        };
        for (config, profile) in [config.clone(), penalised(config)]
            .iter()
            .flat_map(|config| profiles.iter().map(move |p| (config, p)))
        {
            let Recording {
                states, tape, vars, ..
            } = Recording::new(config).unwrap();
            for (outputs, fusion) in [
                (&[vars.fake][..], false),
                (&[], false),
                (&[vars.fake], true),
                (&[], true),
            ] {
                let profile = Profile {
                    fusion,
                    ..profile.clone()
                };
                let plan = Plan::new(&tape, &states, outputs, &profile).unwrap();
                assert!(
                    plan.bytes() * 2 < plan.unshared_bytes,
                    "{} of {} bytes",
                    plan.bytes(),
                    plan.unshared_bytes
                );
                Simulation::new(&plan).run(&states, &profile, outputs);
            }
        }
    }
}

#[test]
fn sharing_memory_changes_no_bit_of_a_training_step() {
    let gpu = gpu();
    [small_config(32, 4), penalised(small_config(32, 4))]
        .iter()
        .for_each(|config| sharing_changes_no_bit(&gpu, config));
}

fn sharing_changes_no_bit(gpu: &Gpu, config: &Config) {
    let [shared, apart] = [true, false].map(|share| TwoSteps::run(gpu, config, share));
    assert!(shared.bytes < apart.bytes);
    assert_eq!(shared.fake, apart.fake, "the generator's output");
    assert!(shared.states == apart.states, "states and moments");
    assert!(shared.gradients == apart.gradients, "gradients");
}

/// What two steps of training leave, bit by bit.
struct TwoSteps {
    /// Bytes of the buffers of their program.
    bytes: u64,
    fake: Vec<u32>,
    /// Values and both moments.
    states: [Vec<Vec<u32>>; 3],
    gradients: Vec<Vec<u32>>,
}

impl TwoSteps {
    /// Runs them with buffers that `share` memory, or with each value in memory of its own.
    fn run(gpu: &Gpu, config: &Config, share: bool) -> Self {
        let Recording {
            states, tape, vars, ..
        } = Recording::new(config).unwrap();
        // Outputs stop fusion, so it comes first.
        let tape = fuse(&tape, &states, &[vars.fake]);
        let store = Store::new(gpu, states, true).unwrap();
        block_on(store.initialise(gpu, 1)).unwrap();
        // A value that is an output lives to the end, so that with all of them no buffer is used
        // twice.
        let all = tape
            .nodes()
            .iter()
            .flat_map(|node| node.inputs.clone())
            .chain([vars.fake]);
        let outputs: Vec<Var> = if share {
            vec![vars.fake]
        } else {
            all.collect()
        };
        let program = Program::compile(gpu, &store, &tape, &outputs).unwrap();
        for (var, seed) in [(vars.input, 1), (vars.target, 2)] {
            program
                .write(gpu, var, &Tensor::random(tape.shape(var), seed).values)
                .unwrap();
        }
        for number in 1..=2 {
            program
                .run(gpu, &store, &StepState::new(5, number, 2e-4, [0.5, 0.999]))
                .unwrap();
        }
        let parts = [ArenaPart::Value, ArenaPart::Moment1, ArenaPart::Moment2];
        let read = |part| {
            store
                .states()
                .states()
                .iter()
                .map(|state| bits(&block_on(store.read(gpu, state.id, part)).unwrap()))
                .collect::<Vec<_>>()
        };
        let gradient =
            |state: &StateSpec| block_on(program.gradient(gpu, store.states(), state.id)).unwrap();
        let gradients: Vec<_> = store
            .states()
            .states()
            .iter()
            .filter_map(gradient)
            .map(|values| bits(&values))
            .collect();
        assert!(!gradients.is_empty());
        Self {
            bytes: program.plan().bytes(),
            fake: bits(&block_on(program.read(gpu, vars.fake)).unwrap()),
            states: parts.map(read),
            gradients,
        }
    }
}
