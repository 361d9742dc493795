//! Quirks of the ABIs that are not a struct of typed members.

use fuserig::kernel::{MountOptions, World, WorldConfig};
use fuserig::pipeline::{Event, NoDaemon, Sink, What};
use fuserig::vfs::{Call, PathAt, Target, Vfs, VfsConfig};
use fuserig_abi::{
    Abi, Credentials, Errno, Fidelity, FuseReadIterOut, Gid, Op, Opcode, Phase, Pid, Quirk, Uid,
    Verdict,
};
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{
    ANDROID_BACKING, ANDROID_POST_FILTER, ANDROID_USER_FILTER, AndroidCall, AndroidProgram, Filter,
    FuseOps, present,
};
use fuserig_sim_fs::{MemFs, OpenFlags};
use std::cell::RefCell;
use std::rc::Rc;

pub(crate) const CLIENT: Pid = Pid(1);

#[derive(Debug, Default)]
pub(crate) struct Hits(pub(crate) Rc<RefCell<Vec<Quirk>>>);

impl Sink for Hits {
    fn event(&mut self, event: &Event<'_>) {
        if let What::Quirk { quirk } = event.what {
            self.0.borrow_mut().push(quirk);
        }
    }
}

/// A client on a mount of that ABI, and the quirks that it hits.
pub(crate) fn stage(
    abi: Abi,
    fidelity: Fidelity,
    filter: Box<dyn Filter>,
) -> (Vfs, Rc<RefCell<Vec<Quirk>>>) {
    let lower = Box::new(MemFs::from_tree("/f 'text'\n/d/\n").expect("a good tree"));
    let options = MountOptions { allow_other: true, ..MountOptions::default() };
    let config = WorldConfig { abi, fidelity, options, ..WorldConfig::default() };
    let sink = Hits::default();
    let hits = Rc::clone(&sink.0);
    let world = World::new(&config, lower, Some(filter), Box::new(NoDaemon), Box::new(sink))
        .expect("the root has attributes");
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    (vfs, hits)
}

pub(crate) fn hit(hits: &Rc<RefCell<Vec<Quirk>>>, id: &str) -> bool {
    hits.borrow().iter().any(|quirk| quirk.id() == id)
}

/// Refuses directories, says that every mkdir wants a postfilter otherwise.
fn no_directories() -> Box<dyn Filter> {
    Box::new(FuseOps::new("no_dirs").mkdir_prefilter(|_, _, name| match name.name() {
        b"no" => Verdict::Error(Errno::EPERM),
        _ => Verdict::Postfilter,
    }))
}

#[test]
fn a_member_of_v3_grouped_runs_for_the_whole_family() {
    let mkdir = |path: &str| Call::Mkdir { path: PathAt::cwd(path), mode: 0o755 };
    let unlink = Call::Unlink { path: PathAt::cwd("f") };
    for (abi, runs) in [(Abi::V3Grouped, true), (Abi::V3, false)] {
        let filter = present(no_directories(), Abi::V3, abi);
        let (vfs, hits) = stage(abi, Fidelity::Faithful, filter);
        assert_eq!(vfs.call(CLIENT, &mkdir("no")).value, Err(Errno::EPERM), "{abi}");
        assert!(!hit(&hits, "GRP-2"));
        assert!(vfs.call(CLIENT, &unlink).value.is_ok(), "{abi}");
        assert_eq!(hit(&hits, "GRP-2"), runs, "{abi}");
        // v3 tests the prefilter and calls the postfilter (DISP-2); a family has one dispatcher.
        let made = vfs.call(CLIENT, &mkdir("yes"));
        let crashed = vfs.world().crashed;
        assert_eq!(crashed, (!runs).then_some(Quirk::DISP_2), "{abi}: {made:?}");
    }
}

