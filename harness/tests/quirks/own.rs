//! Quirks that lines of the recorder's language or of a scenario cannot show: a few lines of Rust
//! each, in both fidelities.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fuserig::kernel::{RootDir, RootOptions, Server, World, WorldConfig};
use fuserig::pipeline::NoDaemon;
use fuserig::vfs::{Call, PathAt, Target, Vfs, VfsConfig};
use fuserig_abi::{
    Abi, CallArgs, Caller, Credentials, Dir, Errno, Fidelity, FuseEntryBpfOut, Ino, Op, Opcode,
    Phase, Quirk, Slot,
};
use fuserig_filters::{
    ANDROID_BACKING, ANDROID_POST_FILTER, AndroidProgram, Filter, FilterEnv, FuseOps,
};
use fuserig_sim_fs::{Lower, LowerExt, LowerOp, LowerReply, MemFs, MemFsOptions, OpenFlags};

use super::attached::Named;
use super::other_abis::{CLIENT, Hits, android, hit, open, stage};
use super::row::Meant;

/// What was seen, and whether the quirk was reported.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) hit: bool,
}

/// One quirk.
#[derive(Debug)]
pub(crate) struct Own {
    pub(crate) id: &'static str,
    pub(crate) show: fn(Fidelity) -> Shown,
    pub(crate) faithful: &'static str,
    pub(crate) intended: Meant,
}

pub(crate) const TABLE: &[Own] = &[
    Own {
        id: "REG-1",
        show: registered_twice,
        faithful: "EEXIST, 1 kept",
        intended: Meant::Gives("EEXIST, 0 kept"),
    },
    Own {
        id: "REG-2",
        show: unregistered_in_use,
        faithful: "its inode has it, its name is free",
        intended: Meant::Same("who uses a filter holds it, as an open file holds its inode"),
    },
    Own {
        id: "REG-3",
        show: named_in_another_case,
        faithful: "Unable to find bpf program",
        intended: Meant::Same("a name is its bytes; only the hash folds them"),
    },
    Own {
        id: "REG-4",
        show: fifteen_characters,
        faithful: "EINVAL",
        intended: Meant::Gives("registered"),
    },
    Own {
        id: "BUF-11",
        show: descriptor_of_the_caller,
        faithful: "another file",
        intended: Meant::Gives("the file itself"),
    },
    Own {
        id: "GATTR-1",
        show: getattr_fails_below,
        faithful: "EIO, told 0",
        intended: Meant::Gives("ENOSPC, told -28"),
    },
    Own {
        id: "STATFS-2",
        show: statfs_fails_below,
        faithful: "ENOSPC, told 0",
        intended: Meant::Gives("ENOSPC, told -28"),
    },
    Own {
        id: "AND-5",
        show: unlink_of_a_changed_name,
        faithful: "ENOENT",
        intended: Meant::Same("the name is looked up again so that no other one is taken away"),
    },
    Own {
        id: "LOOK-11",
        show: program_of_a_negative_lookup,
        faithful: "0 calls for the child",
        intended: Meant::Same("handing the program on to what is created is what was meant"),
    },
];

type Reported = Rc<RefCell<Vec<Quirk>>>;

fn world(
    fidelity: Fidelity,
    lower: Box<dyn Lower>,
    filter: Option<Box<dyn Filter>>,
) -> (World, Reported) {
    let config = WorldConfig { fidelity, ..WorldConfig::default() };
    let sink = Hits::default();
    let hits = Rc::clone(&sink.0);
    let world = World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(sink));
    (world.expect("the root has attributes"), hits)
}

fn empty(fidelity: Fidelity) -> (World, Reported) {
    world(fidelity, Box::new(MemFs::new(MemFsOptions::default())), None)
}

fn word<T>(answer: Result<T, Errno>, fine: &str) -> String {
    answer.map_or_else(|errno| errno.to_string(), |_| fine.to_owned())
}

