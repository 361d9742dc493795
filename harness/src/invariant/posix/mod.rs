//! Facts of the system call interface that hold whatever filesystem is below.
//!
//! Each fact is a function over one call, the tree before it and the tree after it, and says what a
//! manual page or POSIX says of that call; it shares nothing with the code that serves the call.
//! What is judged: bytes and lengths (`bytes`), positions (`offsets`), what leads where (`names`),
//! link counts (`links`), modes and owners (`attributes`), extended attributes (`xattrs`), access
//! control lists (`acl`), times (`times`), what is shown (`shown`), listings (`listing`), who may
//! do what (`rights`), locks (`locks`), which descriptors are open (`slots`), what a child has of
//! its parent and leaves it (`processes`), what an open gives (`opened`), paths that lead nowhere
//! (`nowhere`) or have a slash behind what is no directory (`slashes`) or end in dots (`dots`),
//! what is sent from one file to another (`sends`), that what fails has a reason for its error
//! (`refusals`), and that what fails or only looks changes nothing (`still`).
//!
//! What is left out, because it cannot be judged soundly from outside: calls during which another
//! was under way, but for what listings hold, and those during which something was made to fail,
//! with listings meanwhile; what is looked at by a path with `..` at the end; bytes of files
//! beyond 64 KiB; lists whose mask grants nothing, at which Linux does not look; access times but
//! of what is read or listed from the start; how many blocks a file takes, but after it was
//! truncated or given room; which of several errors comes first; refusals of Linux's own hardening
//! (protected symlinks, hardlinks and fifos); errors of a run in which something was made to fail,
//! of fifos, sockets and devices, of attributes that are neither bytes alone nor lists, of O_PATH,
//! O_TMPFILE and the access mode 3, and of positions in directories; locks that were asked for or
//! given back at the same time; `O_NOATIME` by `F_SETFL`, and a file that was opened with
//! `O_APPEND` once that is taken from it. What a reader would get wrong: the tree is the one in
//! memory, whatever stands above it. A subject with a lower filesystem of its own that does not
//! hand calls on to that one is not for this, nor is a filter that changes what calls mean.

mod acl;
mod attributes;
mod bytes;
mod dots;
mod judge;
mod judged;
#[cfg(test)]
mod kept;
mod links;
mod listing;
mod locks;
mod names;
mod nowhere;
mod offsets;
mod opened;
mod path;
mod processes;
mod refusals;
mod rights;
mod sends;
mod shown;
mod slashes;
mod slots;
mod still;
#[cfg(test)]
mod tests;
mod times;
mod waits;
mod wire;
mod xattrs;

pub use judge::{Posix, posix};
