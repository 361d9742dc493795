//! Scenarios: text files that say what is there, what happens, and what must come of it.
//!
//! A scenario is how a failure is kept and how a behaviour is pinned without writing Rust: a lower
//! tree, filters, clients, their system calls, a scripted daemon, and expectations. Everything
//! goes through the VFS model and the pipeline; nothing is judged that the file does not mention,
//! except that a call without a result must succeed and that a daemon gets no request which the
//! file does not mention. What a reader would get wrong: consequences are indented lines *below*
//! their call, and `filter` and `print` lines need not be all that happened, only in order.
//!
//! ```text
//! title     a hidden name cannot be opened
//! abi       v3 v4                                    one run each; v4 when nothing is said
//! fidelity  faithful                                 or intended
//! durability ordered                                what a loss of power leaves; prefix, loose
//! mount     filter=hide daemon no_root_dir init=0x2000      options; all may be left out
//! mount     root_dir=/below root_bpf=hide no_daemon         a directory, a registered name
//! mount     root_bpf=other refused "Unable to find bpf program"      a mount that must fail
//!
//! filter hide = hide:.secret                         as on the command line
//! filter mine rules                                  or rules, the first that matches decides
//!   lookup_prefilter name="show" nodeid=1 -> POSTFILTER
//!   lookup_postfilter set out.nodeid=6 print "Lookup" -> CONTINUE
//!   mkdir_prefilter resize name 24 copy -> ENOENT
//!   readdir_postfilter write buffer x"00" -> 0
//!
//! lower                                              the tree below, as tree text
//!   /notes.txt 'hi'
//!   /.secret 'no'
//!
//! client alice pid=7 uid=1000 gid=1000 umask=022     the first one is meant when a call names none
//!
//! run
//!   open("/notes.txt", O_RDONLY) = 3                 as strace shows calls
//!   read(3, 10) = 2 "hi"
//!   alice: unlink("/.secret") = ENOENT
//!     filter lookup_prefilter name=".secret" -> ENOENT
//!     no filter unlink_prefilter                     that member was not called
//!     print "Lookup"                                 a printed line contains it
//!     quirk LOOK-3                                   it was hit
//!     daemon LOOKUP 1 name="x" -> out.nodeid=2       the request it gets next, and its reply
//!     daemon OPEN+post 6 error_in=0 -> out.fh=1      +pre, +post: filter requests, echoed
//!     daemon READ -> body "data"                     also: ok, ENOENT, nothing, refused ok
//!     daemon LOOKUP -> ioctl entry BPF "f" entry BACKING "/a"      also REMOVE_BPF, REMOVE_BACKING
//!     daemon READDIR+post -> only "a" "." record "b" ino=9 off=5 type=8     edits the records
//!   times 3 mkdir("/d%d")                            /d1, /d2, /d3, each with what is below
//!   stat("/x") = ?                                   whatever comes; also = crash, = hang
//!   list("/") = "." ".." "notes.txt"                 opens, reads to the end, closes
//!   cat("/notes.txt") = "hi"
//!   put("/new", "text")                                  opens, writes, closes
//!   lower "/.secret" = "no"                          below: bytes, file, directory, absent
//!   power lost 0 2                                   power fails; changes 0 and 2 are gone
//!   alice: power lost after 5 of rename("/a", "/b")  in a call, after 5 of its steps
//!   alice: held after 4 of mkdir("/d/x") = 0         begun, and held after 4 of its steps
//!     fault lower mkdir fails with EIO               goes wrong meanwhile, and must
//!   bob: mkdir("/e/y") = EDQUOT                      what others do while it is held
//!   alice: goes on 2                                 two steps more
//!   alice: goes on                                   to its end; now its result is judged
//!
//! tree                                               the whole tree below at the end
//!   /notes.txt 'hi'
//!   /.secret 'no'
//! ```
//!
//! A loss of power takes of the changes that are not durable yet, counted from 0, which is the
//! oldest, those that are named and what needs them; the rest is as if it had reached the disk.
//! Then what is left is mounted afresh: filters, daemon and clients know nothing of before, and
//! what follows looks at it.
//!
//! A step of a call ends where another client can make a difference: before a request enters,
//! before the lower operation, before the postfilter, and where a lock is not free. Faults are
//! written as reports write them: `lower OP fails with ERRNO`, `lower read returns N bytes`, `lower
//! write takes N bytes`, `get_writeable finds no memory`, `the clock jumps N s`, `a signal
//! interrupts the wait for the daemon`, `the client is killed`, and what a daemon does (`the
//! daemon dies`, `never answers`, `answers ERRNO`, `answers twice`, `answers late`, ...).
//!
//! Bytes are `"..."` with `\\ \" \n \t \0 \xNN`, or `x"0a0b"`; `"ab"*512` is 1024 of them. Numbers
//! are as in C. A code is the name of a verdict, of an errno, or a number. `#` begins a comment.

mod daemon;
mod daemon_line;
mod error;
mod fault_line;
mod lex;
mod matching;
mod model;
mod parse;
mod report;
mod rules;
mod runner;
mod under_way;
mod watch;

pub use error::ScenarioError;
pub use model::{
    Act, Action, Below, ClientLine, Condition, Consequence, DaemonAnswer, DaemonLine, EntryLine,
    FilterLine, FilterSource, MountLine, PowerLine, RecordLine, RootDirLine, Rule, Scenario, Step,
    SuccessLine, TreeBlock,
};
#[doc(hidden)]
pub use parse::fuzz_entry;
pub use report::{Failure, ScenarioReport};
pub use runner::{Resolve, RunError, run};
