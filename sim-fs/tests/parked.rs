//! A host directory has more files than this process has descriptors. Alone in its process, because
//! the limit belongs to the process.

use std::fs;

use fuserig_abi::{Caller, Errno, Ino, Pid, Timespec};
use fuserig_sim_fs::{AttrChanges, HostFs, Lower, LowerExt, OpenFlags, RenameFlags, XattrFlags};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const FILES: usize = 500;

fn name(number: usize) -> Vec<u8> {
    format!("file-{number}").into_bytes()
}

#[test]
fn more_files_than_descriptors_are_held_and_each_is_itself() {
    let base = tempfile::tempdir().expect("temporary directory");
    let open = fs::read_dir("/proc/self/fd").expect("procfs").count() as u64;
    let few = Some(open + 60);
    assert!(getrlimit(Resource::Nofile).current >= few, "there are more to begin with");
    setrlimit(Resource::Nofile, Rlimit { current: few, maximum: few }).expect("lowering");

    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (Caller::new(host.own_credentials(), Pid(1), Timespec::ZERO), host.root());
    let made: Vec<Ino> = (0..FILES)
        .map(|number| host.create(&caller, root, &name(number), 0o644).expect("made").ino)
        .collect();
    let used = fs::read_dir("/proc/self/fd").expect("procfs").count() as u64;
    assert!(used < open + 45, "half of them is enough, and {used} are used");
    for (number, ino) in made.iter().enumerate() {
        assert_eq!(host.getattr(&caller, *ino).map(|stat| stat.ino), Ok(*ino));
        let again = host.lookup(&caller, root, &name(number)).expect("it is there");
        assert_eq!(again.ino, *ino, "{number}");
    }

    // What needs the file itself gets it, whatever has become of its name meanwhile.
    let permissions = AttrChanges { permissions: Some(0o600), ..AttrChanges::default() };
    host.setattr(&caller, made[0], permissions).expect("it is woken");
    assert_eq!(host.getattr(&caller, made[0]).map(|stat| stat.permissions), Ok(0o600));
    host.rename(&caller, root, &name(1), root, b"moved", RenameFlags::empty()).expect("renamed");
    host.link(&caller, made[2], root, b"linked").expect("linked");
    host.unlink(&caller, root, &name(2)).expect("it has another name");
    host.unlink(&caller, root, &name(3)).expect("unlinked");
    host.rename(&caller, root, &name(4), root, &name(5), RenameFlags::empty()).expect("replaced");
    let links = |host: &mut HostFs, ino| host.getattr(&caller, ino).map(|stat| stat.nlink);
    for round in 0..3 {
        for (number, count) in [(1, 1), (2, 1), (3, 0), (4, 1), (5, 0)] {
            assert_eq!(links(&mut host, made[number]), Ok(count), "file {number}, round {round}");
        }
        // Others come and go.
        for ino in &made[100..] {
            let fh = host.open(&caller, *ino, OpenFlags::RDWR);
            host.release(&caller, fh.expect("opened")).expect("closed");
        }
    }
    for number in [1, 2, 3, 4] {
        let fh = host.open(&caller, made[number], OpenFlags::RDWR);
        let fh = fh.expect("held, with a name or without");
        assert_eq!(host.write(&caller, fh, 0, b"text").map(|_| ()), Ok(()));
        host.release(&caller, fh).expect("closed");
    }
    assert_eq!(fs::read(base.path().join("moved")).expect("is there"), b"text");
    assert_eq!(fs::read(base.path().join("linked")).expect("is there"), b"text");
    let set = host.set_xattr(&caller, made[400], b"user.a", b"1", XattrFlags::empty());
    assert!(matches!(set, Ok(()) | Err(Errno::EOPNOTSUPP)), "{set:?}");

    what_others_do_to_it(&mut host, (&caller, root), base.path(), &made);
}

/// Of what is parked, who removes it or puts something else in its place is not seen, but nothing
/// is taken for something else.
fn what_others_do_to_it(
    host: &mut HostFs,
    (caller, root): (&Caller, Ino),
    base: &std::path::Path,
    made: &[Ino],
) {
    let path = |number: usize| base.join(String::from_utf8(name(number)).expect("ASCII"));
    // Those that were found first are parked by now.
    fs::remove_file(path(10)).expect("removed");
    fs::rename(path(11), path(12)).expect("replaced");
    for number in [10, 11] {
        assert_eq!(host.getattr(caller, made[number]), Err(Errno::ESTALE), "file {number}");
        let opened = host.open(caller, made[number], OpenFlags::empty());
        assert_eq!(opened.map(drop), Err(Errno::ESTALE), "file {number}");
    }
    assert_eq!(host.getattr(caller, made[12]), Err(Errno::ESTALE), "something else is there");
    let found = host.lookup(caller, root, &name(12)).expect("what was moved there");
    assert_eq!(found.ino, made[11], "it is held again");
    assert_eq!(host.getattr(caller, made[11]).map(|stat| stat.ino), Ok(made[11]));
    for ino in made {
        host.forget(caller, *ino).expect("it is held");
        assert_eq!(host.getattr(caller, *ino), Err(Errno::ESTALE));
    }
    fs::write(path(10), "new").expect("written");
    let new = host.lookup(caller, root, &name(10)).expect("it is there");
    assert!(!made.contains(&new.ino), "another file has another number");
}
