//! Manifests, their cases and their tensors.
//!
//! A manifest `NAME.json` lies beside `NAME.safetensors`. `cases[]` has for each case its `op`, its
//! parameters and in `tensors` the shape and dtype of every role; a tensor's key is
//! `<case>.<role>`. A role that ends in `64` is the same value in float64.

use crate::problem::Problem;
use pix2pix::train::GanLoss;
use safetensors::tensor::{Dtype, SafeTensors};
use serde_json::{Map, Value};
use std::path::Path;

/// A manifest with the bytes of its tensors.
#[derive(Debug)]
pub struct Manifest {
    cases: Vec<Map<String, Value>>,
    /// Cases of manifests without stored tensors, or with unreadable ones, still print their lines.
    tensors: Result<Vec<u8>, String>,
}

/// One case of a manifest.
#[derive(Debug)]
pub struct GoldenCase<'a> {
    fields: &'a Map<String, Value>,
    tensors: Result<SafeTensors<'a>, String>,
}

/// A tensor in the reference's layout. Every stored type but large i64 fits f64 without loss.
#[derive(Debug, Clone)]
pub struct Tensor {
    /// The reference's shape.
    pub shape: Vec<usize>,
    /// Row-major values.
    pub values: Vec<f64>,
}

impl Tensor {
    /// The values as the device takes them.
    pub fn f32(&self) -> Vec<f32> {
        self.values.iter().map(|&value| value as f32).collect()
    }
}

impl Manifest {
    /// Reads a manifest and the file of tensors that it names.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path).map_err(Problem::fail)?;
        let root: Value = serde_json::from_str(&text).map_err(Problem::fail)?;
        let cases = root
            .get("cases")
            .and_then(Value::as_array)
            .ok_or(Problem::Fail("no list \"cases\"".into()))?;
        let objects: Option<Vec<_>> = cases.iter().map(|case| case.as_object().cloned()).collect();
        let cases = objects.ok_or(Problem::Fail("a case that is no object".into()))?;
        let file = match root.get("file").and_then(Value::as_str) {
            Some(name) => path.with_file_name(name),
            None => path.with_extension("safetensors"),
        };
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            cases,
            tensors: std::fs::read(file).map_err(|error| format!("{name}: {error}")),
        })
    }

    /// Number of cases.
    pub fn len(&self) -> usize {
        self.cases.len()
    }

    /// Case number `index`, below [`Manifest::len`].
    pub fn case(&self, index: usize) -> GoldenCase<'_> {
        let parse = |bytes| {
            SafeTensors::deserialize(bytes)
                .map_err(|error| format!("the safetensors file is damaged: {error}"))
        };
        GoldenCase {
            fields: &self.cases[index],
            tensors: self
                .tensors
                .as_deref()
                .map_err(Clone::clone)
                .and_then(parse),
        }
    }
}

