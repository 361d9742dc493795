//! Each filter of `filters/bpf` and its Rust twin, on the same random calls.
//!
//! The object runs in the checked interpreter. Both get the same arguments, and must answer the
//! same code, leave the same bytes in every argument, and go on agreeing, because some keep counts.

use fuserig_abi::{Abi, AbiTable, Arg, ArgKind, CallArgs, Dir, Op, Phase, Slot, Uid};
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{
    Filter, FilterEnv, Patterns, builtin, deny_uid, hide, present, twin_of_builtin, twin_of_object,
    uid_quota,
};

use crate::common::{args, bytes, readdir, records, user, with_outs};

/// Calls of one pair.
const CALLS: usize = 1500;

/// Names that one filter or another treats in a way of its own, and their neighbours.
const NAMES: &[&str] = &[
    "a",
    ".",
    "..",
    ".x",
    "..x",
    ".profile",
    "current",
    "currents",
    "curren",
    "v1",
    "key",
    ".key",
    "b.key",
    "a.keys",
    "real",
    "reality",
    "partial",
    "partially",
    "dir",
    "dir2",
    "file1",
    "file2",
    "file22",
    "show",
    "hide",
    "hides",
    "doesnotexist",
    "doesnotexist2",
    "user.guard.",
    "user.guard.a",
    "user.guard",
    "user.plain",
    "trusted.guard.",
    "long-name-that-is-longer-than-most-names-and-still-no-limit-of-anything.key",
];

/// A generator of Marsaglia's xorshift family: the same calls in every run.
struct Draws(u64);

impl Draws {
    fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.word() % limit as u64) as usize
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    /// A text for each buffer that goes in.
    fn texts(&mut self, op: Op) -> Vec<&'static [u8]> {
        let row = AbiTable::of(Abi::V4).operation(op);
        let buffers = row.in_args.iter().filter(|arg| arg.kind == ArgKind::Buffer);
        buffers.map(|_| self.name().as_bytes()).collect()
    }

    /// The arguments of a member, each struct with bytes that are often small.
    fn call(&mut self, op: Op, phase: Phase) -> CallArgs {
        let mut call = match (op, phase) {
            (Op::Readdir, Phase::Post) => {
                let count = self.below(6);
                let names: Vec<&str> = (0..count).map(|_| self.name()).collect();
                readdir(&records(&names), &[])
            }
            (_, Phase::Pre) => args(op, &[], &self.texts(op)),
            (_, Phase::Post) => with_outs(args(op, &[], &self.texts(op))),
        };
        for dir in [Dir::In, Dir::Out] {
            for index in 0.. {
                let Some(arg) = call.arg_mut(dir, index) else { break };
                if let Arg::Struct(one) = arg {
                    let len = one.bytes().len();
                    for at in 0..len {
                        let sparse = self.below(4) == 0;
                        one.bytes_mut()[at] = if sparse { self.word() as u8 } else { 0 };
                    }
                }
            }
        }
        call.meta.nodeid = self.below(3) as u64;
        call.meta.opcode = op.opcode().with_phase(phase).0;
        call.meta.error_in = [0, 0, 0, (-2_i32) as u32][self.below(4)];
        call
    }
}

/// The bytes of every argument of one direction.
fn buffers(call: &CallArgs, dir: Dir) -> Vec<Vec<u8>> {
    let all = match dir {
        Dir::In => call.ins(),
        Dir::Out => call.outs(),
    };
    let mut found = Vec::new();
    for (index, arg) in all.iter().enumerate() {
        found.push(match arg {
            Arg::Struct(one) => one.bytes().to_vec(),
            _ => bytes(call, dir, index).to_vec(),
        });
    }
    found
}

fn compare(name: &str, object: &[u8], twin: &mut dyn Filter) {
    let loaded = BpfFilter::load(object, Some(name), Abi::V4, Limits::default());
    let mut filter = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
    let slots: Vec<Slot> = Slot::all().filter(|slot| twin.has(*slot)).collect();
    assert_eq!(filter.members().collect::<Vec<_>>(), slots, "{name}: the members");
    let mut draws = Draws(0x2545_f491_4f6c_dd1d);
    let mut answers = std::collections::BTreeSet::new();
    for round in 0..CALLS {
        let Slot::Member(op, phase) = slots[draws.below(slots.len())] else { continue };
        let slot = Slot::Member(op, phase);
        let mut ours = draws.call(op, phase);
        let mut theirs = ours.clone();
        let caller = user(999 + draws.below(3) as u32);
        let mut env = FilterEnv::new(&caller);
        let code = filter.call(slot, &mut ours, &mut env) as i32;
        let printed = env.printed().to_vec();
        let mut env = FilterEnv::new(&caller);
        let expected = twin.call(slot, &mut theirs, &mut env) as i32;
        assert_eq!(code, expected, "{name} {slot}, call {round}: {theirs:?}");
        assert_eq!(printed, env.printed(), "{name} {slot}, call {round}: what is printed");
        for dir in [Dir::In, Dir::Out] {
            let both = (buffers(&ours, dir), buffers(&theirs, dir));
            assert_eq!(both.0, both.1, "{name} {slot}, call {round}: the arguments");
        }
        answers.insert(code);
    }
    assert!(!answers.is_empty(), "{name} was called");
}

