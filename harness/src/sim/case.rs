//! Everything one run is made from, as a value: it can be stored, shrunk and run again.
//!
//! A case holds no seed. What was drawn from one is in it, so that a case survives changes of the
//! generators and of the ABI version. What a reader would get wrong: the filter is not in it, for
//! it is code; `filter` says which one it was found with.

use core::fmt;

use fuserig_abi::{Abi, Credentials, Fidelity, Gid, Uid};
use fuserig_sim_fs::Durability;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Action, Schedule};
use crate::fault::FaultPlan;

/// What one client does.
///
/// ```
/// use fuserig::sim::Program;
/// let program = Program::of(1000, Vec::new());
/// assert_eq!((program.uid, program.group()), (1000, 1000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Program {
    /// Its user; 0 is the super-user.
    pub uid: u32,
    /// Its group; none where that has the number of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Its supplementary groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<u32>,
    /// Its system calls in order.
    pub actions: Vec<Action>,
}

impl Program {
    /// What a user does whose group has the same number.
    pub fn of(uid: u32, actions: Vec<Action>) -> Program {
        Program { uid, gid: None, groups: Vec::new(), actions }
    }

    /// Its group.
    pub fn group(&self) -> u32 {
        self.gid.unwrap_or(self.uid)
    }

    /// Who it is: the super-user has every capability, whatever its group.
    pub(crate) fn credentials(&self) -> Credentials {
        let (uid, gid) = (Uid(self.uid), Gid(self.group()));
        let groups = self.groups.iter().map(|group| Gid(*group)).collect();
        match uid {
            Uid::ROOT => Credentials { gid, groups, ..Credentials::root() },
            _ => Credentials { groups, ..Credentials::user(uid, gid) },
        }
    }

    /// Who it is in reports, unless it is the super-user with its own group.
    pub(super) fn identity(&self) -> Option<String> {
        let who = match (self.uid, self.group()) {
            (0, 0) if self.groups.is_empty() => return None,
            (uid, gid) if uid == gid => format!("uid {uid}"),
            (uid, gid) => format!("uid {uid}, gid {gid}"),
        };
        if self.groups.is_empty() {
            return Some(who);
        }
        Some(format!("{who}, groups {}", self.listed_groups()))
    }

    /// The supplementary groups with commas between them, as scenarios have them.
    pub(super) fn listed_groups(&self) -> String {
        let groups: Vec<String> = self.groups.iter().map(u32::to_string).collect();
        groups.join(",")
    }
}

/// One run.
///
/// ```
/// use fuserig::sim::Case;
/// let case = Case::default();
/// let json = case.to_json();
/// assert_eq!(Case::from_json(&json).expect("what was written can be read"), case);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The filter it was found with, as the command line names it; empty for one in Rust.
    pub filter: String,
    /// The modelled ABI version.
    #[serde(serialize_with = "abi_name", deserialize_with = "named_abi")]
    pub abi: Abi,
    /// Whether the modelled kernel makes its mistakes.
    #[serde(serialize_with = "fidelity_name", deserialize_with = "named_fidelity")]
    pub fidelity: Fidelity,
    /// Whether it was found behind an ordinary mount ([`Subject::mounted`](super::Subject)).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub mounted: bool,
    /// The lower tree at the start, as tree text.
    pub tree: String,
    /// The clients.
    pub clients: Vec<Program>,
    /// The forced switches between them.
    pub schedule: Schedule,
    /// What goes wrong.
    #[serde(default, skip_serializing_if = "FaultPlan::is_empty")]
    pub faults: FaultPlan,
    /// Power is lost after so many steps; none for a run to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
}

/// A loss of power and what it leaves.
///
/// ```
/// use fuserig::sim::Crash;
/// use fuserig_sim_fs::Durability;
/// let crash = Crash { step: 12, durability: Durability::Ordered, lost: vec![0] };
/// assert_eq!(crash.to_string(), "power lost after step 12 (ordered)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crash {
    /// After which step of the run; at its end when it has fewer.
    pub step: u64,
    /// What the lower filesystem promises.
    #[serde(default, serialize_with = "policy_name", deserialize_with = "named_policy")]
    pub durability: Durability,
    /// Which of the changes that are not durable yet are lost, counted from 0, which is the
    /// oldest. What needs a lost one is lost as well; numbers that no change has say nothing.
    pub lost: Vec<u32>,
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "power lost after step {} ({})", self.step, self.durability)
    }
}

impl Default for Case {
    fn default() -> Case {
        Case {
            filter: String::new(),
            abi: Abi::V4,
            fidelity: Fidelity::Faithful,
            mounted: false,
            tree: String::new(),
            clients: Vec::new(),
            schedule: Schedule::default(),
            faults: FaultPlan::default(),
            crash: None,
        }
    }
}

impl Case {
    /// How many actions all clients have together.
    pub fn operations(&self) -> usize {
        self.clients.iter().map(|program| program.actions.len()).sum()
    }

    /// The case without one action; what belongs to later ones moves along.
    #[must_use]
    pub fn without_action(&self, client: usize, action: usize) -> Case {
        let mut case = self.clone();
        case.clients[client].actions.remove(action);
        case.schedule = self.schedule.without_action(client, action);
        case.faults = self.faults.without_action(client, action);
        case
    }

    /// A digest of the stored form.
    pub fn digest(&self) -> u64 {
        let mut mixer = super::Mixer::new(0);
        mixer.bytes(self.to_json().as_bytes());
        mixer.finish()
    }

    /// The stored form.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a case is plain data");
        text.push('\n');
        text
    }

    /// The stored form on one line.
    pub fn to_json_line(&self) -> String {
        serde_json::to_string(self).expect("a case is plain data")
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// What is wrong and on which line.
    pub fn from_json(text: &str) -> Result<Case, CaseError> {
        Ok(serde_json::from_str(text)?)
    }
}

/// Why a stored case cannot be read.
///
/// ```
/// use fuserig::sim::Case;
/// let error = Case::from_json("{").unwrap_err();
/// assert!(error.to_string().starts_with("read case: EOF"));
/// ```
#[derive(Debug, thiserror::Error)]
#[error("read case: {0}")]
pub struct CaseError(#[from] serde_json::Error);

fn abi_name<S: Serializer>(abi: &Abi, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(abi.name())
}

fn named_abi<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Abi, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || serde::de::Error::custom(format!("unknown ABI version {name}: v3 or v4"));
    Abi::from_name(&name).ok_or_else(unknown)
}

fn fidelity_name<S: Serializer>(fidelity: &Fidelity, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match fidelity {
        Fidelity::Faithful => "faithful",
        Fidelity::Intended => "intended",
    })
}

fn named_fidelity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fidelity, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || serde::de::Error::custom(format!("unknown fidelity {name}"));
    Fidelity::from_name(&name).ok_or_else(unknown)
}

fn policy_name<S: Serializer>(policy: &Durability, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(policy.name())
}

fn named_policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Durability, D::Error> {
    let name = String::deserialize(deserializer)?;
    let unknown = || serde::de::Error::custom(format!("unknown durability {name}"));
    Durability::parse(&name).ok_or_else(unknown)
}
