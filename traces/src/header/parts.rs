//! The smaller objects of the header.

use core::fmt;

use serde::{Deserialize, Serialize};

/// How much of file data a trace keeps.
///
/// ```
/// use fuserig_traces::PayloadMode;
/// assert_eq!(PayloadMode::parse("hash"), Some(PayloadMode::Hash));
/// assert_eq!(PayloadMode::Hash.name(), "hash");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadMode {
    /// Nothing, not even the length.
    #[default]
    None,
    /// The length.
    Len,
    /// Length and digest ([`PayloadDigest`](crate::record::PayloadDigest)): enough to see equality.
    /// What production uses.
    Hash,
    /// The bytes.
    Full,
}

impl PayloadMode {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            PayloadMode::None => "none",
            PayloadMode::Len => "len",
            PayloadMode::Hash => "hash",
            PayloadMode::Full => "full",
        }
    }

    /// The mode of that name.
    pub fn parse(name: &str) -> Option<PayloadMode> {
        let all = [PayloadMode::None, PayloadMode::Len, PayloadMode::Hash, PayloadMode::Full];
        all.into_iter().find(|mode| mode.name() == name)
    }

    pub(super) fn is_none(&self) -> bool {
        *self == PayloadMode::None
    }
}

/// What the page cache does between callers and the daemon.
///
/// ```
/// use fuserig_traces::{CacheMode, Header};
/// let header = Header { cache: CacheMode::Writeback, ..Header::default() };
/// assert_eq!(header.to_json(), r#"{"cache":"writeback"}"#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheMode {
    /// `FOPEN_DIRECT_IO`: every read and write reaches the daemon.
    Direct,
    /// The default: reads are cached while the file is open, writes go through.
    Through,
    /// `FOPEN_KEEP_CACHE`: reads are cached beyond the close.
    Keep,
    /// `FUSE_WRITEBACK_CACHE`: writes are held back, merged and reordered.
    Writeback,
    /// The source does not say, or says something this build does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl CacheMode {
    pub(super) fn is_unknown(&self) -> bool {
        *self == CacheMode::Unknown
    }
}

/// What the times of the records are.
///
/// ```
/// use fuserig_traces::{Clock, ClockKind, Header};
/// let clock = Clock { kind: ClockKind::Realtime, base_ns: Some(1_795_353_559_785_428_000) };
/// let header = Header { clock: Some(clock), ..Header::default() };
/// let json = r#"{"clock":{"kind":"realtime","base_ns":"1795353559785428000"}}"#;
/// assert_eq!(header.to_json(), json);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Clock {
    /// Which clock.
    pub kind: ClockKind,
    /// What the records' time 0 is on that clock, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none", with = "u64_text")]
    pub base_ns: Option<u64>,
}

/// Which clock the times of the records come from.
///
/// ```
/// use fuserig_traces::ClockKind;
/// assert_eq!(ClockKind::default(), ClockKind::Unknown);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// The virtual clock of a simulation.
    Virtual,
    /// `CLOCK_REALTIME`: nanoseconds since the epoch.
    Realtime,
    /// `CLOCK_MONOTONIC`: nanoseconds since some moment.
    Monotonic,
    /// The source does not say, or says something this build does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// Identity and umask of the process that a trace of system calls begins with.
///
/// ```
/// use fuserig_traces::FirstClient;
/// assert_eq!(FirstClient::default().umask, 0o022);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirstClient {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// File mode creation mask.
    pub umask: u32,
}

impl Default for FirstClient {
    /// What captures are made with: the super-user and umask 022.
    fn default() -> FirstClient {
        FirstClient { uid: 0, gid: 0, umask: 0o022 }
    }
}

/// What is known of the filesystem that a trace was made on, where filesystems differ.
///
/// ```
/// use fuserig_traces::LowerTraits;
/// let traits = LowerTraits { root_mode: Some(0o1777), ..LowerTraits::default() };
/// assert!(!traits.plain_fallocate && !traits.is_unknown());
/// assert_eq!(traits.to_string(), "root of mode 1777");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LowerTraits {
    /// Permission bits of the root before the first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_mode: Option<u32>,
    /// Owner of the root before the first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_uid: Option<u32>,
    /// Group of the root before the first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_gid: Option<u32>,
    /// Whether fallocate(2) refused to zero, collapse or insert ranges, as tmpfs does.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub plain_fallocate: bool,
    /// Room for contents in bytes, where it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity_bytes: Option<u64>,
    /// Room for nodes, the root included, where it was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inodes_max: Option<u64>,
}

impl LowerTraits {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == LowerTraits::default()
    }
}

/// What is known, as `trace info` shows it; empty where nothing is.
impl fmt::Display for LowerTraits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = [
            self.root_mode.map(|mode| format!("root of mode {mode:o}")),
            self.root_uid.map(|uid| format!("root of user {uid}")),
            self.root_gid.map(|gid| format!("root of group {gid}")),
            self.plain_fallocate.then(|| "no ranges zeroed, collapsed or inserted".to_owned()),
            self.capacity_bytes.map(|bytes| format!("room for {bytes} bytes")),
            self.inodes_max.map(|nodes| format!("room for {nodes} nodes")),
        ];
        let known: Vec<String> = known.into_iter().flatten().collect();
        out.write_str(&known.join(", "))
    }
}

