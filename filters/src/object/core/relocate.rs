//! All CO-RE relocations of an object.

use fuserig_abi::btf::{Btf, TypeId};

use super::compat::{essential_name, types_are_compatible};
use super::matches::types_match;
use super::patch::{patch, poison};
use super::spec::{PathText, Spec, candidates, enumerators};
use super::value::{CoreKind, Value, of_field};
use crate::object::code::Code;
use crate::object::error::{LoadError, LoadProblem, at};
use crate::object::ext::{CoreRecord, Ext};

/// Applies the relocations of every code section.
pub(in crate::object) fn relocate(
    code: &mut Code,
    ext: &Ext,
    ours: &Btf,
    theirs: &Btf,
) -> Result<(), LoadError> {
    let indices: Vec<usize> = code.sections.keys().copied().collect();
    for section in indices {
        let name = code.sections[&section].name.clone();
        for record in ext.relocations.get(&name).into_iter().flatten() {
            let insn = (record.offset / 8) as usize;
            let one = One { ours, theirs, record };
            let place = code.place(section, insn);
            let problem = |problem: String| {
                let spec = one.text();
                at(place.clone(), LoadProblem::Core { spec, problem })
            };
            let Some(section) = code.sections.get_mut(&section) else { continue };
            if record.offset % 8 != 0 || insn >= section.insns.len() {
                return Err(problem("it is at no instruction".to_owned()));
            }
            let solved = one.solve().map_err(&problem)?;
            match solved.theirs {
                Some(value) => {
                    patch(&mut section.insns, insn, solved.ours, value).map_err(&problem)?;
                }
                None => poison(&mut section.insns, insn),
            }
            let poisoned = section.insns[insn].imm == crate::program::POISON_IMM;
            if poisoned {
                section.references.remove(&insn);
            }
        }
    }
    Ok(())
}

/// Both values of a relocation; theirs is none when the ABI does not have the thing.
struct Solved {
    ours: Value,
    theirs: Option<Value>,
}

struct One<'a> {
    ours: &'a Btf,
    theirs: &'a Btf,
    record: &'a CoreRecord,
}

