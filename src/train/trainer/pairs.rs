//! Which pairs a run shows, and whether those that it learns from are those of before.

use crate::data::{Dataset, PairSet, Split};
use crate::train::error::TrainError;
use std::sync::Arc;

/// The pairs for sample grids, and whether they are held out from training.
pub(in crate::train) fn shown_pairs(dataset: &Dataset) -> Result<(Arc<PairSet>, bool), TrainError> {
    match dataset.get(Split::Val).or(dataset.get(Split::Test)) {
        Some(held_out) => Ok((held_out.clone(), true)),
        None => Ok((dataset.require(Split::Train)?.clone(), false)),
    }
}

/// Says that a run goes on with other pairs than it `began` with: so many, with this fingerprint.
pub(in crate::train) fn other_pairs(
    began: (usize, Option<u64>),
    training: &PairSet,
) -> Option<String> {
    let (then, now) = (began.0, training.len());
    if then != now {
        return Some(format!(
            "the run began with {then} training pairs, and now there are {now}, so they come in \
             another order"
        ));
    }
    let same = began.1? == training.fingerprint();
    (!same).then(|| {
        "the files of the training pairs have other names than those that the run began with: it \
         goes on with other images, or with the same ones in another order"
            .to_owned()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::data::DataOptions;
    use std::fs;

    #[test]
    fn other_names_of_as_many_pairs_are_told() {
        let root = tempfile::tempdir().unwrap();
        let set = |folder: &str, names: [&str; 2]| {
            let train = root.path().join(folder).join("train");
            fs::create_dir_all(&train).unwrap();
            for name in names {
                image::RgbImage::new(8, 4).save(train.join(name)).unwrap();
            }
            let options = DataOptions::new(8);
            let dataset = Dataset::open(&root.path().join(folder), &options).unwrap();
            dataset.require(Split::Train).unwrap().clone()
        };
        let began = set("one", ["1.png", "2.png"]);
        let [moved, other] = [
            set("two", ["1.png", "2.png"]),
            set("three", ["1.png", "3.png"]),
        ];
        let (count, known) = (began.len(), Some(began.fingerprint()));
        assert_eq!(other_pairs((count, known), &moved), None);
        let told = other_pairs((count, known), &other).unwrap();
        assert!(told.contains("have other names"), "{told}");
        // An older checkpoint says nothing of names.
        assert_eq!(other_pairs((count, None), &other), None);
        let told = other_pairs((3, known), &moved).unwrap();
        assert!(told.contains("began with 3 training pairs"), "{told}");
    }
}
