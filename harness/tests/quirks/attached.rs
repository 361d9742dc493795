//! Attachment: registration, entries of several lookups, READDIRPLUS. These need a daemon or a
//! world of their own.

use fuserig::daemon::init_reply;
use fuserig::kernel::{MountOptions, World, WorldConfig};
use fuserig::pipeline::{Daemon, Device, Event, NoDaemon, NullSink, Sink, What};
use fuserig::vfs::{Call, CallResult, PathAt, Target, Vfs, VfsConfig};
use fuserig_abi::{
    Abi, CallArgs, Credentials, Errno, Fidelity, NodeId, Op, Opcode, Phase, Pid, Quirk, Request,
    Slot,
};
use fuserig_filters::{Filter, FilterEnv};
use fuserig_sim_fs::{LowerExt, MemFs, MemFsOptions, OpenFlags};
use std::cell::RefCell;
use std::rc::Rc;

const CLIENT: Pid = Pid(1);

/// A filter that is only a name.
#[derive(Debug)]
pub(crate) struct Named(pub(crate) &'static str);

impl Filter for Named {
    fn name(&self) -> &str {
        self.0
    }

    fn has(&self, _: Slot) -> bool {
        false
    }

    fn call(&mut self, _: Slot, _: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        0
    }
}

/// Sends readdir to the daemon.
#[derive(Debug)]
struct ReaddirToDaemon;

impl Filter for ReaddirToDaemon {
    fn name(&self) -> &str {
        "user"
    }

    fn has(&self, slot: Slot) -> bool {
        slot == Slot::Member(Op::Readdir, Phase::Pre)
    }

    fn call(&mut self, _: Slot, _: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        1
    }
}

/// Answers LOOKUP with entries, OPENDIR, and an empty directory.
#[derive(Debug)]
struct Attaching {
    /// The filter each name gets.
    filters: &'static [(&'static [u8], &'static [u8])],
    asked: Rc<RefCell<Vec<Opcode>>>,
}

impl Attaching {
    fn lookup(&self, request: &Request, device: &mut Device<'_>) -> Result<usize, Errno> {
        let name = request.body.strip_suffix(b"\0").unwrap_or(&request.body);
        let Some((_, filter)) = self.filters.iter().find(|(known, _)| *known == name) else {
            return device.error(Errno::ENOENT);
        };
        let fd = device.open_lower(b"d1")?;
        let mut body = vec![0; 128];
        body.extend(1_u32.to_le_bytes());
        body.extend([0; 12]);
        body.extend(fd.to_le_bytes());
        if !filter.is_empty() {
            let mut entry = 2_u32.to_le_bytes().to_vec();
            entry.extend([0; 4]);
            entry.extend(*filter);
            entry.resize(24, 0);
            body.extend(entry);
        }
        let reply = fuserig_abi::Reply::success(request.unique, body);
        let taken = device.respond_by_ioctl(&reply.encode());
        device.close(fd);
        taken
    }
}

impl Daemon for Attaching {
    fn serve(&mut self, request: &Request, device: &mut Device<'_>) {
        self.asked.borrow_mut().push(request.opcode);
        let answered = match request.opcode {
            Opcode::INIT => {
                let mut reply = init_reply(request);
                reply.body[12..16].copy_from_slice(&((1_u32 << 13) | (1 << 14)).to_le_bytes());
                device.reply(&reply)
            }
            Opcode::LOOKUP => self.lookup(request, device),
            Opcode::OPENDIR => device.success(&[0; 16]),
            Opcode::READDIR | Opcode::READDIRPLUS => device.success(b""),
            _ => device.error(Errno::ENOSYS),
        };
        if answered.is_err() && !device.is_settled() {
            device.error(Errno::EIO).expect("an error is always accepted");
        }
    }

    fn forget(&mut self, _: NodeId, _: u64) {}
}

#[derive(Debug, Default)]
struct Hits(Rc<RefCell<Vec<Quirk>>>);

impl Sink for Hits {
    fn event(&mut self, event: &Event<'_>) {
        if let What::Quirk { quirk } = event.what {
            self.0.borrow_mut().push(quirk);
        }
    }
}

struct Stage {
    vfs: Vfs,
    asked: Rc<RefCell<Vec<Opcode>>>,
    hits: Rc<RefCell<Vec<Quirk>>>,
}

/// A mount whose root the daemon serves, over a lower tree with a directory `d1`.
fn stage(
    abi: Abi,
    fidelity: Fidelity,
    filters: &'static [(&'static [u8], &'static [u8])],
) -> Stage {
    let mut lower = MemFs::new(MemFsOptions::default());
    let config = WorldConfig {
        abi,
        fidelity,
        options: MountOptions { no_daemon: false, ..MountOptions::default() },
        ..WorldConfig::default()
    };
    let kernel = fuserig_abi::Caller::new(Credentials::root(), Pid(0), config.start);
    let root = fuserig_sim_fs::Lower::root(&lower);
    lower.mkdir(&kernel, root, b"d1", 0o755).expect("an empty tree takes a directory");
    let asked = Rc::default();
    let daemon = Attaching { filters, asked: Rc::clone(&asked) };
    let sink = Hits::default();
    let hits = Rc::clone(&sink.0);
    let mut world = World::new(&config, Box::new(lower), None, Box::new(daemon), Box::new(sink))
        .expect("the root has attributes");
    world.attach_root(false, None);
    world.register(Box::new(ReaddirToDaemon)).expect("a new name");
    for name in ["one", "two"] {
        world.register(Box::new(Named(name))).expect("a new name");
    }
    let vfs = Vfs::new(world, &VfsConfig::default());
    vfs.add_client(CLIENT, Credentials::root(), 0o022);
    Stage { vfs, asked, hits }
}

impl Stage {
    fn open(&self, path: &str) -> CallResult {
        let flags = OpenFlags::DIRECTORY;
        self.vfs.call(CLIENT, &Call::Open { path: PathAt::cwd(path), flags, mode: 0, fd: None })
    }

    fn hit(&self, id: &str) -> bool {
        self.hits.borrow().iter().any(|quirk| quirk.id() == id)
    }
}

fn world() -> World {
    let lower = Box::new(MemFs::new(MemFsOptions::default()));
    let config = WorldConfig::default();
    World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink))
        .expect("the root has attributes")
}

