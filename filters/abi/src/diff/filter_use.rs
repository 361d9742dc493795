//! What a filter uses of an ABI, as far as it can be seen without its source.

use std::collections::{BTreeMap, BTreeSet};

use super::Touches;

/// What a filter uses.
///
/// ```
/// use fuserig_abi::diff::{FilterUse, Touches};
/// let mut hide = FilterUse::of_members("hide", "fuse_ops", ["lookup_prefilter"]);
/// let member = |name: &str| Touches::Member("fuse_ops".into(), name.into());
/// assert!(hide.uses(&member("lookup_prefilter")) && !hide.uses(&member("open_prefilter")));
/// hide.kfuncs = Some(["bpf_fuse_get_ro_dynptr".into()].into());
/// assert!(!hide.uses(&Touches::Kfunc("bpf_fuse_return_len".into())));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterUse {
    /// The filter's name.
    pub name: String,
    /// The ops type that it fills; empty when it is not known.
    pub ops: String,
    /// The members that it sets.
    pub members: BTreeSet<String>,
    /// Kernel functions that it calls; `None` when nobody looked.
    pub kfuncs: Option<BTreeSet<String>>,
    /// Helpers that it calls; `None` when nobody looked.
    pub helpers: Option<BTreeSet<String>>,
    /// Fields that it reaches by name, by struct; `None` when nobody looked.
    pub fields: Option<BTreeMap<String, BTreeSet<String>>>,
}

impl FilterUse {
    /// A filter of which only the members are known.
    pub fn of_members<'a>(
        name: &str,
        ops: &str,
        members: impl IntoIterator<Item = &'a str>,
    ) -> FilterUse {
        FilterUse {
            name: name.to_owned(),
            ops: ops.to_owned(),
            members: members.into_iter().map(str::to_owned).collect(),
            ..FilterUse::default()
        }
    }

    /// Whether it is concerned; what nobody looked at counts as used.
    pub fn uses(&self, touches: &Touches) -> bool {
        let is_of = |ops: &str| self.ops.is_empty() || self.ops == ops;
        let calls = |known: &Option<BTreeSet<String>>, name: &str| {
            known.as_ref().is_none_or(|names| names.contains(name))
        };
        match touches {
            Touches::Everyone | Touches::Numbers(_) => true,
            Touches::Ops(ops) => is_of(ops),
            Touches::Member(ops, member) => is_of(ops) && self.members.contains(member),
            Touches::Missing(ops, member) => is_of(ops) && !self.members.contains(member),
            Touches::Struct(name) => {
                self.fields.as_ref().is_none_or(|fields| fields.contains_key(name))
            }
            Touches::Fields(name, changed) => self.fields.as_ref().is_none_or(|fields| {
                let used = fields.get(name);
                used.is_some_and(|used| changed.iter().any(|field| used.contains(field)))
            }),
            Touches::Kfunc(name) => calls(&self.kfuncs, name),
            Touches::Helper(name) => calls(&self.helpers, name),
        }
    }
}
