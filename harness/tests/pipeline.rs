//! The pipeline against the tables: arguments, order of steps, who decides, what leaks.
//!
//! The expectations come from SEMANTICS 2.3 to 2.5 and the op tables, written down here a second
//! time; nothing of the pipeline's own code decides them.

#[path = "pipeline/android.rs"]
mod android;
#[path = "pipeline/bench.rs"]
mod bench;
#[path = "pipeline/reading.rs"]
mod reading;
#[path = "pipeline/stages.rs"]
mod stages;
#[path = "pipeline/views.rs"]
mod views;

use bench::{Bench, caller, number};
use fuserig::pipeline::{Operation, Progress, Run, Stop};
use fuserig_abi::{
    Abi, AbiTable, Arg, ArgKind, CallArgs, Dir, Errno, ErrorInRule, Fidelity, Op, Phase,
    SizeInputs, Slot,
};
use fuserig_sim_fs::{LowerExt, LowerOp};

const ABIS: [Abi; 2] = [Abi::V3, Abi::V4];

fn faithful(abi: Abi) -> Bench {
    Bench::new(abi, Fidelity::Faithful)
}

/// Length of the string in a buffer of the bench's operations.
fn string_len(op: Op, arg: &str) -> u32 {
    match (op, arg) {
        (Op::Getxattr | Op::Setxattr | Op::Removexattr, "name") | (Op::Symlink, "path") => 6,
        _ => 2,
    }
}

fn size_argument(op: Op) -> u32 {
    match op {
        Op::Setxattr => 2,
        Op::Getxattr | Op::Listxattr => 64,
        _ => 0,
    }
}

