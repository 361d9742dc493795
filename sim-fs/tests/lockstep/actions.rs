//! What can be done to a filesystem, symbolically: nodes and files are "the nth one", names,
//! modes and sizes come from small pools around the limits. So every action makes sense in every
//! state, and shrinking never makes one meaningless.

use core::fmt;

use fuserig_sim_fs::{
    FallocateMode, LockKind, OpenFlags, RenameFlags, SetTime, Whence, XattrFlags,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::select;

/// The nth node that is known, counted around.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node(pub(crate) u8);

/// The nth directory that is known, or now and then any node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Dir {
    Directory(u8),
    Any(u8),
}

/// The nth file that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File(pub(crate) u8);

/// A change of attributes; `None` leaves one alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changes {
    pub(crate) mode: Option<u32>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) atime: Option<SetTime>,
    pub(crate) mtime: Option<SetTime>,
    pub(crate) kill: bool,
}

impl Changes {
    /// Nothing.
    const NONE: Changes = Changes {
        mode: None,
        uid: None,
        gid: None,
        size: None,
        atime: None,
        mtime: None,
        kill: false,
    };
}

/// A name, a target or a value, readable when it is printed.
#[derive(Clone, Copy)]
pub(crate) struct Name(pub(crate) &'static [u8]);

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [first, .., last] if self.0.len() > 100 => {
                write!(f, "{:?}..{:?} ({})", *first as char, *last as char, self.0.len())
            }
            name => write!(f, "'{}'", name.escape_ascii()),
        }
    }
}

/// One operation before it is bound to a filesystem.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Lookup(Dir, Name),
    Parent(Node),
    Forget(Node),
    Getattr(Node),
    Setattr(Node, Changes),
    Access(Node, u32),
    Create(Dir, Name, u32),
    Mknod(Dir, Name, u32, (u32, u32)),
    Mkdir(Dir, Name, u32),
    Symlink(Dir, Name, Name),
    Link(Node, Dir, Name),
    Unlink(Dir, Name),
    Rmdir(Dir, Name),
    Rename(Dir, Name, Dir, Name, RenameFlags),
    Readlink(Node),
    Open(Node, OpenFlags, bool),
    CreateOpen(Dir, Name, u32, OpenFlags),
    Tmpfile(Dir, u32, OpenFlags),
    Release(File),
    Flush(File),
    Fsync(File, bool),
    Read(File, u64, u32),
    Write(File, u64, usize, u8),
    Fallocate(File, FallocateMode, u64, u64),
    Seek(File, i64, Whence, u64),
    Copy(File, u64, File, u64, u64, u32),
    ReadDir(File, u64, usize),
    Statfs(Node),
    GetXattr(Node, Name, usize),
    ListXattr(Node, usize),
    SetXattr(Node, Name, Vec<u8>, XattrFlags),
    RemoveXattr(Node, Name),
    Flock(File, LockKind),
}

/// One step: who does what.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// An index into the callers of the test.
    pub(crate) who: u8,
    pub(crate) action: Action,
}

/// A history of at most `steps_max` steps.
pub(crate) fn history(steps_max: usize) -> impl Strategy<Value = Vec<Step>> {
    let step = (select(&[0, 0, 0, 1, 1, 2, 3, 4][..]), action())
        .prop_map(|(who, action)| Step { who, action });
    vec(step, 1..steps_max)
}

