//! `abi list` and `abi show`.

use fuserig_abi::btf::{Btf, BtfKind, TypeId};
use fuserig_abi::description::{BUILT_IN, Callback, Description};

use super::entry::description;
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::output::{Style, Terminal};

pub(super) fn list(terminal: &mut Terminal) -> Ended {
    let mut rows = Vec::new();
    for (name, _) in BUILT_IN {
        let one = description(name)?;
        if terminal.json() {
            rows.push(serde_json::json!({
                "name": name, "title": one.title, "status": one.status,
                "struct": one.attach.r#struct, "size": one.attach.size,
                "callbacks": one.ops.len(), "structs": one.structs.len(),
            }));
            continue;
        }
        let label = terminal.styled(Style::Bold, &format!("{name:<11}"));
        terminal.line(format!("{label} {}", one.title));
        let what = match one.attach.kind.as_str() {
            "struct_ops" => format!(
                "struct {}, {} bytes, {} callbacks",
                one.attach.r#struct,
                one.attach.size,
                one.ops.len()
            ),
            _ => format!("one program on a {} of {} bytes", one.attach.r#struct, one.attach.size),
        };
        let detail = format!("            {what}; {}", one.status);
        terminal.line(terminal.styled(Style::Dim, &detail));
    }
    if terminal.json() {
        terminal.line(serde_json::json!({ "abis": rows }).to_string());
    }
    Ok(Exit::Agreed)
}

pub(super) fn show(one: &Description, name: Option<&str>, terminal: &mut Terminal) -> Ended {
    match name {
        Some(name) => show_type(one, name, terminal),
        None => {
            show_callbacks(one, terminal);
            Ok(Exit::Agreed)
        }
    }
}

/// `const fuse_open_in in`, `buffer name`.
fn arguments(callback: &Callback) -> String {
    let words = callback.args.iter().map(|arg| {
        let constness = if arg.r#const { "const " } else { "" };
        let of = if arg.kind == "buffer" { "buffer" } else { arg.r#type.as_str() };
        match arg.kind.as_str() {
            "meta" => "meta".to_owned(),
            _ => format!("{constness}{of} {}", arg.name),
        }
    });
    words.collect::<Vec<String>>().join(", ")
}

/// A member, or the operation and phase where callbacks have no members.
fn callback_name(callback: &Callback) -> String {
    match (&callback.member, &callback.op) {
        (Some(member), _) => member.clone(),
        (None, Some(op)) => format!("{op} {}", callback.phase),
        (None, None) => callback.phase.clone(),
    }
}

fn show_callbacks(one: &Description, terminal: &mut Terminal) {
    if terminal.json() {
        let rows: Vec<_> = one
            .ops
            .iter()
            .map(|callback| {
                serde_json::json!({
                    "name": callback_name(callback), "offset": callback.offset,
                    "opcode": callback.meta_opcode, "arguments": arguments(callback),
                })
            })
            .collect();
        terminal.line(serde_json::json!({ "abi": one.abi, "callbacks": rows }).to_string());
        return;
    }
    terminal.line(terminal.styled(Style::Bold, &format!("{}: {}", one.abi, one.title)));
    terminal
        .line(terminal.styled(Style::Dim, "offset  opcode   callback                   arguments"));
    for callback in &one.ops {
        let offset = callback.offset.map_or(String::new(), |offset| offset.to_string());
        let opcode = callback.meta_opcode.map_or(String::new(), |code| format!("{code:#x}"));
        let line = format!(
            "{offset:>6}  {opcode:<7}  {:<26} {}",
            callback_name(callback),
            arguments(callback)
        );
        terminal.line(line.trim_end());
    }
    if let (Some(name), Some(offset), Some(max)) =
        (&one.attach.name_member, one.attach.name_offset, one.attach.name_effective_max)
    {
        terminal.line(format!("{offset:>6}           {name:<26} 1 to {max} characters"));
    }
}

fn show_type(one: &Description, name: &str, terminal: &mut Terminal) -> Ended {
    let btf = Btf::of_description(one);
    let ids: Vec<TypeId> = btf.find(name).collect();
    if ids.is_empty() {
        return show_member(one, name, terminal);
    }
    if terminal.json() {
        let types: Vec<_> = ids.into_iter().map(|id| type_json(&btf, id)).collect();
        let value = serde_json::json!({ "abi": one.abi, "name": name, "types": types });
        terminal.line(value.to_string());
        return Ok(Exit::Agreed);
    }
    for id in ids {
        let size = btf.size_of(id).map_or(String::new(), |size| format!("  /* {size} bytes */"));
        terminal.line(format!("{}{size}", terminal.styled(Style::Bold, &btf.text(id).to_string())));
        show_members(&btf, id, 0, 1, terminal);
        if let Some(BtfKind::Enum(set) | BtfKind::Enum64(set)) = btf.kind(id) {
            for value in &set.values {
                terminal.line(format!("{:>6}  {}", set.value(value), btf.str(value.name)));
            }
        }
    }
    Ok(Exit::Agreed)
}

/// A type for machines: nested members stand in their parent's.
fn type_json(btf: &Btf, id: TypeId) -> serde_json::Value {
    let members = btf.kind(id).map_or(&[][..], |kind| kind.members()).iter().map(|member| {
        serde_json::json!({
            "offset": member.byte_offset(), "name": btf.str(member.name),
            "declaration": btf.declaration(member.of, btf.str(member.name)).to_string(),
        })
    });
    let members: Vec<_> = members.collect();
    let values: Vec<_> = match btf.kind(id) {
        Some(BtfKind::Enum(set) | BtfKind::Enum64(set)) => set
            .values
            .iter()
            .map(|value| {
                let number = set.value(value).to_string();
                serde_json::json!({ "name": btf.str(value.name), "value": number })
            })
            .collect(),
        _ => Vec::new(),
    };
    serde_json::json!({
        "declaration": btf.text(id).to_string(), "size": btf.size_of(id),
        "members": members, "values": values,
    })
}

fn show_members(btf: &Btf, id: TypeId, base: u32, depth: usize, terminal: &mut Terminal) {
    const NESTING_MAX: usize = 8;
    for member in btf.kind(id).map_or(&[][..], |kind| kind.members()) {
        let offset = base + member.byte_offset();
        let text = btf.declaration(member.of, btf.str(member.name)).to_string();
        terminal.line(format!("{offset:>6}{}{text}", "  ".repeat(depth)));
        if btf.name(member.of).is_empty() && depth < NESTING_MAX {
            show_members(btf, member.of, offset, depth + 1, terminal);
        }
    }
}

fn show_member(one: &Description, name: &str, terminal: &mut Terminal) -> Ended {
    let found = one.ops.iter().find(|callback| callback.member.as_deref() == Some(name));
    let Some(callback) = found else {
        let message = format!(
            "{} has no type, member or kernel function {name} (see `fuserig abi show {}`)",
            one.abi, one.abi
        );
        return Err(Failure::new(Exit::Usage, message));
    };
    if terminal.json() {
        let value = serde_json::json!({
            "abi": one.abi, "name": name, "returns": callback.ret, "offset": callback.offset,
            "arguments": arguments(callback), "opcode": callback.meta_opcode,
            "if_missing": callback.if_missing,
        });
        terminal.line(value.to_string());
        return Ok(Exit::Agreed);
    }
    terminal.line(format!(
        "{} {}({})",
        callback.ret,
        terminal.styled(Style::Bold, name),
        arguments(callback)
    ));
    if let Some(offset) = callback.offset {
        terminal.line(format!("offset in struct {}: {offset}", one.attach.r#struct));
    }
    if let Some(code) = callback.meta_opcode {
        terminal.line(format!("meta.opcode: {code:#x}"));
    }
    terminal.line(format!("a missing one means {}", callback.if_missing));
    Ok(Exit::Agreed)
}
