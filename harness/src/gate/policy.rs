//! The policy of a gate: what is compared, what counts, and what somebody decided to live with.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::diff::Rungs;
use serde::Deserialize;

use super::Date;
use crate::report::{Severity, Suppression};

/// A policy as it is written, one JSON object.
///
/// ```
/// use fuserig::gate::Policy;
/// let policy = Policy::parse(r#"{
///     "baseline": "v3",
///     "versions": ["v4"],
///     "suppressions": [
///         { "id": "quirk-added:PIPE-7", "reason": "no default_filter", "until": "2027-01-31" }
///     ]
/// }"#)?;
/// assert_eq!((policy.baseline.as_str(), policy.suppressions.len()), ("v3", 1));
/// assert!(Policy::parse(r#"{ "baseline": "v3", "version": [] }"#).is_err());
/// # Ok::<(), fuserig::gate::PolicyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The ABI that filters are made for: a name or a file.
    pub baseline: String,
    /// The ABIs that they must also run on.
    pub versions: Vec<String>,
    /// Types and functions to compare in BTF.
    #[serde(default)]
    pub roots: Vec<String>,
    /// Filters by name or object file; without any, every change counts for everybody.
    #[serde(default)]
    pub filters: Vec<String>,
    /// Traces to replay under both ABIs.
    #[serde(default)]
    pub traces: Vec<String>,
    /// Of what there may be none; of all else, none is a failure.
    #[serde(default)]
    pub allow_none: BTreeSet<Counted>,
    /// Which kind of loader the filters have.
    #[serde(default)]
    pub loader: PolicyLoader,
    /// Whether filters made for the versions must run on the baseline, too.
    #[serde(default)]
    pub backward: bool,
    /// How strict each rung is; default: SOURCE warning, all others error.
    #[serde(default)]
    pub rungs: BTreeMap<RungName, Strictness>,
    /// What somebody decided to live with.
    #[serde(default)]
    pub suppressions: Vec<PolicySuppression>,
}

/// What a gate counts, and fails without.
///
/// ```
/// use fuserig::gate::{Counted, Policy};
/// let policy = Policy::parse(
///     r#"{ "baseline": "v3", "versions": ["v4"], "allow_none": ["traces"] }"#,
/// )?;
/// assert!(policy.allow_none.contains(&Counted::Traces));
/// # Ok::<(), fuserig::gate::PolicyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Counted {
    /// Filters that are narrowed to; without any, every change counts for everybody.
    Filters,
    /// Traces that are replayed; without any, nobody knows whether filters decide the same.
    Traces,
}

impl Counted {
    /// The word in policies and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Counted::Filters => "filters",
            Counted::Traces => "traces",
        }
    }
}

/// The loaders that a policy cares for.
///
/// ```
/// use fuserig::gate::PolicyLoader;
/// assert_eq!(PolicyLoader::default(), PolicyLoader::ByName);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyLoader {
    /// libbpf with CO-RE.
    #[default]
    ByName,
    /// Offsets that were compiled in.
    ByOffset,
    /// Both.
    Any,
}

/// A rung as a key of a policy.
///
/// ```
/// use fuserig::gate::RungName;
/// assert!(RungName::Source < RungName::Behaviour);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RungName {
    /// `SOURCE`
    Source,
    /// `LOAD`
    Load,
    /// `VERIFY`
    Verify,
    /// `BEHAVIOUR`
    Behaviour,
}

impl RungName {
    const ALL: [RungName; 4] =
        [RungName::Source, RungName::Load, RungName::Verify, RungName::Behaviour];

    fn rungs(self) -> Rungs {
        match self {
            RungName::Source => Rungs::SOURCE,
            RungName::Load => Rungs::LOAD,
            RungName::Verify => Rungs::VERIFY,
            RungName::Behaviour => Rungs::BEHAVIOUR,
        }
    }
}

/// How strict a policy is about a rung.
///
/// ```
/// use fuserig::gate::Strictness;
/// assert_ne!(Strictness::Error, Strictness::Note);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strictness {
    /// It is listed.
    Note,
    /// It is listed as a warning.
    Warning,
    /// The gate fails.
    Error,
}

impl Strictness {
    fn severity(self) -> Severity {
        match self {
            Strictness::Note => Severity::Note,
            Strictness::Warning => Severity::Warning,
            Strictness::Error => Severity::Error,
        }
    }
}

/// A finding that somebody decided to live with.
///
/// ```
/// use fuserig::gate::{Date, PolicySuppression};
/// let known = PolicySuppression {
///     id: "field-removed:fuse_open_out.padding".into(),
///     reason: "nobody reads padding".into(),
///     until: Date::parse("2027-01-31").expect("a day"),
/// };
/// assert!(known.holds_on(Date::parse("2027-01-31").expect("a day")));
/// assert!(!known.holds_on(Date::parse("2027-02-01").expect("a day")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySuppression {
    /// The id of the finding.
    pub id: String,
    /// Why; must not be empty.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Date,
}

impl PolicySuppression {
    /// Whether it still holds.
    pub fn holds_on(&self, today: Date) -> bool {
        today <= self.until
    }

    /// As a report has it.
    pub fn suppression(&self) -> Suppression {
        Suppression { reason: self.reason.clone(), until: Some(self.until.to_string()) }
    }
}

/// A policy that cannot be read.
///
/// ```
/// use fuserig::gate::Policy;
/// let error = Policy::parse("{\n  \"baseline\": 3\n}").expect_err("no text");
/// assert!(error.to_string().starts_with("policy, line 2"), "{error}");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// No JSON, or an unknown or a missing key.
    #[error("policy, line {line}, column {column}: {source}")]
    Syntax {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A policy that says nothing where it has to.
    #[error("policy: {0}")]
    Content(String),
}

impl Policy {
    /// A policy for a baseline and versions, all else by default.
    pub fn new(baseline: impl Into<String>, versions: Vec<String>) -> Policy {
        Policy {
            baseline: baseline.into(),
            versions,
            roots: Vec::new(),
            filters: Vec::new(),
            allow_none: BTreeSet::new(),
            traces: Vec::new(),
            loader: PolicyLoader::default(),
            backward: false,
            rungs: BTreeMap::new(),
            suppressions: Vec::new(),
        }
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// No JSON, unknown keys, missing ones, no version, a suppression without a reason.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let policy: Policy = serde_json::from_str(text).map_err(|source| PolicyError::Syntax {
            line: source.line(),
            column: source.column(),
            source,
        })?;
        if policy.versions.is_empty() {
            let what = "`versions` is empty: name the ABIs that filters must run on";
            return Err(PolicyError::Content(what.to_owned()));
        }
        if let Some(bare) = policy.suppressions.iter().find(|one| one.reason.trim().is_empty()) {
            let what = format!("the suppression of {} has no reason", bare.id);
            return Err(PolicyError::Content(what));
        }
        Ok(policy)
    }

    /// The severity of a set of rungs: that of its strictest one.
    pub fn severity(&self, rungs: Rungs) -> Severity {
        let strict = |name: &RungName| {
            let default = match name {
                RungName::Source => Strictness::Warning,
                RungName::Load | RungName::Verify | RungName::Behaviour => Strictness::Error,
            };
            self.rungs.get(name).copied().unwrap_or(default).severity()
        };
        let met = RungName::ALL.iter().filter(|name| rungs.intersects(name.rungs()));
        met.map(strict).max().unwrap_or(Severity::Note)
    }
}