#[test]
fn a_name_is_registered_once_by_its_bytes_and_found_until_it_goes() {
    let mut world = world();
    let first = world.register(Box::new(Named("trace"))).expect("a new name");
    assert_eq!(world.register(Box::new(Named("trace"))), Err(Errno::EEXIST), "REG-1");
    assert!(world.register(Box::new(Named("TRACE"))).is_ok(), "REG-3");
    world.attach_root(true, Some(first));
    world.unregister(first);
    assert_eq!(world.registered(b"trace"), None);
    let root = world.mount.inode_of(world.mount.root);
    assert_eq!(world.mount.inodes[root].filter, Some(first), "REG-2: who has it keeps it");
    assert!(world.register(Box::new(Named("trace"))).is_ok(), "the name is free again");
}

#[test]
fn a_name_has_one_to_fourteen_characters_though_fifteen_were_meant() {
    let lengths = [("", false), ("a", true), ("abcdefghijklmn", true), ("abcdefghijklmno", false)];
    for (name, accepted) in lengths {
        let mut world = world();
        let registered = world.register(Box::new(Named(name)));
        assert_eq!(registered.is_ok(), accepted, "{name:?}: REG-4");
        assert!(accepted || registered == Err(Errno::EINVAL));
    }
    let mut meant = world();
    meant.fidelity = Fidelity::Intended;
    assert!(meant.register(Box::new(Named("abcdefghijklmno"))).is_ok());
}

#[test]
fn the_filter_of_an_inode_is_set_once() {
    const NAMES: &[(&[u8], &[u8])] = &[(b"a", b"one"), (b"b", b"two")];
    for (abi, fidelity, second, lost) in [
        (Abi::V4, Fidelity::Faithful, Err(Errno::EINVAL), false),
        (Abi::V3, Fidelity::Faithful, Ok(()), true),
        (Abi::V3, Fidelity::Intended, Err(Errno::EINVAL), false),
    ] {
        let stage = stage(abi, fidelity, NAMES);
        assert!(stage.open("a").value.is_ok(), "the first name attaches");
        let again = stage.open("b").value.map(|_| ());
        assert_eq!(again, second, "{abi} {fidelity:?}");
        assert_eq!(stage.hit("LOOK-9"), fidelity == Fidelity::Faithful, "{abi} {fidelity:?}");
        assert_eq!(stage.hit("ENT-1"), lost, "{abi} {fidelity:?}");
        assert_eq!(stage.hit("N13"), fidelity == Fidelity::Faithful);
    }
}

#[test]
fn a_directory_without_nodeid_never_gets_readdirplus() {
    let stage = stage(Abi::V4, Fidelity::Faithful, &[]);
    let fd = stage.open("/").value.expect("the root opens");
    let fd = i32::try_from(fd).expect("a descriptor");
    let _ = stage.vfs.call(CLIENT, &Call::Getdents { fd, space: 4096 });
    assert_eq!(stage.asked.borrow().last(), Some(&Opcode::READDIRPLUS), "the root has one");
    assert!(!stage.hit("RDIR-4"));
    // One that stands on a backing directory under nodeid 0, and whose filter answers USER.
    let stage = self::stage(Abi::V4, Fidelity::Faithful, &[(b"a", b"user")]);
    let fd = i32::try_from(stage.open("a").value.expect("it opens")).expect("a descriptor");
    let _ = stage.vfs.call(CLIENT, &Call::Getdents { fd, space: 4096 });
    assert_eq!(stage.asked.borrow().last(), Some(&Opcode::READDIR));
    assert!(stage.hit("RDIR-4"));
}

#[test]
fn a_name_that_the_daemon_gave_a_backing_file_is_served_below() {
    let stage = stage(Abi::V4, Fidelity::Faithful, &[(b"a", b"")]);
    let target = Target::follow("a");
    let stat = stage.vfs.call(CLIENT, &Call::Stat { target, flags: 0 });
    assert_eq!(stat.value, Ok(0));
    assert_eq!(*stage.asked.borrow(), [Opcode::INIT, Opcode::LOOKUP], "getattr is served below");
    let missing = stage.open("a/nn").value;
    assert_eq!(missing, Err(Errno::ENOENT), "and so are its names");
}
