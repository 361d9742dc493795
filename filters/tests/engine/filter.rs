//! Filters of BPF programs: what they see, what they change, and how they stop.

use fuserig_abi::{
    Abi, Arg, CallArgs, Caller, Credentials, Errno, FuseBuffer, FuseOpenIn, FuseOpenOut, Gid, Op,
    Phase, Pid, Slot, Timespec, Uid,
};
use fuserig_filters::engine::{BpfFilter, FilterError, Limits, Mode};
use fuserig_filters::{Filter, FilterEnv};

use crate::made::object;

const OPEN: Slot = Slot::Member(Op::Open, Phase::Pre);
const OPENED: Slot = Slot::Member(Op::Open, Phase::Post);
const LOOKUP: Slot = Slot::Member(Op::Lookup, Phase::Pre);

fn caller() -> Caller {
    Caller::new(Credentials::user(Uid(1000), Gid(100)), Pid(42), Timespec::from_secs(9))
}

fn filter(members: &[(&str, &str)]) -> BpfFilter {
    filter_with(members, Limits::default())
}

fn filter_with(members: &[(&str, &str)], limits: Limits) -> BpfFilter {
    BpfFilter::new(&object(members, &[]), None, Abi::V4, limits).expect("a filter")
}

fn open_args() -> CallArgs {
    let mut args = CallArgs::new(Op::Open);
    args.meta.nodeid = 77;
    args.push_in(Arg::wire(&FuseOpenIn { flags: 2, open_flags: 5 }));
    args
}

fn lookup_args(name: &[u8]) -> CallArgs {
    let mut args = CallArgs::new(Op::Lookup);
    let buffer = FuseBuffer::variable_name(&mut args.arena, "name", name);
    args.push_in(Arg::Buffer(buffer));
    args
}

struct Seen {
    code: i32,
    quirks: Vec<&'static str>,
    trap: Option<String>,
}

fn call(filter: &mut BpfFilter, slot: Slot, args: &mut CallArgs) -> Seen {
    let caller = caller();
    let mut env = FilterEnv::new(&caller);
    let code = filter.call(slot, args, &mut env) as i32;
    Seen { code, quirks: env.quirks().to_vec(), trap: env.trap().map(ToString::to_string) }
}

#[test]
fn a_program_sees_and_changes_its_arguments() {
    let text = "ldxdw %r2, [%r1+0]\nldxdw %r3, [%r1+8]\nldxdw %r0, [%r2]\nldxw %r4, [%r3]\n\
                add %r0, %r4\nstw [%r3], 1\nexit";
    let mut filter = filter(&[("open_prefilter", text)]);
    let mut args = open_args();
    let seen = call(&mut filter, OPEN, &mut args);
    assert_eq!((seen.code, seen.quirks.len(), seen.trap), (77 + 2, 0, None));
    let changed = args.in_args[0].as_struct().expect("a struct").view::<FuseOpenIn>();
    assert_eq!((changed.flags, changed.open_flags), (1, 5));
}

#[test]
fn an_access_past_the_end_names_the_argument_and_the_line() {
    let text = "ldxdw %r3, [%r1+8]\nldxdw %r0, [%r3+4]\nexit";
    let mut filter = filter(&[("open_prefilter", text)]);
    let seen = call(&mut filter, OPEN, &mut open_args());
    assert_eq!(seen.code, Errno::EFAULT.negative());
    let trap = seen.trap.expect("a trap");
    let wanted = "open_prefilter: 8 bytes at offset 4 of `in` (struct fuse_open_in, 8 bytes): past \
                  the end\n  at instruction 1 of open_prefilter, made.s:2\n    ldxdw %r0, [%r3+4]";
    assert!(trap.starts_with(wanted), "{trap}");
    assert!(trap.contains("r3 0000000b00000000"), "{trap}");
}

#[test]
fn what_the_verifier_accepts_by_mistake_is_done_and_reported() {
    // A store through const meta, one past the end of a struct, a load of a field of a buffer.
    let meta = "ldxdw %r2, [%r1+0]\nstdw [%r2], 5\nmov %r0, 0\nexit";
    let past = "ldxdw %r3, [%r1+8]\nstw [%r3+32000], 5\nmov %r0, 0\nexit";
    let field = "ldxdw %r3, [%r1+8]\nldxw %r0, [%r3+8]\nexit";
    let mut args = open_args();
    let seen = call(&mut filter(&[("open_prefilter", meta)]), OPEN, &mut args);
    assert_eq!((seen.code, seen.quirks, args.meta.nodeid), (0, vec!["VER-1"], 5));
    let seen = call(&mut filter(&[("open_prefilter", past)]), OPEN, &mut open_args());
    assert_eq!((seen.code, seen.quirks), (0, vec!["VER-2"]));
    let mut args = lookup_args(b"abc");
    let seen = call(&mut filter(&[("lookup_prefilter", field)]), LOOKUP, &mut args);
    assert_eq!((seen.code, seen.quirks), (4, vec!["VER-3"]));
    let strict = Limits { mode: Mode::Strict, ..Limits::default() };
    for (member, slot, text, args) in [
        ("open_prefilter", OPEN, meta, open_args()),
        ("open_prefilter", OPEN, past, open_args()),
        ("lookup_prefilter", LOOKUP, field, lookup_args(b"abc")),
    ] {
        let seen = call(&mut filter_with(&[(member, text)], strict), slot, &mut args.clone());
        assert!(seen.trap.is_some() && seen.quirks.is_empty(), "{text}");
    }
}

