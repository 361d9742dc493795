//! Programs of v3-grouped: what their verifier refuses stops them, and views follow the buffer.

use fuserig_abi::{Abi, Arg, CallArgs, Caller, Credentials, Errno, FuseBuffer, Op, Phase, Pid};
use fuserig_abi::{Slot, Timespec};
use fuserig_filters::engine::{BpfFilter, FilterError, Limits};
use fuserig_filters::{Family, Filter, FilterEnv, GroupedOps, GroupedSlot};

use crate::made::object;

const LOOKUP: Slot = Slot::Member(Op::Lookup, Phase::Pre);

fn filter(member: &str, text: &str) -> Result<BpfFilter, FilterError> {
    let mut linked = object(&[(member, text)], &[]);
    linked.struct_ops[0].type_name = "fuse_grouped_ops".to_owned();
    linked.kfuncs = [
        "bpf_dynptr_from_fuse_buffer_rw",
        "bpf_fuse_buffer_resize",
        "bpf_dynptr_size",
        "bpf_dynptr_adjust",
        "bpf_dynptr_from_fuse_buffer_ro",
    ]
    .map(str::to_owned)
    .to_vec();
    BpfFilter::new(&linked, None, Abi::V3Grouped, Limits::default())
}

fn lookup_args(name: &[u8]) -> CallArgs {
    let mut args = CallArgs::new(Op::Lookup);
    args.meta.opcode = Op::Lookup.opcode().with_phase(Phase::Pre).0;
    let buffer = FuseBuffer::variable_name(&mut args.arena, "name", name);
    args.push_in(Arg::Buffer(buffer));
    args
}

struct Seen {
    code: i32,
    quirks: Vec<&'static str>,
    trap: Option<String>,
}

fn call(member: &str, text: &str, args: &mut CallArgs) -> Seen {
    let mut filter = filter(member, text).expect("a filter");
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    let code = filter.call(LOOKUP, args, &mut env) as i32;
    let trap = env.trap().map(|trap| trap.kind.to_string());
    Seen { code, quirks: env.quirks().to_vec(), trap }
}

#[test]
fn the_operation_is_the_second_argument() {
    let text = "ldxdw %r0, [%r1+8]\nexit";
    let seen = call("entry_op", text, &mut lookup_args(b"a"));
    assert_eq!(seen.code as u32, 0x1_0001);
}

#[test]
fn a_member_serves_its_family_and_no_other_struct_is_taken() {
    let filter = filter("name_op", "mov %r0, 0\nexit").expect("a filter");
    let served: Vec<Slot> = Slot::all().filter(|slot| filter.has(*slot)).collect();
    assert_eq!(served.len(), 2 * Family::Name.operations().count());
    assert_eq!(filter.programs(), 1);
    let unknown = self::filter("lookup_prefilter", "mov %r0, 0\nexit");
    assert!(matches!(unknown, Err(FilterError::Member { .. })), "{unknown:?}");
    let posted = object(&[("entry_op", "mov %r0, 0\nexit")], &[]);
    let posted = BpfFilter::new(&posted, None, Abi::V3Grouped, Limits::default());
    assert!(matches!(posted, Err(FilterError::Type { .. })), "{posted:?}");
}

#[test]
fn what_the_posted_verifiers_let_pass_stops_the_run() {
    for text in [
        "ldxdw %r2, [%r1+0]\nstdw [%r2], 5\nmov %r0, 0\nexit",
        "ldxdw %r2, [%r1+24]\nldxw %r0, [%r2+8]\nexit",
    ] {
        let mut args = lookup_args(b"abc");
        let seen = call("entry_op", text, &mut args);
        assert!(seen.trap.is_some() && seen.quirks.is_empty(), "{text}: {:?}", seen.quirks);
        assert_eq!((seen.code, args.meta.nodeid), (Errno::EFAULT.negative(), 0));
    }
}

/// A writable dynptr of the name in [r10-16]; its code in r0.
const RW: &str = "ldxdw %r6, [%r1+24]\nmov %r1, %r6\nmov %r2, 0\nmov %r3, %r10\n\
                  add %r3, -16\ncall kfunc 0\n";

#[test]
fn a_resize_makes_older_views_null_and_keeps_the_bytes() {
    let text = format!(
        "{RW}mov %r1, %r6\nmov %r2, 9\ncall kfunc 1\nmov %r7, %r0\nmov %r1, %r10\n\
         add %r1, -16\ncall kfunc 2\nadd %r0, %r7\nexit"
    );
    let mut args = lookup_args(b"abc");
    let seen = call("entry_op", &text, &mut args);
    assert_eq!((seen.code, seen.trap), (Errno::EINVAL.negative(), None), "a null dynptr");
    let name = args.in_args[0].as_buffer().expect("a buffer");
    assert_eq!(name.bytes(&args.arena), Ok(&b"abc\0\0\0\0\0\0"[..]));
}

#[test]
fn what_the_phase_does_not_have_is_refused_and_changes_nothing() {
    // `entry` and `extra` are the fifth and sixth argument, and out.
    let text = RW.replace("%r1+24", "%r1+32") + "exit";
    let mut args = lookup_args(b"abc");
    let seen = call("entry_op", &text, &mut args);
    assert_eq!((seen.code, seen.trap), (Errno::EACCES.negative(), None));
    assert_eq!(args.outs().len(), 0);
}

#[test]
fn adjusting_a_view_does_not_change_what_the_pipeline_uses() {
    let text =
        format!("{RW}mov %r1, %r10\nadd %r1, -16\nmov %r2, 0\nmov %r3, 2\ncall kfunc 3\nexit");
    let mut args = lookup_args(b"abc");
    let seen = call("entry_op", &text, &mut args);
    assert_eq!((seen.code, seen.quirks, seen.trap), (0, vec!["GRP-3"], None));
    assert_eq!(args.in_args[0].as_buffer().expect("a buffer").size, 4);
}

#[test]
fn a_native_filter_has_the_same_rights() {
    let mut filter = GroupedOps::with_state("rename", 0_u32).on(Family::Entry, |cx, call| {
        *cx.state += 1;
        let refused = call.replace(GroupedSlot::Extra, b"").expect_err("no out argument yet");
        assert_eq!(refused, Errno::EACCES);
        call.replace(GroupedSlot::Name, b"longer-name\0").map(|()| fuserig_abi::Verdict::Continue)
    });
    let mut args = lookup_args(b"abc");
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    assert_eq!(filter.call(LOOKUP, &mut args, &mut FilterEnv::new(&caller)), 0);
    let name = args.in_args[0].as_buffer().expect("a buffer");
    assert_eq!((name.c_string(&args.arena), *filter.state()), (Ok(&b"longer-name"[..]), 1));
}