fn check_arguments(table: &AbiTable, op: Op, dir: Dir, args: &CallArgs) {
    let row = table.operation(op);
    let seen = if dir == Dir::In { args.ins() } else { args.outs() };
    let place = format!("{} {} {}", table.abi(), op.name(), dir.name());
    assert_eq!(seen.len(), row.args(dir).len(), "{place}: how many");
    for (arg, expected) in seen.iter().zip(row.args(dir)) {
        let place = format!("{place} {}", expected.name);
        match (arg, expected.kind) {
            (Arg::Struct(bytes), ArgKind::Struct) => {
                assert_eq!(bytes.bytes().len(), expected.size as usize, "{place}: size");
            }
            (Arg::Buffer(buffer), ArgKind::Buffer) => {
                let rule = row.buffer(&expected.name).expect("the table describes each buffer");
                let inputs = SizeInputs {
                    string_len: string_len(op, &expected.name),
                    size_argument: size_argument(op),
                };
                let initial = (
                    rule.initial_flags,
                    rule.alloc_size.bytes(inputs),
                    rule.max_size.bytes(inputs),
                );
                assert_eq!((buffer.flags, buffer.alloc_size, buffer.max_size), initial, "{place}");
                if dir == Dir::In {
                    assert_eq!(buffer.size, rule.size.bytes(inputs), "{place}: size");
                }
            }
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn the_arguments_of_every_operation_are_those_of_the_table() {
    for abi in ABIS {
        let table = AbiTable::of(abi);
        for op in Op::ALL {
            let mut bench = faithful(abi);
            bench.script.pre.set(3);
            bench.run_op(op);
            let request = bench.seen(None).expect("every operation is requested");
            check_arguments(table, op, Dir::In, &request);
            let post = bench.seen(Some(Phase::Post)).expect("every postfilter is called");
            check_arguments(table, op, Dir::Out, &post);
            let flags = table.operation(op).request_flags(size_argument(op));
            assert_eq!(post.request_flags, flags, "{abi} {}", op.name());
            assert_eq!(request.meta.opcode, op.opcode().0, "{abi} {}", op.name());
        }
    }
}

/// How an operation ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// As it would without a filter.
    Lower,
    /// With this code.
    Code(i64),
    /// On the ordinary path.
    Left,
    /// Never.
    Stopped(Stop),
}

fn stop(crash: bool, id: &str) -> End {
    let quirk = fuserig_abi::Quirk::from_id(id).expect("a known quirk");
    End::Stopped(if crash { Stop::Crash(quirk) } else { Stop::Hang(quirk) })
}

const ENOMEM: i64 = -12;
const EIO: i64 = -5;
const ECONNREFUSED: i64 = -111;

/// The state machine of SEMANTICS 2.2 in words, on a mount without server.
fn oracle(abi: Abi, op: Op, pre: i32, post: i32, default: i32) -> (Vec<&'static str>, End) {
    let forced = matches!(op, Op::Flush | Op::Fsync | Op::DirFsync);
    let mut steps = vec!["pre"];
    let by_default = |code: i32, steps: &mut Vec<&'static str>| {
        if abi == Abi::V4 && code == 5 {
            steps.push("default");
            return default;
        }
        code
    };
    let mut code = by_default(pre, &mut steps);
    match code {
        ..=-1 => return (steps, End::Code(code.into())),
        1 => return (steps, End::Left),
        2 if op == Op::Statfs => {
            steps.push("crash USER-1");
            return (steps, stop(true, "USER-1"));
        }
        2 if matches!(op, Op::Rename | Op::Rename2 | Op::Symlink) => {
            return (steps, End::Code(ENOMEM));
        }
        2 => {
            steps.push("ask");
            if forced {
                steps.push("crash N4");
                return (steps, stop(false, "N4"));
            }
            return (steps, End::Code(ECONNREFUSED));
        }
        _ => steps.push("lower"),
    }
    if code == 0 {
        steps.push("finalize");
        return (steps, End::Lower);
    }
    if code == 3 {
        steps.push("post");
        code = post;
    }
    code = by_default(code, &mut steps);
    let mut end = End::Lower;
    if code < 0 {
        end = End::Code(code.into());
    } else if code == 4 {
        steps.push("ask");
        if forced {
            steps.push("crash N4");
            return (steps, stop(false, "N4"));
        }
        // The page that was grown for the reply is walked as if it were full of records (N8).
        end = End::Code(if op == Op::Readdir { EIO } else { ECONNREFUSED });
    }
    steps.push("finalize");
    (steps, end)
}

fn check_codes(abi: Abi, op: Op, codes: (i32, i32, i32), unfiltered: &(i64, bool)) {
    let (pre, post, default) = codes;
    let mut bench = faithful(abi);
    bench.script.pre.set(pre);
    bench.script.post.set(post);
    bench.script.default.set(default);
    let outcome = bench.run_op(op);
    let (steps, end) = oracle(abi, op, pre, post, default);
    let place = format!("{abi} {} returning {codes:?}", op.name());
    assert_eq!(bench.trace(), steps, "{place}");
    let seen = match (outcome.stop, outcome.handled) {
        (Some(stop), _) => End::Stopped(stop),
        (None, false) => End::Left,
        (None, true) => End::Code(number(&outcome)),
    };
    let expected = if end == End::Lower { End::Code(unfiltered.0) } else { end };
    assert_eq!(seen, expected, "{place}");
}

#[test]
fn every_pair_of_codes_runs_the_steps_and_ends_as_the_tables_say() {
    const CODES: [i32; 9] = [-13, -5000, 0, 1, 2, 3, 4, 5, 9];
    let mut checked = 0;
    for abi in ABIS {
        for op in Op::ALL {
            let outcome = faithful(abi).run_op(op);
            assert_eq!((outcome.stop, outcome.handled), (None, true), "{}", op.name());
            let unfiltered = (number(&outcome), outcome.handled);
            assert!(unfiltered.0 >= 0, "{}: the bench gives it something to do", op.name());
            for pre in CODES {
                for post in CODES {
                    check_codes(abi, op, (pre, post, 0), &unfiltered);
                    checked += 1;
                }
            }
        }
    }
    assert_eq!(checked, 2 * 32 * 81);
}

#[test]
fn default_filter_stands_in_for_the_member_it_was_called_for() {
    for op in Op::ALL {
        let unfiltered = (number(&faithful(Abi::V4).run_op(op)), true);
        for default in [-1, 0, 1, 2, 3, 4, 5, 9] {
            for post in [0, 5, -13] {
                check_codes(Abi::V4, op, (5, post, default), &unfiltered);
                check_codes(Abi::V4, op, (3, post, default), &unfiltered);
            }
        }
    }
}

#[test]
fn error_in_tells_of_a_failed_lower_call_where_the_table_says_so() {
    for abi in ABIS {
        for op in Op::ALL {
            let mut bench = faithful(abi);
            let operation = bench.operation(op);
            bench.script.pre.set(3);
            bench.lower_fails.set(true);
            bench.run(operation);
            let post = bench.seen(Some(Phase::Post)).expect("a failure is filtered too");
            let expected = match AbiTable::of(abi).operation(op).error_in_rule {
                ErrorInRule::Negative
                | ErrorInRule::NegativeOrCount
                | ErrorInRule::NegativeOrMissingName => -5,
                ErrorInRule::NoBackingPath | ErrorInRule::Never => 0,
            };
            assert_eq!(post.meta.error_in as i32, expected, "{abi} {}", op.name());
        }
    }
}

#[test]
fn a_missing_name_sets_error_in_although_the_lower_step_succeeds() {
    let mut bench = faithful(Abi::V4);
    bench.script.pre.set(3);
    let dentry = bench.unlooked(b"no");
    assert_eq!(bench.run(Operation::Lookup { dentry }).error, 0);
    let post = bench.seen(Some(Phase::Post)).expect("the postfilter is called");
    assert_eq!(post.meta.error_in as i32, -2);
}

fn refuse_access_mode(_: Slot, args: &mut CallArgs) {
    let table = AbiTable::of(Abi::V4);
    args.set_field(table, "in.flags", 3);
}

/// Asks for a copy of the first in buffer, then for more than it may hold.
fn ask_for_too_much(slot: Slot, args: &mut CallArgs) {
    if !matches!(slot, Slot::Member(Op::Setxattr, Phase::Pre)) {
        return;
    }
    let (name, arena) = args.buffer_mut(Dir::In, 1).expect("setxattr has a name");
    name.get_rw_dynptr(arena, 3, false);
    name.get_rw_dynptr(arena, 300, false);
}

#[test]
fn what_an_operation_leaks_is_counted() {
    let mut bench = faithful(Abi::V4);
    bench.script.work.set(refuse_access_mode);
    assert_eq!(bench.run_op(Op::Open).error, -22);
    assert_eq!(bench.world.mount.leaks.handles, 1, "OPEN-1");

    let mut bench = faithful(Abi::V4);
    bench.script.pre.set(1);
    bench.run_op(Op::Readdir);
    assert_eq!(bench.world.mount.leaks.pages, 1, "PIPE-12");

    let mut bench = faithful(Abi::V4);
    bench.script.work.set(ask_for_too_much);
    assert_eq!(number(&bench.run_op(Op::Setxattr)), 0);
    assert_eq!(bench.world.mount.leaks.buffers, 1, "BUF-2");
}

/// 4.3, open: "on the -EINVAL and permission-error paths the handle object is left attached to the
/// file and is not freed (leak)"; a lower open that fails after both checks leaks nothing.
#[test]
fn only_the_checks_before_the_lower_open_leak_the_handle() {
    for (spares, leaks) in [(0, 1), (1, 0)] {
        let mut bench = faithful(Abi::V4);
        bench.lower_fails.set(true);
        bench.lower_spares.set(spares);
        assert_eq!(bench.run_op(Op::Open).error, EIO);
        assert_eq!(bench.world.mount.leaks.handles, leaks, "{spares} calls succeed");
        assert_eq!(bench.stepped_on("OPEN-1"), leaks > 0);
    }
}

/// PIPE-9: "Changes a prefilter made to the in args are lost when it returns USER". Without a
/// change nothing is lost.
#[test]
fn user_without_a_change_loses_nothing() {
    let mut bench = faithful(Abi::V4);
    bench.script.pre.set(1);
    bench.run_op(Op::Open);
    assert!(!bench.stepped_on("PIPE-9"));
    bench.script.work.set(refuse_access_mode);
    bench.run_op(Op::Open);
    assert!(bench.stepped_on("PIPE-9"));
}

/// GATTR-1 and GATTR-2: a failing lower getattr leaves the struct zero; nobody changed a type.
#[test]
fn a_failing_lower_getattr_is_no_changed_type() {
    let mut bench = faithful(Abi::V4);
    bench.lower_fails.set(true);
    bench.lower_errno.set(fuserig_abi::Errno::ENOSPC);
    assert_eq!(bench.run_op(Op::Getattr).error, EIO, "finalize refuses what is zero");
    assert!(bench.stepped_on("GATTR-1") && !bench.stepped_on("GATTR-2"));
}

/// 2.4: a negative postfilter return comes before the value that finalize writes, also where that
/// value is always 0 (release).
#[test]
fn release_ends_in_the_error_of_its_postfilter() {
    for abi in ABIS {
        for op in [Op::Release, Op::Releasedir] {
            let mut bench = faithful(abi);
            bench.script.pre.set(3);
            bench.script.post.set(-13);
            assert_eq!(bench.run_op(op).error, -13, "{abi} {}", op.name());
        }
    }
}

#[test]
fn the_intended_behaviour_is_free_of_the_kernels_mistakes() {
    type Scene = fn(&mut Bench);
    let scenes: [(&str, Scene); 5] = [
        ("DISP-3", |bench| {
            bench.run_op(Op::Release);
        }),
        ("DISP-1", |bench| {
            bench.run_op(Op::DirFsync);
        }),
        ("OPEN-1", |bench| {
            bench.script.work.set(refuse_access_mode);
            bench.run_op(Op::Open);
        }),
        ("NEW-1", |bench| {
            bench.run_op(Op::Mkdir);
        }),
        ("PIPE-11", |bench| {
            bench.script.pre.set(3);
            let (dentry, name) = (bench.file, b"user.none".to_vec());
            bench.run(Operation::Getxattr { dentry, name, size: 0 });
        }),
    ];
    for (quirk, scene) in scenes {
        let mut bench = Bench::new(Abi::V4, Fidelity::Faithful);
        scene(&mut bench);
        assert!(bench.stepped_on(quirk), "{quirk} is what the kernel does");
        let mut bench = Bench::new(Abi::V4, Fidelity::Intended);
        scene(&mut bench);
        assert!(!bench.stepped_on(quirk), "{quirk} is not what its author meant");
    }
}

#[test]
fn a_run_made_twice_says_the_same_twice() {
    for abi in ABIS {
        for op in Op::ALL {
            let play = || {
                let mut bench = faithful(abi);
                bench.script.pre.set(3);
                let outcome = bench.run_op(op);
                let log = bench.script.log.borrow().clone();
                (outcome, log)
            };
            assert_eq!(play(), play(), "{abi} {}", op.name());
        }
    }
}

#[test]
fn two_runs_on_different_files_may_be_stepped_in_turn() {
    let pairs = [
        (Op::ReadIter, Op::Readdir),
        (Op::WriteIter, Op::Rmdir),
        (Op::Getattr, Op::Mkdir),
        (Op::Setattr, Op::GetLink),
    ];
    for (first, second) in pairs {
        let mut apart = faithful(Abi::V4);
        apart.script.pre.set(3);
        let expected = (apart.run_op(first), apart.run_op(second));

        let mut bench = faithful(Abi::V4);
        bench.script.pre.set(3);
        let (one, two) = (bench.operation(first), bench.operation(second));
        let world = &mut bench.world;
        let mut one = Run::new(world, one, caller(), 0o022);
        let mut two = Run::new(world, two, caller(), 0o022);
        let mut running = [true, true];
        while running != [false, false] {
            if running[0] {
                running[0] = one.step(world) == Progress::Running;
            }
            if running[1] {
                running[1] = two.step(world) == Progress::Running;
            }
        }
        let seen = (one.take_outcome(), two.take_outcome());
        assert_eq!(seen, expected, "{} beside {}", first.name(), second.name());
    }
}

#[test]
fn a_run_that_is_renewed_is_as_a_new_one() {
    for abi in ABIS {
        for (first, second) in Op::ALL.into_iter().zip(Op::ALL.into_iter().rev()) {
            let play = |renewed: bool| {
                let mut bench = faithful(abi);
                bench.script.pre.set(3);
                let (one, two) = (bench.operation(first), bench.operation(second));
                let world = &mut bench.world;
                let mut run = Run::new(world, one, caller(), 0o077);
                while run.step(world) == Progress::Running {}
                match renewed {
                    true => run.renew(world, two, (&caller().credentials, caller().pid), 0o022),
                    false => run = Run::new(world, two, caller(), 0o022),
                }
                let begun = format!("{run:?}");
                while run.step(world) == Progress::Running {}
                (begun, run.take_outcome())
            };
            let names = (abi, first.name(), second.name());
            assert_eq!(play(true), play(false), "{names:?}");
        }
    }
}

/// Shrinks the name to three bytes of a copy, so that its size says more than there is.
fn shrink_with_copy(slot: Slot, args: &mut CallArgs) {
    if slot == Slot::Member(Op::Lookup, Phase::Pre) {
        let (name, arena) = args.buffer_mut(Dir::In, 0).expect("lookup has a name");
        name.get_rw_dynptr(arena, 2, true);
    }
}

#[test]
fn a_name_shrunk_with_copy_ends_where_its_allocation_ends() {
    let mut bench = faithful(Abi::V4);
    bench.script.work.set(shrink_with_copy);
    let dentry = bench.unlooked(b"f1-and-more");
    let outcome = bench.run(Operation::Lookup { dentry });
    assert_eq!((outcome.error, outcome.stop), (0, None), "f1 is found");
}

#[test]
fn a_failing_lower_getattr_or_statfs_is_told_only_by_a_quirk() {
    for (op, quirk) in [(Op::Getattr, "GATTR-1"), (Op::Statfs, "STATFS-2")] {
        for fidelity in Fidelity::ALL {
            let mut bench = Bench::new(Abi::V4, fidelity);
            bench.script.pre.set(3);
            bench.lower_fails.set(true);
            let outcome = bench.run_op(op);
            let faithful = fidelity == Fidelity::Faithful;
            assert_eq!(bench.stepped_on(quirk), faithful, "{quirk} {fidelity:?}");
            assert!(number(&outcome) < 0, "{quirk}: the caller sees an error in any case");
            let seen = bench.seen(Some(Phase::Post)).expect("the postfilter was called");
            assert_eq!(seen.meta.error_in == 0, faithful, "{quirk}: error_in (PIPE-11)");
        }
    }
}

fn mask_more(_: Slot, args: &mut CallArgs) {
    args.set_field(AbiTable::of(Abi::V4), "in.umask", 0o055);
}

/// 4.3, mknod and mkdir: "mode = in.mode, and & ~in.umask when the backing parent has no POSIX ACL
/// support".
#[test]
fn the_umask_of_a_filter_counts_where_the_lower_has_no_acls() {
    let mode = |op, has_acls: bool| {
        let mut bench = faithful(Abi::V4);
        bench.script.work.set(mask_more);
        bench.lower_fails_in.set(|op| matches!(op, LowerOp::GetXattr { .. }));
        bench.lower_errno.set(Errno::EOPNOTSUPP);
        bench.lower_fails.set(!has_acls);
        assert_eq!(bench.run_op(op).error, 0);
        let (caller, root) = (caller(), bench.world.lower.root());
        bench.world.lower.lookup(&caller, root, b"nn").expect("it was made").permissions
    };
    assert_eq!([mode(Op::Mkdir, true), mode(Op::Mknod, true)], [0o755, 0o644]);
    assert_eq!([mode(Op::Mkdir, false), mode(Op::Mknod, false)], [0o700, 0o600]);
}
