//! Parameters of whole networks: stored tensor by tensor, or hashed from what a manifest says.

use crate::case::GoldenCase;
use crate::layer::same_shape;
use crate::problem::Problem;
use pix2pix::gpu::Gpu;
use pix2pix::interop::{from_reference, reference_shape, to_reference};
use pix2pix::program::Store;
use pix2pix::state::{ArenaId, StateSpec};
use pix2pix::tape::ArenaPart;
use pollster::block_on;
use serde_json::Value;

/// Writes the values of all states of `arena` from the tensors `<prefix><state's name>`.
pub fn load(
    gpu: &Gpu,
    store: &Store,
    case: &GoldenCase,
    arena: ArenaId,
    prefix: &str,
) -> Result<(), Problem> {
    for state in store.states().in_arena(arena) {
        let role = format!("{prefix}{}", state.name);
        let tensor = case.tensor(&role)?;
        same_shape(
            &role,
            &reference_shape(state.shape, state.transposed),
            &tensor,
        )?;
        write(gpu, store, state, &tensor.f32())?;
    }
    Ok(())
}

/// One part of a state in the reference's layout.
pub fn read(
    gpu: &Gpu,
    store: &Store,
    state: &StateSpec,
    part: ArenaPart,
) -> Result<Vec<f32>, Problem> {
    Ok(to_reference(
        state.shape,
        state.transposed,
        &block_on(store.read(gpu, state.id, part))?,
    ))
}

fn write(gpu: &Gpu, store: &Store, state: &StateSpec, reference: &[f32]) -> Result<(), Problem> {
    Ok(store.write(
        gpu,
        state.id,
        ArenaPart::Value,
        &from_reference(state.shape, state.transposed, reference),
    )?)
}

/// Whether the manifest says that a bias has no gradient but noise: a normalisation behind it takes
/// it away again.
pub fn is_noise(case: &GoldenCase, parameter: &str) -> bool {
    let listed = case
        .field("zero_gradient_biases")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    // The entries are roles, for example `grad.model.2.bias`; parameters start with `model`, `net`
    // or the number of a scale.
    listed.into_iter().any(|role| {
        let starts = ["model.", "net.", "scale"].map(|start| role.find(start));
        let start = starts.into_iter().flatten().min().unwrap_or(0);
        &role[start..] == parameter
    })
}

/// Number of the input among the tensors of hashed values.
const INPUT: u32 = 10_000;
/// Half the width of the uniform draws of weights, which gives them the standard deviation 0.02.
const WEIGHT_RANGE: f32 = 0.034_641_016;
/// Half the width of the draws of biases.
const BIAS_RANGE: f32 = 0.05;

/// Values from a hash of the tensor's number, the element's and a seed.
#[derive(Debug)]
pub struct HashedValues<'a> {
    case: &'a GoldenCase<'a>,
    seed: u32,
    /// Names and shapes in the order of their numbers.
    order: Vec<(&'a str, Vec<usize>)>,
}

impl<'a> HashedValues<'a> {
    /// Those of a case, if it has them.
    pub fn of(case: &'a GoldenCase<'a>) -> Result<Option<Self>, Problem> {
        if !case.has_field("recipe_seed") {
            return Ok(None);
        }
        let seed = u32::try_from(case.count("recipe_seed")?).map_err(Problem::fail)?;
        let order = case
            .field("param_order")
            .and_then(Value::as_array)
            .and_then(|list| list.iter().map(name_and_shape).collect());
        let order = order.ok_or(Problem::Fail(
            "parameter param_order is no list of names and shapes".into(),
        ))?;
        Ok(Some(Self { case, seed, order }))
    }

    /// Channels that the first convolution takes.
    pub fn in_channels(&self) -> Option<usize> {
        self.order
            .first()
            .and_then(|(_, shape)| shape.get(1).copied())
    }

    /// Writes every parameter of `arena`.
    pub fn load(&self, gpu: &Gpu, store: &Store, arena: ArenaId) -> Result<(), Problem> {
        let states: Vec<&StateSpec> = store.states().in_arena(arena).collect();
        if states.len() != self.order.len() {
            return Err(Problem::Fail(format!(
                "the network has {} parameters, param_order {}",
                states.len(),
                self.order.len()
            )));
        }
        for state in states {
            let number = self.order.iter().position(|(name, _)| *name == state.name);
            let number = number
                .ok_or_else(|| Problem::Fail(format!("param_order has no {}", state.name)))?;
            let shape = reference_shape(state.shape, state.transposed);
            if self.order[number].1 != shape {
                return Err(Problem::Fail(format!(
                    "{} has the shape {shape:?}, in param_order {:?}",
                    state.name, self.order[number].1
                )));
            }
            let values = self.parameter(number as u32, &state.name, &shape);
            self.check_first(
                self.case
                    .field("first4_of_each")
                    .and_then(|first| first.get(&state.name)),
                &values,
                &state.name,
            )?;
            write(gpu, store, state, &values)?;
        }
        Ok(())
    }

    /// The input image in the reference's order.
    pub fn input(&self, count: usize) -> Result<Vec<f32>, Problem> {
        let values: Vec<f32> = (0..count as u32).map(|i| self.draw(INPUT, i)).collect();
        self.check_first(self.case.field("x_first8"), &values, "x")?;
        Ok(values)
    }

    fn parameter(&self, number: u32, name: &str, shape: &[usize]) -> Vec<f32> {
        let finish = |value: f32| match shape.len() {
            4 => value * WEIGHT_RANGE,
            _ if name.ends_with(".bias") => value * BIAS_RANGE,
            _ => 1.0 + value * WEIGHT_RANGE,
        };
        (0..shape.iter().product::<usize>() as u32)
            .map(|i| finish(self.draw(number, i)))
            .collect()
    }

    /// A value of -1..1 that f32 holds exactly.
    fn draw(&self, tensor: u32, element: u32) -> f32 {
        let number = |i: u32, factor: u32| i.wrapping_add(1).wrapping_mul(factor);
        let mut h = number(element, 0x9E37_79B1)
            .wrapping_add(number(tensor, 0x85EB_CA77))
            .wrapping_add(self.seed.wrapping_mul(0xC2B2_AE3D));
        h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
        h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
        h ^= h >> 16;
        2.0 * ((h >> 8) as f32 / (1 << 24) as f32) - 1.0
    }

    /// Compares with the first values that the manifest gives, so that another formula is not taken
    /// for a wrong network.
    fn check_first(
        &self,
        first: Option<&Value>,
        values: &[f32],
        name: &str,
    ) -> Result<(), Problem> {
        let first = first.and_then(Value::as_array).into_iter().flatten();
        match first
            .zip(values)
            .find(|(listed, value)| listed.as_f64().map(|listed| listed as f32) != Some(**value))
        {
            Some((listed, value)) => Err(Problem::Fail(format!(
                "the hash gives {value} for {name}, the manifest {listed}"
            ))),
            None => Ok(()),
        }
    }
}

/// An entry `["model.0.weight", [64, 6, 4, 4]]`.
fn name_and_shape(entry: &Value) -> Option<(&str, Vec<usize>)> {
    let sizes = entry
        .get(1)?
        .as_array()?
        .iter()
        .map(|size| size.as_u64().map(|size| size as usize));
    Some((entry.get(0)?.as_str()?, sizes.collect::<Option<Vec<_>>>()?))
}