/// The built-in filters that are written in C as well, with the parameters of their objects, and
/// with others where those are constants.
const SPECS: [&str; 24] = [
    "hide:.*",
    "redact:*.key",
    "readonly",
    "deny_uid:1000",
    "deny_uid:999",
    "deny_uid:0",
    "media_view",
    "audit_ring",
    "alias_lookup",
    "xattr_guard",
    "write_limit:1048576",
    "write_limit:4096",
    "write_limit:0",
    "uid_quota:8",
    "uid_quota:2",
    "strip_setid",
    "trace_ops",
    "test_trace_ops",
    "readdir_redact",
    "test_hidden",
    "test_error",
    "readdir_plus",
    "passthrough",
    "lookup_post",
];

#[test]
fn each_filter_in_c_decides_as_its_twin() {
    for spec in SPECS {
        let (name, object) = twin_of_builtin(spec).expect("it is written in C as well");
        assert_eq!(twin_of_object(name, &object).as_deref(), Some(spec));
        compare(name, &object, &mut *builtin(spec).expect("it is built in"));
    }
    assert!(twin_of_builtin("deny_uid:4294967296").is_none(), "no user has that number");
}

/// One filter under the ABI it is not made for, and its twin that is made for it, on the same
/// calls: every code and every byte.
fn compare_adapted(name: &str, mut one: Box<dyn Filter>, mut other: Box<dyn Filter>) {
    let slots: Vec<Slot> = Slot::all().filter(|slot| one.has(*slot)).collect();
    let theirs: Vec<Slot> = Slot::all().filter(|slot| other.has(*slot)).collect();
    assert_eq!(slots, theirs, "{name}: the families");
    let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
    let mut answers = std::collections::BTreeSet::new();
    for round in 0..CALLS {
        let Slot::Member(op, phase) = slots[draws.below(slots.len())] else { continue };
        let slot = Slot::Member(op, phase);
        let mut ours = draws.call(op, phase);
        // As the pipeline freezes them before the lower step.
        for arg in &mut ours.in_args {
            if let (Phase::Post, Arg::Buffer(buffer)) = (phase, arg) {
                buffer.flags |= fuserig_abi::BufferFlags::IMMUTABLE;
            }
        }
        let mut theirs = ours.clone();
        let caller = user(999 + draws.below(3) as u32);
        let code = one.call(slot, &mut ours, &mut FilterEnv::new(&caller)) as i32;
        let expected = other.call(slot, &mut theirs, &mut FilterEnv::new(&caller)) as i32;
        assert_eq!(code, expected, "{name} {slot}, call {round}: {theirs:?}");
        for dir in [Dir::In, Dir::Out] {
            assert_eq!(buffers(&ours, dir), buffers(&theirs, dir), "{name} {slot}, {round}");
        }
        answers.insert(code);
    }
    assert!(answers.len() > 1, "{name} answered only {answers:?}");
}

fn grouped(object: &[u8]) -> Box<dyn Filter> {
    let loaded = BpfFilter::load(object, None, Abi::V3Grouped, Limits::default());
    Box::new(loaded.unwrap_or_else(|error| panic!("{error}")))
}

fn patterns(text: &str) -> Patterns {
    Patterns::parse(text).expect("well-formed")
}

#[test]
fn a_v3_filter_behind_five_members_decides_as_one_written_for_them() {
    let hide = || -> Box<dyn Filter> { Box::new(hide(patterns(".*"))) };
    let deny = || -> Box<dyn Filter> { Box::new(deny_uid(Uid(1000))) };
    let object = include_bytes!("../../bpf/hide_names.grouped.o");
    compare_adapted("hide_names", grouped(object), present(hide(), Abi::V3, Abi::V3Grouped));
    let object = include_bytes!("../../bpf/deny_uid.grouped.o");
    compare_adapted("deny_uid", grouped(object), present(deny(), Abi::V3, Abi::V3Grouped));
    // And through both adapters, one behind the other.
    let there = present(hide(), Abi::V3, Abi::V3Grouped);
    let and_back = present(there, Abi::V3Grouped, Abi::V3);
    let object =
        present(grouped(include_bytes!("../../bpf/hide_names.grouped.o")), Abi::V3Grouped, Abi::V3);
    compare_adapted("hide_names twice adapted", object, and_back);
}

#[test]
fn an_adapted_filter_that_decides_otherwise_is_caught() {
    let other = present(Box::new(deny_uid(Uid(1001))), Abi::V3, Abi::V3Grouped);
    let object = include_bytes!("../../bpf/deny_uid.grouped.o");
    let wrong = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        compare_adapted("deny_uid", grouped(object), other);
    }));
    assert!(wrong.is_err(), "another user is kept out");
}

#[test]
fn a_twin_that_decides_otherwise_is_caught() {
    let object = include_bytes!("../../bpf/uid_quota.o");
    let wrong = std::panic::catch_unwind(|| compare("uid_quota", object, &mut uid_quota(9)));
    assert!(wrong.is_err(), "a quota of 9 is not one of 8");
}