/// A program that runs everything below and decides about one opcode and phase itself.
pub(crate) fn android(
    op: Op,
    phase: Phase,
    mut decide: impl FnMut(&mut AndroidCall<'_>) -> i32 + 'static,
) -> Box<dyn Filter> {
    Box::new(AndroidProgram::new("android", move |_, call| {
        if call.opcode() == op.opcode().with_phase(phase) {
            return decide(call);
        }
        let is_same = call.opcode() == op.opcode().with_phase(Phase::Pre);
        let post = if is_same && phase == Phase::Post { ANDROID_POST_FILTER } else { 0 };
        (ANDROID_BACKING | post) as i32
    }))
}

fn on_android(filter: Box<dyn Filter>) -> (Vfs, Rc<RefCell<Vec<Quirk>>>) {
    stage(Abi::Android, Fidelity::Faithful, filter)
}

pub(crate) fn open(path: &str, flags: OpenFlags) -> Call {
    Call::Open { path: PathAt::cwd(path), flags, mode: 0o644, fd: None }
}

#[test]
fn the_bits_of_a_program_choose_between_below_the_daemon_and_a_second_call() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&seen);
    let program = AndroidProgram::new("bits", move |_, call| {
        log.borrow_mut().push(call.opcode());
        match call.opcode().base() {
            Opcode::LOOKUP => ANDROID_BACKING | ANDROID_POST_FILTER,
            Opcode::STATFS => ANDROID_USER_FILTER | ANDROID_BACKING,
            Opcode::UNLINK => 0,
            _ => ANDROID_BACKING,
        }
    });
    let (vfs, _) = on_android(Box::new(program));
    let stat = Call::Stat { target: Target::follow("f"), flags: 0 };
    assert_eq!(vfs.call(CLIENT, &stat).value, Ok(0));
    for phase in Phase::ALL {
        assert!(seen.borrow().contains(&Opcode::LOOKUP.with_phase(phase)), "{phase:?}");
    }
    assert!(!seen.borrow().contains(&Opcode::GETATTR.with_phase(Phase::Post)));
    let statfs = Call::Statfs { target: Target::follow("d") };
    assert_eq!(vfs.call(CLIENT, &statfs).value, Err(Errno::ECONNREFUSED), "no daemon to ask");
    let unlink = Call::Unlink { path: PathAt::cwd("f") };
    assert_eq!(vfs.call(CLIENT, &unlink).value, Err(Errno::ECONNREFUSED), "0 is the ordinary path");
}

#[test]
fn a_failing_prefilter_is_finalized_with_the_in_arguments_as_out_arguments() {
    let refuse = |op| android(op, Phase::Pre, |_| Errno::EPERM.negative());
    let stat = Call::Stat { target: Target::follow("f"), flags: 0 };
    for (fidelity, expected, reported) in
        [(Fidelity::Faithful, Errno::EIO, true), (Fidelity::Intended, Errno::EPERM, false)]
    {
        let (vfs, hits) = stage(Abi::Android, fidelity, refuse(Op::Getattr));
        assert_eq!(vfs.call(CLIENT, &stat).value, Err(expected), "the inode is bad");
        assert_eq!(hit(&hits, "AND-1"), reported);
    }
    let (vfs, _) = on_android(refuse(Op::Lookup));
    assert_eq!(vfs.call(CLIENT, &stat).value, Err(Errno::ENOENT));
    let (vfs, hits) = on_android(refuse(Op::Mkdir));
    let mkdir = Call::Mkdir { path: PathAt::cwd("e"), mode: 0o755 };
    assert_eq!(vfs.call(CLIENT, &mkdir).value, Err(Errno::EPERM), "mkdir keeps the code");
    assert!(!hit(&hits, "AND-1"));
}

#[test]
fn a_changed_name_is_ignored_by_lookup() {
    let rename = |op| {
        android(op, Phase::Pre, |call| {
            call.write_bytes(0, b"g\0");
            ANDROID_BACKING as i32
        })
    };
    let (vfs, hits) = on_android(rename(Op::Lookup));
    let stat = Call::Stat { target: Target::follow("f"), flags: 0 };
    assert_eq!(vfs.call(CLIENT, &stat).value, Ok(0));
    assert!(hit(&hits, "LOOK-10") && !hit(&hits, "BUF-7"));
}

