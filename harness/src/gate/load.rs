//! Does this filter load? The rules of libbpf and the kernel, member by member (SEMANTICS 6.2 and
//! 6.3).
//!
//! It looks at every member and reports all that is wrong; a loader stops at the first.

use std::collections::BTreeMap;

use fuserig_abi::spec::{AbiSpec, AttachKind, MemberKind, MemberSpec, OpsSpec, TypeRef};
use fuserig_filters::object::{Declared, DeclaredMember, DeclaredOps};

use crate::report::{Finding, FindingClass, Location, Severity};

/// Whose rules are applied.
///
/// ```
/// use fuserig::gate::Libbpf;
/// assert_ne!(Libbpf::Since14, Libbpf::Before14);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libbpf {
    /// 1.4 and later: an unknown member may be there when it is unset, and its program is not
    /// loaded.
    Since14,
    /// Before 1.4: an unknown member is refused, set or not.
    Before14,
}

/// Everything that keeps an object from being loaded and registered on an ABI; nothing when it
/// loads. What only a verifier can say is not here.
///
/// ```
/// use fuserig::gate::{Libbpf, load_findings};
/// use fuserig_abi::spec::AbiSpec;
/// use fuserig_filters::object::{Declared, DeclaredOps};
/// let v3 = AbiSpec::built_in("v3").expect("built in");
/// let table = |type_name: &str| DeclaredOps {
///     variable: "mine".into(), type_name: type_name.into(), size: 0, members: Vec::new(),
/// };
/// let object = |type_name| Declared {
///     ops: vec![table(type_name)], kfuncs: Vec::new(), license: "GPL".into(),
/// };
/// assert_eq!(load_findings("a.o", &object("fuse_ops"), &v3, Libbpf::Since14), []);
/// let refused = load_findings("a.o", &object("fuse_grouped_ops"), &v3, Libbpf::Since14);
/// assert_eq!(refused[0].id, "load-type:mine");
/// ```
pub fn load_findings(file: &str, object: &Declared, abi: &AbiSpec, libbpf: Libbpf) -> Vec<Finding> {
    let mut judge = Judge { file, abi, found: Vec::new() };
    if object.ops.is_empty() {
        judge.refuse("load-empty", file, "there is no table of callbacks in it", "");
    }
    for table in &object.ops {
        judge.table(table, libbpf);
    }
    if !object.ops.is_empty() && !object.is_gpl() {
        let message = "The kernel says: struct ops programs must have a GPL compatible license \
                       (-EINVAL).";
        judge.refuse("load-license", file, format!("its licence is `{}`", object.license), message);
    }
    judge.kfuncs(object);
    judge.found
}

struct Judge<'a> {
    file: &'a str,
    abi: &'a AbiSpec,
    found: Vec<Finding>,
}

