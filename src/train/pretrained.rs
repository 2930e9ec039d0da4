//! Starting from weights that another run or the PyTorch code has trained: fine-tuning, with a
//! fresh optimiser.

use super::checkpoint::{NetworkChoice, NetworkKind, WeightsNote, choose, notes, refuse_surplus};
use super::config::Config;
use super::error::TrainError;
use super::recipe::Recipe;
use super::session::Session;
use crate::gpu::Gpu;
use crate::interop::{InteropError, TensorFile, load_network, network_values};
use crate::models;
use crate::nn::{Discriminator, Generator};
use crate::program::Store;
use crate::state::{ArenaId, StateList};
use crate::tape::ArenaPart;
use std::path::{Path, PathBuf};

/// Checks that the files that `config` starts from hold its networks. This needs neither data nor a
/// device. Returns what is left out of each file.
///
/// # Errors
/// [`TrainError::Pretrained`] names the first tensor by which a file and its network differ, with
/// both shapes.
pub fn check_pretrained(config: &Config) -> Result<Vec<(PathBuf, WeightsNote)>, TrainError> {
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &config.generator())?;
    let has_discriminator = config.objective.lambda_gan != 0.0;
    let discriminator = has_discriminator
        .then(|| Discriminator::new(&mut states, &config.discriminator()))
        .transpose()?;
    let mut all = Vec::new();
    for start in starts(&config.recipe, &generator, discriminator.as_ref()) {
        let (_, notes) = start.check(&states).map_err(|error| start.refusal(error))?;
        all.extend(notes.into_iter().map(|note| (start.path.to_owned(), note)));
    }
    Ok(all)
}

/// Loads the networks that `recipe` starts from; the others keep their initial weights.
///
/// # Errors
/// [`TrainError::Pretrained`] names the first tensor by which the file and the network differ, with
/// both shapes.
pub fn load_pretrained(gpu: &Gpu, session: &Session, recipe: &Recipe) -> Result<(), TrainError> {
    for start in starts(recipe, &session.generator, session.discriminator.as_ref()) {
        start
            .load(gpu, &session.store)
            .map_err(|source| start.refusal(source))?;
    }
    session.store.start_averages(gpu);
    Ok(())
}

/// A network that does not start from fresh weights.
struct Start<'a> {
    field: &'static str,
    kind: NetworkKind,
    path: &'a Path,
    arenas: [ArenaId; 2],
    unused: Vec<String>,
}

/// The networks that `recipe` has files for.
fn starts<'a>(
    recipe: &'a Recipe,
    g: &'a Generator,
    d: Option<&'a Discriminator>,
) -> impl Iterator<Item = Start<'a>> {
    let of_generator = recipe
        .pretrained
        .as_deref()
        .zip(Some(([g.parameters(), g.statistics()], g.unused_keys())));
    let of_discriminator = recipe
        .pretrained_discriminator
        .as_deref()
        .zip(d.map(|d| ([d.parameters(), d.statistics()], d.unused_keys())));
    let given = [
        ("recipe.pretrained", NetworkKind::Generator, of_generator),
        (
            "recipe.pretrained_discriminator",
            NetworkKind::Discriminator,
            of_discriminator,
        ),
    ];
    given.into_iter().filter_map(|(field, kind, given)| {
        given.map(|(path, (arenas, unused))| Start {
            field,
            kind,
            path,
            arenas,
            unused: unused.to_vec(),
        })
    })
}

impl Start<'_> {
    /// The network's tensors, if the file holds the network and nothing without a place, and what
    /// is left out.
    fn check(&self, states: &StateList) -> Result<(TensorFile, Vec<WeightsNote>), InteropError> {
        let file = models::open(self.path)?;
        let require = |part: &TensorFile| {
            self.arenas
                .iter()
                .try_for_each(|&arena| network_values(part, states, arena, "").map(drop))?;
            // A tensor without a place belongs to a network of another kind, for example one whose
            // convolutions have a bias.
            let own = self.arenas.iter().flat_map(|&arena| states.in_arena(arena));
            refuse_surplus(part, own, &self.unused)
        };
        let fits = |_, part: &TensorFile| require(part).is_ok();
        let (_, part) = choose(&file, &NetworkChoice::Kind(self.kind), &fits)?;
        require(&part)?;
        let notes = notes(&file, &part, &self.unused);
        Ok((part, notes))
    }

    fn load(&self, gpu: &Gpu, store: &Store) -> Result<(), InteropError> {
        let (part, _) = self.check(store.states())?;
        self.arenas
            .into_iter()
            .try_for_each(|arena| load_network(&part, gpu, store, arena, ArenaPart::Value, ""))
    }

    fn refusal(&self, source: InteropError) -> TrainError {
        TrainError::Pretrained {
            field: self.field,
            source: Box::new(source),
        }
    }
}