/// A history on the contents of a few files, with every mode of `fallocate`, at sizes that every
/// filesystem can have.
pub(crate) fn file_history(steps_max: usize) -> impl Strategy<Value = Vec<Step>> {
    const MODES: [FallocateMode; 8] = [
        FallocateMode::empty(),
        FallocateMode::KEEP_SIZE,
        FallocateMode::KEEP_SIZE.union(FallocateMode::PUNCH_HOLE),
        FallocateMode::ZERO_RANGE,
        FallocateMode::ZERO_RANGE.union(FallocateMode::KEEP_SIZE),
        FallocateMode::COLLAPSE_RANGE,
        FallocateMode::INSERT_RANGE,
        FallocateMode::INSERT_RANGE.union(FallocateMode::KEEP_SIZE),
    ];
    let names = select(&[Name(b"a"), Name(b"b")][..]);
    let both = OpenFlags::RDWR;
    let size = |size| Changes { size: Some(size), ..Changes::NONE };
    let action = prop_oneof![
        1 => names.prop_map(move |name| Action::CreateOpen(Dir::Directory(0), name, 0o666, both)),
        1 => node().prop_map(move |node| Action::Open(node, both, false)),
        1 => node().prop_map(Action::Getattr),
        2 => (node(), amount()).prop_map(move |(node, at)| Action::Setattr(node, size(at))),
        3 => (file(), amount(), amount())
            .prop_map(|(file, offset, size)| Action::Read(file, offset, size as u32)),
        4 => (file(), amount(), amount(), any::<u8>())
            .prop_map(|(file, at, size, fill)| Action::Write(file, at, size as usize, fill)),
        8 => (file(), select(&MODES[..]), amount(), amount())
            .prop_map(|(file, mode, offset, size)| Action::Fallocate(file, mode, offset, size)),
        3 => (file(), amount(), file(), amount(), amount()).prop_map(
            |(from, from_offset, to, to_offset, length)| {
                Action::Copy(from, from_offset, to, to_offset, length, 0)
            }
        ),
    ];
    let step = (0..2_u8, action).prop_map(|(who, action)| Step { who, action });
    vec(step, 1..steps_max)
}

fn node() -> impl Strategy<Value = Node> {
    any::<u8>().prop_map(Node)
}

fn dir() -> impl Strategy<Value = Dir> {
    prop_oneof![12 => any::<u8>().prop_map(Dir::Directory), 1 => any::<u8>().prop_map(Dir::Any)]
}

fn file() -> impl Strategy<Value = File> {
    any::<u8>().prop_map(File)
}

fn name() -> impl Strategy<Value = Name> {
    const LONG: [u8; 256] = [b'n'; 256];
    const NICE: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];
    const NASTY: [&[u8]; 9] =
        [b"", b".", b"..", b"...", b"a/b", b"a\0", b"\xff\n ", LONG.split_at(255).0, &LONG];
    prop_oneof![14 => select(&NICE[..]), 1 => select(&NASTY[..])].prop_map(Name)
}

fn target() -> impl Strategy<Value = Name> {
    const LONG: [u8; 4096] = [b't'; 4096];
    const TARGETS: [&[u8]; 7] = [
        b"",
        b"a",
        b"../..",
        LONG.split_at(127).0,
        LONG.split_at(128).0,
        LONG.split_at(4095).0,
        &LONG,
    ];
    select(&TARGETS[..]).prop_map(Name)
}

fn mode() -> impl Strategy<Value = u32> {
    const MODES: [u32; 14] = [
        0o644, 0o755, 0o777, 0o777, 0o700, 0o600, 0o070, 0o007, 0o000, 0o1777, 0o2775, 0o4755,
        0o6777, 0o2644,
    ];
    select(&MODES[..])
}

/// Offsets and lengths around the page size and the limits.
fn size() -> impl Strategy<Value = u64> {
    const SMALL: [u64; 9] = [0, 1, 10, 4095, 4096, 4097, 8192, 12288, 20000];
    const LARGE: [u64; 7] =
        [1 << 20, (1 << 20) + 1, 1 << 40, 1 << 62, (1 << 63) - 1, 1 << 63, u64::MAX];
    prop_oneof![12 => select(&SMALL[..]), 1 => select(&LARGE[..])]
}

