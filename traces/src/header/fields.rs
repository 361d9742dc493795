//! The header itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::parts::{
    self, Anonymisation, CacheMode, Clock, FirstClient, Init, LowerTraits, PayloadMode, Source,
    Timeouts,
};
use crate::HeaderJsonError;

/// What a trace says about itself. Every field may be absent; absent means unknown.
///
/// ```
/// use fuserig_traces::{Header, PayloadMode};
/// let header = Header { payload: PayloadMode::Full, abi: "v4".into(), ..Header::default() };
/// let json = header.to_json();
/// assert_eq!(json, r#"{"abi":"v4","payload":"full"}"#);
/// assert_eq!(Header::from_json(&json).expect("what was written is readable"), header);
/// let newer = Header::from_json(r#"{"abi":"v9","moon":{"phase":1}}"#).expect("unknown is kept");
/// assert_eq!(newer.to_json(), r#"{"abi":"v9","moon":{"phase":1}}"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Header {
    /// The program that wrote the trace.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tool: String,
    /// Its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tool_version: String,
    /// The layout version of each kind of record; the writer fills it in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub schemas: BTreeMap<String, u16>,
    /// The fuse-bpf ABI of the filters, by name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub abi: String,
    /// The filter that stood in the pipeline, as its specification on the command line; absent
    /// for none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Whether the modelled kernel made its mistakes (`faithful`) or not (`intended`).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kernel: String,
    /// The minor version of the FUSE protocol that was agreed on (major 7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuse_minor: Option<u32>,
    /// The INIT exchange, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// Mount options, one each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mount_options: Vec<String>,
    /// How long the kernel trusts what the daemon said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
    /// What the page cache does between callers and the daemon.
    #[serde(skip_serializing_if = "CacheMode::is_unknown")]
    pub cache: CacheMode,
    /// Whether FUSE passthrough was in use: its reads and writes bypass the daemon.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub passthrough: bool,
    /// Whether a filter ran in the kernel below the recorder, whose operations bypass it.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub kernel_filter: bool,
    /// What the times of the records are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// How much of file data was kept.
    #[serde(skip_serializing_if = "PayloadMode::is_none")]
    pub payload: PayloadMode,
    /// How names were made unrecognisable, if they were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymisation: Option<Anonymisation>,
    /// Who the first client is: what a log shows of the process it begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_client: Option<FirstClient>,
    /// What the source shows of the filesystem below, where filesystems differ.
    #[serde(skip_serializing_if = "LowerTraits::is_unknown")]
    pub lower: LowerTraits,
    /// Label of the TREE record that the trace starts from, or a word on where it is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub initial_tree: String,
    /// The seed of a simulation. A string in JSON, because other readers round large numbers.
    #[serde(skip_serializing_if = "Option::is_none", with = "parts::u64_text")]
    pub seed: Option<u64>,
    /// Where the records come from, and what that source cannot tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Fields of newer versions.
    #[serde(flatten)]
    pub unknown: UnknownFields,
}

/// Fields of a header that this build does not know. They are kept and written again.
///
/// ```
/// use fuserig_traces::Header;
/// let newer = Header::from_json(r#"{"moon":{"phase":1}}"#).expect("unknown is kept");
/// assert_eq!(newer.unknown.names().collect::<Vec<_>>(), ["moon"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnknownFields(BTreeMap<String, serde_json::Value>);

impl UnknownFields {
    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Header {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// When the text is not JSON or a known field has a value that it cannot have.
    pub fn from_json(json: &str) -> Result<Header, HeaderJsonError> {
        Ok(serde_json::from_str(json)?)
    }

    /// Writes the JSON form, on one line.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps have string keys and numbers are finite")
    }
}
