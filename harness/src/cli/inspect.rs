//! `fuserig filter list|info|disasm` of an object.

use std::collections::BTreeMap;

use fuserig_filters::engine::functions;
use fuserig_filters::object::{LoadTarget, load_for};
use fuserig_filters::program::{
    DataKind, Linked, MapDef, Program, ProgramKind, StructOpsMap, disassemble,
};

use super::args::{DisasmArgs, ObjectArgs};
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::output::{Style, Terminal};

/// Loads the object of a command for its ABI.
fn load(args: &ObjectArgs) -> Result<Linked, Failure> {
    let Some(target) = LoadTarget::built_in(&args.abi) else {
        let message = format!("unknown ABI {} (see `fuserig abi list`)", args.abi);
        return Err(Failure::new(Exit::Usage, message));
    };
    let bytes = files::read_all(&args.object)?;
    load_for(&bytes, target).map_err(|error| Failure::input(&args.object, &error))
}

/// The filters of an object, one a line.
pub(super) fn list(args: &ObjectArgs, terminal: &mut Terminal) -> Ended {
    let linked = load(args)?;
    let programs: Vec<&Program> = android_programs(&linked).collect();
    if terminal.json() {
        let filters: Vec<_> =
            linked.struct_ops.iter().map(|one| filter_json(&linked, one)).collect();
        let names: Vec<&str> = programs.iter().map(|one| one.name.as_str()).collect();
        let value = serde_json::json!({ "filters": filters, "android_programs": names });
        terminal.line(value.to_string());
    } else {
        for one in &linked.struct_ops {
            let name = terminal.styled(Style::Bold, &format!("{:<15}", one.name));
            let members = match one.members.len() {
                1 => "1 member".to_owned(),
                count => format!("{count} members"),
            };
            terminal.line(format!("{name} {members:<11} {} in {}", one.symbol, one.section));
        }
        for one in &programs {
            let name = terminal.styled(Style::Bold, &format!("{:<15}", one.name));
            terminal.line(format!("{name} program     {}", one.section));
        }
    }
    if linked.struct_ops.is_empty() && programs.is_empty() {
        terminal.note("no filter: the object has no variable in .struct_ops and no fuse/ program");
        return Ok(Exit::NothingRan);
    }
    Ok(Exit::Agreed)
}

fn android_programs(linked: &Linked) -> impl Iterator<Item = &Program> {
    linked.programs.iter().filter(|program| program.kind == ProgramKind::Android)
}

fn filter_json(linked: &Linked, one: &StructOpsMap) -> serde_json::Value {
    let members: BTreeMap<&str, &str> = one
        .members
        .iter()
        .map(|(member, program)| (member.as_str(), linked.programs[*program].name.as_str()))
        .collect();
    serde_json::json!({
        "name": one.name, "symbol": one.symbol, "section": one.section,
        "struct": one.type_name, "members": members,
    })
}

/// Everything that an object contains.
pub(super) fn info(args: &ObjectArgs, terminal: &mut Terminal) -> Ended {
    let linked = load(args)?;
    if terminal.json() {
        let filters: Vec<_> =
            linked.struct_ops.iter().map(|one| filter_json(&linked, one)).collect();
        let value = serde_json::json!({
            "abi": args.abi, "license": linked.license, "filters": filters,
            "programs": linked.programs.iter().map(program_json).collect::<Vec<_>>(),
            "maps": linked.maps.iter().map(map_json).collect::<Vec<_>>(),
            "kernel_functions": linked.kfuncs,
        });
        terminal.line(value.to_string());
        return Ok(Exit::Agreed);
    }
    let license = if linked.license.is_empty() { "none" } else { linked.license.as_str() };
    terminal.line(format!("linked for {}, licence {license}", args.abi));
    for one in &linked.struct_ops {
        let head = format!("filter {}", one.name);
        terminal.line(format!(
            "\n{}  {} in {}",
            terminal.styled(Style::Bold, &head),
            one.symbol,
            one.section
        ));
        for (member, program) in &one.members {
            terminal.line(format!("  {member:<26} {}", linked.programs[*program].name));
        }
    }
    section("programs", linked.programs.len(), terminal);
    for program in &linked.programs {
        let functions = program.functions.len().saturating_sub(1);
        let functions = match functions {
            0 => String::new(),
            1 => ", 1 function".to_owned(),
            more => format!(", {more} functions"),
        };
        let insns = program.insns.len();
        terminal.line(format!(
            "  {:<26} {}: {insns} instructions{functions}",
            program.name, program.section
        ));
    }
    section("maps", linked.maps.len(), terminal);
    for map in &linked.maps {
        terminal.line(format!("  {:<26} {}", map.name, map_words(map)));
    }
    section("kernel functions", linked.kfuncs.len(), terminal);
    for name in &linked.kfuncs {
        terminal.line(format!("  {name}"));
    }
    Ok(Exit::Agreed)
}