/// Lengths for what really moves or allocates that much.
fn amount() -> impl Strategy<Value = u64> {
    const AMOUNTS: [u64; 10] = [0, 1, 10, 4095, 4096, 4097, 8192, 12288, 20000, 1 << 20];
    select(&AMOUNTS[..])
}

fn open_flags() -> impl Strategy<Value = OpenFlags> {
    const READ: OpenFlags = OpenFlags::empty();
    const WRITE: OpenFlags = OpenFlags::WRONLY;
    const BOTH: OpenFlags = OpenFlags::RDWR;
    const ACCESS: [OpenFlags; 7] = [READ, READ, WRITE, BOTH, BOTH, BOTH, WRITE.union(BOTH)];
    let access = select(&ACCESS[..]);
    let extra = prop_oneof![
        8 => Just(OpenFlags::empty()),
        1 => Just(OpenFlags::APPEND),
        1 => Just(OpenFlags::TRUNC),
        1 => Just(OpenFlags::DIRECTORY),
        1 => Just(OpenFlags::NOFOLLOW),
        1 => Just(OpenFlags::NOATIME),
        1 => Just(OpenFlags::EXCL),
        1 => Just(OpenFlags::PATH),
    ];
    (access, extra).prop_map(|(access, extra)| access | extra)
}

fn time() -> impl Strategy<Value = Option<SetTime>> {
    let at = |sec, nsec| Some(SetTime::At(fuserig_abi::Timespec { sec, nsec }));
    prop_oneof![
        4 => Just(None),
        2 => Just(Some(SetTime::Now)),
        2 => (0..1000_i64).prop_map(move |sec| at(sec, 5)),
        1 => Just(at(1, 1_000_000_000)),
        1 => Just(at(1, 0x3fff_ffff)),
    ]
}

fn changes() -> impl Strategy<Value = Changes> {
    const IDS: [u32; 6] = [0, 1001, 1002, 1003, 2000, u32::MAX];
    let none = Changes::NONE;
    let id = || option::of(select(&IDS[..]));
    prop_oneof![
        4 => mode().prop_map(move |mode| Changes { mode: Some(mode), ..none }),
        4 => (id(), id()).prop_map(move |(uid, gid)| Changes { uid, gid, ..none }),
        4 => size().prop_map(move |size| Changes { size: Some(size), ..none }),
        4 => (time(), time()).prop_map(move |(atime, mtime)| Changes { atime, mtime, ..none }),
        1 => Just(Changes { kill: true, ..none }),
        1 => (id(), any::<bool>()).prop_map(move |(uid, kill)| Changes { uid, kill, ..none }),
        2 => (option::of(mode()), id(), id(), option::of(size()), time(), time())
            .prop_map(move |(mode, uid, gid, size, atime, mtime)| {
                Changes { mode, uid, gid, size, atime, mtime, kill: false }
            }),
    ]
}

fn rename_flags() -> impl Strategy<Value = RenameFlags> {
    prop_oneof![
        8 => Just(RenameFlags::empty()),
        2 => Just(RenameFlags::NOREPLACE),
        3 => Just(RenameFlags::EXCHANGE),
        2 => Just(RenameFlags::WHITEOUT),
        1 => (0..16_u32).prop_map(RenameFlags::from_bits_retain),
    ]
}

fn fallocate_mode() -> impl Strategy<Value = FallocateMode> {
    prop_oneof![
        4 => Just(FallocateMode::empty()),
        2 => Just(FallocateMode::KEEP_SIZE),
        3 => Just(FallocateMode::KEEP_SIZE | FallocateMode::PUNCH_HOLE),
        1 => (0..0x80_u32).prop_map(FallocateMode::from_bits_retain),
    ]
}

