//! Values that are sometimes numbers or lists and sometimes words.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A number, or words that say how it comes about (`strlen+1`).
///
/// ```
/// use fuserig_abi::description::Quantity;
/// assert_eq!(Quantity::Number(48).to_string(), "48");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Quantity {
    /// A number.
    Number(u64),
    /// Words.
    Words(String),
}

impl core::fmt::Display for Quantity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Quantity::Number(number) => number.fmt(f),
            Quantity::Words(words) => f.write_str(words),
        }
    }
}

/// How an argument is filled: field by field, or in words for the whole.
///
/// ```
/// use fuserig_abi::description::Fill;
/// assert_ne!(Fill::Words("all zero".into()), Fill::Fields(Default::default()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Fill {
    /// Words for the whole argument.
    Words(String),
    /// Field to value.
    Fields(BTreeMap<String, Quantity>),
}
