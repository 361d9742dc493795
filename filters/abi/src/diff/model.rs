//! A change, what it does to whom, and the whole difference.

use super::{FilterUse, Rungs};

/// Which filter meets which ABI.
///
/// ```
/// use fuserig_abi::diff::Direction;
/// assert_eq!(Direction::Forward.name(), "forward");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// A filter made for the old ABI on the new one.
    Forward,
    /// A filter made for the new ABI on the old one.
    Backward,
}

impl Direction {
    /// Both.
    pub const ALL: [Direction; 2] = [Direction::Forward, Direction::Backward];

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Forward => "forward",
            Direction::Backward => "backward",
        }
    }
}

/// How a filter finds members and fields.
///
/// ```
/// use fuserig_abi::diff::Loader;
/// assert_eq!(Loader::ByName.name(), "by-name");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loader {
    /// libbpf and CO-RE: members and fields by name.
    ByName,
    /// Offsets that were compiled in.
    ByOffset,
}

impl Loader {
    /// The word in reports and policies.
    pub const fn name(self) -> &'static str {
        match self {
            Loader::ByName => "by-name",
            Loader::ByOffset => "by-offset",
        }
    }
}

/// What a change does in one direction.
///
/// ```
/// use fuserig_abi::diff::{Impact, Rungs};
/// let impact = Impact { by_name: Rungs::empty(), by_offset: Rungs::BEHAVIOUR, who: "...".into() };
/// assert!(impact.by_name.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// Where filters fail that find things by name.
    pub by_name: Rungs,
    /// Where filters fail whose offsets were compiled in.
    pub by_offset: Rungs,
    /// One sentence: who breaks, and why; or why nobody does.
    pub who: String,
}

impl Impact {
    /// The rungs for a kind of loader.
    pub fn rungs(&self, loader: Loader) -> Rungs {
        match loader {
            Loader::ByName => self.by_name,
            Loader::ByOffset => self.by_offset,
        }
    }

    /// The rungs for either kind.
    pub fn any(&self) -> Rungs {
        self.by_name | self.by_offset
    }
}

/// Who must be upgraded first so that nothing breaks on the way.
///
/// ```
/// use fuserig_abi::diff::First;
/// assert_eq!(First::Kernel.name(), "kernel");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum First {
    /// It does not matter.
    Either,
    /// The kernel: old filters run on it, new ones do not run on the old kernel.
    Kernel,
    /// The filters: new ones run on the old kernel, old ones do not run on the new kernel.
    Filters,
    /// Both at once.
    Together,
}

impl First {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            First::Either => "either",
            First::Kernel => "kernel",
            First::Filters => "filters",
            First::Together => "together",
        }
    }
}

/// Whom a change concerns.
///
/// ```
/// use fuserig_abi::diff::Touches;
/// assert_ne!(Touches::Everyone, Touches::Helper("bpf_loop".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touches {
    /// Every filter of the ops type with that name, or of any type when it is empty.
    Everyone,
    /// Filters of an ops type.
    Ops(String),
    /// Filters that set a member of an ops type.
    Member(String, String),
    /// Filters that leave a member of an ops type out.
    Missing(String, String),
    /// Programs that use a struct.
    Struct(String),
    /// Programs that use one of these fields of a struct.
    Fields(String, Vec<String>),
    /// Programs that use one of these names of numbers; objects hold the numbers only.
    Numbers(Vec<String>),
    /// Programs that call a kernel function.
    Kfunc(String),
    /// Programs that call a helper.
    Helper(String),
}

/// One change.
///
/// ```
/// use fuserig_abi::diff::{AbiDiff, First, Rungs};
/// use fuserig_abi::spec::AbiSpec;
/// let [v3, v4] = ["v3", "v4"].map(|name| AbiSpec::built_in(name).expect("built in"));
/// let diff = AbiDiff::between(&v3, &v4);
/// let added = diff.change("member-inserted:fuse_ops.default_filter").expect("new in v4");
/// assert_eq!((added.forward.by_name, added.first()), (Rungs::empty(), First::Kernel));
/// assert_eq!(added.backward.by_name, Rungs::SOURCE | Rungs::LOAD);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The rule that found it, one of [`super::RULES`].
    pub rule: &'static str,
    /// What changed.
    pub subject: String,
    /// What happened to it, in one line.
    pub title: String,
    /// How it was; empty for what did not exist.
    pub old: String,
    /// How it is; empty for what is gone.
    pub new: String,
    /// Old filters on the new ABI.
    pub forward: Impact,
    /// New filters on the old ABI.
    pub backward: Impact,
    /// Whom it concerns.
    pub touches: Touches,
}

