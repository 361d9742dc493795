//! The typed builder and the worked filters, called as the pipeline calls them.

mod audit;
mod buffers;
mod builtin;
mod common;
mod directory;
mod fuse_ops;
mod hide;
mod library;
mod quota;
mod readonly;
mod redact;
mod touches;
mod twins;
