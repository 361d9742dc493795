//! What INIT agreed on shows in the requests.

use fuser::InitFlags;
use fuserig::vfs::{Call, Output, PathAt, Target};
use fuserig_abi::Opcode;
use fuserig_sim_fs::OpenFlags;

use super::CLIENT;
use super::cached::{CachedFs, asked, open, start};

fn with(wanted: InitFlags) -> CachedFs {
    CachedFs { wanted, ..CachedFs::new(b"contents") }
}

#[test]
fn a_file_is_cut_by_open_only_where_the_filesystem_said_so() {
    for (flags, cut_by) in
        [(InitFlags::empty(), Opcode::SETATTR), (InitFlags::FUSE_ATOMIC_O_TRUNC, Opcode::OPEN)]
    {
        let (kernel, _) = start(with(flags));
        asked(&kernel);
        open(&kernel, OpenFlags::RDWR | OpenFlags::TRUNC);
        let exchanged = kernel.exchanged();
        let find = |opcode| exchanged.iter().find(|exchanged| exchanged.request.opcode == opcode);
        let opened = &find(Opcode::OPEN).expect("it was opened").request.body;
        let cuts = u32::from_le_bytes(opened[..4].try_into().expect("flags")) & 0o1000 != 0;
        assert_eq!(cuts, cut_by == Opcode::OPEN, "{flags:?}");
        assert_eq!(find(Opcode::SETATTR).is_some(), cut_by == Opcode::SETATTR, "{flags:?}");
        kernel.end().expect("a clean end");
    }
}

#[test]
fn the_umask_is_left_to_a_filesystem_that_applies_it() {
    for (flags, expected) in
        [(InitFlags::empty(), (0o755, 0o022)), (InitFlags::FUSE_DONT_MASK, (0o777, 0o022))]
    {
        let (kernel, _) = start(with(flags));
        let call = Call::Mkdir { path: PathAt::cwd("/new"), mode: 0o777 };
        kernel.call(CLIENT, &call).value.expect("it is made");
        let exchanged = kernel.exchanged();
        let made = exchanged.iter().find(|made| made.request.opcode == Opcode::MKDIR);
        let body = &made.expect("it was asked for").request.body;
        let word = |at: usize| u32::from_le_bytes(body[at..at + 4].try_into().expect("a word"));
        assert_eq!((word(0) & 0o777, word(4)), expected, "{flags:?}");
        kernel.end().expect("a clean end");
    }
}

#[test]
fn listings_and_symlinks_follow_the_flags() {
    let listing = |flags| {
        let (kernel, _) = start(with(flags));
        let flags = OpenFlags::DIRECTORY;
        let path = PathAt::cwd("/d");
        let opened = kernel.call(CLIENT, &Call::Open { path, flags, mode: 0, fd: None });
        let fd = opened.value.expect("it opens") as i32;
        asked(&kernel);
        kernel.call(CLIENT, &Call::Getdents { fd, space: 1000 });
        asked(&kernel)
    };
    assert_eq!(listing(InitFlags::empty()), [Opcode::READDIR]);
    assert_eq!(listing(InitFlags::FUSE_DO_READDIRPLUS), [Opcode::READDIRPLUS]);

    let readlinks = |flags| {
        let (kernel, _) = start(with(flags));
        for _ in 0..2 {
            let target = Target::nofollow("/l");
            let found = kernel.call(CLIENT, &Call::Readlink { target, size: 100 });
            assert_eq!(found.output, Output::Bytes(b"f".to_vec()));
        }
        asked(&kernel).iter().filter(|opcode| **opcode == Opcode::READLINK).count()
    };
    assert_eq!(readlinks(InitFlags::empty()), 2);
    assert_eq!(readlinks(InitFlags::FUSE_CACHE_SYMLINKS), 1);
}

#[test]
fn writes_are_as_long_as_the_filesystem_takes() {
    for (max_write, expected) in [(4096, vec![4096, 4096, 1808]), (1 << 20, vec![10_000])] {
        let (kernel, below) = start(CachedFs { max_write, ..CachedFs::new(b"") });
        let fd = open(&kernel, OpenFlags::WRONLY);
        let data = vec![b'w'; 10_000];
        kernel.call(CLIENT, &Call::Write { fd, data, offset: Some(0) });
        let exchanged = kernel.exchanged();
        let writes = exchanged.iter().filter(|made| made.request.opcode == Opcode::WRITE);
        let lengths: Vec<usize> = writes.map(|write| write.request.body.len() - 40).collect();
        assert_eq!(lengths, expected);
        assert_eq!(below.lock().expect("nobody panics").contents.len(), 10_000);
        kernel.end().expect("a clean end");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_fuser_itself() {
    let (kernel, below) = start(with(InitFlags::FUSE_MAP_ALIGNMENT));
    let refused = below.lock().expect("nobody panics").refused;
    assert_eq!(refused, Some(InitFlags::FUSE_MAP_ALIGNMENT));
    kernel.end().expect("a clean end");
}
