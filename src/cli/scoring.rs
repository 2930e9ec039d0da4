//! A trained generator is scored on held-out pairs, and its evaluation lies in a folder. `eval` and
//! `compare` have it.

use super::CliError;
use super::progress::ImageProgress;
use super::stop::Stop;
use crate::data::remark::RemarkKind;
use crate::data::{Dataset, NamedPalette, PairSet, Picture, Split};
use crate::eval::{Evaluation, EvaluationFolder, Evaluator, Scorer, mean_target};
use pollster::block_on;
use std::path::PathBuf;
use std::sync::Arc;

/// Pairs that are scored, and what outputs are compared with.
pub struct HeldOutPairs {
    /// The pairs.
    pub pairs: Arc<PairSet>,
    /// The mean of the training targets, or of these targets if there are no others. None for
    /// images of several sizes, or of another one.
    pub mean: Option<Picture>,
    /// Which mean it is.
    pub remarks: Vec<String>,
    /// The data set, its split and the size of its pictures.
    pub words: String,
}

/// The pairs of the split that somebody asked for, or else those for test, or else those for
/// validation.
///
/// # Errors
/// A split that was asked for and is not there.
pub fn held_out(
    dataset: &Dataset,
    split: Option<Split>,
) -> Result<Option<&Arc<PairSet>>, CliError> {
    Ok(match split {
        Some(split) => Some(dataset.require(split)?),
        None => dataset.get(Split::Test).or(dataset.get(Split::Val)),
    })
}

impl HeldOutPairs {
    /// The pairs `set` of `dataset`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn of(dataset: &Dataset, set: &Arc<PairSet>) -> Result<Self, CliError> {
        let training = dataset.get(Split::Train);
        let of = training.map_or(set, |training| training);
        let mean = mean_target(of)?;
        let sides = set.sides().iter();
        let beside = sides.filter(|sides| mean.as_ref().map(Picture::dimensions) == Some(**sides));
        let beside = beside.count();
        let remark = match (&mean, training) {
            (None, _) => "the images have several sizes, so there is no mean target".to_owned(),
            (Some(_), _) if beside == 0 => {
                "the training pairs have another size than these, so there is no mean target"
                    .to_owned()
            }
            (Some(_), Some(training)) if beside < set.len() => format!(
                "the mean target is that of all {} training pairs, and is compared with the \
                 {beside} of {} pairs that have its size",
                training.len(),
                set.len()
            ),
            (Some(_), Some(_)) if set.split() == Split::Train => {
                "the mean target is that of the pairs that are scored, and scores better than it \
                 should"
                    .to_owned()
            }
            (Some(_), Some(training)) => format!(
                "the mean target is that of all {} training pairs",
                training.len()
            ),
            (Some(_), None) => {
                "there are no training pairs here, so the mean target is that of these pairs, and \
                 scores better than it should"
                    .to_owned()
            }
        };
        let scan = dataset.scan().into_iter();
        let copies = scan.flat_map(|scan| &scan.remarks);
        let copies = copies.filter(|remark| remark.kind == RemarkKind::HeldOutCopies(set.split()));
        let remarks = copies.map(ToString::to_string).chain([remark]).collect();
        Ok(Self {
            pairs: set.clone(),
            mean: mean.filter(|_| beside > 0),
            remarks,
            words: format!("{}, {}", dataset.root().display(), split_words(set)),
        })
    }

    /// Translates and scores all pairs, and writes the folder. `model` is the generator's name in
    /// it. Returns the scores and the page.
    ///
    /// # Errors
    /// Those of translating, scoring and writing, and a signal.
    pub fn score(
        &self,
        evaluator: &Evaluator,
        mut folder: EvaluationFolder,
        (model, palette): (String, Option<NamedPalette>),
        stop: &Stop,
    ) -> Result<(Evaluation, PathBuf), CliError> {
        let options = self.pairs.options();
        let copy = options.input == options.target;
        let mut scorer = Scorer::new(copy, self.mean.clone(), palette);
        let progress = ImageProgress::new(Some(self.pairs.len()));
        stop.begin();
        block_on(evaluator.score(&self.pairs, &mut scorer, |example, _| {
            stop.check()?;
            progress.translated(1, false);
            folder.push(example)
        }))?;
        progress.finish();
        let evaluation = scorer.finish(model, self.words.clone(), self.remarks.clone());
        let page = folder.finish(&evaluation)?;
        Ok((evaluation, page))
    }
}

/// The split of these pairs and the size of their pictures.
pub fn split_words(set: &PairSet) -> String {
    format!("{}, {}", set.split(), size_words(set))
}

/// The size of the pictures.
pub fn size_words(set: &PairSet) -> String {
    let mut sizes: Vec<(u32, u32)> = set.sides().to_vec();
    sizes.sort_unstable();
    sizes.dedup();
    match sizes.as_slice() {
        [(width, height)] => format!("{width}×{height}"),
        several => format!("{} sizes", several.len()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::{DataOptions, Preprocess};
    use image::RgbImage;

    #[test]
    fn a_mean_target_of_another_size_is_not_promised() {
        let folder = tempfile::tempdir().unwrap();
        let save = |name: &str, side: u32| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            RgbImage::new(2 * side, side).save(path).unwrap();
        };
        (0..2).for_each(|pair| save(&format!("train/{pair}.png"), 32));
        (0..2).for_each(|pair| save(&format!("test/{pair}.png"), 40));
        let held_out = || {
            let mut options = DataOptions::new(32);
            options.preprocess = Preprocess::None;
            let dataset = Dataset::open(folder.path(), &options).unwrap();
            HeldOutPairs::of(&dataset, dataset.require(Split::Test).unwrap()).unwrap()
        };
        let none = held_out();
        let remark = "the training pairs have another size than these, so there is no mean target";
        assert!(none.mean.is_none() && none.remarks == [remark]);
        save("test/2.png", 32);
        let some = held_out();
        let remark = "the mean target is that of all 2 training pairs, and is compared with the 1 \
                      of 3 pairs that have its size";
        assert_eq!(some.remarks.len(), 2);
        let (copies, mean) = (&some.remarks[0], &some.remarks[1]);
        assert!(some.mean.is_some() && mean == remark);
        // The third one is a training pair, and whoever reads the scores is told.
        assert!(copies.starts_with("test pairs that are training pairs as well, byte by byte: 1"));
    }
}
