//! Starting from weights that another run or the PyTorch code has trained: fine-tuning, with a
//! fresh optimiser.

use super::checkpoint::{NetworkKind, prefix_of, select};
use super::config::Config;
use super::error::TrainError;
use super::recipe::Recipe;
use super::session::Session;
use crate::gpu::Gpu;
use crate::interop::{InteropError, TensorFile, load_network, network_values};
use crate::nn::{Generator, PatchGan};
use crate::program::Store;
use crate::state::{ArenaId, StateList};
use crate::tape::ArenaPart;
use std::collections::HashSet;
use std::path::Path;

/// Checks that the files that `config` starts from hold its networks. This needs neither data nor a
/// device.
///
/// # Errors
/// [`TrainError::Pretrained`] names the first tensor by which a file and its network differ, with
/// both shapes.
pub fn check_pretrained(config: &Config) -> Result<(), TrainError> {
    let mut states = StateList::default();
    let generator = Generator::new(&mut states, &config.generator())?;
    let has_discriminator = config.objective.lambda_gan != 0.0;
    let discriminator = has_discriminator
        .then(|| PatchGan::new(&mut states, &config.discriminator()))
        .transpose()?;
    let mut starts = starts(&config.recipe, &generator, discriminator.as_ref());
    starts.try_for_each(|start| {
        start
            .check(&states)
            .map(drop)
            .map_err(|source| start.refusal(source))
    })
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
}

/// The networks that `recipe` has files for.
fn starts<'a>(
    recipe: &'a Recipe,
    g: &Generator,
    d: Option<&PatchGan>,
) -> impl Iterator<Item = Start<'a>> {
    let of_generator = recipe
        .pretrained
        .as_deref()
        .zip(Some([g.parameters(), g.statistics()]));
    let of_discriminator = recipe
        .pretrained_discriminator
        .as_deref()
        .zip(d.map(|d| [d.parameters(), d.statistics()]));
    let given = [
        ("recipe.pretrained", NetworkKind::Generator, of_generator),
        (
            "recipe.pretrained_discriminator",
            NetworkKind::Discriminator,
            of_discriminator,
        ),
    ];
    given.into_iter().filter_map(|(field, kind, given)| {
        given.map(|(path, arenas)| Start {
            field,
            kind,
            path,
            arenas,
        })
    })
}

impl Start<'_> {
    /// Opens the file, if it holds the network and nothing more.
    fn check(&self, states: &StateList) -> Result<TensorFile, InteropError> {
        let file = TensorFile::open(self.path)?;
        for arena in self.arenas {
            network_values(&file, states, arena, prefix_of(&file, self.kind))?;
        }
        // A tensor without a place belongs to a network of another kind, for example one whose
        // convolutions have a bias.
        let known: HashSet<&str> = self
            .arenas
            .iter()
            .flat_map(|&arena| states.in_arena(arena))
            .map(|state| state.name.as_str())
            .collect();
        let taken = |name: &str| known.contains(name) || name.ends_with(".num_batches_tracked");
        let surplus = file
            .shapes()
            .find(|&(key, _)| select(&file, self.kind, key).is_some_and(|name| !taken(name)));
        let refusal = surplus.map(|(key, shape)| (key.to_owned(), shape.to_vec()));
        refusal.map_or(Ok(file), |(key, shape)| {
            Err(InteropError::Surplus {
                path: self.path.to_owned(),
                key,
                shape,
            })
        })
    }

    fn load(&self, gpu: &Gpu, store: &Store) -> Result<(), InteropError> {
        let file = self.check(store.states())?;
        let prefix = prefix_of(&file, self.kind);
        self.arenas
            .into_iter()
            .try_for_each(|arena| load_network(&file, gpu, store, arena, ArenaPart::Value, prefix))
    }

    fn refusal(&self, source: InteropError) -> TrainError {
        TrainError::Pretrained {
            field: self.field,
            source: Box::new(source),
        }
    }
}
