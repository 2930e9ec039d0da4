//! What cells must share so that their scores can be compared: the pictures that are scored.

use crate::train::Config;

/// Fields that decide which pictures are scored, and in which form.
const PICTURES: [&str; 7] = [
    "dataset",
    "direction",
    "size",
    "preprocess",
    "fit",
    "input",
    "output",
];
/// Those of how files are read.
const READING: &str = "reading.";

/// The first field by which two configurations score other pictures. `None` if all are the same.
pub fn first_difference(left: &Config, right: &Config) -> Option<String> {
    let whole = left.preprocess.is_whole() || right.preprocess.is_whole();
    left.differences(right).into_iter().find(|field| {
        PICTURES.contains(&field.as_str())
            || field.starts_with(READING)
            // Where crops are taken it is the side of training images before the crop.
            || (whole && field == "load_size")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Direction, PairReading, Preprocess};

    #[test]
    fn cells_may_differ_in_training_and_not_in_the_pictures_that_are_scored() {
        let base = Config::default();
        let differs = |other: &Config| first_difference(&base, other);
        let trained = Config {
            ngf: 8,
            mirror: false,
            load_size: 300,
            batch_size: 4,
            ..base.clone()
        };
        assert_eq!(differs(&trained), None);
        let turned = Config {
            direction: Direction::BtoA,
            ngf: 8,
            ..base.clone()
        };
        assert_eq!(differs(&turned).as_deref(), Some("direction"));
        let read = Config {
            reading: PairReading {
                ignore_orientation: true,
                ..PairReading::default()
            },
            ..base.clone()
        };
        assert_eq!(
            differs(&read).as_deref(),
            Some("reading.ignore_orientation")
        );
        let scaled = |load_size| Config {
            preprocess: Preprocess::ScaleWidth,
            load_size,
            ..base.clone()
        };
        let found = first_difference(&scaled(286), &scaled(300));
        assert_eq!(found.as_deref(), Some("load_size"));
    }
}
