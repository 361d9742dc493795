//! `bpf_core_type_matches`: whether the ABI's type has everything that the object's has.

use fuserig_abi::btf::{Btf, BtfKind, Composite, Enumerators, Name, TypeId};

use super::compat::{essential_name, same_family};

const DEPTH_MAX: u32 = 32;
const STEPS_MAX: u32 = 10_000;

/// Whether every member, value and parameter of the object's type is found in the ABI's.
pub(super) fn types_match(ours: &Btf, left: TypeId, theirs: &Btf, right: TypeId) -> bool {
    let mut matcher = Matcher { ours, theirs, steps: STEPS_MAX };
    matcher.types(left, right, Behind::Nothing, DEPTH_MAX)
}

/// Whether a pointer was followed: behind one, structs match by name alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behind {
    Nothing,
    Pointer,
}

struct Matcher<'a> {
    ours: &'a Btf,
    theirs: &'a Btf,
    steps: u32,
}

impl Matcher<'_> {
    fn types(&mut self, left: TypeId, right: TypeId, behind: Behind, depth: u32) -> bool {
        let (Some(depth), Some(steps)) = (depth.checked_sub(1), self.steps.checked_sub(1)) else {
            return false;
        };
        self.steps = steps;
        let (left, right) = (self.ours.resolve(left), self.theirs.resolve(right));
        let (a, b) = match (self.ours.kind(left), self.theirs.kind(right)) {
            (None, None) => return left == right,
            (Some(a), Some(b)) => (a, b),
            _ => return false,
        };
        let (left_name, right_name) = (self.ours.name(left), self.theirs.name(right));
        if essential_name(left_name) != essential_name(right_name) {
            return false;
        }
        let forward = |fwd: &BtfKind, full: &BtfKind| match fwd {
            BtfKind::Fwd { is_union: false } => matches!(full, BtfKind::Struct(_)),
            BtfKind::Fwd { is_union: true } => matches!(full, BtfKind::Union(_)),
            _ => false,
        };
        if behind == Behind::Pointer && (forward(a, b) || forward(b, a)) {
            return true;
        }
        if !same_family(a, b) {
            return false;
        }
        match (a, b) {
            (BtfKind::Int { size: a, .. }, BtfKind::Int { size: b, .. }) => a == b,
            (BtfKind::Ptr(a), BtfKind::Ptr(b)) => self.types(*a, *b, Behind::Pointer, depth),
            (
                BtfKind::Array { element: a, len: ours, .. },
                BtfKind::Array { element: b, len: theirs, .. },
            ) => ours == theirs && self.types(*a, *b, behind, depth),
            (BtfKind::Struct(_), BtfKind::Struct(_)) | (BtfKind::Union(_), BtfKind::Union(_))
                if behind == Behind::Pointer =>
            {
                true
            }
            (BtfKind::Struct(a), BtfKind::Struct(b)) | (BtfKind::Union(a), BtfKind::Union(b)) => {
                self.members(a, b, depth)
            }
            (BtfKind::Enum(a) | BtfKind::Enum64(a), BtfKind::Enum(b) | BtfKind::Enum64(b)) => {
                self.values(a, b)
            }
            (
                BtfKind::FuncProto { ret: a, params: ours },
                BtfKind::FuncProto { ret: b, params: theirs },
            ) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(a, b)| self.types(a.of, b.of, behind, depth))
                    && self.types(*a, *b, behind, depth)
            }
            (BtfKind::Fwd { is_union: a }, BtfKind::Fwd { is_union: b }) => a == b,
            (BtfKind::Float { size: a }, BtfKind::Float { size: b }) => a == b,
            _ => false,
        }
    }

    fn members(&mut self, ours: &Composite, theirs: &Composite, depth: u32) -> bool {
        ours.members.iter().all(|member| {
            let name = self.ours.str(member.name).to_owned();
            theirs.members.iter().any(|other| {
                self.theirs.str(other.name) == name
                    && self.types(member.of, other.of, Behind::Nothing, depth)
            })
        })
    }

    fn values(&self, ours: &Enumerators, theirs: &Enumerators) -> bool {
        let name = |btf: &Btf, name: Name| essential_name(btf.str(name)).to_owned();
        ours.values.iter().all(|value| {
            let wanted = name(self.ours, value.name);
            theirs.values.iter().any(|other| name(self.theirs, other.name) == wanted)
        })
    }
}