#[test]
fn a_const_struct_of_a_postfilter_is_written_back_only_when_stored_to() {
    let text = "ldxdw %r2, [%r1+8]\nldxdw %r3, [%r1+16]\nstw [%r2+4], 9\nstdw [%r3], 3\n\
                mov %r0, 0\nexit";
    let mut filter = filter(&[("open_postfilter", text)]);
    let mut args = open_args();
    args.push_out(Arg::wire(&FuseOpenOut { fh: 1, open_flags: 0, backing_id: 0 }));
    let seen = call(&mut filter, OPENED, &mut args);
    assert_eq!(seen.quirks, ["VER-1"]);
    let changed = args.in_args[0].as_struct().expect("a struct").view::<FuseOpenIn>();
    assert_eq!((changed.flags, changed.open_flags), (2, 9));
    assert_eq!(args.out_args[0].as_struct().expect("out").view::<FuseOpenOut>().fh, 3);
}

/// Makes a writable dynptr in [r10-16] of the first argument after meta, size in r3.
const RW: &str = "ldxdw %r6, [%r1+8]\nmov %r1, %r6\nmov %r2, %r10\nadd %r2, -16\nmov %r3, 4\n\
                  mov %r4, 1\ncall kfunc 0\n";

#[test]
fn names_are_changed_through_a_dynptr() {
    let text = format!(
        "{RW}stw [%r10-24], 0x007a7a7a\nmov %r1, %r10\nadd %r1, -16\nmov %r2, 0\nmov %r3, %r10\n\
         add %r3, -24\nmov %r4, 4\nmov %r5, 0\ncall 202\nexit"
    );
    let mut filter = filter(&[("lookup_prefilter", &text)]);
    let mut args = lookup_args(b"abc");
    let seen = call(&mut filter, LOOKUP, &mut args);
    assert_eq!((seen.code, seen.trap), (0, None));
    let buffer = args.in_args[0].as_buffer().expect("a buffer");
    assert_eq!(buffer.c_string(&args.arena), Ok(&b"zzz"[..]));
}

#[test]
fn a_slice_has_the_length_that_was_asked_for() {
    let text = |offset: i32, len: i32| {
        format!(
            "ldxdw %r1, [%r1+8]\nmov %r2, %r10\nadd %r2, -16\ncall kfunc 1\nmov %r1, %r10\n\
             add %r1, -16\nmov %r2, 0\nmov %r3, 0\nmov %r4, {len}\ncall kfunc 3\n\
             jeq %r0, 0, none\nldxb %r0, [%r0+{offset}]\nexit\nnone: mov %r0, 999\nexit"
        )
    };
    let look = |offset, len| {
        let mut filter = filter(&[("lookup_prefilter", &text(offset, len))]);
        call(&mut filter, LOOKUP, &mut lookup_args(b"abc"))
    };
    assert_eq!(look(1, 2).code, i32::from(b'b'));
    assert_eq!(look(0, 5).code, 999, "the name has four bytes with its NUL");
    let trap = look(2, 2).trap.expect("past the slice");
    assert!(trap.contains("1 byte at offset 2 of a slice of `name` (2 bytes): past the end"));
}

#[test]
fn memory_that_a_reallocation_freed_is_not_read() {
    // Two growing requests with a private copy each; the slice of the first is used afterwards.
    let text = format!(
        "{RW}mov %r1, %r10\nadd %r1, -16\nmov %r2, 0\nmov %r3, 4\ncall 203\nmov %r7, %r0\n\
         mov %r1, %r6\nmov %r2, %r10\nadd %r2, -32\nmov %r3, 64\nmov %r4, 1\ncall kfunc 0\n\
         ldxb %r0, [%r7]\nexit"
    );
    let mut filter = filter(&[("lookup_prefilter", &text)]);
    let trap = call(&mut filter, LOOKUP, &mut lookup_args(b"abc")).trap.expect("freed memory");
    assert!(trap.contains("it was freed when the buffer was reallocated (BUF-13)"), "{trap}");
}

#[test]
fn a_dynptr_that_was_scribbled_over_stops_the_run() {
    let text = format!("{RW}stb [%r10-9], 0\nmov %r1, %r10\nadd %r1, -16\ncall kfunc 4\nexit");
    let mut filter = filter(&[("lookup_prefilter", &text)]);
    let trap = call(&mut filter, LOOKUP, &mut lookup_args(b"abc")).trap.expect("scribbled");
    assert!(trap.contains("was overwritten by the program"), "{trap}");
}

