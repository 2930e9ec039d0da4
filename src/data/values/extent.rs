//! The least and the largest number of files.

use super::range::ValueRange;

/// Numbers that many files use for missing values, also without saying so.
const USUAL_MARKS: [f64; 7] = [
    -999.0,
    -9999.0,
    -99_999.0,
    -32_767.0,
    -32_768.0,
    -2_147_483_647.0,
    -2_147_483_648.0,
];

/// From here on a number is no measurement. Programs mark missing values by 1e20 and by the
/// largest floats.
const BEYOND_MEASURING: f64 = 1e20;

/// The least and the largest finite number, of those that are not missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extent {
    /// The least; infinite if there are none.
    pub low: f64,
    /// The largest; negative infinite if there are none.
    pub high: f64,
    /// Both without the usual marks of missing values.
    unmarked: (f64, f64),
}

impl Default for Extent {
    /// That of no numbers.
    fn default() -> Self {
        Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            unmarked: (f64::INFINITY, f64::NEG_INFINITY),
        }
    }
}

impl Extent {
    /// That of these numbers and of those that were seen already.
    pub fn with(self, numbers: impl IntoIterator<Item = f64>) -> Self {
        numbers.into_iter().fold(self, |extent, number| {
            let unmarked = if is_usual_mark(number) {
                extent.unmarked
            } else {
                (extent.unmarked.0.min(number), extent.unmarked.1.max(number))
            };
            Self {
                low: extent.low.min(number),
                high: extent.high.max(number),
                unmarked,
            }
        })
    }

    /// That of both.
    pub fn join(self, other: Self) -> Self {
        let (here, there) = (self.unmarked, other.unmarked);
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            unmarked: (here.0.min(there.0), here.1.max(there.1)),
        }
    }

    /// An end that is a usual mark of missing values and lies apart from all other numbers, and the
    /// range of these.
    pub fn suspect(&self) -> Option<(f64, ValueRange)> {
        let others = ValueRange::new(self.unmarked.0, self.unmarked.1).ok()?;
        // In numbers that fill their whole type, the least one is a number like the others.
        let apart = (others.high() - others.low()) / 100.0;
        let ends = [
            (self.low, others.low() - self.low),
            (self.high, self.high - others.high()),
        ];
        let suspect = ends.into_iter().find(|(_, distance)| *distance > apart);
        suspect.map(|(number, _)| (number, others))
    }

    /// Whether it has this number as one of its ends.
    pub fn ends_at(&self, number: f64) -> bool {
        self.low == number || self.high == number
    }
}

fn is_usual_mark(number: f64) -> bool {
    USUAL_MARKS.contains(&number) || number.abs() >= BEYOND_MEASURING
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn usual_marks_apart_from_all_others_are_suspect() {
        let suspect = |numbers: &[f64]| Extent::default().with(numbers.iter().copied()).suspect();
        let range = |text: &str| text.parse::<ValueRange>().unwrap();
        for mark in [
            -9999.0,
            -32_768.0,
            f64::from(f32::MIN),
            1e38,
            -1.797e308,
            1e20,
        ] {
            let found = suspect(&[12.0, mark, 2841.0, mark, 55.0]);
            assert_eq!(found, Some((mark, range("12..2841"))));
        }
        let both = suspect(&[-32_768.0, 12.0, -9999.0, 2841.0]);
        assert_eq!(both, Some((-32_768.0, range("12..2841"))));
        let reflectances = suspect(&[-9999.0, 0.0, 65_535.0]);
        assert_eq!(reflectances, Some((-9999.0, range("0..65535"))));
        for usual in [
            &[-32_768.0, -32_760.0, 32_767.0][..],
            &[-40.0, 40.0],
            &[-12_000.0, -9999.0, 9000.0],
            &[-9999.0],
            &[],
        ] {
            assert_eq!(suspect(usual), None, "{usual:?}");
        }
        let parts = [vec![-9999.0, 3.0], vec![7.0, 12.0]];
        let parts = parts.map(|numbers| Extent::default().with(numbers));
        let joined = parts[1].join(parts[0]);
        assert_eq!(joined.suspect(), Some((-9999.0, range("3..12"))));
        assert!(parts[0].ends_at(-9999.0) && !parts[1].ends_at(-9999.0));
    }
}
