//! What a relocation is about: a type, a value of an enumeration, or a path of fields; and the same
//! thing in the ABI's types.

use core::fmt;

use fuserig_abi::btf::{Btf, BtfKind, Enumerators, Member, TypeId};

use super::compat::{essential_name, fields_are_compatible, same_family};

/// Longest path of a relocation (libbpf has the same limit).
const PATH_MAX: usize = 64;
/// Deepest nesting of anonymous members that is searched.
const ANONYMOUS_MAX: u32 = 16;

/// One step of a path.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// An element of an array, or of the array that a pointer points at.
    Index(u32),
    /// A member of the object's type with a name.
    Member(Member),
}

/// What a relocation is about.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// The type it starts from.
    pub(super) root: TypeId,
    /// The steps that names or indices take; anonymous members take none.
    pub(super) steps: Vec<Step>,
    /// Where it ends.
    pub(super) field: Field,
}

/// A field, with its place in bits from the start of the root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) of: TypeId,
    pub(super) bit_offset: u64,
    /// Width of a bit field; 0 for a field that is none.
    pub(super) bit_width: u8,
}

impl Spec {
    /// The path of a field relocation: `0:1:2`.
    pub(super) fn field(btf: &Btf, root: TypeId, access: &str) -> Result<Spec, String> {
        let mut indices = Vec::new();
        for word in access.split(':') {
            if indices.len() == PATH_MAX {
                return Err(format!("a path of more than {PATH_MAX} steps"));
            }
            let Ok(index) = word.parse::<u32>() else { return Err(format!("access `{access}`")) };
            indices.push(index);
        }
        let (first, rest) = indices.split_first().ok_or_else(|| "an empty access".to_owned())?;
        let start = element(btf, root, *first).ok_or("its type has no size")?;
        let mut spec = Spec {
            root,
            steps: vec![Step::Index(*first)],
            field: Field { of: root, bit_offset: start, bit_width: 0 },
        };
        for index in rest {
            spec.walk(btf, *index)
                .ok_or_else(|| format!("access `{access}` leads outside of {}", btf.text(root)))?;
        }
        Ok(spec)
    }

    fn walk(&mut self, btf: &Btf, index: u32) -> Option<()> {
        match btf.kind(btf.resolve(self.field.of))? {
            BtfKind::Array { element: of, .. } => {
                // Elements behind the end are those of a flexible array.
                self.field.bit_offset =
                    self.field.bit_offset.checked_add(element(btf, *of, index)?)?;
                self.field.of = *of;
                self.steps.push(Step::Index(index));
            }
            kind => {
                let member = *kind.members().get(index as usize)?;
                self.enter(&member)?;
                if !btf.str(member.name).is_empty() {
                    self.steps.push(Step::Member(member));
                }
            }
        }
        Some(())
    }

    fn enter(&mut self, member: &Member) -> Option<()> {
        self.field = Field {
            of: member.of,
            bit_offset: self.field.bit_offset.checked_add(member.bit_offset.into())?,
            bit_width: member.bit_width,
        };
        Some(())
    }

    /// The same path in another type, by names; none when it is not there.
    pub(super) fn matched(&self, ours: &Btf, theirs: &Btf, root: TypeId) -> Option<Spec> {
        let mut found = Spec {
            root,
            steps: Vec::new(),
            field: Field { of: root, bit_offset: 0, bit_width: 0 },
        };
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) if position == 0 => {
                    found.field.bit_offset = element(theirs, root, *index)?;
                }
                Step::Index(index) => {
                    let kind = theirs.kind(theirs.resolve(found.field.of))?;
                    let BtfKind::Array { element: of, len, .. } = kind else { return None };
                    // An array without a length is flexible.
                    if *len != 0 && index >= len {
                        return None;
                    }
                    let offset = element(theirs, *of, *index)?;
                    found.field.bit_offset = found.field.bit_offset.checked_add(offset)?;
                    (found.field.of, found.field.bit_width) = (*of, 0);
                }
                Step::Member(member) => {
                    let name = ours.str(member.name);
                    let path = find_member(theirs, found.field.of, name, ANONYMOUS_MAX)?;
                    let last = path.last()?.of;
                    if !fields_are_compatible(ours, member.of, theirs, last) {
                        return None;
                    }
                    for member in &path {
                        found.enter(member)?;
                    }
                }
            }
        }
        Some(found)
    }
}

/// Where an element starts, in bits.
fn element(btf: &Btf, of: TypeId, index: u32) -> Option<u64> {
    match index {
        0 => Some(0),
        index => btf.size_of(of)?.checked_mul(index.into())?.checked_mul(8),
    }
}

/// The members on the way to a name, anonymous ones included.
fn find_member(btf: &Btf, of: TypeId, name: &str, depth: u32) -> Option<Vec<Member>> {
    let depth = depth.checked_sub(1)?;
    let members = btf.kind(btf.resolve(of))?.members();
    if let Some(member) = members.iter().find(|member| btf.str(member.name) == name) {
        return Some(vec![*member]);
    }
    members.iter().filter(|member| btf.str(member.name).is_empty()).find_map(|member| {
        let mut path = find_member(btf, member.of, name, depth)?;
        path.insert(0, *member);
        Some(path)
    })
}

/// The types of `theirs` that may stand for a type of `ours`: same essential name, same family.
pub(super) fn candidates(ours: &Btf, root: TypeId, theirs: &Btf) -> Vec<TypeId> {
    let name = essential_name(ours.name(root));
    let Some(kind) = ours.kind(root) else { return Vec::new() };
    if name.is_empty() {
        return Vec::new();
    }
    let same = |id: &TypeId| theirs.kind(*id).is_some_and(|other| same_family(kind, other));
    theirs.find(name).filter(same).collect()
}

/// The values of an enumeration, whichever width.
pub(super) fn enumerators(btf: &Btf, id: TypeId) -> Option<&Enumerators> {
    match btf.kind(btf.resolve(id))? {
        BtfKind::Enum(set) | BtfKind::Enum64(set) => Some(set),
        _ => None,
    }
}

/// A path as C spells it, for messages.
pub(super) struct PathText<'a> {
    pub(super) btf: &'a Btf,
    pub(super) spec: &'a Spec,
}

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.btf.text(self.spec.root))?;
        for (position, step) in self.spec.steps.iter().enumerate() {
            match step {
                Step::Index(0) if position == 0 => {}
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Member(member) => write!(f, ".{}", self.btf.str(member.name))?,
            }
        }
        Ok(())
    }
}
