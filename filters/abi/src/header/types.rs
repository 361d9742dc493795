//! Types and kernel functions of a BTF as C.

use core::fmt::Write as _;

use crate::btf::{Btf, BtfKind, Enumerators, KindTag, Member, Name, TypeId};

/// Deepest nesting of anonymous structs and unions.
const NESTING_MAX: usize = 8;

/// Prints every type of C in the order of the BTF, which is the order of definitions.
pub(super) fn print(text: &mut String, btf: &Btf) {
    for (id, one) in btf.types() {
        let name = btf.str(one.name);
        match &one.kind {
            BtfKind::Typedef(of) => {
                let typedef = match inline(btf, *of) {
                    Some(kind) => format!("{} {name}", body(btf, kind, 0)),
                    None => btf.declaration(*of, name).to_string(),
                };
                let _ = writeln!(text, "typedef {typedef};");
            }
            BtfKind::Struct(_) | BtfKind::Union(_) if one.name != Name::NONE => {
                let _ = writeln!(text, "{};\n", body(btf, id, 0));
            }
            BtfKind::Enum(set) => {
                let _ = writeln!(text, "{};\n", enumeration(btf, name, set));
            }
            BtfKind::Fwd { .. } => {
                let _ = writeln!(text, "{};\n", btf.text(id));
            }
            _ => {}
        }
    }
}

/// Prints the size of every struct as an assertion, so that a compiler that lays one out in
/// another way says so.
pub(super) fn print_sizes(text: &mut String, btf: &Btf) {
    for (id, one) in btf.types() {
        if let BtfKind::Struct(composite) = &one.kind
            && one.name != Name::NONE
        {
            let (name, size) = (btf.text(id), composite.size);
            let _ = writeln!(text, "_Static_assert(sizeof({name}) == {size}, \"{name}\");");
        }
    }
    text.push('\n');
}

/// Prints the kernel functions as `extern` symbols for the loader. Those of Linux are weak, so
/// that a program may test whether they are there.
pub(super) fn print_kfuncs(text: &mut String, btf: &Btf) {
    for (id, one) in btf.types() {
        let name = btf.str(one.name);
        if !matches!(one.kind, BtfKind::Func { .. }) {
            continue;
        }
        // Programs see the public form of a dynptr; the kernel's own has the same 16 bytes.
        let prototype =
            btf.text(id).to_string().replace("struct bpf_dynptr_kern", "struct bpf_dynptr");
        let weak = if crate::btf::generic_kfunc(name).is_some() { "weak, " } else { "" };
        let _ =
            writeln!(text, "extern {prototype}\n\t__attribute__(({weak}section(\".ksyms\")));\n");
    }
}

/// The struct or union to print in place, when it has no name.
fn inline(btf: &Btf, of: TypeId) -> Option<TypeId> {
    let anonymous = btf.name(of).is_empty();
    let tag = btf.kind(of)?.tag();
    (anonymous && matches!(tag, KindTag::Struct | KindTag::Union)).then_some(of)
}

fn body(btf: &Btf, id: TypeId, depth: usize) -> String {
    let head = btf.text(id).to_string().replace(" {...}", "");
    let mut text = format!("{head} {{\n");
    let indent = "\t".repeat(depth + 1);
    for member in btf.kind(id).map_or(&[][..], |kind| kind.members()) {
        let _ = writeln!(text, "{indent}{};", declared(btf, member, depth));
    }
    let _ = write!(text, "{}}}", "\t".repeat(depth));
    text
}

fn declared(btf: &Btf, member: &Member, depth: usize) -> String {
    let name = btf.str(member.name);
    match inline(btf, member.of) {
        Some(of) if depth < NESTING_MAX => {
            let inner = body(btf, of, depth + 1);
            if name.is_empty() { inner } else { format!("{inner} {name}") }
        }
        _ => btf.declaration(member.of, name).to_string(),
    }
}

fn enumeration(btf: &Btf, name: &str, set: &Enumerators) -> String {
    let mut text =
        if name.is_empty() { "enum {\n".to_owned() } else { format!("enum {name} {{\n") };
    for value in &set.values {
        // Values above an int keep the type of the enumeration unsigned, as in the kernel.
        let number = set.value(value);
        let suffix = if number > i128::from(i32::MAX) { "u" } else { "" };
        let _ = writeln!(text, "\t{} = {number}{suffix},", btf.str(value.name));
    }
    text.push('}');
    text
}
