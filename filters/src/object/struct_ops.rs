//! Variables in `.struct_ops` and `.struct_ops.link`: the filters of an object.
//!
//! Members are matched with the ABI's by name (SEMANTICS 6.2), and programs are bound by
//! relocation, never by the name of their section.

use std::collections::BTreeMap;

use fuserig_abi::btf::{Btf, BtfKind, KindTag, Member, TypeId};

use super::code::Code;
use super::core::essential_name;
use super::elf::{Elf, Relocation, Section};
use super::error::{LoadError, LoadPlace, LoadProblem, at, damaged, in_section};
use super::maps::variables;
use super::target::LoadTarget;
use crate::program::{Program, ProgramKind, StructOpsMap};

/// `R_BPF_64_ABS64`: a pointer to a program.
const R_ABS64: u32 = 2;
/// Longest variable that is copied; the largest ABI has 536 bytes.
const BYTES_MAX: u64 = 65_536;

/// Reads the filters of an object.
pub(super) fn read(
    elf: &Elf<'_>,
    btf: Option<&Btf>,
    code: &Code,
    programs: &[Program],
    target: &LoadTarget,
) -> Result<Vec<StructOpsMap>, LoadError> {
    let mut found = Vec::new();
    let mut bound = BTreeMap::new();
    for (index, section) in elf.sections.iter().enumerate() {
        let base = section.name.strip_prefix('?').unwrap_or(section.name);
        if !matches!(base, ".struct_ops" | ".struct_ops.link") || !section.has_bits {
            continue;
        }
        let no_btf = || in_section(section.name, LoadProblem::NoBtf);
        let btf = btf.ok_or_else(no_btf)?;
        let types = btf.find_kind(section.name, KindTag::Datasec).ok_or_else(no_btf)?;
        for variable in variables(btf, types) {
            let reader = Reader { elf, btf, code, programs, target, section, index };
            found.push(reader.variable(variable.name, variable.of, &mut bound)?);
        }
    }
    Ok(found)
}

/// One section being read.
struct Reader<'a> {
    elf: &'a Elf<'a>,
    btf: &'a Btf,
    code: &'a Code,
    programs: &'a [Program],
    target: &'a LoadTarget,
    section: &'a Section<'a>,
    index: usize,
}

/// Program to the member that it serves.
type Bound = BTreeMap<usize, String>;

impl Reader<'_> {
    fn variable(
        &self,
        name: &str,
        of: TypeId,
        bound: &mut Bound,
    ) -> Result<StructOpsMap, LoadError> {
        let refuse = |problem: String, errno| {
            at(LoadPlace::Symbol(name.to_owned()), LoadProblem::StructOps { problem, errno })
        };
        let of = self.btf.resolve(of);
        let Some(BtfKind::Struct(structure)) = self.btf.kind(of) else {
            return Err(refuse("it is no struct".to_owned(), "EINVAL"));
        };
        let type_name = essential_name(self.btf.name(of));
        let Some(ops) = self.target.ops else {
            let problem = format!(
                "{} has no struct_ops; a filter is one program in SEC(\"fuse/NAME\")",
                self.target.name
            );
            return Err(refuse(problem, "ENOTSUPP"));
        };
        if type_name != self.target.ops_name {
            let problem = format!(
                "struct {type_name} is no struct_ops of {}; it has struct {}",
                self.target.name, self.target.ops_name
            );
            return Err(refuse(problem, "ENOTSUPP"));
        }
        let (start, size) = self.extent(name, structure.size)?;
        let bytes = self.section.bytes[start..start + size].to_vec();
        let mut members = BTreeMap::new();
        let mut relocated = self.relocations(start, size);
        for member in &structure.members {
            let slot = relocated.remove(&(u64::from(member.byte_offset())));
            let one = One { reader: self, variable: name, member, ops, bytes: &bytes };
            if let Some(program) = one.check(slot, bound)? {
                members.insert(self.btf.str(member.name).to_owned(), program);
            }
        }
        if let Some((offset, _)) = relocated.into_iter().next() {
            let problem = format!("a relocation at byte {offset} belongs to no member");
            return Err(at(LoadPlace::Symbol(name.to_owned()), LoadProblem::Damaged(problem)));
        }
        let registered = self.registered_name(name, structure.members.as_slice(), &bytes)?;
        Ok(StructOpsMap {
            symbol: name.to_owned(),
            type_name: type_name.to_owned(),
            section: self.section.name.to_owned(),
            name: registered,
            bytes,
            members,
        })
    }

    /// Where the variable stands in its section.
    fn extent(&self, name: &str, size: u32) -> Result<(usize, usize), LoadError> {
        let place = || LoadPlace::Symbol(name.to_owned());
        let Some(symbol) = self.elf.symbol_in(self.index, name) else {
            let problem = "its type is known, but there is no such symbol".to_owned();
            return Err(at(place(), LoadProblem::Damaged(problem)));
        };
        let end = symbol.value.checked_add(size.into());
        let inside = end.is_some_and(|end| end <= self.section.bytes.len() as u64);
        if !inside || u64::from(size) > BYTES_MAX {
            let what = format!("{name}: {size} bytes at byte {} do not fit", symbol.value);
            return Err(damaged(self.section.name, what));
        }
        Ok((symbol.value as usize, size as usize))
    }

    /// The relocations of a variable by their offset in it.
    fn relocations(&self, start: usize, size: usize) -> BTreeMap<u64, Relocation> {
        let range = start as u64..(start + size) as u64;
        let inside = self.section.relocations.iter().filter(|one| range.contains(&one.offset));
        inside.map(|one| (one.offset - range.start, *one)).collect()
    }

    /// The name that it is registered under, with the kernel's rules (SEMANTICS 6.3, REG-4).
    fn registered_name(
        &self,
        variable: &str,
        members: &[Member],
        bytes: &[u8],
    ) -> Result<String, LoadError> {
        let wanted = &self.target.name_member;
        let refuse = |problem: &str| {
            let place = LoadPlace::Member { variable: variable.to_owned(), member: wanted.clone() };
            let problem = problem.to_owned();
            Err(at(place, LoadProblem::StructOps { problem, errno: "EINVAL" }))
        };
        let member = members.iter().find(|member| self.btf.str(member.name) == wanted);
        let Some(member) = member else {
            return refuse("it is missing, and a filter is found by its name; set .name");
        };
        let start = member.byte_offset() as usize;
        let len = self.btf.size_of(member.of).unwrap_or(0) as usize;
        let text = bytes.get(start..start.saturating_add(len)).unwrap_or(&[]);
        let Some(end) = text.iter().position(|byte| *byte == 0) else {
            return refuse("the name has no room for its NUL; use at most 14 characters");
        };
        let text = &text[..end];
        if text.is_empty() {
            return refuse("the name is empty, and a filter is found by its name; set .name");
        }
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        if !text.iter().all(allowed) {
            return refuse("only letters, digits, `_` and `.` may be in a name");
        }
        Ok(String::from_utf8_lossy(text).into_owned())
    }
}

