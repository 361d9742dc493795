//! What a row of the table says.

use super::{Layout, OPS};

/// One FUSE operation.
///
/// ```
/// use fuserig_traces::ops::OpSpec;
/// let lookup = OpSpec::by_number(1).expect("LOOKUP is in the table");
/// assert_eq!(lookup.name, "LOOKUP");
/// assert_eq!(OpSpec::by_name("LOOKUP"), Some(lookup));
/// assert_eq!(OpSpec::name_of(77), "op#77");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpSpec {
    /// The number on the wire.
    pub number: u16,
    /// The name, without `FUSE_`.
    pub name: &'static str,
    /// What a request may contain after the FUSE header; the first layout that fits is it.
    pub request: &'static [Layout],
    /// What a reply may contain after the FUSE header.
    pub reply: &'static [Layout],
    /// Where file data travel, which records keep apart from the bodies.
    pub data: DataPlace,
}

/// Where file data travel in an operation.
///
/// ```
/// use fuserig_traces::ops::{DataPlace, OpSpec};
/// let write = OpSpec::by_name("WRITE").expect("WRITE is in the table");
/// let (body, data) = write.split_request(&[7; 45]);
/// assert_eq!((write.data, body.len(), data.len()), (DataPlace::Request { after: 40 }, 40, 5));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPlace {
    /// There are none.
    None,
    /// In the request, after a struct of this many bytes.
    Request {
        /// Length of the struct.
        after: usize,
    },
    /// The reply is data.
    Reply,
}

impl OpSpec {
    /// The row of a number.
    pub fn by_number(number: u16) -> Option<&'static OpSpec> {
        OPS.iter().find(|spec| spec.number == number)
    }

    /// The row of a name.
    pub fn by_name(name: &str) -> Option<&'static OpSpec> {
        OPS.iter().find(|spec| spec.name == name)
    }

    /// The name of a number, or `op#77`.
    pub fn name_of(number: u16) -> String {
        OpSpec::by_number(number).map_or_else(|| format!("op#{number}"), |spec| spec.name.into())
    }

    /// A request's bytes after the FUSE header, as body and file data.
    pub fn split_request<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        match self.data {
            DataPlace::Request { after } => bytes.split_at(after.min(bytes.len())),
            DataPlace::None | DataPlace::Reply => (bytes, &[]),
        }
    }

    /// A reply's bytes after the FUSE header, as body and file data.
    pub fn split_reply<'a>(&self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        match self.data {
            DataPlace::Reply => (&[], bytes),
            DataPlace::None | DataPlace::Request { .. } => (bytes, &[]),
        }
    }
}
