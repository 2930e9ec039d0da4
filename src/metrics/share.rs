//! A share of trials with its interval.

/// How often something happened, of how many trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Times that it happened.
    pub count: usize,
    /// All trials.
    pub trials: usize,
}

/// The number of standard deviations that hold 95 % of a normal distribution.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

impl Share {
    /// The share, 0..1. `None` without trials.
    pub fn value(self) -> Option<f64> {
        (self.trials > 0).then(|| self.count as f64 / self.trials as f64)
    }

    /// The interval of 95 % by the score of Wilson (1927): all shares under which what was found is
    /// no further off than by chance. Unlike a mean and its deviation it stays in 0..1 and says
    /// something for no or all trials. `None` without trials.
    pub fn interval(self) -> Option<(f64, f64)> {
        let share = self.value()?;
        let trials = self.trials as f64;
        let square = DEVIATIONS * DEVIATIONS;
        let middle = share + square / (2.0 * trials);
        let inner = share * (1.0 - share) / trials + square / (4.0 * trials * trials);
        let [half, below] = [DEVIATIONS * inner.sqrt(), 1.0 + square / trials];
        Some((
            ((middle - half) / below).max(0.0),
            ((middle + half) / below).min(1.0),
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The values of table I of Newcombe (1998), "Two-sided confidence intervals for the single
    /// proportion", method 3.
    #[test]
    fn intervals_are_wilsons() {
        let near = |a: f64, b: f64| (a - b).abs() < 5e-5;
        for (count, trials, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let found = Share { count, trials }.interval().unwrap();
            assert!(
                near(found.0, low) && near(found.1, high),
                "{count} of {trials}: {found:?}"
            );
            let others = Share {
                count: trials - count,
                trials,
            };
            let other = others.interval().unwrap();
            assert!(
                near(1.0 - other.1, low) && near(1.0 - other.0, high),
                "{other:?}"
            );
        }
        let none = Share {
            count: 0,
            trials: 0,
        };
        assert_eq!((none.value(), none.interval()), (None, None));
    }
}
