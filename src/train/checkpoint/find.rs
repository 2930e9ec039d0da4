//! One network in a file that may hold several, each under a name of its own: a file of this
//! program, a checkpoint of another one, a state dict behind any prefix.

use super::NetworkKind;
use super::network::{
    DISCRIMINATOR, MODEL, POOL, TRAINED, foreign_model, record_network, refuse_needless_upsample,
    unknown,
};
use crate::interop::{InteropError, TensorFile, reference_shape};
use crate::nn::{DiscriminatorConfig, GeneratorConfig, Shapes, Upsample, scale_of};
use crate::state::{StateList, StateSpec};
use crate::train::config::ModelConfig;
use crate::train::error::TrainError;
use std::collections::HashSet;
use std::fmt;

/// Which network of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkChoice {
    /// The one of this kind.
    Kind(NetworkKind),
    /// The one under this name in the file: what stands in front of its keys, or the last part of
    /// it.
    Named(String),
}

/// What is left out of a file when one of its networks is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsNote {
    /// Running statistics of instance norm, which never uses them.
    UnusedStatistics {
        /// How many tensors.
        count: usize,
        /// The first of them.
        example: String,
    },
    /// Tensors of other networks.
    Others {
        /// Where the network's own are.
        name: String,
        /// How many tensors.
        count: usize,
        /// The first of them.
        example: String,
    },
}

impl fmt::Display for WeightsNote {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::UnusedStatistics { count, example } => write!(
                f,
                "{count} running statistics are left out, for example {example}: instance norm \
                 never uses them"
            ),
            Self::Others {
                name,
                count,
                example,
            } => write!(
                f,
                "the network {name} is used; {count} other tensors are left out, for example \
                 {example}"
            ),
        }
    }
}

/// One network of a file, complete and without a tensor that it has no place for.
#[derive(Debug)]
pub struct NetworkFile {
    /// Its tensors by the reference's keys.
    pub file: TensorFile,
    /// How it is built and used, if it is a generator.
    pub model: Option<ModelConfig>,
    /// What was left out.
    pub notes: Vec<WeightsNote>,
    /// The states that the network has.
    pub(super) states: StateList,
}

/// The tensors of the network that `choice` asks for, and its kind. `fits` says whether a network
/// would do where several are of the kind.
///
/// # Errors
/// [`InteropError::WhichNetwork`]. A file without any such network is returned as it is: what is
/// missing is found when it is used.
pub(in crate::train) fn choose(
    file: &TensorFile,
    choice: &NetworkChoice,
    fits: &dyn Fn(NetworkKind, &TensorFile) -> bool,
) -> Result<(NetworkKind, TensorFile), InteropError> {
    if file.metadata(MODEL).is_ok() {
        return choose_of_ours(file, choice);
    }
    let all = candidates(file);
    let names = |found: &[&FoundNetwork]| found.iter().map(|one| one.name.clone()).collect();
    let refuse = |problem, found: &[&FoundNetwork]| {
        Err(InteropError::WhichNetwork {
            path: file.path().to_owned(),
            problem,
            names: names(found),
        })
    };
    let mut found: Vec<&FoundNetwork> = all.iter().filter(|one| one.is(choice)).collect();
    match choice {
        NetworkChoice::Named(name) if found.is_empty() => {
            let all: Vec<_> = all.iter().collect();
            return match all.is_empty() {
                true => Err(file.other_network("network", unknown(file))),
                false => refuse(format!("there is no network {name}"), &all),
            };
        }
        NetworkChoice::Kind(kind) if found.is_empty() => {
            // The other kind, for a message that says so.
            let part = all.first().map(|one| one.part.clone());
            return Ok((*kind, part.unwrap_or_else(|| of_root(file))));
        }
        _ => {}
    }
    if found.len() > 1 && found.iter().any(|one| fits(one.kind, &one.part)) {
        found.retain(|one| fits(one.kind, &one.part));
    }
    // One network may be there under two names.
    let same = |one: &&FoundNetwork| found[0].part.same_tensors(&one.part);
    match found.iter().all(same) {
        true => Ok((found[0].kind, found[0].part.clone())),
        false => refuse("several networks in it could be meant".to_owned(), &found),
    }
}

/// The same of a file that this program wrote.
fn choose_of_ours(
    file: &TensorFile,
    choice: &NetworkChoice,
) -> Result<(NetworkKind, TensorFile), InteropError> {
    match choice {
        NetworkChoice::Kind(kind) => {
            let has_discriminator = file.shapes().any(|(key, _)| key.starts_with(DISCRIMINATOR));
            let part = match kind {
                NetworkKind::Discriminator if has_discriminator => {
                    file.part(DISCRIMINATOR, |_| true)
                }
                _ => of_root(file),
            };
            Ok((*kind, part))
        }
        NetworkChoice::Named(name) => Err(InteropError::WhichNetwork {
            path: file.path().to_owned(),
            problem: format!("there is no network {name}"),
            names: ["generator", "discriminator"].map(str::to_owned).to_vec(),
        }),
    }
}

