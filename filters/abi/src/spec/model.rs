//! The description and its parts.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Prototype, TypeRef};

/// A subject that a source may or may not know. What one side of a comparison does not know is
/// not compared.
///
/// ```
/// use fuserig_abi::spec::Knowledge;
/// assert_eq!(Knowledge::from_name("helpers"), Some(Knowledge::Helpers));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Knowledge {
    /// Named numbers that are no enumerators: macros of a header.
    Constants,
    /// What a filter may return.
    Codes,
    /// Helper functions that programs may call.
    Helpers,
    /// Flags and program types of kernel functions.
    KfuncFlags,
    /// Defaults of missing members, rules in words, quirks.
    Behaviour,
    /// Which kernel functions exist: one that was looked for and is not described is not there.
    Kfuncs,
}

impl Knowledge {
    /// Every subject.
    pub const ALL: [Knowledge; 6] = [
        Knowledge::Constants,
        Knowledge::Codes,
        Knowledge::Helpers,
        Knowledge::KfuncFlags,
        Knowledge::Behaviour,
        Knowledge::Kfuncs,
    ];

    /// The word in the text form.
    pub const fn name(self) -> &'static str {
        match self {
            Knowledge::Constants => "constants",
            Knowledge::Codes => "codes",
            Knowledge::Helpers => "helpers",
            Knowledge::KfuncFlags => "kfunc-flags",
            Knowledge::Behaviour => "behaviour",
            Knowledge::Kfuncs => "kfuncs",
        }
    }

    /// The subject with that word.
    pub fn from_name(name: &str) -> Option<Knowledge> {
        Knowledge::ALL.into_iter().find(|knowledge| knowledge.name() == name)
    }
}

/// A description of an ABI: what a BPF filter is built and loaded against.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v4 = AbiSpec::built_in("v4").expect("built in");
/// let ops = v4.ops_type("fuse_ops").expect("the struct of callbacks");
/// assert_eq!((ops.members.len(), ops.size), (66, 536));
/// assert_eq!(AbiSpec::parse(&v4.to_text())?, v4);
/// # Ok::<(), fuserig_abi::spec::SpecError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbiSpec {
    /// The name: `v3`, or that of a kernel release.
    pub name: String,
    /// One line about it; may be empty.
    #[serde(default)]
    pub title: String,
    /// What its source could say.
    #[serde(default)]
    pub knows: BTreeSet<Knowledge>,
    /// The types whose members are programs.
    #[serde(default)]
    pub ops: Vec<OpsSpec>,
    /// Structs and unions.
    #[serde(default)]
    pub structs: Vec<StructSpec>,
    /// Named sets of numbers.
    #[serde(default)]
    pub enums: Vec<EnumSpec>,
    /// Named numbers.
    #[serde(default)]
    pub constants: Vec<ConstantSpec>,
    /// What a filter may return.
    #[serde(default)]
    pub codes: Vec<CodeSpec>,
    /// Kernel functions that programs may call.
    #[serde(default)]
    pub kfuncs: Vec<KfuncSpec>,
    /// Helper functions that programs may call, by name.
    #[serde(default)]
    pub helpers: BTreeSet<String>,
    /// Behaviour in words.
    #[serde(default)]
    pub rules: Vec<RuleSpec>,
    /// Known oddities.
    #[serde(default)]
    pub quirks: Vec<QuirkSpec>,
}

/// How the programs of an ops type are attached.
///
/// ```
/// use fuserig_abi::spec::AttachKind;
/// assert_eq!(AttachKind::StructOps.name(), "struct_ops");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AttachKind {
    /// As members of a struct that is registered.
    #[serde(rename = "struct_ops")]
    StructOps,
    /// One program of a type of its own, with the struct as its context.
    #[serde(rename = "prog_type")]
    ProgType,
}

