//! How the networks are trained, beside what they are and what they learn.

use super::schedule::Policy;
use serde::{Deserialize, Serialize};

/// The way of training of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// How the learning rate changes.
    pub schedule: Policy,
}
