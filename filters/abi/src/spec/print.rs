//! The canonical text: one fact a line, so that a difference of two texts is readable.

use core::fmt::{self, Write};

use super::escape::{Line, Name};
use super::{AbiSpec, MemberKind, OpsSpec, StructSpec};

impl AbiSpec {
    /// The canonical text. [`AbiSpec::parse`] gives the same description back.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        write(&mut out, self).expect("a string takes every text");
        out
    }
}

fn write(out: &mut String, spec: &AbiSpec) -> fmt::Result {
    writeln!(out, "abi {}", Name(&spec.name))?;
    if !spec.title.is_empty() {
        writeln!(out, "title {}", Line(&spec.title))?;
    }
    if !spec.knows.is_empty() {
        let names: Vec<&str> = spec.knows.iter().map(|knowledge| knowledge.name()).collect();
        writeln!(out, "knows {}", names.join(" "))?;
    }
    for ops in &spec.ops {
        write_ops(out, ops)?;
    }
    for structure in &spec.structs {
        write_struct(out, structure)?;
    }
    for enumeration in &spec.enums {
        writeln!(out, "\nenum {} size {}", Name(&enumeration.name), enumeration.size)?;
        for (name, value) in &enumeration.values {
            writeln!(out, "  {} = {value}", Name(name))?;
        }
    }
    write_kfuncs(out, spec)?;
    write_values(out, spec)?;
    gap(out, spec.helpers.is_empty())?;
    for helper in &spec.helpers {
        writeln!(out, "helper {}", Name(helper))?;
    }
    gap(out, spec.rules.is_empty())?;
    for rule in &spec.rules {
        writeln!(out, "rule {}: {}", Name(&rule.name), Line(&rule.text))?;
    }
    gap(out, spec.quirks.is_empty())?;
    for quirk in &spec.quirks {
        let (id, class) = (Name(&quirk.id), Name(&quirk.class));
        writeln!(out, "quirk {id} {class}: {}", Line(&quirk.text))?;
    }
    Ok(())
}

fn gap(out: &mut String, is_empty: bool) -> fmt::Result {
    if is_empty { Ok(()) } else { writeln!(out) }
}

fn write_ops(out: &mut String, ops: &OpsSpec) -> fmt::Result {
    let (name, attach, size) = (Name(&ops.name), ops.attach.name(), ops.size);
    writeln!(out, "\nops {name} {attach} size {size}")?;
    for member in &ops.members {
        match member.offset {
            Some(offset) => write!(out, "  @{offset}+{} ", member.size)?,
            None => write!(out, "  @-+{} ", member.size)?,
        }
        write!(out, "{}: ", Name(&member.name))?;
        match &member.kind {
            MemberKind::Callback(prototype) => write!(out, "program {prototype}")?,
            MemberKind::Data(ty) => write!(out, "{ty}")?,
        }
        if let Some(opcode) = member.opcode {
            write!(out, " [opcode {opcode:#x}]")?;
        }
        if let Some(missing) = &member.missing {
            write!(out, " [missing {}]", Line(&missing.replace(']', ")")))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_struct(out: &mut String, structure: &StructSpec) -> fmt::Result {
    let word = if structure.union { "union" } else { "struct" };
    write!(out, "\n{word} {} size {}", Name(&structure.name), structure.size)?;
    writeln!(out, "{}", if structure.wire { " wire" } else { "" })?;
    for field in &structure.fields {
        write!(out, "  @{}+{}", field.offset, field.size)?;
        if let Some((first, width)) = field.bits {
            write!(out, "~{first}:{width}")?;
        }
        writeln!(out, " {}: {}", Name(&field.name), field.ty)?;
    }
    Ok(())
}

fn write_kfuncs(out: &mut String, spec: &AbiSpec) -> fmt::Result {
    for kfunc in &spec.kfuncs {
        writeln!(out, "\nkfunc {}: {}", Name(&kfunc.name), kfunc.prototype)?;
        for flag in &kfunc.flags {
            writeln!(out, "  flag {}", Name(flag))?;
        }
        for prog_type in &kfunc.prog_types {
            writeln!(out, "  for {}", Name(prog_type))?;
        }
        if !kfunc.semantics.is_empty() {
            writeln!(out, "  does {}", Line(&kfunc.semantics))?;
        }
    }
    Ok(())
}

fn write_values(out: &mut String, spec: &AbiSpec) -> fmt::Result {
    gap(out, spec.constants.is_empty())?;
    for constant in &spec.constants {
        let (name, group) = (Name(&constant.name), Name(&constant.group));
        writeln!(out, "constant {name} = {} in {group}", constant.value)?;
    }
    for code in &spec.codes {
        write!(out, "\ncode {}", Name(&code.name))?;
        match code.value {
            Some(value) => writeln!(out, " = {value}")?,
            None => writeln!(out, " range {}", Line(&code.range))?,
        }
        writeln!(out, "  pre: {}", Line(&code.pre))?;
        writeln!(out, "  post: {}", Line(&code.post))?;
    }
    Ok(())
}
