//! Arguments and outputs of system calls.

use crate::calls::OutField;

/// An argument or an output of a system call.
///
/// Which of the three a position uses is a matter of its `ArgKind`; the format keeps any.
///
/// ```
/// use fuserig_traces::record::{Value, ValueRef};
/// let path = Value::from(b"/notes.txt".as_slice());
/// assert_eq!(path.as_bytes(), Some(b"/notes.txt".as_slice()));
/// assert_eq!(Value::Int(-100).as_int(), Some(-100));
/// assert_eq!(Value::UInt(7).as_ref(), ValueRef::UInt(7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A signed number.
    Int(i64),
    /// An unsigned number.
    UInt(u64),
    /// Bytes: a path, a name, data.
    Bytes(Vec<u8>),
}

/// A [`Value`] that borrows its bytes.
///
/// ```
/// use fuserig_traces::record::{Value, ValueRef};
/// assert_eq!(ValueRef::Bytes(b"x").to_owned(), Value::Bytes(b"x".to_vec()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueRef<'a> {
    /// See [`Value::Int`].
    Int(i64),
    /// See [`Value::UInt`].
    UInt(u64),
    /// See [`Value::Bytes`].
    Bytes(&'a [u8]),
}

impl Value {
    /// Borrows the value.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Int(number) => ValueRef::Int(*number),
            Value::UInt(number) => ValueRef::UInt(*number),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
        }
    }

    /// The number, where it fits an `i64`.
    pub fn as_int(&self) -> Option<i64> {
        self.as_ref().as_int()
    }

    /// The number, where it fits a `u64`.
    pub fn as_uint(&self) -> Option<u64> {
        self.as_ref().as_uint()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_ref().as_bytes()
    }
}

impl<'a> ValueRef<'a> {
    /// Copies the value.
    pub fn to_owned(&self) -> Value {
        match *self {
            ValueRef::Int(number) => Value::Int(number),
            ValueRef::UInt(number) => Value::UInt(number),
            ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        }
    }

    /// The number, where it fits an `i64`.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            ValueRef::Int(number) => Some(number),
            ValueRef::UInt(number) => i64::try_from(number).ok(),
            ValueRef::Bytes(_) => None,
        }
    }

    /// The number, where it fits a `u64`.
    pub fn as_uint(&self) -> Option<u64> {
        match *self {
            ValueRef::Int(number) => u64::try_from(number).ok(),
            ValueRef::UInt(number) => Some(number),
            ValueRef::Bytes(_) => None,
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            ValueRef::Bytes(bytes) => Some(bytes),
            ValueRef::Int(_) | ValueRef::UInt(_) => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::UInt(number)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Value {
        Value::Bytes(bytes.to_vec())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Bytes(text.as_bytes().to_vec())
    }
}

/// The arguments of a call, wherever they live. Cheap to copy.
///
/// ```
/// use fuserig_traces::record::{Value, ValueRef, Values};
/// let owned = [Value::Int(3), "x".into()];
/// let values = Values::from(owned.as_slice());
/// assert_eq!(values.len(), 2);
/// assert_eq!(values.get(1), Some(ValueRef::Bytes(b"x")));
/// assert_eq!(values.iter().count(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(ValuesInner<'a>);

#[derive(Clone, Copy, Debug)]
enum ValuesInner<'a> {
    Owned(&'a [Value]),
    Decoded(&'a [ValueRef<'a>]),
}

impl<'a> Values<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0 {
            ValuesInner::Owned(values) => values.len(),
            ValuesInner::Decoded(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The argument at `index`.
    pub fn get(&self, index: usize) -> Option<ValueRef<'a>> {
        match self.0 {
            ValuesInner::Owned(values) => values.get(index).map(Value::as_ref),
            ValuesInner::Decoded(values) => values.get(index).copied(),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = ValueRef<'a>> + use<'a> {
        let values = *self;
        (0..values.len()).filter_map(move |index| values.get(index))
    }
}

impl Default for Values<'_> {
    fn default() -> Self {
        Values(ValuesInner::Owned(&[]))
    }
}

impl PartialEq for Values<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Values<'_> {}

impl<'a> From<&'a [Value]> for Values<'a> {
    fn from(values: &'a [Value]) -> Self {
        Values(ValuesInner::Owned(values))
    }
}

impl<'a> From<&'a [ValueRef<'a>]> for Values<'a> {
    fn from(values: &'a [ValueRef<'a>]) -> Self {
        Values(ValuesInner::Decoded(values))
    }
}

/// The outputs of a call, wherever they live. Cheap to copy.
///
/// ```
/// use fuserig_traces::calls::OutField;
/// use fuserig_traces::record::{Outs, Value, ValueRef};
/// let owned = [(OutField::SIZE, Value::UInt(6))];
/// let outs = Outs::from(owned.as_slice());
/// assert_eq!(outs.get(0), Some((OutField::SIZE, ValueRef::UInt(6))));
/// assert_eq!(outs.find(OutField::SIZE), Some(ValueRef::UInt(6)));
/// assert_eq!(outs.find(OutField::MODE), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Outs<'a>(OutsInner<'a>);

#[derive(Clone, Copy, Debug)]
enum OutsInner<'a> {
    Owned(&'a [(OutField, Value)]),
    Decoded(&'a [(OutField, ValueRef<'a>)]),
}

impl<'a> Outs<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self.0 {
            OutsInner::Owned(outs) => outs.len(),
            OutsInner::Decoded(outs) => outs.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The output at `index`.
    pub fn get(&self, index: usize) -> Option<(OutField, ValueRef<'a>)> {
        match self.0 {
            OutsInner::Owned(outs) => {
                outs.get(index).map(|(field, value)| (*field, value.as_ref()))
            }
            OutsInner::Decoded(outs) => outs.get(index).copied(),
        }
    }

    /// The first output under `field`.
    pub fn find(&self, field: OutField) -> Option<ValueRef<'a>> {
        self.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (OutField, ValueRef<'a>)> + use<'a> {
        let outs = *self;
        (0..outs.len()).filter_map(move |index| outs.get(index))
    }
}

impl Default for Outs<'_> {
    fn default() -> Self {
        Outs(OutsInner::Owned(&[]))
    }
}

impl PartialEq for Outs<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Outs<'_> {}

impl<'a> From<&'a [(OutField, Value)]> for Outs<'a> {
    fn from(outs: &'a [(OutField, Value)]) -> Self {
        Outs(OutsInner::Owned(outs))
    }
}

impl<'a> From<&'a [(OutField, ValueRef<'a>)]> for Outs<'a> {
    fn from(outs: &'a [(OutField, ValueRef<'a>)]) -> Self {
        Outs(OutsInner::Decoded(outs))
    }
}
