//! Which pictures the trials of a study show, drawn from a seed.

use super::error::StudyError;
use crate::data::random::permutation;

/// One trial: a real picture beside a generated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trial {
    /// The pair whose target is shown.
    pub real: usize,
    /// The pair whose generated picture is shown.
    pub fake: usize,
    /// Whether the generated one is on the left.
    pub fake_is_left: bool,
    /// Whether this is practice, with feedback.
    pub is_practice: bool,
}

/// How many trials there are, and what they show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StudyPlan {
    /// Trials of practice.
    pub practice: usize,
    /// Trials that count.
    pub trials: usize,
    /// Whether both pictures of a trial are of the same pair.
    pub same_input: bool,
    /// The seed. Pages and results hold it as a number of JavaScript, which keeps no more bits
    /// than 53.
    pub seed: u32,
}

/// What the permutations of a seed are for.
const PAIRS: u32 = 0;
const PRACTICE_SIDES: u32 = 1;
const SIDES: u32 = 2;

/// The trials of a study with this many pairs. Nobody sees a picture twice. If there are two pairs
/// for each trial, nobody sees the real and the generated picture of one pair either, except side
/// by side with [`StudyPlan::same_input`]. The generated picture is as often on the left as on the
/// right.
///
/// # Errors
/// [`StudyError::TooFew`], and [`StudyError::NoTrials`].
pub fn draw(pairs: usize, plan: &StudyPlan) -> Result<Vec<Trial>, StudyError> {
    if plan.trials == 0 {
        return Err(StudyError::NoTrials);
    }
    let all = plan.practice.saturating_add(plan.trials);
    let least = all.max(if plan.same_input { 1 } else { 2 });
    if pairs < least {
        return Err(StudyError::TooFew {
            pairs,
            practice: plan.practice,
            trials: plan.trials,
        });
    }
    let order = permutation(plan.seed.into(), PAIRS, pairs);
    // How far along the order the generated picture of a trial is from the real one.
    let away = match plan.same_input {
        true => 0,
        false if pairs >= 2 * all => all,
        false => pairs / 2,
    };
    let left = |epoch, count| {
        let sides = permutation(plan.seed.into(), epoch, count);
        // Of an odd number the one in the middle is on a side that the seed draws.
        let more = count % 2 * permutation(plan.seed.into(), epoch, 2)[0];
        sides.into_iter().map(move |place| place < count / 2 + more)
    };
    let sides = left(PRACTICE_SIDES, plan.practice).chain(left(SIDES, plan.trials));
    let trials = sides.enumerate().map(|(number, fake_is_left)| Trial {
        real: order[number],
        fake: order[(number + away) % pairs],
        fake_is_left,
        is_practice: number < plan.practice,
    });
    Ok(trials.collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn plan(seed: u32) -> StudyPlan {
        StudyPlan {
            practice: 10,
            trials: 40,
            same_input: false,
            seed,
        }
    }

    /// All pairs whose pictures are shown, those of real ones and those of generated ones.
    fn shown(trials: &[Trial]) -> (HashSet<usize>, HashSet<usize>) {
        let real = trials.iter().map(|trial| trial.real).collect();
        (real, trials.iter().map(|trial| trial.fake).collect())
    }

    #[test]
    fn nobody_sees_a_picture_twice() {
        for (pairs, seed) in [(50, 0), (51, 1), (99, 2), (100, 3), (500, 4)] {
            let trials = draw(pairs, &plan(seed)).unwrap();
            let (real, fake) = shown(&trials);
            assert_eq!((trials.len(), real.len(), fake.len()), (50, 50, 50));
            assert!(
                trials.iter().all(|trial| trial.real != trial.fake),
                "{pairs}"
            );
            assert_eq!(real.is_disjoint(&fake), pairs >= 100, "{pairs}");
        }
        let same = StudyPlan {
            same_input: true,
            ..plan(0)
        };
        let trials = draw(50, &same).unwrap();
        assert!(trials.iter().all(|trial| trial.real == trial.fake));
        assert_eq!(shown(&trials).0.len(), 50);
    }

    #[test]
    fn the_seed_draws_pairs_and_sides_and_both_sides_are_as_frequent() {
        let first = draw(100, &plan(7)).unwrap();
        assert_eq!(first, draw(100, &plan(7)).unwrap());
        assert_ne!(first, draw(100, &plan(8)).unwrap());
        let mut odd = [0, 0];
        for seed in 0..40 {
            let trials = draw(100, &plan(seed)).unwrap();
            for (is_practice, expected) in [(true, 5), (false, 20)] {
                let of_kind = trials
                    .iter()
                    .filter(|trial| trial.is_practice == is_practice);
                assert_eq!(of_kind.filter(|trial| trial.fake_is_left).count(), expected);
            }
            assert!(trials[..10].iter().all(|trial| trial.is_practice));
            let three = StudyPlan {
                practice: 0,
                trials: 3,
                ..plan(seed)
            };
            let trials = draw(100, &three).unwrap();
            odd[trials.iter().filter(|trial| trial.fake_is_left).count() - 1] += 1;
        }
        assert!(odd.iter().all(|&count| count > 8), "{odd:?}");
        // No side follows from the place of a trial.
        let first = |seed| draw(100, &plan(seed)).unwrap()[10].fake_is_left;
        assert!((8..33).contains(&(0..40).filter(|&seed| first(seed)).count()));
    }

    #[test]
    fn too_few_pairs_are_told_with_what_would_fit() {
        let error = draw(49, &plan(0)).unwrap_err().to_string();
        assert_eq!(
            error,
            "a study of 10 + 40 trials needs 50 pairs, and there are 49; lower `trials` or \
             `practice`, or score more pairs"
        );
        assert!(
            draw(
                1,
                &StudyPlan {
                    practice: 0,
                    trials: 1,
                    ..plan(0)
                }
            )
            .is_err()
        );
        assert!(
            draw(
                0,
                &StudyPlan {
                    trials: 0,
                    ..plan(0)
                }
            )
            .is_err()
        );
    }
}
