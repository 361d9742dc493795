//! Replay of FUSE messages: recorded requests in, replies out, and what differs.
//!
//! A [`WireReplayer`] feeds the messages of a recorded session to a
//! [`Server`](crate::serve::Server), the same one that stands behind a mount, and compares every
//! reply with the recorded one. It is pure: messages and instants in, a report out; whoever read
//! them from a trace, an strace log or a proxy.
//!
//! Node and handle numbers belong to the daemon that minted them. The replayer learns which of
//! ours stands for which recorded one from the replies that hand them out, and translates requests
//! before they are served. Where a recording begins within a session, [`WireReplayer::assume`]
//! prepares what was there before. [`Judgement`] says what else has to be equal.
//!
//! What a reader would get wrong: requests overlap, and a server applies one when it answers. So a
//! session is replayed in the order of its replies, see [`order_of_effects`].

mod assumed;
mod compare;
mod exchange;
mod infer;
mod map;
mod player;
mod report;
mod start;
mod uses;

pub use exchange::{Exchange, Replied, exchanges_of, order_of_effects};
#[doc(hidden)]
pub use infer::fuzz_entry;
pub use infer::{Observer, Unseen};
pub use player::{Judgement, WireReplayer};
pub use report::{WireDivergence, WireReport};
pub use start::{is_partial, observe, observed_lower};
