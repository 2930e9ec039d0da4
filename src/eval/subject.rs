//! What is scored.

/// Whose pictures are compared with the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// What the generator makes.
    Output,
    /// The inputs themselves: what a generator reaches that changes nothing.
    Copy,
    /// The mean of targets: what a generator reaches that does not look at its input.
    MeanTarget,
}

impl Subject {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Output, Self::Copy, Self::MeanTarget];

    /// The name in tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Copy => "copying the input",
            Self::MeanTarget => "mean target",
        }
    }

    /// The name in files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Output => "output",
            Self::Copy => "copy",
            Self::MeanTarget => "mean_target",
        }
    }
}