/// How long the kernel trusts what the daemon said, in nanoseconds; absent where replies differ.
///
/// ```
/// use fuserig_traces::Timeouts;
/// let never = Timeouts { entry_ns: Some(0), attr_ns: Some(0), negative_ns: Some(0) };
/// assert_ne!(never, Timeouts::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timeouts {
    /// Names.
    #[serde(skip_serializing_if = "Option::is_none", with = "u64_text")]
    pub entry_ns: Option<u64>,
    /// Attributes.
    #[serde(skip_serializing_if = "Option::is_none", with = "u64_text")]
    pub attr_ns: Option<u64>,
    /// Names that do not exist.
    #[serde(skip_serializing_if = "Option::is_none", with = "u64_text")]
    pub negative_ns: Option<u64>,
}

/// The INIT exchange, in hexadecimal, without the FUSE headers. A recording that began after it
/// has no bytes here, and as flags those that its messages prove.
///
/// ```
/// use fuserig_traces::Init;
/// let init = Init { request: "070000002d000000".into(), ..Init::default() };
/// assert!(init.flags.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Init {
    /// `struct fuse_init_in`.
    pub request: String,
    /// `struct fuse_init_out`.
    pub reply: String,
    /// Names of the flags that both sides agreed on, without `FUSE_`, in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Names of the flags that a proxy took out on the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<String>,
}

impl Init {
    /// Whether the exchange was not seen, so that the flags are what messages prove and no more.
    pub fn is_assumed(&self) -> bool {
        self.request.is_empty() && self.reply.is_empty()
    }
}

/// How names were made unrecognisable.
///
/// ```
/// use fuserig_traces::Anonymisation;
/// let names = Anonymisation { policy: "component,length,extension".into(), ..Default::default() };
/// assert!(names.filters.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Anonymisation {
    /// What was replaced, and what the replacement keeps.
    pub policy: String,
    /// Names of the filters whose decisions were compared before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Calls or messages for which the comparison proves nothing, because what they did rests on
    /// what the recording does not show.
    #[serde(skip_serializing_if = "is_zero")]
    pub unproven: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Where the records come from.
///
/// ```
/// use fuserig_traces::{Fidelity, Source, SourceKind};
/// let fidelity = Fidelity { replies: true, data: true, ..Fidelity::default() };
/// let source = Source { kind: SourceKind::Strace, fidelity, ..Source::default() };
/// assert!(!source.fidelity.credentials);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Which door they came through.
    pub kind: SourceKind,
    /// The command or file, in the user's words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// The directory that was imported; paths in the trace that begin with `/` begin there.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub root: String,
    /// What the source could tell.
    pub fidelity: Fidelity,
}

/// Which door the records came through (TRACES section 1).
///
/// ```
/// use fuserig_traces::SourceKind;
/// assert!(SourceKind::Proxy.sees_kernel_requests());
/// assert!(!SourceKind::Strace.sees_kernel_requests());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// A simulation.
    Simulation,
    /// A mount of our own.
    Mount,
    /// The wire proxy between the kernel and a daemon.
    Proxy,
    /// An strace log of a daemon.
    FuseStrace,
    /// An strace log of an application.
    Strace,
    /// JSONL or CSV.
    Table,
    /// Kernel tracepoints.
    Tracepoints,
    /// Written by hand, as text.
    Text,
    /// The source does not say, or says something this build does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl SourceKind {
    /// Whether the source stands where a kernel sends its requests, so that what the kernel serves
    /// by itself never reaches it.
    pub fn sees_kernel_requests(self) -> bool {
        match self {
            SourceKind::Mount
            | SourceKind::Proxy
            | SourceKind::FuseStrace
            | SourceKind::Tracepoints => true,
            SourceKind::Unknown
            | SourceKind::Simulation
            | SourceKind::Strace
            | SourceKind::Table
            | SourceKind::Text => false,
        }
    }
}

/// What a source could tell.
///
/// ```
/// use fuserig_traces::Fidelity;
/// assert_eq!(Fidelity::COMPLETE.missing().count(), 0);
/// assert_eq!(Fidelity::default().missing().next(), Some("replies"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fidelity {
    /// Replies and results.
    pub replies: bool,
    /// File data.
    pub data: bool,
    /// uid and gid of callers.
    pub credentials: bool,
    /// The order of everything, not only of what a client did.
    pub exact_order: bool,
}

impl Fidelity {
    /// Everything.
    pub const COMPLETE: Fidelity =
        Fidelity { replies: true, data: true, credentials: true, exact_order: true };

    /// What the source could not tell.
    pub fn missing(self) -> impl Iterator<Item = &'static str> {
        let known = [
            (self.replies, "replies"),
            (self.data, "data"),
            (self.credentials, "credentials"),
            (self.exact_order, "exact order"),
        ];
        known.into_iter().filter(|(known, _)| !known).map(|(_, name)| name)
    }
}

/// 64-bit numbers as strings: readers in other languages round them. Numbers are accepted.
pub(super) mod u64_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Number(u64),
        Text(String),
    }

    pub(in crate::header) fn serialize<S: Serializer>(
        value: &Option<u64>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(number) => out.serialize_str(&number.to_string()),
            None => out.serialize_none(),
        }
    }

    pub(in crate::header) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Option<u64>, D::Error> {
        match Option::<Form>::deserialize(input)? {
            None => Ok(None),
            Some(Form::Number(number)) => Ok(Some(number)),
            Some(Form::Text(text)) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(D::Error::custom(format!("{text:?} is not a number below 2^64"))),
            },
        }
    }
}