impl One<'_> {
    fn access(&self) -> &str {
        self.ours.str(self.record.access)
    }

    /// What it is about, for messages.
    fn text(&self) -> String {
        match Spec::field(self.ours, self.record.root, self.access()) {
            Ok(spec) => PathText { btf: self.ours, spec: &spec }.to_string(),
            Err(_) => self.ours.text(self.record.root).to_string(),
        }
    }

    fn solve(&self) -> Result<Solved, String> {
        let number = self.record.kind;
        let kind = CoreKind::from_number(number)
            .ok_or_else(|| format!("kind {number} is not known (this build knows 0 to 12)"))?;
        if self.ours.kind(self.record.root).is_none() {
            return Err("it is about void".to_owned());
        }
        match kind {
            CoreKind::FieldByteOffset
            | CoreKind::FieldByteSize
            | CoreKind::FieldExists
            | CoreKind::FieldSigned
            | CoreKind::FieldLeftShift
            | CoreKind::FieldRightShift => self.field(kind),
            CoreKind::TypeIdLocal => {
                let value = Value::plain(self.record.root.0.into());
                Ok(Solved { ours: value, theirs: Some(value) })
            }
            CoreKind::TypeIdTarget
            | CoreKind::TypeExists
            | CoreKind::TypeSize
            | CoreKind::TypeMatches => self.type_based(kind),
            CoreKind::EnumExists | CoreKind::EnumValue => self.enum_value(kind),
        }
    }

    fn candidates(&self) -> Vec<TypeId> {
        candidates(self.ours, self.record.root, self.theirs)
    }

    fn field(&self, kind: CoreKind) -> Result<Solved, String> {
        let spec = Spec::field(self.ours, self.record.root, self.access())?;
        let exists = kind == CoreKind::FieldExists;
        let ours = match exists {
            true => Value::plain(1),
            false => of_field(self.ours, &spec.field, kind)?,
        };
        let mut found = Vec::new();
        for root in self.candidates() {
            if let Some(spec) = spec.matched(self.ours, self.theirs, root) {
                found.push(match exists {
                    true => Value::plain(1),
                    false => of_field(self.theirs, &spec.field, kind)?,
                });
            }
        }
        Ok(Solved { ours, theirs: agreed(found, kind)? })
    }

    fn type_based(&self, kind: CoreKind) -> Result<Solved, String> {
        if self.access() != "0" {
            return Err(format!("access `{}` of a whole type", self.access()));
        }
        let root = self.record.root;
        let value = |btf: &Btf, id: TypeId| match kind {
            CoreKind::TypeIdTarget => Ok(u64::from(id.0)),
            CoreKind::TypeSize => btf.size_of(id).ok_or("its type has no size".to_owned()),
            _ => Ok(1),
        };
        let ours = Value {
            // The compiler does not know the ABI's ids and leaves its own.
            is_checked: kind != CoreKind::TypeIdTarget,
            ..Value::plain(value(self.ours, root)?)
        };
        let mut found = Vec::new();
        for id in self.candidates() {
            let same = match kind {
                CoreKind::TypeMatches => types_match(self.ours, root, self.theirs, id),
                _ => types_are_compatible(self.ours, root, self.theirs, id),
            };
            if same {
                found.push(Value::plain(value(self.theirs, id)?));
            }
        }
        // The same type may be there twice under two ids; the first one is as good.
        if kind == CoreKind::TypeIdTarget {
            found.truncate(1);
        }
        Ok(Solved { ours, theirs: agreed(found, kind)? })
    }

    fn enum_value(&self, kind: CoreKind) -> Result<Solved, String> {
        let Ok(index) = self.access().parse::<usize>() else {
            return Err(format!("access `{}` of an enumeration", self.access()));
        };
        let set = enumerators(self.ours, self.record.root).ok_or("it is no enumeration")?;
        let value = set.values.get(index).ok_or("it has no such value")?;
        let name = essential_name(self.ours.str(value.name));
        let exists = kind == CoreKind::EnumExists;
        let number = |bits: u64| Value::plain(if exists { 1 } else { bits });
        let mut found = Vec::new();
        for id in self.candidates() {
            let Some(set) = enumerators(self.theirs, id) else { continue };
            let same = |other: &&fuserig_abi::btf::EnumValue| {
                essential_name(self.theirs.str(other.name)) == name
            };
            found.extend(set.values.iter().find(same).map(|value| number(value.bits)));
        }
        Ok(Solved { ours: number(value.bits), theirs: agreed(found, kind)? })
    }
}

/// The one value of all candidates that match.
fn agreed(found: Vec<Value>, kind: CoreKind) -> Result<Option<Value>, String> {
    let Some((first, rest)) = found.split_first() else {
        return Ok(kind.asks_for_existence().then_some(Value::plain(0)));
    };
    match rest.iter().find(|other| other.number != first.number) {
        None => Ok(Some(*first)),
        Some(other) => {
            Err(format!("the ABI has it twice, as {} and {}", first.number, other.number))
        }
    }
}

/// Our value and theirs of one relocation.
#[cfg(test)]
pub(super) fn solve_for_tests(
    ours: &Btf,
    theirs: &Btf,
    root: TypeId,
    access: &str,
    kind: u32,
) -> Result<(u64, Option<u64>), String> {
    // The name of the access has to be a name of the object's types, so it is made one.
    let mut bytes = ours.to_bytes();
    let at = ours.strings().len() as u32;
    bytes.extend_from_slice(access.as_bytes());
    bytes.push(0);
    let len = at + access.len() as u32 + 1;
    bytes[20..24].copy_from_slice(&len.to_le_bytes());
    let ours = Btf::read(&bytes).expect("one more string");
    let access = fuserig_abi::btf::Name(at);
    let record = CoreRecord { offset: 0, root, access, kind };
    let solved = One { ours: &ours, theirs, record: &record }.solve()?;
    Ok((solved.ours.number, solved.theirs.map(|value| value.number)))
}