fn xattr_name() -> impl Strategy<Value = Name> {
    const LONG: [u8; 256] = {
        let mut name = [b'x'; 256];
        (name[0], name[1], name[2], name[3], name[4]) = (b'u', b's', b'e', b'r', b'.');
        name
    };
    const NICE: [&[u8]; 6] = [
        b"user.a",
        b"user.b",
        b"trusted.t",
        b"security.s",
        b"system.posix_acl_access",
        b"system.posix_acl_default",
    ];
    const NASTY: [&[u8]; 8] = [
        b"",
        b"user",
        b"user.",
        b"foo.a",
        b"trusted.",
        b"system.other",
        LONG.split_at(255).0,
        &LONG,
    ];
    prop_oneof![8 => select(&NICE[..]), 1 => select(&NASTY[..])].prop_map(Name)
}

/// An access control list in the kernel's form, mostly a sound one.
fn acl() -> impl Strategy<Value = Vec<u8>> {
    const NOBODY: u32 = u32::MAX;
    let entry = |tag: u16, permissions: u16, id: u32| {
        let mut bytes = tag.to_le_bytes().to_vec();
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
        bytes
    };
    let rights = || 0..8_u16;
    let named = option::of((rights(), select(&[1001_u32, 1002][..])));
    let named_group = option::of((rights(), select(&[2000_u32, 1002][..])));
    let mask = option::of(rights());
    (rights(), named, rights(), named_group, mask, rights(), 0..16_u8).prop_map(
        move |(user, named, group, named_group, mask, other, damage)| {
            let mut entries = vec![entry(0x01, user, NOBODY)];
            entries.extend(named.map(|(rights, id)| entry(0x02, rights, id)));
            entries.push(entry(0x04, group, NOBODY));
            entries.extend(named_group.map(|(rights, id)| entry(0x08, rights, id)));
            entries.extend(mask.map(|rights| entry(0x10, rights, NOBODY)));
            entries.push(entry(0x20, other, NOBODY));
            match damage {
                0 => drop(entries.pop()),
                1 => entries.reverse(),
                2 => entries.push(entry(0x40, 7, NOBODY)),
                _ => {}
            }
            let mut bytes = 2_u32.to_le_bytes().to_vec();
            bytes.extend(entries.concat());
            if damage == 3 {
                bytes.pop();
            }
            bytes
        },
    )
}

fn xattr_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => acl(),
        3 => vec(any::<u8>(), 0..40),
        1 => select(&[300_usize, 65536, 65537][..]).prop_map(|length| vec![b'v'; length]),
    ]
}

fn xattr_flags() -> impl Strategy<Value = XattrFlags> {
    let some = (0..5_u32).prop_map(XattrFlags::from_bits_retain);
    prop_oneof![6 => Just(XattrFlags::empty()), 1 => some]
}

fn on_names() -> impl Strategy<Value = Action> {
    const KINDS: [u32; 9] =
        [0o010_000, 0o010_000, 0o140_000, 0o020_000, 0o060_000, 0o100_000, 0, 0o040_000, 0o120_000];
    const DEVICES: [(u32, u32); 4] = [(0, 0), (1, 3), (1, 5), (4095, 1_048_575)];
    prop_oneof![
        4 => (dir(), name()).prop_map(|(dir, name)| Action::Lookup(dir, name)),
        1 => node().prop_map(Action::Parent),
        1 => node().prop_map(Action::Forget),
        4 => (dir(), name(), mode()).prop_map(|(dir, name, mode)| Action::Create(dir, name, mode)),
        6 => (dir(), name(), mode()).prop_map(|(dir, name, mode)| Action::Mkdir(dir, name, mode)),
        2 => (dir(), name(), select(&KINDS[..]), mode(), select(&DEVICES[..]))
            .prop_map(|(dir, name, kind, mode, device)| {
                Action::Mknod(dir, name, kind | mode, device)
            }),
        2 => (dir(), name(), target()).prop_map(|(dir, name, to)| Action::Symlink(dir, name, to)),
        4 => (node(), dir(), name()).prop_map(|(node, dir, name)| Action::Link(node, dir, name)),
        4 => (dir(), name()).prop_map(|(dir, name)| Action::Unlink(dir, name)),
        3 => (dir(), name()).prop_map(|(dir, name)| Action::Rmdir(dir, name)),
        8 => (dir(), name(), dir(), name(), rename_flags())
            .prop_map(|(dir, name, to, new, flags)| Action::Rename(dir, name, to, new, flags)),
        1 => node().prop_map(Action::Readlink),
        3 => (dir(), name(), mode(), open_flags())
            .prop_map(|(dir, name, mode, flags)| Action::CreateOpen(dir, name, mode, flags)),
        1 => (dir(), mode(), open_flags())
            .prop_map(|(dir, mode, flags)| Action::Tmpfile(dir, mode, flags)),
    ]
}