/// What else a checkpoint of this program holds beside a generator.
const PARTS: [&str; 4] = [DISCRIMINATOR, TRAINED, POOL, "optimizer_"];

/// The tensors in front of whose keys nothing stands.
fn of_root(file: &TensorFile) -> TensorFile {
    file.part("", |key| !PARTS.iter().any(|part| key.starts_with(part)))
}

/// A network in a file.
struct FoundNetwork {
    kind: NetworkKind,
    /// What stands in front of its keys, without the last dot.
    name: String,
    part: TensorFile,
}

impl FoundNetwork {
    fn is(&self, choice: &NetworkChoice) -> bool {
        match choice {
            NetworkChoice::Kind(kind) => self.kind == *kind,
            NetworkChoice::Named(name) => {
                let rest = self.name.strip_suffix(name.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }
}

/// The key of the first convolution of a network, and the side of its kernel.
const FIRST: [(NetworkKind, &str, usize); 4] = [
    (NetworkKind::Generator, "model.model.0.weight", 4),
    (NetworkKind::Generator, "model.1.weight", 7),
    (NetworkKind::Discriminator, "model.0.weight", 4),
    (NetworkKind::Discriminator, "net.0.weight", 1),
];

/// More networks than a file has that was not made to cost time.
const MOST_NETWORKS: usize = 64;

/// All networks whose tensors are in `file`, by what stands in front of their keys.
fn candidates(file: &TensorFile) -> Vec<FoundNetwork> {
    let mut found: Vec<FoundNetwork> = Vec::new();
    for (key, shape) in file.shapes() {
        let &[_, _, height, width] = shape else {
            continue;
        };
        let network = FIRST.iter().find_map(|&(kind, first, kernel)| {
            let prefix = key.strip_suffix(first)?;
            let at_a_name = prefix.is_empty() || prefix.ends_with('.');
            if !at_a_name || [height, width] != [kernel; 2] {
                return None;
            }
            // The scales of a discriminator are one network, which is found at the first of them.
            let prefix = match scale_of(prefix) {
                Some((outer, 0)) if kind == NetworkKind::Discriminator => outer,
                Some(_) if kind == NetworkKind::Discriminator => return None,
                _ => prefix,
            };
            let part = match prefix {
                "" => of_root(file),
                _ => file.part(prefix, |_| true),
            };
            is_network(kind, &part.shapes().collect()).then(|| FoundNetwork {
                kind,
                name: part.prefix().trim_end_matches('.').to_owned(),
                part,
            })
        });
        found.extend(network);
        if found.len() == MOST_NETWORKS {
            break;
        }
    }
    // In a checkpoint of this program the optimiser's moments look like networks.
    if found.iter().any(|one| one.part.prefix() == file.prefix()) {
        let ours = |one: &FoundNetwork| {
            let rest = one.part.prefix().strip_prefix(file.prefix());
            rest.is_some_and(|rest| [TRAINED, "optimizer_"].iter().any(|p| rest.starts_with(p)))
        };
        found.retain(|one| !ours(one));
    }
    found
}

fn is_network(kind: NetworkKind, shapes: &Shapes) -> bool {
    let generator = |upsample| GeneratorConfig::from_shapes(shapes, upsample).is_some();
    match kind {
        NetworkKind::Generator => generator(Upsample::Deconv) || generator(Upsample::Nearest),
        NetworkKind::Discriminator => DiscriminatorConfig::from_shapes(shapes).is_some(),
    }
}

/// The network of `file` that `choice` asks for. `upsample` says how a generator resizes its maps
/// if the file does not.
///
/// # Errors
/// A file with no such network or with several; the first tensor that is missing, misshapen or has
/// no place; an `upsample` that is not needed; a generator whose channels no kind of image has.
pub fn find_network(
    file: &TensorFile,
    choice: &NetworkChoice,
    upsample: Option<Upsample>,
) -> Result<NetworkFile, TrainError> {
    refuse_needless_upsample(file, upsample)?;
    let fits = |kind, part: &TensorFile| find_in(file, kind, part, upsample).is_ok();
    let (kind, part) = choose(file, choice, &fits)?;
    find_in(file, kind, &part, upsample)
}

/// The tensors of the generator that `choice` asks for, how it is built and used, and what was left
/// out; the rest as in [`find_network`].
///
/// # Errors
/// Those of [`find_network`], and a network that is no generator.
pub fn find_generator(
    file: &TensorFile,
    choice: &NetworkChoice,
    upsample: Option<Upsample>,
) -> Result<(TensorFile, ModelConfig, Vec<WeightsNote>), TrainError> {
    let found = find_network(file, choice, upsample);
    let is_discriminator = match &found {
        Ok(found) => found.model.is_none(),
        Err(TrainError::Interop(InteropError::OtherNetwork { .. })) => {
            let discriminator = NetworkChoice::Kind(NetworkKind::Discriminator);
            find_network(file, &discriminator, None).is_ok()
        }
        Err(_) => false,
    };
    match found {
        Ok(NetworkFile {
            file,
            model: Some(model),
            notes,
            ..
        }) => Ok((file, model, notes)),
        Err(error) if !is_discriminator => Err(error),
        _ => Err(file
            .other_network(
                "generator",
                "; it is a discriminator, which makes no images: name a file with a generator",
            )
            .into()),
    }
}

/// The network of this kind in its `part` of a `file`.
fn find_in(
    file: &TensorFile,
    kind: NetworkKind,
    part: &TensorFile,
    upsample: Option<Upsample>,
) -> Result<NetworkFile, TrainError> {
    let mut states = StateList::default();
    let network = record_network(&mut states, part, kind, upsample)?;
    let model = match network.generator {
        Some(generator) => Some(model_of(part, generator)?),
        None => None,
    };
    require_all(part, &states, &network.unused)?;
    let notes = notes(file, part, &network.unused);
    Ok(NetworkFile {
        file: part.clone(),
        model,
        notes,
        states,
    })
}

/// How a generator is used: as the file says, or as the reference uses it.
fn model_of(file: &TensorFile, generator: GeneratorConfig) -> Result<ModelConfig, TrainError> {
    let model: ModelConfig = match file.metadata(MODEL) {
        Ok(text) => serde_json::from_str(text).map_err(|e| file.bad_metadata(e.to_string()))?,
        Err(_) => foreign_model(generator),
    };
    let channels = model.generator.channels();
    let (input, output) = (&model.input, &model.output);
    if channels != [input.channels(), output.channels()] {
        let reason = format!(
            "the network maps {} to {} channels, {input} to {output} images need others",
            channels[0], channels[1]
        );
        return Err(file.bad_metadata(reason).into());
    }
    Ok(model)
}

/// Checks that `file` holds all `states` and nothing that has no place. `unused` are keys that do
/// no harm.
///
/// # Errors
/// [`InteropError`] names the first tensor.
fn require_all(
    file: &TensorFile,
    states: &StateList,
    unused: &[String],
) -> Result<(), InteropError> {
    for state in states.states() {
        let shape = reference_shape(state.shape, state.transposed);
        file.require(&state.name, &shape)?;
    }
    refuse_surplus(file, states.states().iter(), unused)
}

/// Refuses a file with a tensor that is none of `states` and none of `unused`.
///
/// # Errors
/// [`InteropError::Surplus`] names the first one.
pub(in crate::train) fn refuse_surplus<'a>(
    file: &TensorFile,
    states: impl Iterator<Item = &'a StateSpec>,
    unused: &'a [String],
) -> Result<(), InteropError> {
    let known: HashSet<&str> = states
        .map(|state| state.name.as_str())
        .chain(unused.iter().map(String::as_str))
        .collect();
    match file.shapes().find(|(key, _)| !known.contains(key)) {
        None => Ok(()),
        Some((key, shape)) => Err(InteropError::Surplus {
            path: file.path().to_owned(),
            key: file.whole_key(key),
            shape: shape.to_vec(),
        }),
    }
}

/// What is left out of `file` when `part` is taken. Counters are no loss, and what else a file of
/// this program holds is known.
pub(in crate::train) fn notes(
    file: &TensorFile,
    part: &TensorFile,
    unused: &[String],
) -> Vec<WeightsNote> {
    let unused: HashSet<&str> = unused.iter().map(String::as_str).collect();
    let mut statistics = part
        .shapes()
        .filter(|(key, _)| unused.contains(key) && !key.ends_with(".num_batches_tracked"))
        .map(|(key, _)| part.whole_key(key));
    let mut notes = Vec::new();
    if let Some(example) = statistics.next() {
        let count = 1 + statistics.count();
        notes.push(WeightsNote::UnusedStatistics { count, example });
    }
    let inner = part.prefix().strip_prefix(file.prefix()).unwrap_or("");
    let mut others = file.shapes().filter(|(key, _)| !key.starts_with(inner));
    if let Some((example, _)) = others.next().filter(|_| file.metadata(MODEL).is_err()) {
        notes.push(WeightsNote::Others {
            name: part.prefix().trim_end_matches('.').to_owned(),
            count: 1 + others.count(),
            example: file.whole_key(example),
        });
    }
    notes
}

#[cfg(test)]
mod tests;