fn registered_twice(fidelity: Fidelity) -> Shown {
    let (mut world, hits) = empty(fidelity);
    world.register(Box::new(Named("trace"))).expect("a new name");
    let again = word(world.register(Box::new(Named("trace"))), "registered");
    Shown { text: format!("{again}, {} kept", world.refused_kept), hit: hit(&hits, "REG-1") }
}

fn unregistered_in_use(fidelity: Fidelity) -> Shown {
    let (mut world, hits) = empty(fidelity);
    let id = world.register(Box::new(Named("trace"))).expect("a new name");
    world.attach_root(true, Some(id));
    world.unregister(id);
    let root = world.mount.inode_of(world.mount.root);
    let has = if world.mount.inodes[root].filter == Some(id) { "has it" } else { "lost it" };
    let name = if world.registered(b"trace").is_none() { "free" } else { "taken" };
    let text = format!("its inode {has}, its name is {name}");
    Shown { text, hit: hit(&hits, "REG-2") }
}

fn named_in_another_case(fidelity: Fidelity) -> Shown {
    let (mut world, hits) = empty(fidelity);
    world.register(Box::new(Named("audit"))).expect("a new name");
    let options = RootOptions {
        root_dir: RootDir::Path(b"/"),
        root_bpf: Some(b"Audit"),
        server: Server::Absent,
    };
    let mounted = world.mount_root(&options);
    let text = mounted.map_or_else(|refused| refused.to_string(), |()| "mounted".to_owned());
    Shown { text, hit: hit(&hits, "REG-3") }
}

fn fifteen_characters(fidelity: Fidelity) -> Shown {
    let (mut world, hits) = empty(fidelity);
    let text = word(world.register(Box::new(Named("abcdefghijklmno"))), "registered");
    Shown { text, hit: hit(&hits, "REG-4") }
}

/// Puts a BACKING entry with descriptor 7 into every lookup of `f`.
#[derive(Debug)]
struct Backs;

impl Filter for Backs {
    fn name(&self) -> &str {
        "backs"
    }

    fn has(&self, slot: Slot) -> bool {
        matches!(slot, Slot::Member(Op::Lookup, _))
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        if slot == Slot::Member(Op::Lookup, Phase::Pre) {
            return 3;
        }
        let mut entry = [0; 24];
        (entry[0], entry[16]) = (1, 7);
        let (entries, arena) = args.buffer_mut(Dir::Out, 1).expect("lookup has entries");
        let view = entries.get_rw_dynptr(arena, 24, false);
        assert_eq!(view.write(arena, 0, &entry, 0).code, 0);
        0
    }
}

fn descriptor_of_the_caller(fidelity: Fidelity) -> Shown {
    let mut lower = MemFs::from_tree("/f 'text'\n/g 'another text'\n").expect("a good tree");
    let kernel = Caller::new(Credentials::root(), CLIENT, WorldConfig::default().start);
    let root = lower.root();
    let other = lower.lookup(&kernel, root, b"g").expect("it was made").ino;
    let (mut world, hits) = world(fidelity, Box::new(lower), Some(Box::new(Backs)));
    world.outside.insert((CLIENT, 7), other);
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    let fd = vfs.call(CLIENT, &open("f", OpenFlags::empty())).value.expect("it opens");
    let fd = i32::try_from(fd).expect("a descriptor");
    let read = vfs.call(CLIENT, &Call::Read { fd, size: 100, offset: None });
    let text = if read.value == Ok(4) { "the file itself" } else { "another file" };
    Shown { text: text.to_owned(), hit: hit(&hits, "BUF-11") }
}

/// Refuses one kind of operation while the switch is on.
#[derive(Debug)]
struct Failing {
    below: MemFs,
    on: Rc<Cell<bool>>,
}

impl Lower for Failing {
    fn root(&self) -> Ino {
        self.below.root()
    }

    fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Errno> {
        let about_attributes = matches!(op, LowerOp::Getattr { .. } | LowerOp::Statfs { .. });
        if self.on.get() && about_attributes {
            return Err(Errno::ENOSPC);
        }
        self.below.apply(caller, op)
    }
}

