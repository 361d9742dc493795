//! When a type of the object and one of the ABI may stand for each other.

use fuserig_abi::btf::{Btf, BtfKind, TypeId};

/// Deepest nesting that is compared (libbpf has the same limit).
const DEPTH_MAX: u32 = 32;
/// Most types that one comparison visits.
const STEPS_MAX: u32 = 10_000;

/// A name without its flavour: `open_in` of `open_in___old`.
pub(in crate::object) fn essential_name(name: &str) -> &str {
    match name.rfind("___") {
        Some(at) if at > 0 => &name[..at],
        _ => name,
    }
}

/// Whether two kinds are of one family; both kinds of enumerations are.
pub(super) fn same_family(left: &BtfKind, right: &BtfKind) -> bool {
    let is_enum = |kind: &BtfKind| matches!(kind, BtfKind::Enum(_) | BtfKind::Enum64(_));
    left.tag() == right.tag() || is_enum(left) && is_enum(right)
}

/// Whether a type of `ours` is compatible with one of `theirs`, names apart.
pub(in crate::object) fn types_are_compatible(
    ours: &Btf,
    left: TypeId,
    theirs: &Btf,
    right: TypeId,
) -> bool {
    Compare { ours, theirs, steps: STEPS_MAX }.types(left, right, DEPTH_MAX)
}

/// Whether a field of the one type may be read as the other.
pub(super) fn fields_are_compatible(ours: &Btf, left: TypeId, theirs: &Btf, right: TypeId) -> bool {
    let (mut left, mut right) = (left, right);
    for _ in 0..DEPTH_MAX {
        (left, right) = (ours.resolve(left), theirs.resolve(right));
        let (Some(a), Some(b)) = (ours.kind(left), theirs.kind(right)) else { return false };
        let composite = |kind: &BtfKind| matches!(kind, BtfKind::Struct(_) | BtfKind::Union(_));
        if composite(a) && composite(b) {
            return true;
        }
        if !same_family(a, b) {
            return false;
        }
        match (a, b) {
            (BtfKind::Array { element: a, .. }, BtfKind::Array { element: b, .. }) => {
                (left, right) = (*a, *b);
            }
            (BtfKind::Int { bit_offset: a, .. }, BtfKind::Int { bit_offset: b, .. }) => {
                return *a == 0 && *b == 0;
            }
            (BtfKind::Ptr(_) | BtfKind::Float { .. }, _) => return true,
            (BtfKind::Fwd { .. } | BtfKind::Enum(_) | BtfKind::Enum64(_), _) => {
                let names = (essential_name(ours.name(left)), essential_name(theirs.name(right)));
                return names.0.is_empty() || names.1.is_empty() || names.0 == names.1;
            }
            _ => return false,
        }
    }
    false
}

struct Compare<'a> {
    ours: &'a Btf,
    theirs: &'a Btf,
    steps: u32,
}

impl Compare<'_> {
    fn types(&mut self, left: TypeId, right: TypeId, depth: u32) -> bool {
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
        // A forward declaration stands for its struct or union.
        let forward = |fwd: &BtfKind, full: &BtfKind| match fwd {
            BtfKind::Fwd { is_union: false } => matches!(full, BtfKind::Struct(_)),
            BtfKind::Fwd { is_union: true } => matches!(full, BtfKind::Union(_)),
            _ => false,
        };
        if forward(a, b) || forward(b, a) {
            return true;
        }
        if !same_family(a, b) {
            return false;
        }
        match (a, b) {
            (BtfKind::Int { bit_offset: a, .. }, BtfKind::Int { bit_offset: b, .. }) => {
                *a == 0 && *b == 0
            }
            (BtfKind::Ptr(a), BtfKind::Ptr(b)) => self.types(*a, *b, depth),
            (BtfKind::Array { element: a, .. }, BtfKind::Array { element: b, .. }) => {
                self.types(*a, *b, depth)
            }
            (
                BtfKind::FuncProto { ret: a, params: ours },
                BtfKind::FuncProto { ret: b, params: theirs },
            ) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(a, b)| self.types(a.of, b.of, depth))
                    && self.types(*a, *b, depth)
            }
            (
                BtfKind::Struct(_)
                | BtfKind::Union(_)
                | BtfKind::Enum(_)
                | BtfKind::Enum64(_)
                | BtfKind::Fwd { .. }
                | BtfKind::Float { .. },
                _,
            ) => true,
            _ => false,
        }
    }
}
