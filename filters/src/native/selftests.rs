//! The filters of the fuse-bpf selftests (v3 36/37, SEMANTICS 10.2), for the scenarios that replay
//! those tests.
//!
//! They decide what the posted filters decide and print the words that the tests search. They
//! refuse to be useful otherwise. What a reader would get wrong: a name is compared with its NUL
//! and by the size of its buffer, so `test_trace_ops` serves exactly `real` and `partial` and
//! hands everything else to the daemon.

use fuserig_abi::{Arg, CallArgs, Dir, Errno, FuseOpenOut, FuseReadIn, Op, Phase, Slot, Verdict};

use super::FuseOps;
use crate::{Filter, FilterEnv, Mentions};

/// Nodes that `test_trace_ops` gives to the two names it serves.
const REAL_NODE: u64 = 5;
const PARTIAL_NODE: u64 = 6;
/// The handle number it gives to directories, by which it knows them again.
const DIRECTORY_FH: u64 = 2;
/// `FUSE_ENTRY_REMOVE_BPF`.
const REMOVE_BPF: u32 = 4;
/// Bytes of `struct fuse_bpf_entry_out`.
const ENTRY_BYTES: usize = 24;

/// A filter of the selftests by its registered name.
///
/// ```
/// use fuserig_filters::selftest;
/// assert_eq!(selftest("test_error").expect("one of them").name(), "test_error");
/// assert!(selftest("other").is_none());
/// ```
pub fn selftest(name: &str) -> Option<Box<dyn Filter>> {
    Some(match name {
        "trace_ops" => Box::new(TraceOps { name: "trace_ops", decide: None }),
        "test_trace_ops" => Box::new(TraceOps { name: "test_trace_ops", decide: Some(serve) }),
        "readdir_redact" => Box::new(readdir_redact()),
        "test_hidden" => Box::new(test_hidden()),
        "test_error" => Box::new(test_error()),
        "readdir_plus" => {
            Box::new(FuseOps::new("readdir_plus").readdir_prefilter(|_, _| Verdict::User))
        }
        "passthrough" => Box::new(passthrough()),
        "lookup_post" => Box::new(lookup_post()),
        _ => return None,
    })
}

/// What a traced member returns when it does not simply go on.
type Decide = fn(Slot, &mut CallArgs) -> Verdict;

/// A prefilter for almost every operation that prints one line; `decide` may say more.
#[derive(Debug)]
struct TraceOps {
    name: &'static str,
    decide: Option<Decide>,
}

impl Filter for TraceOps {
    fn name(&self) -> &str {
        self.name
    }

    fn has(&self, slot: Slot) -> bool {
        match slot {
            Slot::Default => false,
            Slot::Member(op, Phase::Pre) => word(op).is_some(),
            Slot::Member(op, Phase::Post) => {
                self.decide.is_some()
                    && matches!(op, Op::Lookup | Op::Open | Op::Opendir | Op::Readdir)
            }
        }
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        if let Slot::Member(op, Phase::Pre) = slot
            && let Some((traced, served)) = word(op)
        {
            let word = if self.decide.is_some() { served } else { traced };
            env.print(format!("{word} {}", args.meta.nodeid));
        }
        let verdict = match (self.decide, slot) {
            (Some(decide), _) => decide(slot, args),
            (None, Slot::Member(Op::Lookup, Phase::Pre)) if args.meta.nodeid == 1 => {
                Verdict::UserPrefilter
            }
            (None, _) => Verdict::Continue,
        };
        verdict.code()
    }
}

/// The words of `trace_ops` and of `test_trace_ops`; none for operations that neither traces.
fn word(op: Op) -> Option<(&'static str, &'static str)> {
    let both = |word| Some((word, word));
    match op {
        Op::Open => both("Open"),
        Op::Opendir => Some(("Open Dir", "opendir")),
        Op::CreateOpen => both("Create"),
        Op::Release | Op::Releasedir => both("Release"),
        Op::Flush => both("flush"),
        Op::Lseek => both("lseek"),
        Op::Getxattr => both("getxattr"),
        Op::Listxattr => both("listxattr"),
        Op::Setxattr => both("setxattr"),
        Op::Removexattr => both("removexattr"),
        Op::ReadIter => Some(("Read", "read")),
        Op::WriteIter => both("Write"),
        Op::FileFallocate => both("fallocate"),
        Op::Lookup => both("Lookup"),
        Op::Mknod => both("mknod"),
        Op::Mkdir => both("mkdir"),
        Op::Rmdir => both("rmdir"),
        Op::Rename2 | Op::Rename => both("rename"),
        Op::Unlink => both("unlink"),
        Op::Link => both("link"),
        Op::Getattr => Some(("Get Attr", "getattr")),
        Op::Setattr => both("Set Attr"),
        Op::Statfs => both("statfs"),
        Op::GetLink => both("readlink"),
        Op::Symlink => both("symlink"),
        Op::Readdir => Some(("Read Dir", "readdir")),
        Op::Access => both("Access"),
        Op::CopyFileRange | Op::Fsync | Op::DirFsync => None,
    }
}