impl Judge<'_> {
    fn refuse(&mut self, rule: &str, subject: &str, title: impl Into<String>, message: &str) {
        let finding = Finding::new(FindingClass::AbiBreak, rule, subject, title)
            .message(message)
            .at(Location::file(self.file))
            .severity(Severity::Error)
            .fact("rung", "LOAD")
            .reproduce(format!("fuserig abi check {} --abi {}", self.file, self.abi.name));
        self.found.push(finding);
    }

    fn table(&mut self, table: &DeclaredOps, libbpf: Libbpf) {
        let types = &self.abi.ops;
        let known = types.iter().find(|ops| ops.name == table.type_name);
        let Some(ops) = known.filter(|ops| ops.attach == AttachKind::StructOps) else {
            let names: Vec<&str> = types.iter().map(|ops| ops.name.as_str()).collect();
            let message = format!(
                "libbpf finds no such struct_ops type in the kernel; {} has {}.",
                self.abi.name,
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            );
            let title = format!("`struct {}` is no struct_ops type", table.type_name);
            self.refuse("load-type", &table.variable, title, &message);
            return;
        };
        let mut bound: BTreeMap<&str, &str> = BTreeMap::new();
        for member in &table.members {
            self.member(table, ops, member, libbpf);
            let name = member.spec.name.as_str();
            if let Some(program) = member.program.as_deref().filter(|name| !name.is_empty())
                && let Some(before) = bound.insert(program, name)
            {
                let title = format!("`{program}` serves `{before}` already");
                let subject = format!("{}.{name}", table.variable);
                self.refuse("load-program-twice", &subject, title, "libbpf returns -EINVAL.");
            }
        }
    }

    fn member(&mut self, table: &DeclaredOps, ops: &OpsSpec, ours: &DeclaredMember, age: Libbpf) {
        let name = &ours.spec.name;
        let subject = format!("{}.{name}", table.variable);
        let Some(theirs) = ops.member(name) else {
            if age == Libbpf::Since14 && !ours.is_set() {
                return;
            }
            let message = format!(
                "libbpf says: struct_ops init_kern {}: Cannot find member {name} in kernel BTF \
                 (-ENOTSUP).",
                table.variable
            );
            let title = format!("`{name}` is no member of `struct {}`", ops.name);
            self.refuse("load-member", &subject, title, &message);
            return;
        };
        if ours.bit_field {
            let message = "libbpf does not match bit fields (-ENOTSUP).";
            self.refuse("load-bit-field", &subject, format!("`{name}` is a bit field"), message);
            return;
        }
        let (mine, other) = (kind(&ours.spec.kind), kind(&theirs.kind));
        if mine != other {
            let message = "libbpf says: Unmatched member type (-ENOTSUP).";
            let title = format!("`{name}` is a {mine} here and a {other} in the kernel");
            self.refuse("load-member-kind", &subject, title, message);
        } else if mine == "pointer" {
            self.pointer(&subject, ours, theirs);
        } else if ours.spec.size != theirs.size {
            let message = "libbpf compares the sizes of data members, set or not (-ENOTSUP).";
            let title = format!(
                "`{name}` has {} bytes here and {} in the kernel",
                ours.spec.size, theirs.size
            );
            self.refuse("load-member-size", &subject, title, message);
        }
    }

    fn pointer(&mut self, subject: &str, ours: &DeclaredMember, theirs: &MemberSpec) {
        let is_program = theirs.kind.prototype().is_some();
        if ours.is_set() && !is_program {
            let title = format!("`{}` is a pointer to data in the kernel", ours.spec.name);
            let message = "Only pointers to functions take a program (-ENOTSUP).";
            self.refuse("load-pointer", subject, title, message);
        }
    }

    fn kfuncs(&mut self, object: &Declared) {
        for kfunc in &object.kfuncs {
            let Some(theirs) = self.abi.kfunc(&kfunc.name) else {
                // A description that knows no kernel functions at all cannot say.
                if !kfunc.weak && !self.abi.kfuncs.is_empty() {
                    let message = "libbpf says: extern (func ksym) not found in kernel or module \
                                   BTFs (-ESRCH); declare it weak and ask before the call.";
                    let title = format!("`{}` does not exist", kfunc.name);
                    self.refuse("load-kfunc", &kfunc.name, title, message);
                }
                continue;
            };
            let kinds = |types: &[TypeRef]| -> Vec<&'static str> {
                types.iter().map(TypeRef::kind).collect()
            };
            let (ours, theirs_bare) = (kfunc.prototype.bare(), theirs.prototype.bare());
            if kinds(&ours) != kinds(&theirs_bare) {
                let message = format!(
                    "libbpf says: func_proto incompatible with kernel (-EINVAL). The kernel has \
                     `{}`.",
                    theirs.prototype
                );
                let title = format!("`{}` is declared as `{}`", kfunc.name, kfunc.prototype);
                self.refuse("load-kfunc-prototype", &kfunc.name, title, &message);
            }
        }
    }
}

/// The kind that libbpf compares: programs are pointers.
fn kind(kind: &MemberKind) -> &'static str {
    match kind {
        MemberKind::Callback(_) => "pointer",
        MemberKind::Data(ty) => ty.kind(),
    }
}

/// The ids of what [`load_findings`] finds, with what each looks for.
pub const LOAD_IDS: [(&str, &str); 11] = [
    ("load-empty", "an object without a table of callbacks"),
    ("load-license", "a licence that the kernel does not take"),
    ("load-type", "a struct_ops type that the ABI does not have"),
    ("load-member", "a member that the ABI does not have"),
    ("load-member-kind", "a program where the ABI has data, or the other way round"),
    ("load-member-size", "a data member of another size"),
    ("load-bit-field", "a bit field among the members"),
    ("load-pointer", "a member that is no pointer to a function"),
    ("load-program-twice", "one program for two members"),
    ("load-kfunc", "a kernel function that the ABI does not have"),
    ("load-kfunc-prototype", "a kernel function with other arguments"),
];

/// The number of rules that [`load_findings`] applies.
pub const LOAD_RULES: u64 = LOAD_IDS.len() as u64;