#[test]
fn statfs_shows_the_size_of_a_pointer_and_writes_have_no_data() {
    let sizes = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&sizes);
    let program = AndroidProgram::new("sizes", move |_, call| {
        let arguments = (0..call.in_count()).map(|index| call.bytes(index).map(<[u8]>::len));
        log.borrow_mut().push((call.opcode(), arguments.collect::<Vec<_>>()));
        ANDROID_BACKING | ANDROID_POST_FILTER
    });
    let (vfs, hits) = on_android(Box::new(program));
    let statfs = Call::Statfs { target: Target::follow("d") };
    assert_eq!(vfs.call(CLIENT, &statfs).value, Ok(0));
    assert!(hit(&hits, "AND-3") && !hit(&hits, "AND-4"));
    let opened = vfs.call(CLIENT, &open("f", OpenFlags::WRONLY));
    let fd = i32::try_from(opened.value.expect("it opens")).expect("a descriptor");
    assert_eq!(
        vfs.call(CLIENT, &Call::Write { fd, data: b"xy".to_vec(), offset: None }).value,
        Ok(2)
    );
    assert!(hit(&hits, "AND-4"));
    let write = Opcode::WRITE.with_phase(Phase::Pre);
    let seen = sizes.borrow();
    let call = seen.iter().find(|(opcode, _)| *opcode == write).expect("write is filtered");
    assert_eq!(call.1, [Some(40), None], "the data have no address");
}

#[test]
fn a_read_of_which_nothing_is_left_has_no_result_of_its_own() {
    let program = android(Op::ReadIter, Phase::Post, |call| {
        call.write(0, &FuseReadIterOut { ret: 0 });
        0
    });
    let (vfs, hits) = on_android(program);
    let opened = vfs.call(CLIENT, &open("f", OpenFlags::empty()));
    let fd = i32::try_from(opened.value.expect("it opens")).expect("a descriptor");
    let read = vfs.call(CLIENT, &Call::Read { fd, size: 100, offset: None });
    assert_eq!(read.value, Ok(0));
    assert!(hit(&hits, "AND-6"));
    // What v3 and v4 cannot do: another count of a successful read (READ-1).
    let shorter = android(Op::ReadIter, Phase::Post, |call| {
        call.write(0, &FuseReadIterOut { ret: 2 });
        0
    });
    let (vfs, hits) = on_android(shorter);
    let opened = vfs.call(CLIENT, &open("f", OpenFlags::empty()));
    let fd = i32::try_from(opened.value.expect("it opens")).expect("a descriptor");
    assert_eq!(vfs.call(CLIENT, &Call::Read { fd, size: 100, offset: None }).value, Ok(2));
    assert!(!hit(&hits, "READ-1"));
}

#[test]
fn mkdir_is_keyed_by_the_new_inode_and_mknod_by_the_parent() {
    let pass = || Box::new(AndroidProgram::new("pass", |_, _| ANDROID_BACKING));
    let (vfs, hits) = on_android(pass());
    let mkdir = Call::Mkdir { path: PathAt::cwd("e"), mode: 0o755 };
    assert_eq!(vfs.call(CLIENT, &mkdir).value, Ok(0));
    assert!(!hit(&hits, "NEW-2") && !hit(&hits, "NEW-1"));
    let symlink = Call::Symlink { target: b"f".to_vec(), path: PathAt::cwd("l") };
    assert_eq!(vfs.call(CLIENT, &symlink).value, Ok(0));
    assert!(hit(&hits, "NEW-2") && !hit(&hits, "NEW-1"));
}

#[test]
fn the_android_form_of_an_object_keeps_the_same_user_out() {
    let object = include_bytes!("../../../filters/bpf/deny_uid.android.o");
    let load = || {
        let loaded = BpfFilter::load(object, None, Abi::Android, Limits::default());
        Box::new(loaded.unwrap_or_else(|error| panic!("{error}")))
    };
    for (uid, expected) in [(1000, Err(Errno::EACCES)), (1001, Ok(()))] {
        let (vfs, _) = on_android(load());
        let client = Pid(2);
        vfs.add_client(client, Credentials::user(Uid(uid), Gid(100)), 0o022);
        let opened = vfs.call(client, &open("f", OpenFlags::empty())).value.map(|_| ());
        assert_eq!(opened, expected, "uid {uid}");
    }
}
