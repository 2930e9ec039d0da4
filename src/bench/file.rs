//! Reports as JSON files.

use super::report::SCHEMA;
use super::{BenchError, Report};
use crate::train::run::write_atomic;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// A file larger than this is no report.
const MOST_BYTES: u64 = 64 << 20;

impl Report {
    /// Writes the report as JSON, whole or not at all.
    ///
    /// # Errors
    /// [`BenchError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), BenchError> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| BenchError::Format {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Ok(write_atomic(path, |out| writeln!(out, "{text}"))?)
    }

    /// Reads a report.
    ///
    /// # Errors
    /// [`BenchError::Read`] and [`BenchError::Format`].
    pub fn read(path: &Path) -> Result<Self, BenchError> {
        let mut text = String::new();
        let read =
            File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text));
        read.map_err(|source| BenchError::Read {
            path: path.to_owned(),
            source,
        })?;
        let format = |reason: String| BenchError::Format {
            path: path.to_owned(),
            reason,
        };
        let json: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| format(error.to_string()))?;
        match json.get("schema").and_then(serde_json::Value::as_u64) {
            Some(schema) if schema == u64::from(SCHEMA) => {
                serde_json::from_value(json).map_err(|error| format(error.to_string()))
            }
            Some(schema) => Err(format(format!(
                "its schema is {schema}, this program's is {SCHEMA}"
            ))),
            None => Err(format("it has no schema".to_owned())),
        }
    }
}