/// A heading, when there is something below it.
fn section(name: &str, entries: usize, terminal: &mut Terminal) {
    if entries > 0 {
        terminal.line(format!("\n{}", terminal.styled(Style::Bold, name)));
    }
}

fn map_words(map: &MapDef) -> String {
    match map.data {
        DataKind::Writable => format!("data, {} bytes", map.value_size),
        DataKind::ReadOnly => format!("read-only data, {} bytes", map.value_size),
        DataKind::Map => {
            let kind = format!("{:?}", map.kind).to_lowercase();
            match (map.key_size, map.value_size) {
                (0, 0) => format!("{kind}, {} bytes", map.max_entries),
                (key, value) => {
                    format!("{kind}, key {key}, value {value}, {} entries", map.max_entries)
                }
            }
        }
    }
}

fn program_json(program: &Program) -> serde_json::Value {
    let functions: Vec<&str> = program.functions.iter().map(|one| one.name.as_str()).collect();
    serde_json::json!({
        "name": program.name, "section": program.section,
        "kind": format!("{:?}", program.kind).to_lowercase(),
        "instructions": program.insns.len(), "functions": functions,
    })
}

fn map_json(map: &MapDef) -> serde_json::Value {
    serde_json::json!({
        "name": map.name, "kind": format!("{:?}", map.kind).to_lowercase(),
        "key_size": map.key_size, "value_size": map.value_size,
        "max_entries": map.max_entries, "flags": map.flags,
        "data": map.data != DataKind::Map,
    })
}

/// The linked instructions of all programs or of one, with their source lines.
pub(super) fn disasm(args: &DisasmArgs, terminal: &mut Terminal) -> Ended {
    let linked = load(&args.object)?;
    let wanted = |program: &&Program| match &args.program {
        Some(name) => program.name == *name,
        None => true,
    };
    let programs: Vec<&Program> = linked.programs.iter().filter(wanted).collect();
    if programs.is_empty() {
        let names: Vec<&str> = linked.programs.iter().map(|one| one.name.as_str()).collect();
        let message = match (&args.program, names.is_empty()) {
            (Some(name), false) => format!("no program {name}: {}", names.join(", ")),
            _ => "the object has no program".to_owned(),
        };
        return Err(Failure::new(Exit::Usage, message));
    }
    if terminal.json() {
        let rows = programs.iter().map(|program| {
            let text = disassemble(&linked, program, helper_name);
            serde_json::json!({
                "name": program.name, "section": program.section,
                "lines": text.lines().collect::<Vec<_>>(),
            })
        });
        let rows: Vec<_> = rows.collect();
        terminal.line(serde_json::json!({ "programs": rows }).to_string());
        return Ok(Exit::Agreed);
    }
    for (index, program) in programs.iter().enumerate() {
        if index > 0 {
            terminal.line("");
        }
        let head = format!("{}  {}", program.section, program.name);
        terminal.line(terminal.styled(Style::Dim, &head));
        terminal.text(&disassemble(&linked, program, helper_name));
    }
    Ok(Exit::Agreed)
}

/// The name of a helper that the engines know.
fn helper_name(number: i32) -> Option<&'static str> {
    functions().find(|function| function.number == Some(number)).map(|function| function.name)
}
