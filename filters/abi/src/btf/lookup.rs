//! A whole BTF: types by id and by name, sizes, and what lies behind modifiers.

use super::kind::{BtfKind, BtfType, KindTag, Name, TypeId};

/// How many modifiers, typedefs and arrays a lookup walks through (`MAX_RESOLVE_DEPTH` of the
/// kernel and of libbpf). Deeper nesting, and every cycle, has no size.
const DEPTH_MAX: usize = 32;
/// How many types the alignment of one may depend on; a kernel's largest needs some thousands.
const ALIGN_STEPS_MAX: u32 = 100_000;
/// Bytes of a pointer: BPF and all modelled kernels have 64 bits.
const POINTER_SIZE: u64 = 8;

/// The types of an object or a kernel.
///
/// ```
/// use fuserig_abi::btf::{Btf, KindTag};
/// use fuserig_abi::{Abi, AbiTable};
///
/// let v4 = Btf::of_table(AbiTable::of(Abi::V4));
/// let ops = v4.find_kind("fuse_ops", KindTag::Struct).expect("every ABI has its struct");
/// assert_eq!(v4.size_of(ops), Some(536));
/// assert_eq!(Btf::read(&v4.to_bytes()), Ok(v4));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Btf {
    /// Ids from 1.
    types: Vec<BtfType>,
    /// NUL-terminated, the empty one first.
    strings: String,
    /// Ids of named types, by name and then id.
    by_name: Vec<TypeId>,
}

impl Btf {
    /// From checked parts: every name is in `strings`, every id in `types`.
    pub(super) fn from_parts(types: Vec<BtfType>, strings: String) -> Btf {
        let mut btf = Btf { types, strings, by_name: Vec::new() };
        // Equal names usually share one string, so that most comparisons are of two numbers.
        let named = btf.types().filter(|(_, one)| one.name != Name::NONE).map(|(id, _)| id);
        let mut by_name: Vec<TypeId> = named.collect();
        by_name.sort_unstable_by(|left, right| {
            let (a, b) = (btf.name_of(*left), btf.name_of(*right));
            if a == b { left.cmp(right) } else { btf.str(a).cmp(btf.str(b)).then(left.cmp(right)) }
        });
        btf.by_name = by_name;
        btf
    }

    /// How many types there are, without `void`.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether there is no type but `void`.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// All types with their ids, in order.
    pub fn types(&self) -> impl Iterator<Item = (TypeId, &BtfType)> {
        (1..).map(TypeId).zip(&self.types)
    }

    /// A type by id; none for `void` and unknown ids.
    pub fn get(&self, id: TypeId) -> Option<&BtfType> {
        self.types.get((id.0 as usize).checked_sub(1)?)
    }

    /// What a type is; none for `void` and unknown ids.
    pub fn kind(&self, id: TypeId) -> Option<&BtfKind> {
        self.get(id).map(|one| &one.kind)
    }

    /// The whole string section.
    pub fn strings(&self) -> &str {
        &self.strings
    }

    /// The text of a name; empty for offsets outside.
    pub fn str(&self, name: Name) -> &str {
        let rest = self.strings.get(name.0 as usize..).unwrap_or("");
        rest.split('\0').next().unwrap_or("")
    }

    /// The name of a type; empty when it has none.
    pub fn name(&self, id: TypeId) -> &str {
        self.str(self.name_of(id))
    }

    fn name_of(&self, id: TypeId) -> Name {
        self.get(id).map_or(Name::NONE, |one| one.name)
    }

    /// All types of that name, in the order of their ids. Costs a binary search.
    pub fn find<'a>(&'a self, name: &'a str) -> impl Iterator<Item = TypeId> + 'a {
        let start = self.by_name.partition_point(|id| self.name(*id) < name);
        self.by_name[start..].iter().copied().take_while(move |id| self.name(*id) == name)
    }

    /// The first type of that name and kind.
    pub fn find_kind(&self, name: &str, tag: KindTag) -> Option<TypeId> {
        self.find(name).find(|id| self.kind(*id).is_some_and(|kind| kind.tag() == tag))
    }

