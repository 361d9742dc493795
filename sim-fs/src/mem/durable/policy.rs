//! How much of the order of operations survives a crash.

use core::fmt;

/// What a filesystem promises about a loss of power, from the strictest to the weakest.
///
/// | name | metadata | data of a file | `fsync` |
/// |---|---|---|---|
/// | `sync` | durable when the call returns | the same | nothing to do |
/// | `prefix` | in the order of the calls | in the same order | everything before it |
/// | `ordered` | in the order of the calls | any pages, or none | the file and all metadata |
/// | `loose` | any, in order for one name or node | any pages, or none | the node, not its name |
///
/// In every one of them a rename is atomic, a page is whole or not there, a name leads to a node
/// that exists, and data is never that of another file. In `ordered`, a page that takes new space
/// survives only with the metadata before it, as the record of that space is metadata itself.
/// `fdatasync` makes the pages and the length durable and what these need; in `loose`, the
/// `fsync` of a directory makes its names durable.
///
/// ```
/// use fuserig_sim_fs::Durability;
/// assert_eq!(Durability::parse("ordered"), Some(Durability::default()));
/// assert!(Durability::Sync < Durability::Loose);
/// assert_eq!(Durability::Loose.to_string(), "loose");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Durability {
    /// Everything is durable when its call returns (`mount -o sync`).
    Sync,
    /// A crash cuts history off at one point, data included (data=journal).
    Prefix,
    /// Metadata is cut off at one point, data is written back in any order.
    #[default]
    Ordered,
    /// Only what was synced, and an order for each single name and node.
    Loose,
}

impl Durability {
    /// Every policy, the strictest first.
    pub const ALL: [Durability; 4] =
        [Durability::Sync, Durability::Prefix, Durability::Ordered, Durability::Loose];

    /// The name in options and stored cases.
    pub const fn name(self) -> &'static str {
        match self {
            Durability::Sync => "sync",
            Durability::Prefix => "prefix",
            Durability::Ordered => "ordered",
            Durability::Loose => "loose",
        }
    }

    /// The policy of that name.
    pub fn parse(name: &str) -> Option<Durability> {
        Durability::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