#[test]
fn the_caller_is_found_in_its_task() {
    // task->tgid, then task->cred->fsuid.
    let text = "call 158\nldxw %r6, [%r0+12]\nldxdw %r0, [%r0+40]\nldxw %r0, [%r0+32]\n\
                lsh %r6, 16\nor %r0, %r6\nexit";
    let seen = call(&mut filter(&[("open_prefilter", text)]), OPEN, &mut open_args());
    assert_eq!(seen.code, 42 << 16 | 1000);
}

#[test]
fn what_a_kernel_would_refuse_is_refused() {
    let exit = [("open_prefilter", "mov %r0, 0\nexit")];
    let make = |linked, map: Option<&str>, abi| {
        BpfFilter::new(&linked, map, abi, Limits::default()).map(|filter| filter.name().to_owned())
    };
    assert_eq!(make(object(&exit, &[]), None, Abi::V4), Ok("made".to_owned()));
    assert_eq!(make(object(&exit, &[]), Some("made"), Abi::V4), Ok("made".to_owned()));
    let closed = || {
        let mut linked = object(&exit, &[]);
        linked.license = "Proprietary".to_owned();
        linked
    };
    let license = make(closed(), None, Abi::V4);
    assert!(matches!(license, Err(FilterError::License(_))), "{license:?}");
    let default = object(&[("default_filter", "mov %r0, 0\nexit")], &[]);
    let member = make(default, None, Abi::V3);
    assert!(matches!(member, Err(FilterError::Member { .. })), "{member:?}");
    let uid = object(&[("open_prefilter", "call 15\nexit")], &[]);
    let helper = make(uid, None, Abi::V4).expect_err("refused").to_string();
    let wanted = "a filter of v4 cannot call bpf_get_current_uid_gid; android has it; read";
    assert!(helper.contains(wanted), "{helper}");
    let unknown = make(object(&exit, &[]), Some("other"), Abi::V4);
    assert!(matches!(unknown, Err(FilterError::Unknown { .. })), "{unknown:?}");
    let mut two = object(&exit, &[]);
    let second = two.struct_ops[0].clone();
    two.struct_ops.push(second);
    assert!(matches!(make(two, None, Abi::V4), Err(FilterError::Several(_))));
    let mut nameless = object(&exit, &[]);
    nameless.struct_ops[0].name.clear();
    assert!(matches!(make(nameless, None, Abi::V4), Err(FilterError::Name { .. })));
}

#[test]
fn lines_and_branches_are_counted() {
    let text = "ldxdw %r3, [%r1+8]\nldxw %r0, [%r3]\njeq %r0, 2, out\nmov %r0, 1\nout: exit";
    let mut filter = filter(&[("open_prefilter", text)]);
    for _ in 0..3 {
        call(&mut filter, OPEN, &mut open_args());
    }
    let coverage = filter.coverage();
    let [(slot, lines)] = coverage.as_slice() else { panic!("one member") };
    let counts: Vec<u64> = lines.iter().map(|line| line.count).collect();
    assert_eq!((*slot, counts), (OPEN, vec![3, 3, 3, 0, 3]));
    let text = fuserig_filters::engine::lcov(lines);
    assert!(text.contains("SF:made.s\n") && text.contains("BRDA:3,0,1,3\n"), "{text}");
    assert!(text.contains("DA:4,0\n") && text.ends_with("LH:4\nLF:5\nend_of_record\n"), "{text}");
}

#[test]
fn objects_of_every_instruction_set_decide_alike() {
    let objects: [&[u8]; 4] = [
        include_bytes!("../object/data/kitchen-v1.o"),
        include_bytes!("../object/data/kitchen-v2.o"),
        include_bytes!("../object/data/kitchen-v3.o"),
        include_bytes!("../object/data/kitchen-v4.o"),
    ];
    for bytes in objects {
        let load = BpfFilter::load(bytes, Some("second.link"), Abi::V4, Limits::default());
        let mut filter = load.expect("the kitchen loads");
        let abc = call(&mut filter, LOOKUP, &mut lookup_args(b"abc"));
        assert_eq!((abc.code, abc.trap), (Errno::ENOENT.negative(), None));
        // What passes is counted in .bss, so that it is never 0.
        assert_eq!(call(&mut filter, LOOKUP, &mut lookup_args(b"abd")).code, 0);
        // add(1 + 2 + 3 + 4) on top of that 1, sizes, offsets and enum values of CO-RE.
        let open = call(&mut filter, OPEN, &mut open_args());
        assert_eq!(open.trap, None);
        assert_eq!(open.code, 11 + 8 + 2 + 1 + 8 + 4);
        let coverage = filter.coverage();
        assert!(coverage.iter().all(|(_, lines)| lines.iter().any(|line| line.count > 0)));
    }
}
