//! The five members.

use core::fmt;

use fuserig_abi::{Abi, AbiTable, Op, Slot};

/// A member of `struct fuse_grouped_ops`, and the operations it serves (SEMANTICS 9.2).
///
/// ```
/// use fuserig_abi::Op;
/// use fuserig_filters::Family;
/// assert_eq!(Family::of(Op::Mkdir), Family::Name);
/// assert_eq!(Family::Name.member(), "name_op");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Operations on an inode or an open file.
    File,
    /// Operations on one name.
    Name,
    /// Operations on two names, or a name and a value.
    Pair,
    /// Operations that yield an entry.
    Entry,
    /// Operations that yield bytes.
    Data,
}

impl Family {
    /// Every family in the order of the struct.
    pub const ALL: [Family; 5] =
        [Family::File, Family::Name, Family::Pair, Family::Entry, Family::Data];

    /// The name of the member.
    pub const fn member(self) -> &'static str {
        match self {
            Family::File => "file_op",
            Family::Name => "name_op",
            Family::Pair => "pair_op",
            Family::Entry => "entry_op",
            Family::Data => "data_op",
        }
    }

    /// The family with that member.
    pub fn from_member(name: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.member() == name)
    }

    /// The family of an operation.
    pub fn of(op: Op) -> Family {
        let row = AbiTable::of(Abi::V3Grouped).family(op).expect("every operation has a family");
        Family::from_member(&row.member).expect("a test compares the members with the table")
    }

    /// The operations, in the order of the table.
    pub fn operations(self) -> impl Iterator<Item = Op> {
        Op::ALL.into_iter().filter(move |op| Family::of(*op) == self)
    }

    /// The family that a member of the posted versions belongs to; none for `default_filter`.
    pub(super) fn of_slot(slot: Slot) -> Option<Family> {
        slot.op().map(Family::of)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.member())
    }
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Abi, AbiTable, Op};

    use super::Family;

    #[test]
    fn families_are_the_members_of_the_table() {
        let ops = &AbiTable::of(Abi::V3Grouped).description().ops;
        let members: Vec<_> = ops.iter().filter_map(|op| op.member.as_deref()).collect();
        assert_eq!(members, Family::ALL.map(Family::member));
        for family in Family::ALL {
            assert!(family.operations().count() >= 2, "{family}");
        }
        let all = Family::ALL.iter().map(|family| family.operations().count()).sum::<usize>();
        assert_eq!(all, Op::COUNT);
    }
}
