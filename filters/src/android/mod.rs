//! Android: one program for all operations, with windows on its arguments (SEMANTICS 2.11, 4.6).
//!
//! A program answers a negative errno or a sum of bits ([`ANDROID_USER_FILTER`],
//! [`ANDROID_BACKING`], [`ANDROID_POST_FILTER`]). In the prefilter its out arguments are the in
//! arguments, so that what it writes there is what the lower step uses; in the postfilter the out
//! arguments stand behind the in arguments as well. What a reader would get wrong: 0 is no
//! CONTINUE but the ordinary path to the daemon.

mod adapt;
mod answer;
mod frame;
mod program;

pub(crate) use adapt::AsAndroid;
pub use answer::{ANDROID_BACKING, ANDROID_POST_FILTER, ANDROID_USER_FILTER};
pub(crate) use frame::{WINDOW, Window, windows, write_back};
pub use program::{AndroidCall, AndroidProgram};
