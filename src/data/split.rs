//! The parts of a dataset, and which side of a pair is which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Split {
    /// What the networks learn from
    Train,
    /// What is looked at during training
    Val,
    /// What is looked at once, at the end
    Test,
}

impl Split {
    /// All splits, in the order in which they are opened.
    pub const ALL: [Split; 3] = [Split::Train, Split::Val, Split::Test];

    /// The name of the split and of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Val => "val",
            Split::Test => "test",
        }
    }

    /// What the folder of the split may be called, in lower case; the usual name first.
    pub(super) fn folder_names(self) -> &'static [&'static str] {
        match self {
            Split::Train => &["train", "training"],
            Split::Val => &["val", "validation", "valid", "eval"],
            Split::Test => &["test", "testing"],
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which side of a pair is the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Direction {
    /// A is the input, B the target
    #[default]
    #[cfg_attr(feature = "cli", value(name = "AtoB"))]
    AtoB,
    /// B is the input, A the target
    #[cfg_attr(feature = "cli", value(name = "BtoA"))]
    BtoA,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::AtoB => "AtoB",
            Direction::BtoA => "BtoA",
        })
    }
}

impl Direction {
    /// Turns (A, B) into (input, target).
    pub fn order<T>(self, (a, b): (T, T)) -> (T, T) {
        match self {
            Direction::AtoB => (a, b),
            Direction::BtoA => (b, a),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_orders_a_pair() {
        assert_eq!(
            [Direction::AtoB, Direction::BtoA].map(|direction| direction.order((1, 2))),
            [(1, 2), (2, 1)]
        );
    }
}
