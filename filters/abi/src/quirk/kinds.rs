//! The id and what is known about it.

use core::cmp::Ordering;
use core::fmt;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ids::IDS;
use super::observed::OBSERVED;
use crate::description::{BUILT_IN, Description};
use crate::{Abi, Op};

/// How bad a quirk is.
///
/// ```
/// use fuserig_abi::{Quirk, QuirkClass};
/// assert_eq!(Quirk::DISP_1.klass(), QuirkClass::Crash);
/// assert_eq!(QuirkClass::from_name("limit"), Some(QuirkClass::Limit));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuirkClass {
    /// Brings the kernel down, hangs it, or corrupts memory.
    Crash,
    /// Contrary to the evident intent.
    Bug,
    /// A missing ability.
    Limit,
    /// Surprising but consistent.
    Oddity,
}

impl QuirkClass {
    /// Every class, the worst first.
    pub const ALL: [QuirkClass; 4] =
        [QuirkClass::Crash, QuirkClass::Bug, QuirkClass::Limit, QuirkClass::Oddity];

    /// The word in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            QuirkClass::Crash => "crash",
            QuirkClass::Bug => "bug",
            QuirkClass::Limit => "limit",
            QuirkClass::Oddity => "oddity",
        }
    }

    /// The class with that name.
    pub fn from_name(name: &str) -> Option<QuirkClass> {
        QuirkClass::ALL.into_iter().find(|class| class.name() == name)
    }
}

impl fmt::Display for QuirkClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A known oddity. Minted only by the constants of this type.
///
/// ```
/// use fuserig_abi::{Abi, Op, Quirk};
/// let quirk = Quirk::from_id("BUF-1").expect("a known id");
/// assert_eq!(quirk, Quirk::BUF_1);
/// assert!(quirk.text().contains("copy=true"));
/// assert!(quirk.concerns(Op::Lookup) && quirk.in_version(Abi::V4));
/// assert!(!Quirk::DISP_3.in_version(Abi::V3));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quirk(pub(super) u8);

impl Ord for Quirk {
    /// By the id, as lists show them.
    fn cmp(&self, other: &Quirk) -> Ordering {
        self.id().cmp(other.id())
    }
}

impl PartialOrd for Quirk {
    fn partial_cmp(&self, other: &Quirk) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[derive(Debug)]
struct Known {
    klass: QuirkClass,
    text: String,
    ops: String,
    versions: Vec<String>,
    /// Whether a version has it, by its place in [`Abi::ALL`].
    held_by: [bool; Abi::ALL.len()],
}

/// In the order of [`Quirk::ALL`].
static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let mut known = BTreeMap::new();
    for (_, text) in BUILT_IN {
        let table = Description::parse(text).expect("a test reads every built-in table");
        for record in table.quirks {
            let Some(quirk) = Quirk::from_id(&record.id) else {
                continue;
            };
            known.entry(quirk).or_insert_with(|| {
                let klass = QuirkClass::from_name(&record.klass).expect("checked by a test");
                Known::new(quirk, (klass, record.text, record.op), record.versions)
            });
        }
    }
    for (quirk, klass, ops, text) in OBSERVED {
        let versions = Abi::POSTED.iter().map(|abi| abi.name().to_owned()).collect();
        let said = (*klass, (*text).to_owned(), (*ops).to_owned());
        known.insert(*quirk, Known::new(*quirk, said, versions));
    }
    let known_of = |quirk: &Quirk| known.remove(quirk).expect("a test looks up every constant");
    Quirk::ALL.iter().map(known_of).collect()
});

impl Known {
    /// `said` has the class, what happens, and the operations.
    fn new(
        quirk: Quirk,
        (klass, text, ops): (QuirkClass, String, String),
        versions: Vec<String>,
    ) -> Known {
        let held_by = Abi::ALL.map(|abi| is_held_by(quirk.id(), &versions, abi));
        Known { klass, text, ops, versions, held_by }
    }
}

/// Whether a version has it, by the versions that the tables name. v3-grouped has those of v3
/// that are not of calling members, of `fuse_buffer` functions or of the verifier (SEMANTICS 9.2,
/// last lines).
fn is_held_by(id: &str, versions: &[String], abi: Abi) -> bool {
    let listed = |abi: Abi| versions.iter().any(|version| version == abi.name());
    let of_the_ops_struct = ["DISP-", "BUF-", "KF-", "VER-"];
    match abi {
        Abi::V3 | Abi::V4 | Abi::Android => listed(abi),
        Abi::V3Grouped => {
            let replaced = of_the_ops_struct.iter().any(|family| id.starts_with(family))
                || matches!(id, "N9" | "N10" | "N11" | "N12" | "N23");
            listed(abi) || listed(Abi::V3) && !replaced
        }
    }
}

