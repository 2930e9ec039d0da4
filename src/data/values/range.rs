//! A range of numbers, and how it is written: `LO..HI`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The numbers from black to white. Both are finite, and black is the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ValueRange {
    low: f64,
    high: f64,
}

/// What is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Something else than two numbers.
    #[error("\"{given}\" is no range; write two numbers as LO..HI, such as 0..10000")]
    Form {
        /// The text.
        given: String,
    },
    /// The first number is not smaller than the second.
    #[error("{low}..{high} is no range; the first number must be smaller than the second")]
    Order {
        /// The first number.
        low: String,
        /// The second number.
        high: String,
    },
    /// Numbers that are infinite, or too far from one another.
    #[error("{low}..{high} is no range; both ends and their distance must be finite")]
    Infinite {
        /// The first number.
        low: String,
        /// The second number.
        high: String,
    },
}

impl ValueRange {
    /// The range from `low` to `high`.
    ///
    /// # Errors
    /// Numbers that are not finite, or not in this order.
    pub fn new(low: f64, high: f64) -> Result<Self, RangeError> {
        let [first, second] = [low, high].map(|number| number.to_string());
        match (high - low).is_finite() {
            true if low < high => Ok(Self { low, high }),
            true => Err(RangeError::Order {
                low: first,
                high: second,
            }),
            false => Err(RangeError::Infinite {
                low: first,
                high: second,
            }),
        }
    }

    /// The number that is black.
    pub fn low(self) -> f64 {
        self.low
    }

    /// The number that is white.
    pub fn high(self) -> f64 {
        self.high
    }

    /// How far its ends are from one another.
    pub(in crate::data) fn width(self) -> f64 {
        self.high - self.low
    }

    /// Whether it has this number. It has both ends, and no NaN.
    pub fn contains(self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }

    /// Where a number lies in it: 0 for black and 1 for white.
    pub(in crate::data) fn share(self, number: f64) -> f64 {
        (number - self.low) / (self.high - self.low)
    }

    /// The number that lies there: 0 for black and 1 for white.
    pub(in crate::data) fn at(self, share: f64) -> f64 {
        self.low + share * (self.high - self.low)
    }
}

/// `LO..HI`, with all digits.
impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl FromStr for ValueRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let form = || RangeError::Form {
            given: text.to_owned(),
        };
        let (low, high) = text.split_once("..").ok_or_else(form)?;
        let number = |text: &str| text.trim().parse().map_err(|_| form());
        Self::new(number(low)?, number(high)?)
    }
}

impl TryFrom<String> for ValueRange {
    type Error = RangeError;

    fn try_from(text: String) -> Result<Self, RangeError> {
        text.parse()
    }
}

impl From<ValueRange> for String {
    fn from(range: ValueRange) -> Self {
        range.to_string()
    }
}

/// A range that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AskedRange {
    /// From the least to the largest number of the training files.
    Auto,
    /// This one.
    Given(ValueRange),
}

impl FromStr for AskedRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => text.parse().map(Self::Given),
        }
    }
}
