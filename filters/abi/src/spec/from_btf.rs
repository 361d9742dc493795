//! From kernel type information to a description, restricted to what is asked for.
//!
//! A kernel has 150,000 types, and a struct_ops argument such as `struct sock` reaches half of
//! them. A description holds the roots, and what their arguments point at down to a depth.

use std::collections::{BTreeMap, BTreeSet};

use super::btf_types::{self, struct_of};
use super::{AbiSpec, AttachKind, EnumSpec, KfuncSpec, MemberKind, MemberSpec, OpsSpec, Prototype};
use crate::btf::{Btf, BtfKind, Composite, Enumerators, KindTag, TypeId};

/// In front of the name of a struct_ops type, this is the kernel's wrapper around it.
const WRAPPER: &str = "bpf_struct_ops_";

/// What to take from type information.
///
/// ```
/// use fuserig_abi::btf::Btf;
/// use fuserig_abi::spec::{AbiSpec, BtfSelection};
/// use fuserig_abi::{Abi, AbiTable};
///
/// let btf = Btf::of_table(AbiTable::of(Abi::V4));
/// let selection = BtfSelection { roots: vec!["fuse_ops".into(), "nonsense".into()], depth: 1 };
/// let (spec, absent) = AbiSpec::from_btf(&btf, "v4", &selection)?;
/// assert_eq!(spec.ops_type("fuse_ops").expect("a root").members.len(), 66);
/// assert!(spec.structure("fuse_open_in").is_some());
/// assert_eq!(absent, ["nonsense"]);
/// # Ok::<(), fuserig_abi::spec::BtfSpecError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BtfSelection {
    /// Names of struct_ops types, structs, unions, enums and functions.
    pub roots: Vec<String>,
    /// How many pointers and embedded structs to follow from the roots.
    pub depth: u32,
}

