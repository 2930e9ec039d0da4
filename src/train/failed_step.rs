//! A step whose losses or gradients are not finite: which operation it was.

use super::config::Config;
use super::error::TrainError;
use super::session::Session;
use super::step::{LOSSES, WEIGHTED};
use crate::data::PairSet;
use crate::data::batch_sampler::BatchSampler;
use crate::gpu::Gpu;
use crate::ops::loss_scale::GRADIENT_COLUMN;

/// Runs the failed `step` again with the watch on, and makes the error of it. `column` is the one
/// of the monitor that was not finite. `checkpoint` says what there is to go on with.
pub(super) async fn not_finite(
    gpu: &Gpu,
    (session, config, training): (&Session, &Config, &PairSet),
    (step, column): (u64, usize),
    checkpoint: String,
) -> TrainError {
    let find = async || {
        let sampler = BatchSampler::new(training, config.pairs_per_step(), config.seed)?;
        let batch = training.batch(&sampler.samples(step.saturating_sub(1)))?;
        session.find_failure(gpu, step, &batch).await
    };
    let op = match find().await {
        Ok(Some(op)) => op,
        // In the step that failed the discriminator saw older fakes. Here it sees new ones.
        Ok(None) if session.pool.is_some() => {
            let words = "no operation when the step was run again without older fakes, so perhaps \
                         in the image pool (`recipe.pool`)";
            words.to_owned()
        }
        Ok(None) => "no operation when the step was run again".to_owned(),
        Err(error) => format!("an operation that could not be found ({error})"),
    };
    let what = match LOSSES.iter().chain(&WEIGHTED).nth(column) {
        Some(loss) => format!("loss {loss}"),
        None if column == GRADIENT_COLUMN => "a gradient, with a loss scale of 1,".to_owned(),
        None => format!("the value watched in column {column}"),
    };
    TrainError::NotFinite {
        step,
        what,
        op,
        checkpoint,
    }
}
