//! Which kernel is modelled, and how faithfully.

use core::fmt;

/// An ABI between kernel and filter that the pipeline can run.
///
/// ```
/// use fuserig_abi::Abi;
/// assert_eq!(Abi::from_name("v4"), Some(Abi::V4));
/// assert_eq!(Abi::V3.name(), "v3");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Abi {
    /// RFC v3 of 2023-04-17.
    V3,
    /// RFC v4 of 2024-03-28.
    V4,
    /// The reading of the review of v3 28/37 with one member a family of operations: a proposal
    /// and no kernel (SEMANTICS 9). Everything but calls and buffers is v3.
    V3Grouped,
    /// One program of a type of its own for all operations, as Android ships it (SEMANTICS 2.11).
    Android,
}

impl Abi {
    /// Every ABI, those that were posted first.
    pub const ALL: [Abi; 4] = [Abi::V3, Abi::V4, Abi::V3Grouped, Abi::Android];

    /// The versions posted for the kernel, whose filters are a struct of typed members, two for
    /// each operation; the oldest first.
    pub const POSTED: [Abi; 2] = [Abi::V3, Abi::V4];

    /// The name in tables and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Abi::V3 => "v3",
            Abi::V4 => "v4",
            Abi::V3Grouped => "v3-grouped",
            Abi::Android => "android",
        }
    }

    /// The ABI with that name.
    pub fn from_name(name: &str) -> Option<Abi> {
        Abi::ALL.into_iter().find(|abi| abi.name() == name)
    }

    /// The posted version whose pipeline it has where it has none of its own.
    ///
    /// ```
    /// assert_eq!(fuserig_abi::Abi::V3Grouped.base(), fuserig_abi::Abi::V3);
    /// ```
    pub const fn base(self) -> Abi {
        match self {
            Abi::V3 | Abi::V3Grouped => Abi::V3,
            Abi::V4 | Abi::Android => Abi::V4,
        }
    }

    /// The largest return code that the version knows; on Android all bits together.
    pub const fn last_code(self) -> u32 {
        match self {
            Abi::V3 | Abi::V3Grouped => 4,
            Abi::V4 => 5,
            Abi::Android => 7,
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the simulation does what the kernel did or what its author evidently meant.
///
/// ```
/// use fuserig_abi::Fidelity;
/// assert_eq!(Fidelity::default(), Fidelity::Faithful);
/// assert_eq!(Fidelity::from_name("intended"), Some(Fidelity::Intended));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Fidelity {
    /// Every quirk of the version, reported by id.
    #[default]
    Faithful,
    /// Without the bugs.
    Intended,
}

impl Fidelity {
    /// Both, the default first.
    pub const ALL: [Fidelity; 2] = [Fidelity::Faithful, Fidelity::Intended];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Fidelity::Faithful => "faithful",
            Fidelity::Intended => "intended",
        }
    }

    /// The fidelity with that name.
    pub fn from_name(name: &str) -> Option<Fidelity> {
        Fidelity::ALL.into_iter().find(|fidelity| fidelity.name() == name)
    }
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