/// Type information that no description can hold.
///
/// ```
/// use fuserig_abi::spec::BtfSpecError;
/// let error = BtfSpecError { type_name: "odd".into(), problem: "too many fields" };
/// assert_eq!(error.to_string(), "describe type `odd`: too many fields");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("describe type `{type_name}`: {problem}")]
pub struct BtfSpecError {
    /// The type.
    pub type_name: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl AbiSpec {
    /// The types in `btf` that programs can be members of, by name.
    pub fn ops_types(btf: &Btf) -> Vec<String> {
        let wrapped = btf.types().filter_map(|(id, ty)| match ty.kind {
            BtfKind::Struct(_) => btf.name(id).strip_prefix(WRAPPER),
            _ => None,
        });
        let exists = |name: &&str| btf.find_kind(name, KindTag::Struct).is_some();
        let names: BTreeSet<&str> = wrapped.filter(exists).collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Describes the selected types; also gives back the roots that are absent.
    ///
    /// # Errors
    /// A struct with more fields, or deeper ones, than any kernel has.
    pub fn from_btf(
        btf: &Btf,
        name: &str,
        selection: &BtfSelection,
    ) -> Result<(AbiSpec, Vec<String>), BtfSpecError> {
        let mut reader = Reader {
            btf,
            spec: AbiSpec { name: name.to_owned(), ..AbiSpec::default() },
            wanted: BTreeMap::new(),
            done: BTreeSet::new(),
        };
        let mut absent = Vec::new();
        for root in &selection.roots {
            if !reader.root(root, selection.depth)? {
                absent.push(root.clone());
            }
        }
        reader.follow()?;
        Ok((reader.spec, absent))
    }
}

impl OpsSpec {
    /// A struct as an ops type, whatever its members are; nothing when it is no struct.
    ///
    /// ```
    /// use fuserig_abi::btf::{Btf, KindTag};
    /// use fuserig_abi::spec::OpsSpec;
    /// use fuserig_abi::{Abi, AbiTable};
    /// let btf = Btf::of_table(AbiTable::of(Abi::V3));
    /// let id = btf.find_kind("fuse_open_in", KindTag::Struct).expect("in the table");
    /// assert_eq!(OpsSpec::from_btf(&btf, id).expect("a struct").members.len(), 2);
    /// ```
    pub fn from_btf(btf: &Btf, id: TypeId) -> Option<OpsSpec> {
        let Some(BtfKind::Struct(composite)) = btf.kind(id) else { return None };
        let mut reader = Reader {
            btf,
            spec: AbiSpec::default(),
            wanted: BTreeMap::new(),
            done: BTreeSet::new(),
        };
        reader.ops(btf.name(id), composite, 0).ok()?;
        reader.spec.ops.pop()
    }
}

impl Prototype {
    /// The prototype of an id; of anything else, a function without parameters.
    pub fn from_btf(btf: &Btf, id: TypeId) -> Prototype {
        btf_types::prototype(btf, id)
    }
}

/// The description that grows, and the structs that are still to be followed, with the depth
/// that is left at each.
struct Reader<'a> {
    btf: &'a Btf,
    spec: AbiSpec,
    wanted: BTreeMap<TypeId, u32>,
    done: BTreeSet<TypeId>,
}

impl Reader<'_> {
    /// Describes one root; false when there is none of that name.
    fn root(&mut self, name: &str, depth: u32) -> Result<bool, BtfSpecError> {
        const ORDER: [KindTag; 6] = [
            KindTag::Struct,
            KindTag::Union,
            KindTag::Func,
            KindTag::Enum,
            KindTag::Enum64,
            KindTag::Typedef,
        ];
        let Some(id) = ORDER.iter().find_map(|tag| self.btf.find_kind(name, *tag)) else {
            return Ok(false);
        };
        if !self.done.insert(id) {
            return Ok(true);
        }
        match self.btf.kind(id) {
            Some(BtfKind::Struct(composite)) if self.is_ops(name, composite) => {
                self.ops(name, composite, depth)?;
            }
            Some(BtfKind::Struct(_) | BtfKind::Union(_)) => self.structure(id, depth)?,
            Some(BtfKind::Enum(set) | BtfKind::Enum64(set)) => self.enumeration(name, set),
            Some(BtfKind::Func { proto, .. }) => self.kfunc(name, *proto, depth),
            // A typedef is a root for the struct, union or enum behind it.
            _ => {
                let behind = self.btf.resolve(id);
                match self.btf.kind(behind) {
                    Some(BtfKind::Struct(_) | BtfKind::Union(_)) => self.named(behind, name)?,
                    Some(BtfKind::Enum(set) | BtfKind::Enum64(set)) => self.enumeration(name, set),
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// A struct_ops type has a wrapper in a kernel; elsewhere it is mostly pointers to functions.
    fn is_ops(&self, name: &str, composite: &Composite) -> bool {
        if self.btf.find_kind(&format!("{WRAPPER}{name}"), KindTag::Struct).is_some() {
            return true;
        }
        let callbacks =
            composite.members.iter().filter(|member| self.callback(member.of).is_some());
        let callbacks = callbacks.count();
        callbacks > 0 && callbacks * 2 >= composite.members.len()
    }

    /// The prototype behind a pointer to a function.
    fn callback(&self, id: TypeId) -> Option<Prototype> {
        let BtfKind::Ptr(target) = self.btf.kind(self.btf.resolve(id))? else { return None };
        let target = self.btf.resolve(*target);
        matches!(self.btf.kind(target), Some(BtfKind::FuncProto { .. }))
            .then(|| btf_types::prototype(self.btf, target))
    }

    fn ops(&mut self, name: &str, composite: &Composite, depth: u32) -> Result<(), BtfSpecError> {
        let mut members = Vec::new();
        for member in &composite.members {
            let kind = match self.callback(member.of) {
                Some(prototype) => {
                    self.want_params(member.of, depth);
                    MemberKind::Callback(prototype)
                }
                None => MemberKind::Data(btf_types::ty(self.btf, member.of)),
            };
            members.push(MemberSpec {
                name: self.btf.str(member.name).to_owned(),
                offset: Some(member.byte_offset()),
                size: self.size(member.of),
                kind,
                missing: None,
                opcode: None,
            });
        }
        self.spec.ops.push(OpsSpec {
            name: name.to_owned(),
            attach: AttachKind::StructOps,
            size: composite.size,
            members,
        });
        Ok(())
    }

    /// What the parameters of a callback point at is wanted one step less deep.
    fn want_params(&mut self, callback: TypeId, depth: u32) {
        let BtfKind::Ptr(target) = self.btf.kind(self.btf.resolve(callback)).expect("a callback")
        else {
            return;
        };
        self.want_proto(self.btf.resolve(*target), depth);
    }

    fn want_proto(&mut self, proto: TypeId, depth: u32) {
        if let Some(BtfKind::FuncProto { params, .. }) = self.btf.kind(proto) {
            for param in params {
                self.want(param.of, depth);
            }
        }
    }

    fn want(&mut self, id: TypeId, depth: u32) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let Some(found) = struct_of(self.btf, id) else { return };
        let known = self.wanted.entry(found).or_insert(depth);
        *known = depth.max(*known);
    }

    fn follow(&mut self) -> Result<(), BtfSpecError> {
        while let Some((id, depth)) = self.wanted.pop_first() {
            if self.done.insert(id) {
                self.structure(id, depth)?;
            }
        }
        Ok(())
    }

    fn structure(&mut self, id: TypeId, depth: u32) -> Result<(), BtfSpecError> {
        let members = self.btf.kind(id).map(BtfKind::members).unwrap_or_default();
        for member in members {
            self.want(member.of, depth);
        }
        let name = self.btf.name(id).to_owned();
        self.named(id, &name)
    }

    fn named(&mut self, id: TypeId, name: &str) -> Result<(), BtfSpecError> {
        let structure = btf_types::structure(self.btf, id, name)?;
        self.spec.structs.push(structure);
        Ok(())
    }

    fn enumeration(&mut self, name: &str, set: &Enumerators) {
        let values = set.values.iter();
        let values = values.map(|value| (self.btf.str(value.name).to_owned(), set.value(value)));
        let values = values.collect();
        self.spec.enums.push(EnumSpec { name: name.to_owned(), size: set.size, values });
    }

    fn kfunc(&mut self, name: &str, proto: TypeId, depth: u32) {
        self.want_proto(proto, depth);
        self.spec.kfuncs.push(KfuncSpec {
            name: name.to_owned(),
            prototype: btf_types::prototype(self.btf, proto),
            flags: BTreeSet::new(),
            prog_types: BTreeSet::new(),
            semantics: String::new(),
        });
    }

    fn size(&self, id: TypeId) -> u32 {
        let size = self.btf.size_of(id).unwrap_or(0);
        u32::try_from(size).unwrap_or(u32::MAX)
    }
}