fn on_attributes() -> impl Strategy<Value = Action> {
    const SIZES: [usize; 5] = [0, 1, 8, 300, 70_000];
    prop_oneof![
        2 => node().prop_map(Action::Getattr),
        8 => (node(), changes()).prop_map(|(node, changes)| Action::Setattr(node, changes)),
        3 => (node(), 0..8_u32).prop_map(|(node, mask)| Action::Access(node, mask)),
        1 => node().prop_map(Action::Statfs),
        2 => (node(), xattr_name(), select(&SIZES[..]))
            .prop_map(|(node, name, size)| Action::GetXattr(node, name, size)),
        2 => (node(), select(&SIZES[..])).prop_map(|(node, size)| Action::ListXattr(node, size)),
        5 => (node(), xattr_name(), xattr_value(), xattr_flags())
            .prop_map(|(node, name, value, flags)| Action::SetXattr(node, name, value, flags)),
        2 => (node(), xattr_name()).prop_map(|(node, name)| Action::RemoveXattr(node, name)),
    ]
}

fn on_files() -> impl Strategy<Value = Action> {
    const WHENCES: [Whence; 5] =
        [Whence::Set, Whence::Cur, Whence::End, Whence::Data, Whence::Hole];
    const POSITIONS: [u64; 9] = [0, 0, 0, 1, 2, 3, 4, 6, 0x7fff_ffff];
    let lock = select(&[LockKind::Read, LockKind::Write, LockKind::Unlock][..]);
    let offset = size().prop_map(u64::cast_signed);
    prop_oneof![
        6 => (node(), open_flags(), proptest::bool::weighted(0.1))
            .prop_map(|(node, flags, granted)| Action::Open(node, flags, granted)),
        2 => file().prop_map(Action::Release),
        1 => file().prop_map(Action::Flush),
        1 => (file(), any::<bool>()).prop_map(|(file, data)| Action::Fsync(file, data)),
        4 => (file(), size(), amount())
            .prop_map(|(file, offset, size)| Action::Read(file, offset, size as u32)),
        6 => (file(), size(), amount(), any::<u8>()).prop_map(|(file, offset, size, fill)| {
            Action::Write(file, offset, size as usize, fill)
        }),
        5 => (file(), fallocate_mode(), size(), amount())
            .prop_map(|(file, mode, offset, size)| Action::Fallocate(file, mode, offset, size)),
        4 => (file(), offset, select(&WHENCES[..]), size())
            .prop_map(|(file, offset, whence, at)| Action::Seek(file, offset, whence, at)),
        4 => (file(), size(), file(), size(), amount(), proptest::bool::weighted(0.05)).prop_map(
            |(from, from_offset, to, to_offset, length, flag)| {
                Action::Copy(from, from_offset, to, to_offset, length, flag.into())
            }
        ),
        5 => (file(), select(&POSITIONS[..]), 0..6_usize)
            .prop_map(|(file, position, max)| Action::ReadDir(file, position, max)),
        1 => (file(), lock).prop_map(|(file, kind)| Action::Flock(file, kind)),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![3 => on_names(), 2 => on_attributes(), 3 => on_files()]
}