impl GoldenCase<'_> {
    /// The case's name.
    pub fn name(&self) -> &str {
        self.fields
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or("(no name)")
    }

    /// The operation.
    pub fn op(&self) -> &str {
        self.fields
            .get("op")
            .and_then(Value::as_str)
            .unwrap_or("(no op)")
    }

    /// Whether a parameter is given and not null.
    pub fn has_field(&self, key: &str) -> bool {
        self.field(key).is_some()
    }

    /// A parameter; null counts as missing.
    pub fn field(&self, key: &str) -> Option<&Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// A text.
    pub fn text(&self, key: &str) -> Result<&str, Problem> {
        self.field(key)
            .and_then(Value::as_str)
            .ok_or_else(|| self.bad(key, "a text"))
    }

    /// A number.
    pub fn number(&self, key: &str) -> Result<f64, Problem> {
        self.field(key)
            .and_then(Value::as_f64)
            .ok_or_else(|| self.bad(key, "a number"))
    }

    /// A count or size.
    pub fn count(&self, key: &str) -> Result<usize, Problem> {
        let count = self
            .field(key)
            .and_then(Value::as_u64)
            .and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.bad(key, "a whole number"))
    }

    /// A switch that is off when it is missing.
    pub fn switch(&self, key: &str) -> bool {
        self.field(key).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A list of numbers; empty when it is missing.
    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, Problem> {
        let Some(list) = self.field(key) else {
            return Ok(Vec::new());
        };
        let numbers = list
            .as_array()
            .and_then(|list| list.iter().map(Value::as_f64).collect());
        numbers.ok_or_else(|| self.bad(key, "a list of numbers"))
    }

    /// Adam's two decay rates.
    pub fn betas(&self) -> Result<[f64; 2], Problem> {
        <[f64; 2]>::try_from(self.numbers("betas")?).map_err(|_| self.bad("betas", "two numbers"))
    }

    /// An adversarial loss.
    pub fn gan_loss(&self, key: &str) -> Result<GanLoss, Problem> {
        match self.text(key)? {
            "vanilla" => Ok(GanLoss::Vanilla),
            "lsgan" => Ok(GanLoss::Lsgan),
            "wgangp" => Ok(GanLoss::Wgangp),
            _ => Err(self.bad(key, "vanilla, lsgan or wgangp")),
        }
    }

    /// Skips the case where a parameter that the library fixes has another value.
    pub fn require(&self, key: &str, value: f64, reason: &str) -> Result<(), Problem> {
        match self.field(key).and_then(Value::as_f64) {
            Some(given) if given != value => Err(Problem::Skip(format!("{key} {given}: {reason}"))),
            _ => Ok(()),
        }
    }

    /// Whether the case has a tensor, in either precision.
    pub fn has(&self, role: &str) -> bool {
        self.stores(role) || self.stores(&precise(role))
    }

    /// Whether the manifest or the file has a tensor of exactly this role.
    fn stores(&self, role: &str) -> bool {
        let listed = self
            .listed()
            .is_some_and(|listed| listed.contains_key(role));
        listed
            || self
                .tensors
                .as_ref()
                .is_ok_and(|tensors| tensors.tensor(&self.key(role)).is_ok())
    }

    /// The roles that the manifest lists and that start with `prefix`, without it.
    pub fn roles<'b>(&'b self, prefix: &'b str) -> impl Iterator<Item = &'b str> {
        self.listed()
            .into_iter()
            .flat_map(|listed| listed.keys())
            .filter_map(move |role| role.strip_prefix(prefix))
    }

    /// A tensor.
    pub fn tensor(&self, role: &str) -> Result<Tensor, Problem> {
        let tensors = self.tensors.as_ref().map_err(Problem::fail)?;
        let view = tensors
            .tensor(&self.key(role))
            .map_err(|_| Problem::Fail(format!("tensor {role} is missing")))?;
        let bytes = view.data();
        let values = match view.dtype() {
            Dtype::F32 => convert(bytes, f32::from_le_bytes),
            Dtype::F64 => convert(bytes, f64::from_le_bytes),
            Dtype::U8 => convert(bytes, u8::from_le_bytes),
            // Counters only.
            Dtype::I64 => convert(bytes, |bytes| i64::from_le_bytes(bytes) as i32),
            other => {
                return Err(Problem::Fail(format!(
                    "tensor {role} has the unknown type {other:?}"
                )));
            }
        };
        Ok(Tensor {
            shape: view.shape().to_vec(),
            values,
        })
    }

    /// What a result is compared with: the float64 run where there is one.
    pub fn reference(&self, role: &str) -> Result<Tensor, Problem> {
        let precise = precise(role);
        self.tensor(if self.stores(&precise) {
            &precise
        } else {
            role
        })
    }

    /// Checks that the file holds every tensor that the manifest lists, with its shape and type.
    pub fn check_tensors(&self) -> Result<(), Problem> {
        for (role, entry) in self.listed().into_iter().flatten() {
            let tensors = self.tensors.as_ref().map_err(Problem::fail)?;
            let view = tensors
                .tensor(&self.key(role))
                .map_err(|_| Problem::Fail(format!("tensor {role} is missing")))?;
            let dtype = match view.dtype() {
                Dtype::F32 => "float32",
                Dtype::F64 => "float64",
                Dtype::I64 => "int64",
                Dtype::U8 => "uint8",
                _ => "of an unknown type",
            };
            if entry.get("shape") != Some(&Value::from(view.shape()))
                || entry.get("dtype") != Some(&Value::from(dtype))
            {
                return Err(Problem::Fail(format!(
                    "tensor {role} is {dtype} {:?}, the manifest says {entry}",
                    view.shape()
                )));
            }
        }
        Ok(())
    }

    fn listed(&self) -> Option<&Map<String, Value>> {
        self.field("tensors").and_then(Value::as_object)
    }

    fn key(&self, role: &str) -> String {
        format!("{}.{role}", self.name())
    }

    fn bad(&self, key: &str, expected: &str) -> Problem {
        Problem::Fail(format!(
            "parameter {key} is {}, not {expected}",
            self.fields.get(key).unwrap_or(&Value::Null)
        ))
    }
}

/// The role of the same value from the float64 run.
fn precise(role: &str) -> String {
    format!("{role}64")
}

/// Little-endian numbers of `N` bytes.
fn convert<const N: usize, T: Into<f64>>(bytes: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<f64> {
    bytes
        .as_chunks::<N>()
        .0
        .iter()
        .map(|&chunk| from(chunk).into())
        .collect()
}
