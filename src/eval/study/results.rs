//! The answers of several participants, put together.

use super::error::StudyError;
use crate::metrics::{Mean, Share};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What the page saves.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Saved {
    /// The version of the format.
    pix2pix_study: u32,
    model: String,
    seed: u32,
    milliseconds: u32,
    /// What tells the page from others; pages of earlier versions did not have it.
    #[serde(default)]
    page: String,
    #[serde(default)]
    participant: String,
    trials: Vec<Answer>,
}

impl Saved {
    /// How the pictures were shown: what two participants of one experiment have in common.
    fn settings(&self) -> String {
        let practice = self.trials.iter().filter(|trial| trial.practice).count();
        let of = match self.trials.iter().all(|trial| trial.real == trial.fake) {
            true => "of the same input",
            false => "of different inputs",
        };
        format!(
            "has {practice} + {} trials of {} ms with pictures {of}",
            self.trials.len() - practice,
            self.milliseconds
        )
    }

    /// Whether the two are of pages that have one seed and show other pictures.
    fn is_of_another_page(&self, other: &Self) -> bool {
        let shown = |saved: &Self| -> Vec<(String, String, String)> {
            let trials = saved.trials.iter().cloned();
            trials
                .map(|trial| (trial.real, trial.fake, trial.fake_side))
                .collect()
        };
        let both_say = !self.page.is_empty() && !other.page.is_empty();
        self.seed == other.seed
            && (both_say && self.page != other.page || shown(self) != shown(other))
    }
}

/// The answer of a trial.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Answer {
    practice: bool,
    real: String,
    fake: String,
    fake_side: String,
    answer: String,
    reaction: f64,
}

/// The results of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    model: String,
    /// The seeds of the pages, each once.
    seeds: BTreeSet<u32>,
    /// The share of each participant, with the name of the file.
    participants: Vec<(PathBuf, Share)>,
}

impl Results {
    /// Reads the files that participants have saved.
    ///
    /// # Errors
    /// [`StudyError::NoResult`], and those of results that cannot be put together.
    pub fn read(paths: &[PathBuf]) -> Result<Self, StudyError> {
        let mut saved: Vec<(&PathBuf, Saved)> = Vec::new();
        let mut participants = Vec::new();
        for path in paths {
            let (new, share) = read(path)?;
            check_together(path, &new, &saved)?;
            participants.push((path.clone(), share));
            saved.push((path, new));
        }
        let model = saved.first().map(|(_, first)| first.model.clone());
        Ok(Self {
            model: model.unwrap_or_default(),
            seeds: saved.iter().map(|(_, one)| one.seed).collect(),
            participants,
        })
    }

    /// What the reader has to know of these numbers.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.seeds.len() > 1 {
            let seeds: Vec<String> = self.seeds.iter().map(u32::to_string).collect();
            notes.push(format!(
                "the answers are of {} pages, with the seeds {}",
                seeds.len(),
                seeds.join(", ")
            ));
        }
        // Of n participants the lowest is drawn n times with a chance of n^-n, which is more than
        // the 2.5 % that the interval leaves out.
        let participants = self.participants.len();
        if let 2 | 3 = participants {
            notes.push(format!(
                "{participants} participants are few: the interval only goes from the lowest of \
                 their shares to the highest"
            ));
        }
        notes
    }

    /// The share of the trials of all participants.
    pub fn share(&self) -> Share {
        let sum = |part: fn(&Share) -> usize| {
            self.participants.iter().map(|(_, share)| part(share)).sum()
        };
        Share {
            count: sum(|share| share.count),
            trials: sum(|share| share.trials),
        }
    }

    /// The share with its interval of 95 %: of one participant Wilson's, over the trials. Of
    /// several, the mean of their shares, with the participants drawn again with replacement: what
    /// one of them answers says little about another.
    pub fn mean(&self) -> Option<(f64, f64, f64)> {
        if let [(_, share)] = self.participants.as_slice() {
            let (low, high) = share.interval()?;
            return Some((share.value()?, low, high));
        }
        let shares = self
            .participants
            .iter()
            .filter_map(|(_, share)| share.value());
        let mean = Mean::of(&shares.collect::<Vec<f64>>())?;
        Some((mean.mean, mean.low, mean.high))
    }
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |value: f64| 100.0 * value;
        for (path, share) in &self.participants {
            let Share { count, trials } = share;
            let value = percent(share.value().unwrap_or_default());
            writeln!(f, "{}: {count} of {trials}, {value:.1} %", path.display())?;
        }
        let (share, low, high) = self.mean().unwrap_or_default();
        let [share, low, high] = [share, low, high].map(percent);
        let over = match self.participants.len() {
            1 => "1 participant, Wilson's interval over the trials".to_owned(),
            several => format!("{several} participants, bootstrap over the participants"),
        };
        write!(
            f,
            "{}: generated pictures were taken for real in {share:.1} % ({low:.1}..{high:.1}) of {} \
             trials; {over}; at 50 % nobody tells them apart",
            self.model,
            self.share().trials
        )
    }
}

/// Refuses answers that cannot be put together with those `before` them.
fn check_together(
    path: &Path,
    new: &Saved,
    before: &[(&PathBuf, Saved)],
) -> Result<(), StudyError> {
    let Some((first, other)) = before.first() else {
        return Ok(());
    };
    if other.model != new.model {
        return Err(StudyError::OtherStudy {
            path: path.to_owned(),
            other: new.model.clone(),
            first: (*first).clone(),
            model: other.model.clone(),
        });
    }
    let [own, of_first] = [new, other].map(Saved::settings);
    if own != of_first {
        return Err(StudyError::OtherSettings {
            path: path.to_owned(),
            own,
            first: (*first).clone(),
            other: of_first,
        });
    }
    if let Some((first, _)) = before.iter().find(|(_, other)| other == new) {
        return Err(StudyError::Twice {
            path: path.to_owned(),
            first: (*first).clone(),
        });
    }
    let mut others = before.iter();
    match others.find(|(_, other)| new.is_of_another_page(other)) {
        Some((first, _)) => Err(StudyError::OtherPage {
            path: path.to_owned(),
            first: (*first).clone(),
            seed: new.seed,
        }),
        None => Ok(()),
    }
}

/// The answers in a file, and how often a generated picture was taken for real.
fn read(path: &Path) -> Result<(Saved, Share), StudyError> {
    let refuse = |reason: String| StudyError::NoResult {
        path: path.to_owned(),
        reason,
    };
    let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    let saved: Saved = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
    if saved.pix2pix_study != 1 {
        return Err(refuse(format!("format {}", saved.pix2pix_study)));
    }
    let sides = ["left", "right"];
    let is_side = |side: &String| sides.contains(&side.as_str());
    let mut share = Share {
        count: 0,
        trials: 0,
    };
    for trial in saved.trials.iter().filter(|trial| !trial.practice) {
        if !is_side(&trial.answer) || !is_side(&trial.fake_side) {
            return Err(refuse(format!("{} is no side", trial.answer)));
        }
        share.trials += 1;
        share.count += usize::from(trial.answer != trial.fake_side);
    }
    match share.trials {
        0 => Err(refuse("it has no trial that counts".to_owned())),
        _ => Ok((saved, share)),
    }
}
