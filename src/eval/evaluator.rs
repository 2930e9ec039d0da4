//! A generator on a device, and what it makes of the pairs of a set.

use super::error::EvalError;
use super::scorer::{Example, Scorer};
use super::scores::ImageScores;
use crate::data::{DataOptions, PairSet, Picture, Pixels};
use crate::gpu::Gpu;
use crate::interop::{TensorFile, load_network};
use crate::nn::{Fit, Generator, TestNorm, TestTime};
use crate::program::Store;
use crate::state::StateList;
use crate::tape::ArenaPart;
use crate::tensor::DType;
use crate::train::{
    ModelConfig, PairTranslator, PairUse, TrainError, TranslatedPair, rounded_picture,
};
use std::path::PathBuf;

/// Examples that are scored together: enough for all cores, few enough for memory.
const SCORED_TOGETHER: usize = 16;

/// A generator on the device.
#[derive(Debug)]
pub struct Evaluator<'a> {
    gpu: &'a Gpu,
    store: Store,
    generator: Generator,
    /// The generator's file.
    path: PathBuf,
    config: ModelConfig,
    usage: PairUse,
}

impl<'a> Evaluator<'a> {
    /// Loads the generator of `file`, stored in `precision`, to be used as `test` and `fit` say.
    /// `batch` images go through it together where they share statistics.
    ///
    /// # Errors
    /// Those of building and loading.
    pub fn load(
        gpu: &'a Gpu,
        (file, config): (&TensorFile, &ModelConfig),
        precision: DType,
        (test, fit): (TestTime, Fit),
        batch: usize,
    ) -> Result<Self, EvalError> {
        let mut states = StateList::new(precision);
        let generator = Generator::new(&mut states, &config.generator).map_err(TrainError::from)?;
        let store = Store::new(gpu, states, false).map_err(TrainError::from)?;
        for arena in [generator.parameters(), generator.statistics()] {
            load_network(file, gpu, &store, arena, ArenaPart::Value, "")?;
        }
        let usage = PairUse {
            channels: config.input.channels(),
            fit,
            mode: test.mode(),
            batch: match test.norm {
                TestNorm::Batch => batch.max(1),
                _ => 1,
            },
        };
        Ok(Self {
            gpu,
            store,
            generator,
            path: file.path().to_owned(),
            config: config.clone(),
            usage,
        })
    }

    /// Translates all pairs of `set`, and adds their scores to `scorer`. Each example is given to
    /// `keep` with its scores.
    ///
    /// # Errors
    /// Pairs that the generator does not fit, those of reading and translating, outputs that are no
    /// numbers, and those of `keep`.
    pub async fn score(
        &self,
        set: &PairSet,
        scorer: &mut Scorer,
        mut keep: impl FnMut(&Example, &ImageScores) -> Result<(), EvalError>,
    ) -> Result<(), EvalError> {
        let options = set.options();
        self.check_channels(options)?;
        let sides = set.sides().first().copied().unwrap_or_default();
        let on = (self.gpu, &self.store);
        let mut pairs =
            PairTranslator::new(on, &self.generator, self.usage.clone(), None, sides, 0)?;
        let names = set.names();
        let mut waiting = Vec::new();
        let mut score = |waiting: &mut Vec<Example>| {
            let scores = scorer.add(waiting)?;
            let mut each = waiting.iter().zip(scores);
            each.try_for_each(|(example, scores)| keep(example, scores))?;
            waiting.clear();
            Ok::<(), EvalError>(())
        };
        pairs
            .each(self.gpu, &self.store, set, set.len(), |pair| {
                let name = names.get(pair.index).cloned().unwrap_or_default();
                if !pair.output.iter().all(|value| value.is_finite()) {
                    return Err(EvalError::NotFinite { name });
                }
                waiting.push(example(name, pair, options));
                match waiting.len() {
                    SCORED_TOGETHER => score(&mut waiting),
                    _ => Ok(()),
                }
            })
            .await?;
        score(&mut waiting)
    }

    fn check_channels(&self, options: &DataOptions) -> Result<(), EvalError> {
        let channels = |pixels: &Pixels| match pixels.channels() {
            1 => "1 channel".to_owned(),
            channels => format!("{channels} channels"),
        };
        let both = |input, output| format!("{} of {}", channels(output), channels(input));
        let model = both(&self.config.input, &self.config.output);
        let pairs = both(&options.input, &options.target);
        match model == pairs {
            true => Ok(()),
            false => Err(EvalError::Channels {
                path: self.path.clone(),
                model,
                pairs,
            }),
        }
    }
}

fn example(name: String, pair: &TranslatedPair, options: &DataOptions) -> Example {
    let [input, output, target] = pair.pictures(options);
    Example {
        name,
        input,
        output,
        target,
    }
}

/// The mean picture of the targets of a set. `None` if they have several sizes.
///
/// # Errors
/// Those of reading.
pub fn mean_target(set: &PairSet) -> Result<Option<Picture>, EvalError> {
    let sides = set.sides();
    let Some(&(_, height)) = sides.first() else {
        return Ok(None);
    };
    if sides.iter().any(|other| *other != sides[0]) {
        return Ok(None);
    }
    let mut sum: Vec<f64> = Vec::new();
    let options = set.options();
    for index in 0..set.len() {
        let batch = set.plain(&[index])?;
        let shown = options
            .target
            .shown_in_rows(&batch.target, &batch.input, sides[0].0 as usize);
        sum.resize(shown.len(), 0.0);
        let values = sum.iter_mut().zip(&shown);
        values.for_each(|(sum, &value)| *sum += f64::from(value));
    }
    let mean: Vec<f32> = sum
        .iter()
        .map(|sum| (sum / set.len() as f64) as f32)
        .collect();
    Ok(Some(rounded_picture(&mean, height as usize)))
}