    /// What lies behind `const`, `volatile`, `restrict` and type tags. A cycle ends at a modifier.
    pub fn skip_modifiers(&self, id: TypeId) -> TypeId {
        self.skip(id, |kind| match kind {
            BtfKind::Const(of)
            | BtfKind::Volatile(of)
            | BtfKind::Restrict(of)
            | BtfKind::TypeTag { of, .. } => Some(*of),
            _ => None,
        })
    }

    /// What lies behind modifiers and typedefs. A cycle ends at one of them.
    pub fn resolve(&self, id: TypeId) -> TypeId {
        self.skip(id, |kind| match kind {
            BtfKind::Const(of)
            | BtfKind::Volatile(of)
            | BtfKind::Restrict(of)
            | BtfKind::TypeTag { of, .. }
            | BtfKind::Typedef(of) => Some(*of),
            _ => None,
        })
    }

    fn skip(&self, mut id: TypeId, step: impl Fn(&BtfKind) -> Option<TypeId>) -> TypeId {
        for _ in 0..DEPTH_MAX {
            match self.kind(id).and_then(&step) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }

    /// Whether a type is `const` before anything but other modifiers.
    pub fn is_const(&self, mut id: TypeId) -> bool {
        for _ in 0..DEPTH_MAX {
            match self.kind(id) {
                Some(BtfKind::Const(_)) => return true,
                Some(BtfKind::Volatile(of) | BtfKind::Restrict(of)) => id = *of,
                Some(BtfKind::TypeTag { of, .. } | BtfKind::Typedef(of)) => id = *of,
                _ => return false,
            }
        }
        false
    }

    /// Bytes of a value of the type, modifiers, typedefs and arrays resolved. None for `void`,
    /// functions, forward declarations, cycles and products above 64 bits.
    pub fn size_of(&self, id: TypeId) -> Option<u64> {
        let (mut id, mut factor) = (id, 1_u64);
        for _ in 0..DEPTH_MAX {
            id = self.resolve(id);
            let size = match self.kind(id)? {
                BtfKind::Array { element, len, .. } => {
                    factor = factor.checked_mul(u64::from(*len))?;
                    id = *element;
                    continue;
                }
                BtfKind::Var { of, .. } | BtfKind::DeclTag { of, .. } => {
                    id = *of;
                    continue;
                }
                BtfKind::Int { size, .. }
                | BtfKind::Float { size }
                | BtfKind::Datasec { size, .. } => u64::from(*size),
                BtfKind::Ptr(_) => POINTER_SIZE,
                BtfKind::Struct(composite) | BtfKind::Union(composite) => composite.size.into(),
                BtfKind::Enum(set) | BtfKind::Enum64(set) => set.size.into(),
                _ => return None,
            };
            return size.checked_mul(factor);
        }
        None
    }

    /// Alignment in bytes as C gives it; packed structs have 1. None where there is no size, and
    /// for structs within structs without end.
    pub fn align_of(&self, id: TypeId) -> Option<u64> {
        self.align_within(id, DEPTH_MAX, &mut { ALIGN_STEPS_MAX })
    }

    fn align_within(&self, id: TypeId, depth: usize, steps: &mut u32) -> Option<u64> {
        let depth = depth.checked_sub(1)?;
        *steps = steps.checked_sub(1)?;
        match self.kind(self.resolve(id))? {
            BtfKind::Array { element: of, .. }
            | BtfKind::Var { of, .. }
            | BtfKind::DeclTag { of, .. } => self.align_within(*of, depth, steps),
            BtfKind::Int { size, .. } | BtfKind::Float { size } => {
                Some(u64::from(*size).clamp(1, POINTER_SIZE))
            }
            BtfKind::Ptr(_) => Some(POINTER_SIZE),
            BtfKind::Enum(set) | BtfKind::Enum64(set) => Some(u64::from(set.size).max(1)),
            BtfKind::Struct(composite) | BtfKind::Union(composite) => {
                let mut align = 1;
                for member in composite.members.iter().filter(|member| member.bit_width == 0) {
                    let wanted = self.align_within(member.of, depth, steps)?.max(1);
                    if !u64::from(member.bit_offset).is_multiple_of(8 * wanted) {
                        return Some(1);
                    }
                    align = align.max(wanted);
                }
                Some(if u64::from(composite.size).is_multiple_of(align) { align } else { 1 })
            }
            _ => None,
        }
    }
}
