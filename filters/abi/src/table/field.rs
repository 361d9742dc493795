//! Fields by name: where a path such as `out.attr.mode` lies in an argument.

use crate::Dir;

/// An integer inside a struct.
///
/// ```
/// use fuserig_abi::Field;
/// let field = Field { offset: 4, size: 4, signed: true };
/// assert_eq!(field.read(&[0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]), Some(-2_i64 as u64));
/// assert_eq!(field.read(&[0; 7]), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// Distance from the start of the struct in bytes.
    pub offset: u32,
    /// Length in bytes, at most 8.
    pub size: u32,
    /// Whether it is extended with its sign.
    pub signed: bool,
}

impl Field {
    fn range(self) -> core::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.size as usize
    }

    /// The value, or `None` when the bytes end before the field does.
    pub fn read(self, bytes: &[u8]) -> Option<u64> {
        let source = bytes.get(self.range())?;
        let mut word = [0; 8];
        word[..source.len()].copy_from_slice(source);
        let value = u64::from_le_bytes(word);
        let unused = 64 - self.size * 8;
        Some(if self.signed { (((value << unused) as i64) >> unused) as u64 } else { value })
    }

    /// Stores the lowest bytes of `value` and says whether the field is there.
    pub fn write(self, bytes: &mut [u8], value: u64) -> bool {
        let Some(target) = bytes.get_mut(self.range()) else {
            return false;
        };
        target.copy_from_slice(&value.to_le_bytes()[..self.size as usize]);
        true
    }
}

/// A field of an argument, found once by its path and then used without a search.
///
/// ```
/// use fuserig_abi::{Abi, AbiTable, Dir, Field, FieldRef, Op};
/// let found = AbiTable::of(Abi::V3).field(Op::Getattr, "out.attr.mode");
/// let field = Field { offset: 76, size: 4, signed: false };
/// assert_eq!(found, Some(FieldRef::Arg { dir: Dir::Out, index: 0, field }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldRef {
    /// A field of the meta information.
    Meta(Field),
    /// A field of a fixed struct.
    Arg {
        /// Direction of the argument.
        dir: Dir,
        /// Its position in that direction.
        index: usize,
        /// The field.
        field: Field,
    },
}
