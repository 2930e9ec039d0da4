//! Numbers in JSON, which has no infinity: there the text `Infinity` or `-Infinity` stands. Fields
//! of a struct take it by `#[serde(with = "number")]`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A number as JSON. What is not a number is null.
pub fn to_json(number: f64) -> Value {
    match number.is_infinite() {
        true if number > 0.0 => Value::from("Infinity"),
        true => Value::from("-Infinity"),
        false => Value::from(number),
    }
}

/// The number of a JSON value that [`to_json`] made.
pub fn of_json(value: &Value) -> Option<f64> {
    match value.as_str() {
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// Writes a field.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
    to_json(*number).serialize(to)
}

/// Reads a field.
///
/// # Errors
/// What is no number, and those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(from)?;
    of_json(&value).ok_or_else(|| serde::de::Error::custom(format!("{value} is no number")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Scored {
        #[serde(with = "super")]
        psnr: f64,
    }

    #[test]
    fn numbers_go_through_json_whatever_their_size() {
        for psnr in [0.1, -7.0, f64::INFINITY, f64::NEG_INFINITY] {
            let text = serde_json::to_string(&Scored { psnr }).unwrap();
            let back: Scored = serde_json::from_str(&text).unwrap();
            assert_eq!(back.psnr, psnr, "{text}");
        }
        for text in [r#"{"psnr": null}"#, r#"{"psnr": "high"}"#] {
            let error = serde_json::from_str::<Scored>(text).err().unwrap();
            assert!(error.to_string().contains("is no number"), "{error}");
        }
    }
}
