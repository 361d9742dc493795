//! What the replacement keeps.

use core::fmt;
use std::collections::BTreeSet;

/// Shortest key, in bytes. Shorter ones could be found by trying names against the output.
pub const KEY_BYTES_MIN: usize = 16;

/// What a pseudonym shows of the length of the name.
///
/// ```
/// use fuserig_traces::anonymise::Lengths;
/// assert_eq!(Lengths::Class.of(9), 16);
/// assert_eq!(Lengths::Exact.of(9), 9);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lengths {
    /// The same length. Only then do listings, link targets and messages keep their sizes, so that
    /// the trace replays to the recorded results.
    #[default]
    Exact,
    /// The next of 8, 16, 32, 64, 128 and 255.
    Class,
    /// Always 12.
    Hidden,
}

impl Lengths {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Lengths::Exact => "exact",
            Lengths::Class => "class",
            Lengths::Hidden => "hidden",
        }
    }

    /// How long the pseudonym of a name of `length` bytes is. Names that are too long for any
    /// filesystem stay too long.
    pub fn of(self, length: usize) -> usize {
        match self {
            Lengths::Exact => length,
            _ if length > 255 => length,
            Lengths::Class => {
                [8, 16, 32, 64, 128, 255].into_iter().find(|class| length <= *class).unwrap_or(255)
            }
            Lengths::Hidden => 12,
        }
    }
}

/// What is kept of what identifies. The default keeps lengths and nothing else.
///
/// ```
/// use fuserig_traces::anonymise::Policy;
/// let policy = Policy { extensions: true, ..Policy::default() };
/// assert_eq!(policy.to_string(), "component,length=exact,extension");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is kept of lengths.
    pub lengths: Lengths,
    /// Whether `.jpg` stays `.jpg`: up to 10 letters and digits behind the last dot.
    pub extensions: bool,
    /// Whether names that begin with a dot still do.
    pub dots: bool,
    /// Whether users and groups stay.
    pub ids: bool,
    /// Whether dates stay.
    pub times: bool,
    /// Names that stay as they are.
    pub names: BTreeSet<Vec<u8>>,
    /// Users and groups that stay as they are.
    pub kept_ids: BTreeSet<u32>,
}

impl fmt::Display for Policy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "component,length={}", self.lengths.name())?;
        let marks = [
            (self.extensions, "extension"),
            (self.dots, "dot"),
            (self.ids, "ids"),
            (self.times, "times"),
        ];
        for (_, mark) in marks.iter().filter(|(kept, _)| *kept) {
            write!(out, ",{mark}")?;
        }
        if !self.names.is_empty() {
            write!(out, ",names={}", self.names.len())?;
        }
        if !self.kept_ids.is_empty() {
            write!(out, ",kept-ids={}", self.kept_ids.len())?;
        }
        Ok(())
    }
}
