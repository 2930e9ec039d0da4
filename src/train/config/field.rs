//! What a field of a configuration is: its group, its help, its default and its range.

/// What a field belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// What matters first.
    First,
    /// The architecture of both networks.
    Networks,
    /// The losses.
    Objective,
    /// How weights start and move.
    Training,
    /// Memory and speed.
    Resources,
    /// What happens to images before the networks see them.
    Images,
    /// What the channels of images mean.
    Pixels,
    /// What a run writes.
    Run,
    /// How the trained generator is used.
    Use,
}

impl Group {
    /// Its heading; the first group has none of its own.
    pub fn title(self) -> Option<&'static str> {
        match self {
            Self::First => None,
            Self::Networks => Some("How the networks are built"),
            Self::Objective => Some("Objective"),
            Self::Training => Some("How it is trained"),
            Self::Resources => Some("Memory and speed"),
            Self::Images => Some("How images are prepared"),
            Self::Pixels => Some("What a pixel is"),
            Self::Run => Some("What a run writes"),
            Self::Use => Some("How the trained generator is used"),
        }
    }
}

/// The values that a field may have, whatever the other fields are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Whole numbers from the first to the second.
    Whole(u64, u64),
    /// Numbers from 0 on.
    FromZero,
    /// Numbers above 0.
    AboveZero,
    /// Numbers from 0 on and below 1.
    Share,
    /// Any finite number.
    Number,
    /// Two numbers, the smaller one first, as `"LO..HI"`.
    Interval,
    /// True or false.
    Switch,
    /// One of these names.
    OneOf(&'static [&'static str]),
    /// A list with a value for each of these [shorthands](super::SHORTHANDS).
    Each(&'static [&'static str]),
    /// The value of one of these [shorthands](super::SHORTHANDS), under its name.
    Either(&'static [&'static str]),
    /// A file or a folder.
    Path,
    /// Any text.
    Text,
}

impl Range {
    /// The shorthands that a value is made of.
    pub fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Each(parts) | Self::Either(parts) => parts,
            _ => &[],
        }
    }
}

/// A field of [`Config`](super::Config), or a [shorthand](super::SHORTHANDS).
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in `config.json`, with dots.
    pub name: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// What it does. Other fields are named in backticks.
    pub help: &'static str,
    /// Its value in [`Config::default`](super::Config), as JSON.
    pub default: &'static str,
    /// The default in words where it depends on something.
    pub default_words: &'static str,
    /// The values that it may have.
    pub range: Range,
}

/// A field of that name, which takes any text until its row in a table says more.
pub(super) const fn field(name: &'static str, group: Group) -> Field {
    Field {
        name,
        group,
        help: "",
        default: "null",
        default_words: "",
        range: Range::Text,
    }
}

impl Field {
    pub(super) const fn range(self, range: Range) -> Self {
        Self { range, ..self }
    }

    pub(super) const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    pub(super) const fn default_words(self, default_words: &'static str) -> Self {
        Self {
            default_words,
            ..self
        }
    }

    pub(super) const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}