impl Quirk {
    /// The quirk with that id.
    pub fn from_id(id: &str) -> Option<Quirk> {
        Quirk::ALL.iter().copied().find(|quirk| quirk.id() == id)
    }

    /// The id.
    pub const fn id(self) -> &'static str {
        IDS[self.0 as usize]
    }

    /// Its place in [`Quirk::ALL`].
    ///
    /// ```
    /// use fuserig_abi::Quirk;
    /// assert_eq!(Quirk::ALL[Quirk::BUF_1.index()], Quirk::BUF_1);
    /// ```
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    fn known(self) -> &'static Known {
        &KNOWN[self.index()]
    }

    /// How bad it is.
    pub fn klass(self) -> QuirkClass {
        self.known().klass
    }

    /// What happens.
    pub fn text(self) -> &'static str {
        &self.known().text
    }

    /// Whether it concerns an operation.
    pub fn concerns(self, op: Op) -> bool {
        self.known().ops.split(' ').any(|name| name == "*" || name == op.name())
    }

    /// The versions that have it, by name.
    pub fn versions(self) -> &'static [String] {
        &self.known().versions
    }

    /// Whether a version has it. It costs next to nothing: the pipeline asks for each quirk that
    /// an operation steps on.
    pub fn in_version(self, abi: Abi) -> bool {
        self.known().held_by[abi as usize]
    }

    /// Whether real kernels were seen to do otherwise (KERNEL-OBSERVED 3): GATTR-3, BUF-6 and
    /// NEW-5, and PIPE-2 on v4. N10 and N2 say what happens instead of the second and third.
    pub const fn is_refuted(self, abi: Abi) -> bool {
        match self.id().as_bytes() {
            b"GATTR-3" | b"BUF-6" | b"NEW-5" => true,
            b"PIPE-2" => matches!(abi, Abi::V4),
            _ => false,
        }
    }
}

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl fmt::Debug for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{OBSERVED, Quirk, QuirkClass};
    use crate::description::{BUILT_IN, Description};
    use crate::{Abi, Op};

    #[test]
    fn constants_and_tables_name_the_same_quirks() {
        let mut ids = BTreeSet::new();
        for (_, text) in BUILT_IN {
            let table = Description::parse(text).expect("built in");
            ids.extend(table.quirks.into_iter().map(|record| record.id));
        }
        ids.extend((1..=23).map(|number| format!("N{number}")));
        let constants: BTreeSet<String> =
            Quirk::ALL.iter().map(|quirk| quirk.id().to_owned()).collect();
        assert_eq!(constants, ids);
        assert_eq!(Quirk::ALL.len(), constants.len(), "an id occurs twice");
    }

    #[test]
    fn every_quirk_has_a_class_a_sentence_and_an_operation() {
        for quirk in Quirk::ALL {
            assert!(quirk.text().len() > 20, "{quirk}");
            assert!(Op::ALL.into_iter().any(|op| quirk.concerns(op)), "{quirk}");
            assert_eq!(Quirk::from_id(quirk.id()), Some(*quirk));
        }
        assert_eq!(Quirk::from_id("BUF-99"), None);
    }

    #[test]
    fn observed_quirks_name_operations_that_exist() {
        for (quirk, _, ops, _) in OBSERVED {
            for op in ops.split(' ').filter(|op| *op != "*") {
                assert!(Op::from_name(op).is_some(), "{quirk}: {op}");
            }
        }
    }

    #[test]
    fn classes_map_back_from_their_names() {
        for class in QuirkClass::ALL {
            assert_eq!(QuirkClass::from_name(class.name()), Some(class));
        }
        assert_eq!(QuirkClass::from_name("feature"), None);
    }

    #[test]
    fn refutations_depend_on_the_version_where_they_did() {
        assert!(Quirk::PIPE_2.is_refuted(Abi::V4) && !Quirk::PIPE_2.is_refuted(Abi::V3));
        assert!(Quirk::NEW_5.is_refuted(Abi::V3));
        assert!(!Quirk::BUF_1.is_refuted(Abi::V4));
    }
}
