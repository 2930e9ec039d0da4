//! Outputs are compared with their targets, one after the other or on all cores.

use super::error::EvalError;
use super::labels::LabelScores;
use super::scores::{Evaluation, ImageScores, MetricMeans, Scores, Undefined};
use super::subject::Subject;
use crate::data::{NamedPalette, Picture};
use crate::metrics::{LabHistograms, Mean, Metric, MetricError};
use crate::threads;

/// An output and what it is compared with: pictures of 8-bit RGB and of one size.
#[derive(Debug, Clone)]
pub struct Example {
    /// The pair.
    pub name: String,
    /// The input as it is shown.
    pub input: Picture,
    /// What the generator made.
    pub output: Picture,
    /// What it should have made.
    pub target: Picture,
}

/// What outputs are compared with, and what was found so far.
#[derive(Debug)]
pub struct Scorer {
    /// Whether the input is a possible output: its channels mean the same.
    copy: bool,
    mean_target: Option<Picture>,
    labels: Option<LabelScores>,
    images: Vec<ImageScores>,
    /// Of each subject, then of the targets.
    colours: [LabHistograms; Subject::ALL.len() + 1],
    undefined: Vec<Undefined>,
}

/// The scores of an image, and why some of its outputs are missing.
type Scored = (ImageScores, Vec<(Metric, MetricError)>);

impl Scorer {
    /// A scorer of outputs. With `copy` the inputs are scored as well. So is the `mean_target`, for
    /// images of its size. With a `palette` pictures are label maps.
    pub fn new(copy: bool, mean_target: Option<Picture>, palette: Option<NamedPalette>) -> Self {
        Self {
            copy,
            mean_target,
            labels: palette.map(LabelScores::new),
            images: Vec::new(),
            colours: Default::default(),
            undefined: Vec::new(),
        }
    }

    /// Scores examples, on all cores. Their scores are added in their order.
    ///
    /// # Errors
    /// [`EvalError::Metric`] for pictures that cannot be compared at all.
    pub fn add(&mut self, examples: &[Example]) -> Result<&[ImageScores], EvalError> {
        let scored = threads::map(examples, |example| self.score(example));
        let first = self.images.len();
        for (example, scored) in examples.iter().zip(scored) {
            let (scores, missing) = scored?;
            self.count(example)?;
            for (metric, why) in missing {
                self.note_undefined(metric, &example.name, why);
            }
            self.images.push(scores);
        }
        Ok(&self.images[first..])
    }

    /// The pictures of an example by subject.
    fn pictures<'a>(&'a self, example: &'a Example) -> [Option<&'a Picture>; Subject::ALL.len()] {
        let mean = self.mean_target.as_ref();
        [
            Some(&example.output),
            self.copy.then_some(&example.input),
            mean.filter(|mean| mean.dimensions() == example.target.dimensions()),
        ]
    }

    fn score(&self, example: &Example) -> Result<Scored, EvalError> {
        let mut missing = Vec::new();
        let mut scores = [None; Subject::ALL.len()];
        for (subject, picture) in Subject::ALL.into_iter().zip(self.pictures(example)) {
            let Some(picture) = picture else { continue };
            let mut values = Scores::default();
            for (slot, metric) in values.0.iter_mut().zip(Metric::ALL) {
                match metric.of(picture, &example.target) {
                    Ok(value) => *slot = Some(value),
                    Err(source @ (MetricError::Shapes { .. } | MetricError::Depth { .. })) => {
                        let name = example.name.clone();
                        return Err(EvalError::Metric { name, source });
                    }
                    Err(why) if subject == Subject::Output => missing.push((metric, why)),
                    Err(_) => {}
                }
            }
            scores[subject as usize] = Some(values);
        }
        let image = ImageScores {
            name: example.name.clone(),
            size: example.target.dimensions(),
            scores,
        };
        Ok((image, missing))
    }

    /// Counts what is counted over all images.
    fn count(&mut self, example: &Example) -> Result<(), EvalError> {
        let pictures = self.pictures(example).map(Option::<&Picture>::cloned);
        let target = Some(example.target.clone());
        for (histograms, picture) in self
            .colours
            .iter_mut()
            .zip(pictures.into_iter().chain([target]))
        {
            if let Some(picture) = picture {
                histograms
                    .add(&picture)
                    .map_err(|source| EvalError::Metric {
                        name: example.name.clone(),
                        source,
                    })?;
            }
        }
        // The pictures borrow from the scorer, so the labels are taken out of it.
        if let Some(mut labels) = self.labels.take() {
            labels.add(self.pictures(example), &example.target);
            self.labels = Some(labels);
        }
        Ok(())
    }

    fn note_undefined(&mut self, metric: Metric, name: &str, why: MetricError) {
        match self
            .undefined
            .iter_mut()
            .find(|found| found.metric == metric)
        {
            Some(found) => found.images += 1,
            None => self.undefined.push(Undefined {
                metric,
                images: 1,
                example: format!("{name}: {why}"),
            }),
        }
    }

    /// The scores of all images and their means.
    pub fn finish(self, model: String, pairs: String, notes: Vec<String>) -> Evaluation {
        let mean = |metric, subject| {
            let values = self
                .images
                .iter()
                .filter_map(|image| image.of(subject)?.get(metric));
            Mean::of(&values.collect::<Vec<_>>())
        };
        let summary = Metric::ALL.into_iter().map(|metric| MetricMeans {
            metric,
            means: Subject::ALL.map(|subject| mean(metric, subject)),
        });
        let mut notes = notes;
        notes.extend(self.labels.as_ref().and_then(LabelScores::remark));
        if let [_] = self.images[..] {
            notes.push("there is one image, so there are no intervals".to_owned());
        }
        let [of_subjects @ .., of_targets] = &self.colours;
        let colours = std::array::from_fn(|subject| of_subjects[subject].intersection(of_targets));
        Evaluation {
            model,
            pairs,
            summary: summary.collect(),
            images: self.images,
            colours,
            labels: self.labels,
            undefined: self.undefined,
            notes,
        }
    }
}
