//! The wire proxy: it owns the device, and somebody else's daemon talks to it over a socket.
//!
//! The daemon is an ordinary program of libfuse or fuser that is told to serve `/dev/fd/N` in
//! place of a mount point: that descriptor is one end of a pair of sockets that keep message
//! boundaries, which is all that `/dev/fuse` does for it. One loop carries messages both ways, so
//! that their order is that of the trace; a thread writes it.
//!
//! What a reader would get wrong: what a daemon does to the device with ioctl is lost, so the
//! kernel's offers that need one (passthrough, io_uring) are masked out of INIT, and the trace
//! says so.

mod init;
mod relay;
mod session;
mod tape;

pub use session::{Proxy, ProxyOptions, ProxySummary};
