//! Descriptions as JSON: the schema of the built-in tables, and the description itself.

use super::{AbiSpec, SpecError};
use crate::description::Description;

impl AbiSpec {
    /// Reads JSON: a table of schema `fuse-bpf-abi/1`, or what [`AbiSpec::to_json`] writes.
    ///
    /// # Errors
    /// Text that is neither, with line and column.
    pub fn from_json(text: &str) -> Result<AbiSpec, SpecError> {
        let place = |error: serde_json::Error| {
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            SpecError::new(number(error.line()), number(error.column()), error.to_string())
        };
        #[derive(serde::Deserialize)]
        struct Head {
            #[serde(default)]
            schema: Option<String>,
        }
        let head: Head = serde_json::from_str(text).map_err(place)?;
        if head.schema.is_some() {
            let description: Description = serde_json::from_str(text).map_err(place)?;
            return AbiSpec::from_description(&description);
        }
        let spec: AbiSpec = serde_json::from_str(text).map_err(place)?;
        if spec.name.is_empty() {
            return Err(SpecError::new(1, 1, "the name is empty"));
        }
        Ok(spec)
    }

    /// The description as one JSON object.
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        format!("{}\n", text.expect("names and numbers make valid JSON"))
    }
}
