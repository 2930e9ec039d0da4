//! Comparisons with the reference, each with the bound that its kind of number has.

use crate::case::Tensor;
use crate::problem::Problem;

/// Single layers: the largest difference in parts of the largest reference value.
const LAYER: f64 = 1e-5;
/// Outputs, gradients and statistics of whole networks: relative L2.
const NETWORK: f64 = 1e-3;
/// Losses of training steps, relative.
const LOSS: f64 = 1e-4;
/// A final parameter counts as off beyond this difference: the first steps of Adam follow the
/// gradient's sign, so that noise in a gradient near zero can turn a whole step around.
const PARAMETER: f64 = 1e-5;
/// Share of the final parameters that may be off.
const PARAMETER_SHARE: f64 = 1e-3;

/// The comparisons of one case.
#[derive(Debug, Default)]
pub struct Checks {
    list: Vec<Check>,
}

#[derive(Debug)]
struct Check {
    what: String,
    error: f64,
    bound: f64,
}

impl Check {
    fn passes(&self) -> bool {
        self.bound.is_finite() && self.error <= self.bound
    }

    /// The error in parts of the bound; above 1 where the check fails.
    fn strain(&self) -> f64 {
        match self.error / self.bound {
            ratio if ratio.is_finite() => ratio,
            _ if self.passes() => 0.0,
            _ => f64::INFINITY,
        }
    }
}

impl Checks {
    /// A value of a single layer.
    pub fn layer(&mut self, what: &str, got: &[f32], reference: &Tensor) -> Result<(), Problem> {
        let largest = reference
            .values
            .iter()
            .fold(0.0f64, |largest, value| largest.max(value.abs()));
        self.within(what, got, reference, LAYER * largest)
    }

    /// A value that may differ by `bound`.
    pub fn within(
        &mut self,
        what: &str,
        got: &[f32],
        reference: &Tensor,
        bound: f64,
    ) -> Result<(), Problem> {
        let error = differences(what, got, reference)?.fold(0.0, f64::max);
        self.add(what, error, bound);
        Ok(())
    }

    /// A value of a whole network.
    pub fn network(&mut self, what: &str, got: &[f32], reference: &Tensor) -> Result<(), Problem> {
        let error = differences(what, got, reference)?
            .map(|difference| difference * difference)
            .sum::<f64>()
            .sqrt();
        let norm = reference
            .values
            .iter()
            .map(|value| value * value)
            .sum::<f64>()
            .sqrt();
        self.add(what, error, NETWORK * norm);
        Ok(())
    }

    /// A loss of a training step.
    pub fn loss(&mut self, what: &str, got: f32, reference: f64) {
        self.add(
            what,
            (f64::from(got) - reference).abs(),
            LOSS * reference.abs(),
        );
    }

    /// The final parameters of a network: what was got and the reference, one pair a tensor.
    pub fn parameters(
        &mut self,
        what: &str,
        tensors: &[(Vec<f32>, Tensor)],
    ) -> Result<(), Problem> {
        let (mut off, mut all) = (0, 0);
        for (got, reference) in tensors {
            off += differences(what, got, reference)?
                .filter(|&difference| difference > PARAMETER)
                .count();
            all += got.len();
        }
        self.add(what, off as f64, PARAMETER_SHARE * all as f64);
        Ok(())
    }

    /// The summary of a case that passed: how many values were compared and which came nearest to
    /// its bound.
    pub fn verdict(self) -> Result<String, Problem> {
        let failed: Vec<&Check> = self.list.iter().filter(|check| !check.passes()).collect();
        if !failed.is_empty() {
            let words = |check: &&Check| {
                format!(
                    "{} is off by {:.2e}, allowed {:.2e}",
                    check.what, check.error, check.bound
                )
            };
            return Err(Problem::Fail(
                failed.iter().map(words).collect::<Vec<_>>().join("; "),
            ));
        }
        match self
            .list
            .iter()
            .max_by(|a, b| a.strain().total_cmp(&b.strain()))
        {
            Some(worst) => Ok(format!(
                "{} values, {} at {:.1} % of its bound",
                self.list.len(),
                worst.what,
                100.0 * worst.strain()
            )),
            None => Err(Problem::Fail(
                "nothing to compare: the case lists no result".into(),
            )),
        }
    }

    fn add(&mut self, what: &str, error: f64, bound: f64) {
        self.list.push(Check {
            what: what.to_owned(),
            error,
            bound,
        });
    }
}

/// Absolute differences, where both have the same number of elements; that from or to a NaN is
/// infinite, so that it fails every bound.
fn differences<'a>(
    what: &str,
    got: &'a [f32],
    reference: &'a Tensor,
) -> Result<impl Iterator<Item = f64> + 'a, Problem> {
    if got.len() != reference.values.len() {
        return Err(Problem::Fail(format!(
            "{what} has {} values, the reference has {:?}",
            got.len(),
            reference.shape
        )));
    }
    let difference = |got: f32, reference: f64| match (f64::from(got) - reference).abs() {
        nan if nan.is_nan() => f64::INFINITY,
        difference => difference,
    };
    Ok(got
        .iter()
        .zip(&reference.values)
        .map(move |(&got, &reference)| difference(got, reference)))
}
