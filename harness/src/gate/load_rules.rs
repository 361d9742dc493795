//! The rules of libbpf and the kernel, member by member (SEMANTICS 6.2 and 6.3), each with the step
//! and the error of the call that a loader sees.
//!
//! They were checked against libbpf 1.1 and 1.4 on Linux 6.18; the test `libbpf` does it again
//! where it runs.

use std::collections::BTreeMap;

use fuserig_abi::spec::{AbiSpec, AttachKind, Knowledge, MemberKind, MemberSpec, OpsSpec, TypeRef};
use fuserig_filters::object::{Declared, DeclaredMember, DeclaredOps};

use super::registration::{Registration, name_problem};
use super::{Libbpf, LoadStep, Refusal};
use crate::report::{Finding, FindingClass, Location, Severity};

/// Where one refusal comes from: the step and the error.
type At = (LoadStep, &'static str);

const OPEN: At = (LoadStep::Open, "EINVAL");
const SYMBOLS: At = (LoadStep::Symbols, "EINVAL");
const MEMBERS: At = (LoadStep::Members, "ENOTSUP");
const PROGRAMS: At = (LoadStep::Programs, "EINVAL");
const REGISTER: At = (LoadStep::Register, "EINVAL");

pub(super) struct Judge<'a> {
    file: &'a str,
    abi: &'a AbiSpec,
    libbpf: Libbpf,
    /// A program, and the type and member that it serves.
    bound: BTreeMap<String, (String, String)>,
    found: Vec<Refusal>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(file: &'a str, abi: &'a AbiSpec, libbpf: Libbpf) -> Judge<'a> {
        Judge { file, abi, libbpf, bound: BTreeMap::new(), found: Vec::new() }
    }

    pub(super) fn all(mut self, object: &Declared) -> Vec<Refusal> {
        if object.ops.is_empty() {
            let title = "there is no table of callbacks in it";
            self.refuse((LoadStep::Register, "-"), "load-empty", self.file, title, "");
        }
        for table in &object.ops {
            self.table(table, object);
        }
        if !object.ops.is_empty() && !object.is_gpl() {
            let title = format!("its licence is `{}`", object.license);
            let message =
                "The kernel says: struct ops programs must have a GPL compatible license.";
            self.refuse(PROGRAMS, "load-license", self.file, title, message);
        }
        self.unused(object);
        self.kfuncs(object);
        self.names(object);
        self.found
    }

    fn refuse(&mut self, at: At, rule: &str, subject: &str, title: impl Into<String>, why: &str) {
        let (step, errno) = at;
        let message = match errno {
            "-" => why.to_owned(),
            errno => format!("{why} ({} returns -{errno})", step.call()).trim_start().to_owned(),
        };
        let finding = Finding::new(FindingClass::AbiBreak, rule, subject, title)
            .message(message)
            .at(Location::file(self.file))
            .severity(Severity::Error)
            .fact("rung", "LOAD")
            .fact("call", step.call())
            .fact("errno", errno)
            .reproduce(format!("fuserig abi check {} --abi {}", self.file, self.abi.name));
        self.found.push(Refusal { step, errno, finding });
    }

    fn table(&mut self, table: &DeclaredOps, object: &Declared) {
        for member in &table.members {
            self.relocation(table, member, object);
        }
        let Some(ops) = self.kernel_type(table) else { return };
        for member in &table.members {
            self.member(table, ops, member);
        }
        if let Some(rules) = Registration::of(&ops.name) {
            self.registration(table, ops, rules);
        }
    }

    /// The kernel's struct for a table. Before 1.4 the whole name is looked for.
    fn kernel_type(&mut self, table: &DeclaredOps) -> Option<&'a OpsSpec> {
        let types = &self.abi.ops;
        let known = types.iter().find(|ops| ops.name == table.type_name);
        let known = known.filter(|ops| ops.attach == AttachKind::StructOps);
        let (errno, is_plain) = match self.libbpf {
            Libbpf::Since14 => ("ESRCH", true),
            Libbpf::Before14 => ("ENOENT", table.flavour.is_empty()),
        };
        if known.is_some() && is_plain {
            return known;
        }
        let names: Vec<&str> = types.iter().map(|ops| ops.name.as_str()).collect();
        let message = match known {
            Some(_) => "libbpf before 1.4 takes what follows `___` for a part of the name.".into(),
            None => format!(
                "libbpf finds no such struct_ops type in the kernel; {} has {}.",
                self.abi.name,
                if names.is_empty() { "none".to_owned() } else { names.join(", ") }
            ),
        };
        let title = format!("`struct {}{}` is no struct_ops type", table.type_name, table.flavour);
        let at = (LoadStep::Members, errno);
        self.refuse(at, "load-type", &table.variable, title, &message);
        None
    }

    /// What libbpf says to the symbol that a member is set to, before it looks at the kernel.
    fn relocation(&mut self, table: &DeclaredOps, ours: &DeclaredMember, object: &Declared) {
        let Some(symbol) = ours.program.as_deref() else { return };
        let name = &ours.spec.name;
        let subject = format!("{}.{name}", table.variable);
        if ours.spec.kind.prototype().is_none() {
            let title = format!("`{name}` is no pointer to a function in the object");
            let message = format!("libbpf does not put `{symbol}` into it.");
            self.refuse(OPEN, "load-pointer", &subject, title, &message);
            return;
        }
        if !object.programs.iter().any(|program| program.name == symbol) {
            let title = format!("`{symbol}` is no program of struct_ops");
            let message = "Put it in SEC(\"struct_ops/...\").";
            self.refuse(OPEN, "load-no-program", &subject, title, message);
            return;
        }
        let served = (table.type_name.clone(), name.clone());
        let before = self.bound.entry(symbol.to_owned()).or_insert_with(|| served.clone());
        if *before != served {
            let title = format!("`{symbol}` serves `{}` already", before.1);
            let step = match self.libbpf {
                Libbpf::Since14 => LoadStep::Members,
                Libbpf::Before14 => LoadStep::Open,
            };
            let message = "A program has one member; write another for this one.";
            self.refuse((step, "EINVAL"), "load-program-twice", &subject, title, message);
        }
    }

    fn member(&mut self, table: &DeclaredOps, ops: &OpsSpec, ours: &DeclaredMember) {
        let name = &ours.spec.name;
        let subject = format!("{}.{name}", table.variable);
        let Some(theirs) = ops.member(name) else {
            if self.libbpf == Libbpf::Since14 && !ours.is_set() {
                return;
            }
            let message = format!(
                "libbpf says: struct_ops init_kern {}: Cannot find member {name} in kernel BTF.",
                table.variable
            );
            let title = format!("`{name}` is no member of `struct {}`", ops.name);
            self.refuse(MEMBERS, "load-member", &subject, title, &message);
            return;
        };
        if ours.bit_field {
            let title = format!("`{name}` is a bit field");
            let message = "libbpf does not match bit fields.";
            self.refuse(MEMBERS, "load-bit-field", &subject, title, message);
            return;
        }
        let (mine, other) = (kind(&ours.spec.kind), kind(&theirs.kind));
        if mine != other {
            let message = "libbpf says: Unmatched member type.";
            let title = format!("`{name}` is a {mine} here and a {other} in the kernel");
            self.refuse(MEMBERS, "load-member-kind", &subject, title, message);
        } else if mine == "pointer" {
            self.pointer(&subject, ours, theirs);
        } else if ours.spec.size != theirs.size {
            let message = "libbpf compares the sizes of data members, set or not.";
            let (here, there) = (ours.spec.size, theirs.size);
            let title = format!("`{name}` has {here} bytes here and {there} in the kernel");
            self.refuse(MEMBERS, "load-member-size", &subject, title, message);
        }
    }

    fn pointer(&mut self, subject: &str, ours: &DeclaredMember, theirs: &MemberSpec) {
        let name = &ours.spec.name;
        if ours.program.is_none() {
            // Before 1.4, libbpf does not look at what the pointer is, and copies nothing.
            if ours.is_set() && self.libbpf == Libbpf::Since14 {
                let title = format!("`{name}` is set to a number");
                let message = "libbpf says: it is not a struct_ops program.";
                self.refuse(MEMBERS, "load-no-program", subject, title, message);
            }
        } else if theirs.kind.prototype().is_none() {
            let title = format!("`{name}` is a pointer to data in the kernel");
            let message = "Only pointers to functions take a program.";
            self.refuse(MEMBERS, "load-pointer", subject, title, message);
        }
    }

    /// What the kernel says to the struct as a whole.
    fn registration(&mut self, table: &DeclaredOps, ops: &OpsSpec, rules: &Registration) {
        let subject = |member: &str| format!("{}.{member}", table.variable);
        let member = |name: &str| table.members.iter().find(|member| member.spec.name == name);
        let serves = |name: &str| member(name).is_some_and(|member| member.program.is_some());
        for name in rules.unsupported.iter().filter(|name| serves(name)) {
            let title = format!("no program may serve `{name}`");
            let message = format!(
                "The kernel says: attach to unsupported member {name} of struct {}.",
                ops.name
            );
            let at = (LoadStep::Programs, "ENOTSUPP");
            self.refuse(at, "load-unsupported", &subject(name), title, &message);
        }
        for group in rules.required.iter().filter(|group| !group.iter().any(|name| serves(name))) {
            let title = format!("`{}` must be set", group.join("` or `"));
            let message = "The kernel registers nothing without it.";
            self.refuse(REGISTER, "load-required", &subject(group[0]), title, message);
        }
        for ours in table.members.iter().filter(|ours| ours.is_set()) {
            let name = ours.spec.name.as_str();
            let is_data = ops.member(name).is_some_and(|theirs| kind(&theirs.kind) != "pointer");
            if is_data && !rules.data.contains(&name) {
                let title = format!("`{name}` is set, and the kernel keeps it for itself");
                let message = "The kernel takes such data only when it is zero.";
                self.refuse(REGISTER, "load-data", &subject(name), title, message);
            }
        }
        if let Some(name) = rules.name {
            let text = member(name).map_or(Some(""), DeclaredMember::text);
            if let Some(problem) = name_problem(text) {
                let title = format!("the name {problem}");
                let message = "It is registered under its name: letters, digits, `_` and `.`, \
                               and a NUL.";
                self.refuse(REGISTER, "load-name", &subject(name), title, message);
            }
        }
        if rules.never {
            let title = format!("nothing of `struct {}` can be registered", ops.name);
            let message = "The kernel has the type for tests of programs.";
            let at = (LoadStep::Register, "ENOTSUP");
            self.refuse(at, "load-never", &table.variable, title, message);
        }
    }

    /// Two tables of one type and name: the second is not registered while the first is.
    fn names(&mut self, object: &Declared) {
        let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
        for table in &object.ops {
            let name = Registration::of(&table.type_name).and_then(|rules| rules.name);
            let Some(name) = name else { continue };
            let member = table.members.iter().find(|member| member.spec.name == name);
            let Some(text) = member.and_then(|member| member.text()) else { continue };
            if let Some(first) = taken.insert((&table.type_name, text), &table.variable) {
                let title = format!("`{first}` has the name `{text}` already");
                let subject = format!("{}.{name}", table.variable);
                let at = (LoadStep::Register, "EEXIST");
                let message = "Names of what is registered are unique.";
                self.refuse(at, "load-name-twice", &subject, title, message);
            }
        }
    }

    /// Programs that no member is set to: the kernel cannot know what they are for.
    fn unused(&mut self, object: &Declared) {
        let members = object.ops.iter().flat_map(|table| &table.members);
        let used: Vec<&str> = members.filter_map(|member| member.program.as_deref()).collect();
        let errno = match self.libbpf {
            Libbpf::Since14 => "EINVAL",
            Libbpf::Before14 => "ENOTSUPP",
        };
        for program in object.programs.iter().filter(|program| !program.optional) {
            if !object.ops.is_empty() && !used.contains(&program.name.as_str()) {
                let title = format!("no member is set to `{}`", program.name);
                let message = "A program of struct_ops loads for one member; put it in a section \
                               that begins with `?`, or leave it out.";
                let at = (LoadStep::Programs, errno);
                self.refuse(at, "load-program-unused", &program.name, title, message);
            }
        }
    }

    fn kfuncs(&mut self, object: &Declared) {
        for kfunc in &object.kfuncs {
            let Some(theirs) = self.abi.kfunc(&kfunc.name) else {
                // A description that does not know which there are cannot say.
                if !kfunc.weak && self.abi.knows(Knowledge::Kfuncs) {
                    let message = "libbpf says: extern (func ksym) not found in kernel or module \
                                   BTFs; declare it weak and ask before the call.";
                    let title = format!("`{}` does not exist", kfunc.name);
                    self.refuse(SYMBOLS, "load-kfunc", &kfunc.name, title, message);
                }
                continue;
            };
            let kinds = |types: &[TypeRef]| -> Vec<&'static str> {
                types.iter().map(TypeRef::kind).collect()
            };
            let (ours, theirs_bare) = (kfunc.prototype.bare(), theirs.prototype.bare());
            if kinds(&ours) != kinds(&theirs_bare) {
                let message = format!(
                    "libbpf says: func_proto incompatible with kernel. The kernel has `{}`.",
                    theirs.prototype
                );
                let title = format!("`{}` is declared as `{}`", kfunc.name, kfunc.prototype);
                self.refuse(SYMBOLS, "load-kfunc-prototype", &kfunc.name, title, &message);
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
