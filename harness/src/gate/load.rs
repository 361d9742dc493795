//! Does this filter load? What a loader and the kernel say to an object, step by step.
//!
//! All that is wrong is reported; a loader stops at the first. What only a verifier can say is not
//! here, nor what depends on the configuration of a kernel or on what is registered already.

use fuserig_abi::spec::AbiSpec;
use fuserig_filters::object::Declared;

use super::load_rules::Judge;
use crate::report::Finding;

/// Whose rules are applied.
///
/// ```
/// use fuserig::gate::Libbpf;
/// assert_ne!(Libbpf::Since14, Libbpf::Before14);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libbpf {
    /// 1.4 and later: an unknown member may be there when it is unset, and its program is not
    /// loaded; `___` and what follows is no part of the name of a type.
    Since14,
    /// Before 1.4: an unknown member is refused, set or not, and so is a type with a flavour.
    Before14,
}

/// Where an object is refused, in the order in which it is looked at.
///
/// ```
/// use fuserig::gate::LoadStep;
/// assert!(LoadStep::Open < LoadStep::Register);
/// assert_eq!((LoadStep::Members.call(), LoadStep::Register.call()), ("load", "attach"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LoadStep {
    /// libbpf reads the file.
    Open,
    /// libbpf looks for kernel functions.
    Symbols,
    /// libbpf matches the struct with the kernel's, member by member.
    Members,
    /// The kernel takes the programs.
    Programs,
    /// The kernel registers the struct.
    Register,
}

impl LoadStep {
    /// The call of libbpf's that returns the error: `open`, `load` or `attach`.
    pub const fn call(self) -> &'static str {
        match self {
            LoadStep::Open => "open",
            LoadStep::Symbols | LoadStep::Members | LoadStep::Programs => "load",
            LoadStep::Register => "attach",
        }
    }
}

/// One reason why an object does not get to the end.
///
/// ```
/// use fuserig::gate::{Libbpf, LoadStep, refusals};
/// use fuserig_abi::spec::AbiSpec;
/// use fuserig_filters::object::Declared;
/// let v4 = AbiSpec::built_in("v4").expect("built in");
/// let empty = Declared {
///     ops: Vec::new(), kfuncs: Vec::new(), license: "GPL".into(), programs: Vec::new(),
/// };
/// let found = refusals("a.o", &empty, &v4, Libbpf::Since14);
/// assert_eq!((found[0].step, found[0].finding.rule.as_str()), (LoadStep::Register, "load-empty"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where.
    pub step: LoadStep,
    /// The name of the error that libbpf's call returns; `-` when it returns none.
    pub errno: &'static str,
    /// What is reported.
    pub finding: Finding,
}

/// Everything that keeps an object from being loaded and registered on an ABI, the first that a
/// loader meets first; nothing when it loads.
pub fn refusals(file: &str, object: &Declared, abi: &AbiSpec, libbpf: Libbpf) -> Vec<Refusal> {
    let mut found = Judge::new(file, abi, libbpf).all(object);
    found.sort_by_key(|refusal| refusal.step);
    found
}

/// The same as findings only.
///
/// ```
/// use fuserig::gate::{Libbpf, load_findings};
/// use fuserig_abi::spec::{AbiSpec, MemberKind, MemberSpec, TypeRef};
/// use fuserig_filters::object::{Declared, DeclaredMember, DeclaredOps};
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let spec = v3.ops[0].member("name").expect("the last member").clone();
/// let mut value = b"hide".to_vec();
/// value.resize(15, 0);
/// let name = DeclaredMember { spec, bit_field: false, program: None, value };
/// let table = |type_name: &str| DeclaredOps {
///     variable: "mine".into(), type_name: type_name.into(), flavour: String::new(), size: 0,
///     members: vec![name.clone()],
/// };
/// let object = |type_name| Declared {
///     ops: vec![table(type_name)], kfuncs: Vec::new(), license: "GPL".into(),
///     programs: Vec::new(),
/// };
/// assert_eq!(load_findings("a.o", &object("fuse_ops"), &v3, Libbpf::Since14), []);
/// let refused = load_findings("a.o", &object("fuse_grouped_ops"), &v3, Libbpf::Since14);
/// assert_eq!(refused[0].id, "load-type:mine");
/// ```
pub fn load_findings(file: &str, object: &Declared, abi: &AbiSpec, libbpf: Libbpf) -> Vec<Finding> {
    refusals(file, object, abi, libbpf).into_iter().map(|refusal| refusal.finding).collect()
}

/// The ids of what [`load_findings`] finds, with what each looks for.
pub const LOAD_IDS: [(&str, &str); 19] = [
    ("load-empty", "an object without a table of callbacks"),
    ("load-license", "a licence that the kernel does not take"),
    ("load-type", "a struct_ops type that the ABI does not have"),
    ("load-member", "a member that the ABI does not have"),
    ("load-member-kind", "a program where the ABI has data, or the other way round"),
    ("load-member-size", "a data member of another size"),
    ("load-bit-field", "a bit field among the members"),
    ("load-pointer", "a program in a member that is no pointer to a function"),
    ("load-no-program", "a member set to what is no program of struct_ops"),
    ("load-program-twice", "one program for two members"),
    ("load-program-unused", "a program that no member is set to"),
    ("load-kfunc", "a kernel function that the ABI does not have"),
    ("load-kfunc-prototype", "a kernel function with other arguments"),
    ("load-unsupported", "a member that no program may serve"),
    ("load-required", "a member that must be set"),
    ("load-name", "a name that the kernel does not register"),
    ("load-name-twice", "two tables of one name"),
    ("load-data", "data that the kernel does not take from a filter"),
    ("load-never", "a type of which nothing can be registered"),
];

/// The number of rules that [`load_findings`] applies.
pub const LOAD_RULES: u64 = LOAD_IDS.len() as u64;