/// One member being matched.
struct One<'a> {
    reader: &'a Reader<'a>,
    variable: &'a str,
    member: &'a Member,
    ops: TypeId,
    bytes: &'a [u8],
}

impl One<'_> {
    fn refuse(&self, problem: String, errno: &'static str) -> LoadError {
        let place = LoadPlace::Member {
            variable: self.variable.to_owned(),
            member: self.reader.btf.str(self.member.name).to_owned(),
        };
        at(place, LoadProblem::StructOps { problem, errno })
    }

    /// Matches the member with the ABI's and returns the program that is bound to it.
    fn check(
        &self,
        slot: Option<Relocation>,
        bound: &mut Bound,
    ) -> Result<Option<usize>, LoadError> {
        let Reader { btf, target, .. } = self.reader;
        let name = btf.str(self.member.name);
        let size = btf.size_of(self.member.of).unwrap_or(0) as usize;
        let start = self.member.byte_offset() as usize;
        let data = self.bytes.get(start..start.saturating_add(size)).unwrap_or(&[]);
        let is_zero = slot.is_none() && data.iter().all(|byte| *byte == 0);
        let theirs = target.btf.kind(self.ops).map_or(&[][..], |kind| kind.members());
        let Some(theirs) = theirs.iter().find(|one| target.btf.str(one.name) == name) else {
            if is_zero {
                return Ok(None);
            }
            let problem = format!(
                "struct {} of {} has no such member; leave it unset",
                target.ops_name, target.name
            );
            return Err(self.refuse(problem, "ENOTSUP"));
        };
        if self.member.bit_width != 0 || theirs.bit_width != 0 {
            return Err(self.refuse("bit fields are not matched".to_owned(), "ENOTSUP"));
        }
        let (ours, of) = (btf.resolve(self.member.of), target.btf.resolve(theirs.of));
        let tags = (btf.kind(ours).map(BtfKind::tag), target.btf.kind(of).map(BtfKind::tag));
        if tags.0 != tags.1 {
            let word = |tag: Option<KindTag>| tag.map_or("void", KindTag::word);
            let problem =
                format!("it is a {} here and a {} in {}", word(tags.0), word(tags.1), target.name);
            return Err(self.refuse(problem, "ENOTSUP"));
        }
        if tags.0 != Some(KindTag::Ptr) {
            let wanted = target.btf.size_of(of).unwrap_or(0);
            if size as u64 != wanted {
                let problem = format!("it has {size} bytes here and {wanted} in {}", target.name);
                return Err(self.refuse(problem, "ENOTSUP"));
            }
            return match slot {
                None => Ok(None),
                Some(_) => Err(self.refuse("a program is bound to data".to_owned(), "EINVAL")),
            };
        }
        match slot {
            Some(slot) => self.bind(slot, bound).map(Some),
            None if is_zero => Ok(None),
            None => Err(self.refuse("a number is no program".to_owned(), "EINVAL")),
        }
    }

    fn bind(&self, slot: Relocation, bound: &mut Bound) -> Result<usize, LoadError> {
        let Reader { elf, code, programs, btf, .. } = self.reader;
        let symbol = &elf.symbols[slot.symbol];
        let function = symbol
            .section
            .filter(|_| slot.kind == R_ABS64)
            .and_then(|section| code.starts.get(&(section, (symbol.value / 8) as usize)));
        let function = function.map(|index| &code.functions[*index]);
        let program = function
            .and_then(|function| programs.iter().position(|program| program.name == function.name));
        let Some(program) = program else {
            let problem = format!(
                "{} is no program of this object; put it in SEC(\"struct_ops/...\")",
                symbol.name
            );
            return Err(self.refuse(problem, "EINVAL"));
        };
        let one = &programs[program];
        if one.kind != ProgramKind::StructOps {
            let problem = format!(
                "{} stands in SEC(\"{}\"); put it in SEC(\"struct_ops/...\")",
                one.name, one.section
            );
            return Err(self.refuse(problem, "EINVAL"));
        }
        let name = btf.str(self.member.name);
        // One program may serve the same member of several variables, and no other member.
        match bound.insert(program, name.to_owned()) {
            Some(before) if before != name => {
                let problem = format!(
                    "{} serves {before} already; write another program for {name}",
                    one.name
                );
                Err(self.refuse(problem, "EINVAL"))
            }
            _ => Ok(program),
        }
    }
}