/// The rules of `test_trace_ops`.
fn serve(slot: Slot, args: &mut CallArgs) -> Verdict {
    let Slot::Member(op, phase) = slot else { return Verdict::Continue };
    let node = args.meta.nodeid;
    let own = |nodes: &[u64]| {
        if nodes.contains(&node) { Verdict::Continue } else { Verdict::User }
    };
    match (op, phase) {
        (Op::Lookup, Phase::Pre) => serve_name(args),
        (Op::Lookup, Phase::Post) => {
            let node = match in_bytes(args) {
                name if starts(name, b"partial\0") => PARTIAL_NODE,
                name if starts(name, b"real\0") => REAL_NODE,
                _ => return Verdict::Continue,
            };
            if let Some(out) = args.arg_mut(Dir::Out, 0).and_then(Arg::as_struct_mut) {
                out.view_mut::<fuserig_abi::FuseEntryOut>().nodeid = node;
            }
            Verdict::Continue
        }
        (Op::Open, Phase::Pre) => match node {
            REAL_NODE => Verdict::Continue,
            PARTIAL_NODE => Verdict::Postfilter,
            _ => Verdict::User,
        },
        (Op::Open, Phase::Post) => Verdict::UserPostfilter,
        (Op::ReadIter, Phase::Pre) => {
            let read = input::<FuseReadIn>(args);
            if read.fh == 1 && read.offset == 0 { Verdict::User } else { Verdict::Continue }
        }
        (Op::Getattr | Op::Setattr, Phase::Pre) => own(&[1, REAL_NODE, PARTIAL_NODE, 100]),
        (Op::Opendir, Phase::Pre) if node == 1 => Verdict::Postfilter,
        (Op::Opendir, Phase::Pre) => Verdict::User,
        (Op::Opendir, Phase::Post) => {
            if let Some(out) = args.arg_mut(Dir::Out, 0).and_then(Arg::as_struct_mut) {
                out.view_mut::<FuseOpenOut>().fh = DIRECTORY_FH;
            }
            Verdict::Continue
        }
        (Op::Readdir, Phase::Pre) if input::<FuseReadIn>(args).fh == DIRECTORY_FH => {
            Verdict::Postfilter
        }
        (Op::Readdir, Phase::Pre) => Verdict::User,
        (Op::Readdir, Phase::Post) if input::<FuseReadIn>(args).fh == DIRECTORY_FH => {
            Verdict::UserPostfilter
        }
        _ => Verdict::Continue,
    }
}

/// A name is known by the size of its buffer first, as the posted filter compares fixed numbers of
/// bytes.
fn serve_name(args: &CallArgs) -> Verdict {
    let name = in_bytes(args);
    match name.len() {
        8.. if starts(name, b"partial\0") => Verdict::Postfilter,
        6 | 7 if starts(name, b"file1\0") || starts(name, b"file2\0") => Verdict::Postfilter,
        5 if starts(name, b"dir2\0") || starts(name, b"real\0") => Verdict::Postfilter,
        4 if starts(name, b"dir\0") => Verdict::Postfilter,
        _ => Verdict::User,
    }
}

fn starts(bytes: &[u8], with: &[u8]) -> bool {
    bytes.starts_with(with)
}

/// The first in argument as bytes, with the NUL of a name; nothing when it cannot be read.
fn in_bytes(args: &CallArgs) -> &[u8] {
    let buffer = args.arg(Dir::In, 0).and_then(Arg::as_buffer);
    buffer.and_then(|buffer| buffer.bytes(&args.arena).ok()).unwrap_or(&[])
}

