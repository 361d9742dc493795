//! Each filter of `filters/bpf` and its Rust twin, on the same random calls.
//!
//! The object runs in the checked interpreter. Both get the same arguments, and must answer the
//! same code, leave the same bytes in every argument, and go on agreeing, because some keep counts.

use fuserig_abi::{Abi, AbiTable, Arg, ArgKind, CallArgs, Dir, Op, Phase, Slot, Uid};
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{
    Filter, FilterEnv, Patterns, alias_lookup, audit_ring, deny_uid, hide, media_view, readonly,
    redact, strip_setid, uid_quota, write_limit, xattr_guard,
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
    let loaded = BpfFilter::load(object, None, Abi::V4, Limits::default());
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
        let mut env = FilterEnv::new(&caller);
        let expected = twin.call(slot, &mut theirs, &mut env) as i32;
        assert_eq!(code, expected, "{name} {slot}, call {round}: {theirs:?}");
        for dir in [Dir::In, Dir::Out] {
            let both = (buffers(&ours, dir), buffers(&theirs, dir));
            assert_eq!(both.0, both.1, "{name} {slot}, call {round}: the arguments");
        }
        answers.insert(code);
    }
    assert!(!answers.is_empty(), "{name} was called");
}

macro_rules! twins {
    ($($test:ident: $name:literal is $twin:expr;)*) => {
        $(
            #[test]
            fn $test() {
                let object = include_bytes!(concat!("../../bpf/", $name, ".o"));
                compare($name, object, &mut $twin);
            }
        )*
    };
}

fn patterns(text: &str) -> Patterns {
    Patterns::parse(text).expect("well-formed")
}

twins! {
    hidden_names_are_hidden_alike: "hide_names" is hide(patterns(".*"));
    listings_are_redacted_alike: "redact_list" is redact(patterns("*.key"));
    changes_are_refused_alike: "read_only" is readonly();
    users_are_kept_out_alike: "deny_uid" is deny_uid(Uid(1000));
    media_are_shown_alike: "media_view" is media_view();
    audits_change_nothing_alike: "audit_ring" is audit_ring();
    aliases_are_looked_up_alike: "alias_lookup" is alias_lookup();
    attributes_are_guarded_alike: "xattr_guard" is xattr_guard();
    writes_end_alike: "write_limit" is write_limit(1 << 20);
    creations_are_counted_alike: "uid_quota" is uid_quota(8);
    setid_bits_are_stripped_alike: "strip_setid" is strip_setid();
}

#[test]
fn a_twin_that_decides_otherwise_is_caught() {
    let object = include_bytes!("../../bpf/uid_quota.o");
    let wrong = std::panic::catch_unwind(|| compare("uid_quota", object, &mut uid_quota(9)));
    assert!(wrong.is_err(), "a quota of 9 is not one of 8");
}