/// A call on `f`, held open, whose lower operation fails, and what the postfilter is told.
fn fails_below(
    fidelity: Fidelity,
    id: &str,
    filter: FuseOps,
    call: &Call,
    told: &Cell<i32>,
) -> Shown {
    let below = MemFs::from_tree("/f 'text'\n").expect("a good tree");
    let on = Rc::new(Cell::new(false));
    let lower = Failing { below, on: Rc::clone(&on) };
    let (world, hits) = world(fidelity, Box::new(lower), Some(Box::new(filter)));
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    vfs.call(CLIENT, &open("f", OpenFlags::empty())).value.expect("it opens");
    on.set(true);
    let text = word(vfs.call(CLIENT, call).value, "fine");
    Shown { text: format!("{text}, told {}", told.get()), hit: hit(&hits, id) }
}

fn getattr_fails_below(fidelity: Fidelity) -> Shown {
    let told = Rc::new(Cell::new(1));
    let note = Rc::clone(&told);
    let filter = FuseOps::new("tell")
        .getattr_prefilter(|_, _| fuserig_abi::Verdict::Postfilter)
        .getattr_postfilter(move |cx, _, _| {
            note.set(cx.error_in().map_or(0, Errno::negative));
            fuserig_abi::Verdict::Continue
        });
    let stat = Call::Stat { target: Target::follow("f"), flags: 0 };
    fails_below(fidelity, "GATTR-1", filter, &stat, &told)
}

fn statfs_fails_below(fidelity: Fidelity) -> Shown {
    let told = Rc::new(Cell::new(1));
    let note = Rc::clone(&told);
    let filter = FuseOps::new("tell")
        .statfs_prefilter(|_| fuserig_abi::Verdict::Postfilter)
        .statfs_postfilter(move |cx, _| {
            note.set(cx.error_in().map_or(0, Errno::negative));
            fuserig_abi::Verdict::Continue
        });
    let statfs = Call::Statfs { target: Target::follow("f") };
    fails_below(fidelity, "STATFS-2", filter, &statfs, &told)
}

fn unlink_of_a_changed_name(fidelity: Fidelity) -> Shown {
    let program = android(Op::Unlink, Phase::Pre, |call| {
        call.write_bytes(0, b"g\0");
        ANDROID_BACKING as i32
    });
    let (vfs, hits) = stage(Abi::Android, fidelity, program);
    let unlink = Call::Unlink { path: PathAt::cwd("f") };
    let text = word(vfs.call(CLIENT, &unlink).value, "unlinked");
    Shown { text, hit: hit(&hits, "AND-5") }
}

fn program_of_a_negative_lookup(fidelity: Fidelity) -> Shown {
    let seen = Rc::new(Cell::new(0));
    let count = Rc::clone(&seen);
    let program = AndroidProgram::new("remove", move |_, call| {
        if call.opcode() == Opcode::LOOKUP.with_phase(Phase::Post) {
            // The entry of the lookup stands behind the name and the attributes.
            call.write(1, &FuseEntryBpfOut { bpf_action: 1, ..FuseEntryBpfOut::default() });
            return 0;
        }
        if call.opcode() == Opcode::WRITE.with_phase(Phase::Pre) {
            count.set(count.get() + 1);
        }
        ANDROID_BACKING | ANDROID_POST_FILTER
    });
    let (vfs, hits) = stage(Abi::Android, fidelity, Box::new(program));
    let made = vfs.call(CLIENT, &open("new", OpenFlags::CREAT | OpenFlags::WRONLY));
    let fd = i32::try_from(made.value.expect("it is created")).expect("a descriptor");
    let write = Call::Write { fd, data: b"x".to_vec(), offset: None };
    assert_eq!(vfs.call(CLIENT, &write).value, Ok(1));
    Shown { text: format!("{} calls for the child", seen.get()), hit: hit(&hits, "LOOK-11") }
}