fn input<T: fuserig_abi::WireStruct + Copy + Default>(args: &CallArgs) -> T {
    args.arg(Dir::In, 0).and_then(Arg::as_struct).map(|arg| *arg.view::<T>()).unwrap_or_default()
}

fn readdir_redact() -> FuseOps {
    FuseOps::new("readdir_redact")
        .readdir_prefilter(|_, _| Verdict::Postfilter)
        .readdir_postfilter(|_, _, _, _| Verdict::UserPostfilter)
}

fn test_hidden() -> FuseOps {
    FuseOps::new("test_hidden")
        .mentioning(Mentions::of(["hide"], []))
        .lookup_prefilter(|_, name| match name.name() {
            b"hide" => Verdict::Error(Errno::ENOENT),
            _ => Verdict::Continue,
        })
        .access_prefilter(|cx, _: &mut fuserig_abi::FuseAccessIn| {
            cx.print("Access");
            Verdict::Continue
        })
        .create_open_prefilter(|cx, _: &mut fuserig_abi::FuseCreateIn, _| {
            cx.print("Create");
            Verdict::Continue
        })
}

fn test_error() -> FuseOps {
    FuseOps::new("test_error")
        .lookup_prefilter(|_, _| Verdict::Postfilter)
        .lookup_postfilter(|_, name, _, _| match name.bytes() {
            Some(name) if starts(name, b"doesnotexist\0") => Verdict::UserPostfilter,
            _ => Verdict::Continue,
        })
        .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
        .mkdir_postfilter(|cx, _, _| match cx.error_in() {
            Some(Errno::EEXIST) => Verdict::Error(Errno::EPERM),
            _ => Verdict::Continue,
        })
}

fn passthrough() -> FuseOps {
    FuseOps::new("passthrough").lookup_prefilter(|_, _| Verdict::Postfilter).lookup_postfilter(
        |_, _, _, entries| {
            if let Some(mut view) = entries.get_rw(ENTRY_BYTES as u64, false) {
                let mut entry = [0; ENTRY_BYTES];
                entry[..4].copy_from_slice(&REMOVE_BPF.to_le_bytes());
                view.write(0, &entry);
            }
            Verdict::UserPostfilter
        },
    )
}

fn lookup_post() -> FuseOps {
    FuseOps::new("lookup_post")
        .lookup_prefilter(|_, _| Verdict::Postfilter)
        .lookup_postfilter(|_, _, _, _| Verdict::UserPostfilter)
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Arena, FuseBuffer};

    use super::*;

    fn lookup(node: u64, name: &[u8]) -> CallArgs {
        let mut args = CallArgs::new(Op::Lookup);
        args.meta.nodeid = node;
        let mut arena = Arena::new();
        let buffer = FuseBuffer::variable_name(&mut arena, "name", name);
        args.arena = arena;
        args.push_in(Arg::Buffer(buffer));
        args
    }

    #[test]
    fn names_are_served_by_size_and_text() {
        let table: [(&[u8], Verdict); 7] = [
            (b"partial", Verdict::Postfilter),
            (b"real", Verdict::Postfilter),
            (b"dir", Verdict::Postfilter),
            (b"dir2", Verdict::Postfilter),
            (b"file1", Verdict::Postfilter),
            (b"reality", Verdict::User),
            (b"show", Verdict::User),
        ];
        for (name, expected) in table {
            let mut args = lookup(1, name);
            let verdict = serve(Slot::Member(Op::Lookup, Phase::Pre), &mut args);
            assert_eq!(verdict, expected, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn every_filter_of_the_selftests_has_its_name() {
        let names = [
            "trace_ops",
            "test_trace_ops",
            "readdir_redact",
            "test_hidden",
            "test_error",
            "readdir_plus",
            "passthrough",
            "lookup_post",
        ];
        for name in names {
            let filter = selftest(name).expect("it exists");
            assert_eq!(filter.name(), name);
            assert!(Slot::all().any(|slot| filter.has(slot)), "{name} has no member");
        }
    }

    #[test]
    fn tracing_covers_all_but_three_operations() {
        let filter = selftest("trace_ops").expect("it exists");
        let traced = Slot::all().filter(|&slot| filter.has(slot)).count();
        assert_eq!(traced, 32 - 3);
    }
}
