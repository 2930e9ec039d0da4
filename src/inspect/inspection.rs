//! A program that is looked into, without a device: its graph, memory and shaders.

use super::drawing::draw;
use super::graph::Graph;
use super::recorded::Recorded;
use crate::gpu::{GpuError, Profile};
use crate::nn::{Fit, Generator, Mode};
use crate::program::Plan;
use crate::state::StateList;
use crate::tensor::Shape;
use crate::train::{Config, Recording, TrainError, explain, plan_training};
use serde::Serialize;
use serde_json::{Value, json};

/// The text of a kernel's shader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shader {
    /// The kernel, as tables name it.
    pub kernel: String,
    /// Its WGSL as it is compiled: with its parts behind it, and its constants and types replaced.
    pub wgsl: String,
}

/// A line of a memory plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryRow {
    /// What the memory is for.
    pub purpose: String,
    /// How much it is.
    pub bytes: u64,
}

/// A planned program with all that can be looked at before it runs.
#[derive(Debug)]
pub struct Inspection {
    /// What it is, in a few words.
    pub title: String,
    /// The plan.
    pub plan: Plan,
    /// Its nodes.
    pub graph: Graph,
    /// How many parameters each network has.
    pub networks: Vec<(String, usize)>,
    /// The device memory that it takes.
    pub memory: Vec<MemoryRow>,
}

impl Inspection {
    /// The training step of `config`, planned for a device of this profile.
    ///
    /// # Errors
    /// A configuration that breaks a rule, and a step that does not fit the device.
    pub fn of_step(config: &Config, profile: &Profile) -> Result<Self, TrainError> {
        let recording = Recording::new(config)?;
        let fail = |error| explain(config, profile, error);
        let memory = plan_training(config, profile).map_err(fail)?;
        let plan = recording.plan(profile).map_err(fail)?;
        let memory = memory.rows().into_iter().filter(|row| row.1 > 0);
        let size = config.size;
        Ok(Self {
            title: format!("training step at {size}×{size}"),
            graph: Graph::of(&plan, &recording.states),
            networks: networks(&recording.states),
            memory: memory.map(memory_row).collect(),
            plan,
        })
    }

    /// The forward pass of `generator` over images of `shape`.
    ///
    /// # Errors
    /// Images that do not fit the network or the device.
    pub fn of_generator(
        states: &StateList,
        generator: &Generator,
        shape: Shape,
        fit: Fit,
        mode: &Mode,
        profile: &Profile,
    ) -> Result<Self, TrainError> {
        let recorded = Recorded::new(states, generator, shape, fit, mode)?;
        let plan = recorded.forward.plan(states, profile)?;
        let arenas = [generator.parameters(), generator.statistics()];
        let weights = arenas.map(|arena| states.in_arena(arena).map(|state| state.shape.bytes()));
        let memory = [
            ("weights", weights.into_iter().flatten().sum()),
            ("activations", plan.bytes()),
            ("scratch", plan.scratch_bytes),
        ];
        let memory = memory.into_iter().filter(|row| row.1 > 0);
        Ok(Self {
            title: format!("generator at {}×{}", shape.width(), shape.height()),
            graph: Graph::of(&plan, states),
            networks: networks(states),
            memory: memory.map(memory_row).collect(),
            plan,
        })
    }

    /// The graph as SVG.
    pub fn drawing(&self) -> String {
        draw(&self.graph)
    }

    /// The shaders of all its kernels, each once, in the order of their first launch.
    ///
    /// # Errors
    /// A shader that names a part or a constant that is not there.
    pub fn shaders(&self) -> Result<Vec<Shader>, GpuError> {
        let kernels = self.plan.kernels();
        let shader = |kernel: &crate::gpu::KernelSpec| {
            Ok(Shader {
                kernel: kernel.label(),
                wgsl: kernel.text()?,
            })
        };
        let mut found: Vec<Shader> = kernels.iter().map(shader).collect::<Result<_, _>>()?;
        // A kernel with and one without checks of indices have the same text.
        let mut seen = std::collections::HashSet::new();
        found.retain(|shader| seen.insert(shader.kernel.clone()));
        Ok(found)
    }

    /// The WGSL of the kernel that tables call `name`. `None` if the program has no such kernel.
    ///
    /// # Errors
    /// Those of [`Inspection::shaders`].
    pub fn shader(&self, name: &str) -> Result<Option<String>, GpuError> {
        let kernels = self.plan.kernels();
        let named = kernels.iter().find(|kernel| kernel.label() == name);
        named.map(|kernel| kernel.text()).transpose()
    }

    /// Nodes and memory as JSON.
    pub fn json(&self) -> Value {
        json!({ "title": self.title, "nodes": self.graph.nodes, "memory": self.memory })
    }
}

fn memory_row((purpose, bytes): (&str, u64)) -> MemoryRow {
    MemoryRow {
        purpose: purpose.to_owned(),
        bytes,
    }
}

/// The networks whose parameters are trained, and how many parameters each has.
fn networks(states: &StateList) -> Vec<(String, usize)> {
    let arenas = states.arenas().iter().enumerate();
    let trained = arenas.filter(|(_, arena)| arena.trainable);
    let count = |index| {
        let all = states.states().iter();
        let own = all.filter(|state| state.arena.index() == index);
        own.map(|state| state.shape.len()).sum()
    };
    trained
        .map(|(index, arena)| (arena.name.clone(), count(index)))
        .collect()
}