impl AttachKind {
    /// The word in tables and text.
    pub const fn name(self) -> &'static str {
        match self {
            AttachKind::StructOps => "struct_ops",
            AttachKind::ProgType => "prog_type",
        }
    }

    /// The kind with that word.
    pub fn from_name(name: &str) -> Option<AttachKind> {
        let all = [AttachKind::StructOps, AttachKind::ProgType];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

/// A type whose members are programs.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let grouped = AbiSpec::built_in("v3-grouped").expect("built in");
/// assert_eq!(grouped.ops[0].callbacks().count(), 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpsSpec {
    /// The name of the struct.
    pub name: String,
    /// How it is attached.
    pub attach: AttachKind,
    /// Its length in bytes.
    pub size: u32,
    /// Its members in order of declaration.
    pub members: Vec<MemberSpec>,
}

/// A member of an ops type.
///
/// ```
/// use fuserig_abi::spec::{AbiSpec, MemberKind};
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let name = v3.ops[0].member("name").expect("the last member");
/// assert_eq!((name.offset, name.size), (Some(512), 15));
/// assert!(matches!(name.kind, MemberKind::Data(_)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSpec {
    /// The name.
    pub name: String,
    /// Offset in bytes; none where members are cases of one program.
    pub offset: Option<u32>,
    /// Length in bytes.
    pub size: u32,
    /// What it is.
    pub kind: MemberKind,
    /// What it means when a filter leaves it out, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The opcode that the callback is called with, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opcode: Option<u32>,
}

/// What a member of an ops type is.
///
/// ```
/// use fuserig_abi::spec::{MemberKind, TypeRef};
/// assert!(MemberKind::Data(TypeRef::Bool).prototype().is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberKind {
    /// A program.
    Callback(Prototype),
    /// Anything else.
    Data(TypeRef),
}

impl MemberKind {
    /// The prototype of a callback.
    pub fn prototype(&self) -> Option<&Prototype> {
        match self {
            MemberKind::Callback(prototype) => Some(prototype),
            MemberKind::Data(_) => None,
        }
    }
}

/// A struct or union.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let entry = v3.structure("fuse_entry_out").expect("in the table");
/// assert_eq!((entry.size, entry.fields[6].ty.to_string().as_str()), (128, "struct fuse_attr"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructSpec {
    /// The name.
    pub name: String,
    /// Whether it is a union.
    #[serde(default)]
    pub union: bool,
    /// Length in bytes.
    pub size: u32,
    /// Whether it is copied to and from a userspace daemon.
    #[serde(default)]
    pub wire: bool,
    /// The fields in order of declaration; those of anonymous members are among them.
    pub fields: Vec<FieldSpec>,
}

/// A field of a struct.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let flags = &v3.structure("fuse_open_in").expect("in the table").fields[0];
/// assert_eq!((flags.offset, flags.size, flags.bits), (0, 4, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// The name; empty for padding without one.
    pub name: String,
    /// Distance from the start of the struct in bytes.
    pub offset: u32,
    /// Length in bytes; of the storage unit for a bit field.
    pub size: u32,
    /// For a bit field: its first bit within the byte at `offset`, and its width in bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<(u32, u32)>,
    /// The type.
    #[serde(rename = "type")]
    pub ty: TypeRef,
}

/// A named set of numbers.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let kinds = v3.enumeration("fuse_bpf_type").expect("in the table");
/// assert_eq!(kinds.values[1], ("FUSE_ENTRY_BPF".to_owned(), 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnumSpec {
    /// The name; empty for an anonymous one.
    pub name: String,
    /// Length in bytes.
    pub size: u32,
    /// The enumerators in order of declaration.
    pub values: Vec<(String, i128)>,
}

/// A named number.
///
/// ```
/// use fuserig_abi::spec::ConstantSpec;
/// let constant = ConstantSpec { name: "PAGE_SIZE".into(), value: 4096, group: "limit".into() };
/// assert_eq!(constant.value, 4096);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstantSpec {
    /// The name.
    pub name: String,
    /// The number.
    pub value: i128,
    /// What it belongs to.
    pub group: String,
}

