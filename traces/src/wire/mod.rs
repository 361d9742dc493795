//! The messages of `/dev/fuse`: bytes to operations, and operations to bytes.
//!
//! Whoever sees the raw messages (an strace log of a daemon, a proxy, a capture) hands them to
//! [`Pairing`], which joins each reply with its request and keeps both verbatim; [`InOrder`] puts
//! what comes out into the order of the requests; [`PayloadStore`] keeps file data once.
//! [`request_message`] and [`reply_message`] give the bytes back. The module refuses to interpret:
//! it reads heads and splits off file data, and what a body means is for [`crate::ops`]. What a
//! reader would get wrong: a reply belongs to the *descriptor* its request was read from, because
//! the kernel keeps requests per open of the device, so numbers alone do not identify it.

mod bytes;
mod head;
mod init;
mod message;
mod order;
mod pairing;
mod store;
mod survey;
mod used;

pub use head::{ReplyHead, RequestHead};
pub use init::{init_flag_names, init_of};
pub use message::{reply_message, request_message};
pub use order::InOrder;
pub use pairing::{Channel, MessageError, Moment, Pairing, Written};
pub use store::PayloadStore;
pub use survey::Survey;
