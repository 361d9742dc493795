//! The ladder.

use core::fmt;

use bitflags::bitflags;

/// Where a filter fails. Later is worse: it is found later, and the last is found by nobody.
///
/// ```
/// use fuserig_abi::diff::Rung;
/// assert!(Rung::Source < Rung::Load && Rung::Verify < Rung::Behaviour);
/// assert_eq!(Rung::from_name("LOAD"), Some(Rung::Load));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The source does not build against the other ABI's header without an edit.
    Source,
    /// A loader or the kernel refuses the object before a program is looked at.
    Load,
    /// The verifier refuses a program.
    Verify,
    /// It loads and decides otherwise, and nothing says so.
    Behaviour,
}

impl Rung {
    /// The ladder from its foot.
    pub const ALL: [Rung; 4] = [Rung::Source, Rung::Load, Rung::Verify, Rung::Behaviour];

    /// The word in reports and policies.
    pub const fn name(self) -> &'static str {
        match self {
            Rung::Source => "SOURCE",
            Rung::Load => "LOAD",
            Rung::Verify => "VERIFY",
            Rung::Behaviour => "BEHAVIOUR",
        }
    }

    /// The rung with that word, in either case.
    pub fn from_name(name: &str) -> Option<Rung> {
        Rung::ALL.into_iter().find(|rung| rung.name().eq_ignore_ascii_case(name))
    }

    /// The set that holds it alone.
    pub const fn only(self) -> Rungs {
        match self {
            Rung::Source => Rungs::SOURCE,
            Rung::Load => Rungs::LOAD,
            Rung::Verify => Rungs::VERIFY,
            Rung::Behaviour => Rungs::BEHAVIOUR,
        }
    }
}

impl fmt::Display for Rung {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

bitflags! {
    /// Where filters fail, as a set.
    ///
    /// ```
    /// use fuserig_abi::diff::{Rung, Rungs};
    /// let rungs = Rungs::SOURCE | Rungs::LOAD;
    /// assert_eq!((rungs.to_string().as_str(), rungs.worst()), ("SOURCE+LOAD", Some(Rung::Load)));
    /// assert_eq!(Rungs::empty().to_string(), "-");
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
    pub struct Rungs: u8 {
        /// [`Rung::Source`]
        const SOURCE = 1;
        /// [`Rung::Load`]
        const LOAD = 2;
        /// [`Rung::Verify`]
        const VERIFY = 4;
        /// [`Rung::Behaviour`]
        const BEHAVIOUR = 8;
    }
}

impl Rungs {
    /// The rungs in the set, from the foot.
    pub fn list(self) -> impl Iterator<Item = Rung> {
        Rung::ALL.into_iter().filter(move |rung| self.contains(rung.only()))
    }

    /// The highest rung.
    pub fn worst(self) -> Option<Rung> {
        self.list().last()
    }

    /// What fails for an object that is already built.
    #[must_use]
    pub fn at_run_time(self) -> Rungs {
        self.difference(Rungs::SOURCE)
    }

    /// The set that a text names: `SOURCE+LOAD`, or `-` for none.
    pub fn from_text(text: &str) -> Option<Rungs> {
        if text == "-" {
            return Some(Rungs::empty());
        }
        text.split('+').map(|word| Rung::from_name(word).map(Rung::only)).collect()
    }
}

impl fmt::Display for Rungs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.pad("-");
        }
        let names: Vec<&str> = self.list().map(Rung::name).collect();
        f.pad(&names.join("+"))
    }
}
