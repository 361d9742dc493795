//! Programs of Android: their context, their windows, and what the verifier refuses.

use fuserig_abi::{Abi, Arg, CallArgs, Caller, Credentials, Errno, FuseBuffer, FuseOpenIn, Op};
use fuserig_abi::{Phase, Pid, Slot, Timespec};
use fuserig_filters::engine::{BpfFilter, FilterError, Limits};
use fuserig_filters::program::ProgramKind;
use fuserig_filters::{Filter, FilterEnv};

use crate::made::object;

fn filter(text: &str) -> Result<BpfFilter, FilterError> {
    let mut linked = object(&[("main", text)], &[]);
    linked.struct_ops.clear();
    for program in &mut linked.programs {
        program.kind = ProgramKind::Android;
        program.section = "fuse/made".to_owned();
    }
    BpfFilter::new(&linked, None, Abi::Android, Limits::default())
}

struct Seen {
    code: i32,
    quirks: Vec<&'static str>,
    trap: Option<String>,
}

fn call(text: &str, slot: Slot, args: &mut CallArgs) -> Seen {
    let mut filter = filter(text).expect("a program");
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::ZERO);
    let mut env = FilterEnv::new(&caller);
    let code = filter.call(slot, args, &mut env) as i32;
    let trap = env.trap().map(|trap| trap.kind.to_string());
    Seen { code, quirks: env.quirks().to_vec(), trap }
}

const OPEN: Slot = Slot::Member(Op::Open, Phase::Pre);

fn open_args() -> CallArgs {
    let mut args = CallArgs::new(Op::Open);
    args.meta.nodeid = 77;
    args.meta.opcode = Op::Open.opcode().with_phase(Phase::Pre).0;
    args.push_in(Arg::wire(&FuseOpenIn { flags: 2, open_flags: 5 }));
    args
}

#[test]
fn the_context_shows_node_opcode_and_counts() {
    for (text, expected) in [
        ("ldxdw %r0, [%r1+0]\nexit", 77),
        ("ldxw %r0, [%r1+8]\nexit", 0x1_000e),
        ("ldxw %r0, [%r1+16]\nexit", 1),
        ("ldxw %r0, [%r1+20]\nexit", 1),
        ("ldxw %r0, [%r1+32]\nexit", 8),
    ] {
        let seen = call(text, OPEN, &mut open_args());
        assert_eq!((seen.code, seen.trap), (expected, None), "{text}");
    }
}

#[test]
fn what_a_prefilter_writes_to_an_out_argument_is_the_in_argument() {
    // out_args[0].value, then through in_args[0].value.
    let text = "ldxdw %r2, [%r1+160]\nstw [%r2+0], 1\nldxdw %r3, [%r1+40]\nldxw %r0, [%r3]\nexit";
    let mut args = open_args();
    let seen = call(text, OPEN, &mut args);
    assert_eq!((seen.code, seen.quirks.len(), seen.trap), (1, 0, None));
    let changed = args.in_args[0].as_struct().expect("a struct").view::<FuseOpenIn>();
    assert_eq!((changed.flags, changed.open_flags), (1, 5));
}

#[test]
fn a_window_has_256_bytes_whatever_the_argument_has() {
    let load = |at: i32| format!("ldxdw %r2, [%r1+40]\nldxw %r0, [%r2+{at}]\nexit");
    let seen = call(&load(4), OPEN, &mut open_args());
    assert_eq!((seen.code, seen.quirks.len()), (5, 0));
    let seen = call(&load(252), OPEN, &mut open_args());
    assert_eq!((seen.code, seen.quirks, seen.trap), (0, vec!["AND-2"], None));
    let seen = call(&load(253), OPEN, &mut open_args());
    assert!(seen.trap.expect("past the window").contains("past the end"));
    let store = "ldxdw %r2, [%r1+160]\nstdw [%r2+4], -1\nmov %r0, 2\nexit";
    let mut args = open_args();
    let seen = call(store, OPEN, &mut args);
    assert_eq!((seen.code, seen.quirks), (2, vec!["AND-2"]));
    let changed = args.in_args[0].as_struct().expect("a struct").view::<FuseOpenIn>();
    assert_eq!((changed.flags, changed.open_flags), (2, u32::MAX), "what fits is stored");
}

#[test]
fn the_context_and_the_in_arguments_of_a_postfilter_are_read_only() {
    let seen = call("stdw [%r1+0], 5\nmov %r0, 0\nexit", OPEN, &mut open_args());
    assert!(seen.trap.expect("refused").contains("read-only"));
    let store = "ldxdw %r2, [%r1+40]\nstw [%r2+0], 1\nmov %r0, 0\nexit";
    let seen = call(store, Slot::Member(Op::Open, Phase::Post), &mut open_args());
    assert_eq!(seen.code, Errno::EFAULT.negative());
    assert!(seen.trap.expect("refused").contains("read-only"));
}

#[test]
fn a_name_is_a_window_too() {
    let mut args = CallArgs::new(Op::Unlink);
    let buffer = FuseBuffer::immutable_name(&mut args.arena, "name", b"abc");
    args.push_in(Arg::Buffer(buffer));
    let text =
        "ldxdw %r2, [%r1+40]\nldxb %r0, [%r2+2]\nldxdw %r2, [%r1+160]\nstb [%r2+0], 120\nexit";
    let seen = call(text, Slot::Member(Op::Unlink, Phase::Pre), &mut args);
    assert_eq!((seen.code, seen.trap), (i32::from(b'c'), None));
    assert_eq!(args.in_args[0].as_buffer().expect("a name").c_string(&args.arena), Ok(&b"xbc"[..]));
}

#[test]
fn an_object_without_such_a_program_is_no_filter_there() {
    let posted = object(&[("open_prefilter", "mov %r0, 0\nexit")], &[]);
    let error = BpfFilter::new(&posted, None, Abi::Android, Limits::default());
    assert!(matches!(error, Err(FilterError::NoFilter)), "{error:?}");
    let helper = filter("call 158\nmov %r0, 0\nexit").expect_err("no such helper there");
    assert!(
        helper.to_string().contains("android cannot call bpf_get_current_task_btf"),
        "{helper}"
    );
}
