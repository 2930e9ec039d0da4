//! Starting from weights that another run or the PyTorch code has learnt: fine-tuning, with a fresh optimiser.

use super::checkpoint::{NetworkKind, prefix_of, select};
use super::error::TrainError;
use super::recipe::Recipe;
use super::session::Session;
use crate::gpu::Gpu;
use crate::interop::{InteropError, TensorFile, load_network};
use crate::ops::ArenaPart;
use crate::state::ArenaId;
use std::collections::HashSet;
use std::path::Path;

/// Loads the networks that `recipe` starts from; the others keep their initial weights.
///
/// # Errors
/// [`TrainError::Pretrained`] names the first tensor by which the file and the network differ, with both shapes.
pub fn load_pretrained(gpu: &Gpu, session: &Session, recipe: &Recipe) -> Result<(), TrainError> {
    let (g, d) = (&session.generator, session.discriminator.as_ref());
    let of_generator = recipe.pretrained.as_deref().zip(Some([g.parameters(), g.statistics()]));
    let of_discriminator = recipe.pretrained_discriminator.as_deref().zip(d.map(|d| [d.parameters(), d.statistics()]));
    for (option, kind, given) in [
        ("--pretrained", NetworkKind::Generator, of_generator),
        ("--pretrained-discriminator", NetworkKind::Discriminator, of_discriminator),
    ] {
        let Some((path, arenas)) = given else { continue };
        load(gpu, session, path, kind, arenas).map_err(|source| TrainError::Pretrained { option, source: Box::new(source) })?;
    }
    session.store.start_averages(gpu);
    Ok(())
}

fn load(gpu: &Gpu, session: &Session, path: &Path, kind: NetworkKind, arenas: [ArenaId; 2]) -> Result<(), InteropError> {
    let file = TensorFile::open(path)?;
    for arena in arenas {
        load_network(&file, gpu, &session.store, arena, ArenaPart::Value, prefix_of(&file, kind))?;
    }
    // A tensor that nothing takes belongs to a network of another kind, say one whose convolutions have a bias.
    let states = session.store.states();
    let known: HashSet<&str> = arenas.iter().flat_map(|&arena| states.in_arena(arena)).map(|state| state.name.as_str()).collect();
    let taken = |name: &str| known.contains(name) || name.ends_with(".num_batches_tracked");
    let surplus = file.shapes().find(|&(key, _)| select(&file, kind, key).is_some_and(|name| !taken(name)));
    surplus.map_or(Ok(()), |(key, shape)| Err(InteropError::Surplus { path: path.to_owned(), key: key.to_owned(), shape: shape.to_vec() }))
}