impl Change {
    pub(super) fn new(
        rule: &'static str,
        subject: impl Into<String>,
        title: impl Into<String>,
    ) -> Change {
        Change {
            rule,
            subject: subject.into(),
            title: title.into(),
            old: String::new(),
            new: String::new(),
            forward: Impact::default(),
            backward: Impact::default(),
            touches: Touches::Everyone,
        }
    }

    #[must_use]
    pub(super) fn sides(mut self, old: impl ToString, new: impl ToString) -> Change {
        (self.old, self.new) = (old.to_string(), new.to_string());
        self
    }

    #[must_use]
    pub(super) fn touches(mut self, touches: Touches) -> Change {
        self.touches = touches;
        self
    }

    /// Old filters on the new ABI: rungs by name, rungs by offset, and the sentence.
    #[must_use]
    pub(super) fn forward(mut self, rungs: (Rungs, Rungs), who: impl Into<String>) -> Change {
        self.forward = Impact { by_name: rungs.0, by_offset: rungs.1, who: who.into() };
        self
    }

    /// New filters on the old ABI: rungs by name, rungs by offset, and the sentence.
    #[must_use]
    pub(super) fn backward(mut self, rungs: (Rungs, Rungs), who: impl Into<String>) -> Change {
        self.backward = Impact { by_name: rungs.0, by_offset: rungs.1, who: who.into() };
        self
    }

    /// The same in both directions.
    #[must_use]
    pub(super) fn both(self, rungs: (Rungs, Rungs), who: impl Into<String>) -> Change {
        let who = who.into();
        self.forward(rungs, who.clone()).backward(rungs, who)
    }

    /// The stable id: the rule, a colon, and the subject.
    pub fn id(&self) -> String {
        format!("{}:{}", self.rule, self.subject)
    }

    /// The impact of one direction.
    pub fn impact(&self, direction: Direction) -> &Impact {
        match direction {
            Direction::Forward => &self.forward,
            Direction::Backward => &self.backward,
        }
    }

    /// Who must be upgraded first, for objects that are built and loaded by name.
    pub fn first(&self) -> First {
        first(self.forward.by_name, self.backward.by_name)
    }

    /// Whether a filter uses what changed, as far as its object tells.
    pub fn concerns(&self, filter: &FilterUse) -> bool {
        filter.uses(&self.touches)
    }
}

fn first(forward: Rungs, backward: Rungs) -> First {
    match (forward.at_run_time().is_empty(), backward.at_run_time().is_empty()) {
        (true, true) => First::Either,
        (true, false) => First::Kernel,
        (false, true) => First::Filters,
        (false, false) => First::Together,
    }
}

/// All changes between two descriptions.
///
/// ```
/// use fuserig_abi::diff::AbiDiff;
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// assert!(AbiDiff::between(&v3, &v3).changes.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbiDiff {
    /// Name of the old description.
    pub old: String,
    /// Name of the new one.
    pub new: String,
    /// The changes, in the order of the rules' subjects: ops types, structs, enums, kernel
    /// functions, numbers, helpers, behaviour.
    pub changes: Vec<Change>,
    /// Subjects that one side does not know, and that were not compared.
    pub not_compared: Vec<String>,
}

impl AbiDiff {
    /// The change with that id.
    pub fn change(&self, id: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.id() == id)
    }

    /// Where filters fail in a direction, over all changes.
    pub fn rungs(&self, direction: Direction, loader: Loader) -> Rungs {
        self.changes.iter().map(|change| change.impact(direction).rungs(loader)).collect()
    }

    /// Who must be upgraded first, over all changes.
    pub fn first(&self) -> First {
        first(
            self.rungs(Direction::Forward, Loader::ByName),
            self.rungs(Direction::Backward, Loader::ByName),
        )
    }
}
