//! The table of FUSE operations: number, name, and what the bodies of request and reply contain.
//!
//! It serves people: the text form prints bodies as named fields, snapshots renumber handles and
//! nodes. It refuses to be the protocol's definition (that is `fuserig-abi`), and nothing is lost
//! when it is wrong or old: a body that does not match its row is printed as bytes. A reader
//! would get wrong that rows exist per protocol version; they describe FUSE 7.31 and later.

mod layout;
mod spec;
mod table;

pub(crate) use layout::number;
pub use layout::{Field, FieldKind, Layout, Segment};
pub use spec::{DataPlace, OpSpec};
pub use table::OPS;