/// What a filter may return, and what that means.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v4 = AbiSpec::built_in("v4").expect("built in");
/// let code = v4.codes.iter().find(|code| code.value == Some(5)).expect("new in v4");
/// assert_eq!(code.name, "BPF_FUSE_CALL_DEFAULT");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSpec {
    /// The name, or that of a range.
    pub name: String,
    /// The number, unless it is a range.
    pub value: Option<i128>,
    /// The range in words; empty for a number.
    #[serde(default)]
    pub range: String,
    /// What it does in the prefilter stage.
    pub pre: String,
    /// What it does in the postfilter stage.
    pub post: String,
}

/// A kernel function.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let kfunc = v3.kfunc("bpf_fuse_return_len").expect("in the table");
/// assert_eq!(kfunc.prototype.to_string(), "u32(struct fuse_buffer *buffer)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KfuncSpec {
    /// The name.
    pub name: String,
    /// Its type.
    pub prototype: Prototype,
    /// Flags of its registration, such as `KF_TRUSTED_ARGS`.
    #[serde(default)]
    pub flags: BTreeSet<String>,
    /// Program types it is registered for.
    #[serde(default)]
    pub prog_types: BTreeSet<String>,
    /// What it does, where that is known.
    #[serde(default)]
    pub semantics: String,
}

/// A piece of behaviour in words.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// assert!(v3.rules.iter().any(|rule| rule.name == "get_writeable.W1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// Its name: subject and detail with dots.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// A known oddity.
///
/// ```
/// use fuserig_abi::spec::AbiSpec;
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// assert_eq!((v3.quirks[0].id.as_str(), v3.quirks[0].class.as_str()), ("PIPE-1", "limit"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuirkSpec {
    /// The id.
    pub id: String,
    /// `bug`, `crash`, `limit` or `oddity`.
    pub class: String,
    /// What happens.
    pub text: String,
}

impl OpsSpec {
    /// The member with that name.
    pub fn member(&self, name: &str) -> Option<&MemberSpec> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The members that are programs, with their prototypes.
    pub fn callbacks(&self) -> impl Iterator<Item = (&MemberSpec, &Prototype)> {
        self.members.iter().filter_map(|member| Some((member, member.kind.prototype()?)))
    }
}

impl StructSpec {
    /// The field with that name.
    pub fn field(&self, name: &str) -> Option<&FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl AbiSpec {
    /// The ops type with that name.
    pub fn ops_type(&self, name: &str) -> Option<&OpsSpec> {
        self.ops.iter().find(|ops| ops.name == name)
    }

    /// The struct or union with that name.
    pub fn structure(&self, name: &str) -> Option<&StructSpec> {
        self.structs.iter().find(|structure| structure.name == name)
    }

    /// The enumeration with that name.
    pub fn enumeration(&self, name: &str) -> Option<&EnumSpec> {
        self.enums.iter().find(|enumeration| enumeration.name == name)
    }

    /// The kernel function with that name.
    pub fn kfunc(&self, name: &str) -> Option<&KfuncSpec> {
        self.kfuncs.iter().find(|kfunc| kfunc.name == name)
    }

    /// Whether a subject is known.
    pub fn knows(&self, knowledge: Knowledge) -> bool {
        self.knows.contains(&knowledge)
    }

    /// The names of everything it describes that kernel type information could describe too:
    /// ops types, structs, named enums, kernel functions.
    pub fn roots(&self) -> Vec<String> {
        let ops = self.ops.iter().map(|ops| &ops.name);
        let structs = self.structs.iter().map(|structure| &structure.name);
        let enums = self.enums.iter().map(|enumeration| &enumeration.name);
        let kfuncs = self.kfuncs.iter().map(|kfunc| &kfunc.name);
        let names = ops.chain(structs).chain(enums).chain(kfuncs);
        names.filter(|name| !name.is_empty()).cloned().collect()
    }
}
