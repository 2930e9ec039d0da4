//! The least and the largest number of files.

/// The least and the largest finite number, of those that are not missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// The least; infinite if there are none.
    pub low: f64,
    /// The largest; negative infinite if there are none.
    pub high: f64,
}

impl Default for Extent {
    /// That of no numbers.
    fn default() -> Self {
        Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        }
    }
}

impl Extent {
    /// That of these numbers and of those that were seen already.
    pub fn with(self, numbers: impl IntoIterator<Item = f64>) -> Self {
        numbers.into_iter().fold(self, |extent, number| Self {
            low: extent.low.min(number),
            high: extent.high.max(number),
        })
    }

    /// That of both.
    pub fn join(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }
}
