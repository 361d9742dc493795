//! The machine-readable tables as they are written: schema `fuse-bpf-abi/1` (SEMANTICS 0.4).
//!
//! Reading a [`Description`] checks names and types of keys and nothing more; what v3 and v4 tables
//! must satisfy beyond that is checked by [`crate::AbiTable::from_description`]. A reader would get
//! wrong that sizes may be numbers or words, and that `android` has no members.

mod operation;
mod read;
mod record;
mod table;
mod words;

pub use operation::{Buffer, Callback, CallbackArg, Operation, OperationArg};
pub use read::{BUILT_IN, built_in};
pub use table::{
    AccessRule, Attach, Constant, Description, Enumeration, Kfunc, KfuncParam, Named, PipelineRule,
    QuirkRecord, ReturnCode, Struct, StructField, WriteableRow,
};
pub use words::{Fill, Quantity};
