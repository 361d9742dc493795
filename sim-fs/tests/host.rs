//! What is particular to a directory of the host: it stays inside, it shares the files with others,
//! and it gives the identity of the thread back.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use common::{host_directory, skipped};
use fuserig_abi::{Caller, Credentials, Errno, Gid, Ino, Pid, Timespec, Uid};
use fuserig_sim_fs::{HostError, HostFs, Lower, LowerExt, LowerFh, OpenFlags, Whence};
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().expect("temporary directory")
}

/// A caller that a host directory serves whoever runs the tests.
fn ourselves(fs: &HostFs) -> Caller {
    Caller::new(fs.own_credentials(), Pid(1), Timespec::ZERO)
}

fn alice() -> Caller {
    Caller::new(Credentials::user(Uid(1001), Gid(1001)), Pid(2), Timespec::ZERO)
}

#[test]
fn a_directory_that_was_moved_out_of_the_root_leads_nowhere() {
    let base = directory();
    let (inside, outside) = (base.path().join("inside"), base.path().join("outside"));
    fs::create_dir_all(inside.join("a/b")).expect("new directories");
    fs::create_dir(&outside).expect("new directory");
    let mut host = HostFs::open(&inside).expect("a directory");
    let caller = ourselves(&host);
    let a = host.lookup(&caller, host.root(), b"a").expect("is there").ino;
    let b = host.lookup(&caller, a, b"b").expect("is there").ino;
    assert_eq!(host.parent(&caller, b).map(|stat| stat.ino), Ok(a));

    fs::rename(inside.join("a"), outside.join("a")).expect("same filesystem");
    assert_eq!(host.parent(&caller, a), Err(Errno::EXDEV));
    assert_eq!(host.parent(&caller, b), Err(Errno::EXDEV));
    assert_eq!(host.lookup(&caller, host.root(), b"a"), Err(Errno::ENOENT));
}

#[test]
fn a_symbolic_link_out_of_the_root_is_not_followed() {
    let base = directory();
    symlink("/etc", base.path().join("l")).expect("new link");
    let mut host = HostFs::open(base.path()).expect("a directory");
    let caller = ourselves(&host);
    let link = host.lookup(&caller, host.root(), b"l").expect("the link itself").ino;
    assert_eq!(host.readlink(&caller, link).as_deref(), Ok(&b"/etc"[..]));
    assert_eq!(host.lookup(&caller, link, b"passwd"), Err(Errno::ENOTDIR));
    assert_eq!(host.open(&caller, link, OpenFlags::empty()), Err(Errno::ELOOP));
}

#[test]
fn the_root_may_not_be_left_upwards() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    assert_eq!(host.parent(&caller, root).map(|stat| stat.ino), Ok(root));
    let fh = host.open(&caller, root, OpenFlags::DIRECTORY).expect("may be listed");
    let (entries, _) = host.read_dir(&caller, fh, 0, 10).expect("may be listed");
    assert!(entries.iter().all(|entry| entry.ino == root), "{entries:?}");
}

#[test]
fn changes_by_others_are_seen_and_links_share_a_number() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    fs::write(base.path().join("a"), "from outside").expect("new file");
    fs::hard_link(base.path().join("a"), base.path().join("b")).expect("second name");
    let a = host.lookup(&caller, root, b"a").expect("was just made");
    let b = host.lookup(&caller, root, b"b").expect("was just made");
    assert_eq!((a.ino, a.nlink), (b.ino, 2));
    let fh = host.open(&caller, a.ino, OpenFlags::empty()).expect("ours");
    assert_eq!(host.read(&caller, fh, 5, 100).as_deref(), Ok(&b"outside"[..]));

    fs::remove_file(base.path().join("a")).expect("is there");
    assert_eq!(host.lookup(&caller, root, b"a"), Err(Errno::ENOENT));
    assert_eq!(host.getattr(&caller, a.ino).map(|stat| stat.nlink), Ok(1));
}

#[test]
fn a_number_is_not_used_for_another_file_even_if_the_host_does_so() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    let mut last = Ino(0);
    for round in 0..200 {
        let made = host.create(&caller, root, b"f", 0o600).expect("the name is free").ino;
        assert!(made > last, "round {round}: {made} after {last}");
        last = made;
        host.unlink(&caller, root, b"f").expect("was just made");
        if round % 2 == 0 {
            host.forget(&caller, made).expect("is held");
        }
    }
    // Seen in a listing only, and never looked up.
    for round in 0..200 {
        fs::write(base.path().join("g"), "").expect("new file");
        let fh = host.open(&caller, root, OpenFlags::DIRECTORY).expect("may be listed");
        let (entries, _) = host.read_dir(&caller, fh, 0, 10).expect("may be listed");
        host.release(&caller, fh).expect("is open");
        let seen = entries.iter().find(|entry| entry.name == b"g").expect("is there").ino;
        assert!(seen > last, "round {round}: {seen} after {last}");
        last = seen;
        host.unlink(&caller, root, b"g").expect("is there");
    }
}

#[test]
fn opening_a_fifo_does_not_wait() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    let fifo = host.mknod(&caller, root, b"p", 0o010_600, Default::default()).expect("new").ino;
    let fh = host.open(&caller, fifo, OpenFlags::empty()).expect("nobody is waited for");
    assert_eq!(host.read(&caller, fh, 0, 1), Err(Errno::EIO));
}

#[test]
fn what_is_no_directory_cannot_be_a_root() {
    let base = directory();
    let file = base.path().join("f");
    fs::write(&file, "").expect("new file");
    for path in [file.as_path(), &base.path().join("none"), Path::new("/dev/null/x")] {
        let error = HostFs::open(path).expect_err("no directory");
        assert!(matches!(error, HostError::Root { .. }), "{error}");
    }
}

#[test]
fn a_host_opened_as_the_process_serves_everybody_with_its_own_rights() {
    let base = directory();
    let mut host = HostFs::open_as_process(base.path()).expect("a directory");
    let root = host.root();
    let made = host.create(&alice(), root, b"f", 0o600).expect("the process may");
    assert_eq!(made.uid, host.own_credentials().uid);
    assert!(host.open(&alice(), made.ino, OpenFlags::RDWR).is_ok());
}

#[test]
fn acting_as_somebody_else_leaves_no_trace_on_the_thread() {
    let Ok(mut host) = host_directory(&std::env::temp_dir()) else {
        return skipped("acting as other users needs root");
    };
    let before = rustix::thread::capabilities(None).expect("always answers");
    let groups = rustix::process::getgroups().expect("always answers");
    let root = host.fs.root();
    assert_eq!(host.fs.create(&alice(), root, b"f", 0o600), Err(Errno::EACCES));
    let ours = ourselves(&host.fs);
    host.fs.setattr(&ours, root, open_to_all()).expect("root may");
    assert_eq!(host.fs.create(&alice(), root, b"f", 0o600).map(|stat| stat.uid), Ok(Uid(1001)));
    assert_eq!(rustix::process::geteuid().as_raw(), 0, "after a caller on {}", host.arm);
    assert_eq!(rustix::process::getegid().as_raw(), 0);
    assert_eq!(rustix::process::getgroups().expect("always answers"), groups);
    assert_eq!(rustix::thread::capabilities(None).expect("always answers"), before);
    let probe = tempfile::NamedTempFile::new().expect("temporary file");
    assert_eq!(fs::metadata(probe.path()).expect("is there").uid(), 0);
}

fn open_to_all() -> fuserig_sim_fs::AttrChanges {
    fuserig_sim_fs::AttrChanges { permissions: Some(0o777), ..Default::default() }
}

/// Names from a position on, at most so many, without the dots, and where the next one is.
fn part(host: &mut HostFs, fh: LowerFh, position: u64, most: usize) -> (Vec<String>, u64) {
    let caller = ourselves(host);
    let (entries, end) = host.read_dir(&caller, fh, position, most).expect("may be listed");
    let names = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name).into_owned());
    (names.filter(|name| !name.starts_with('.')).collect(), end)
}

#[test]
fn what_was_told_of_a_directory_is_given_out_until_a_name_changes_or_the_start_is_gone_to() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    let made: Vec<String> = (0..6).map(|number| format!("n{number}")).collect();
    for name in &made {
        host.create(&caller, root, name.as_bytes(), 0o600).expect("new");
    }
    let fh = host.open(&caller, root, OpenFlags::DIRECTORY).expect("may be listed");
    let (all, _) = part(&mut host, fh, 0, 100);
    let (first, middle) = part(&mut host, fh, 0, 4);
    let rest = all[first.len()..].to_vec();
    assert!(rest.len() >= 2 && all.len() == 6, "{all:?}");

    // What somebody else takes away was told already, as it is with readdir(3).
    fs::remove_file(base.path().join(&rest[1])).expect("is there");
    assert_eq!(part(&mut host, fh, middle, 100).0, rest);
    assert_eq!(part(&mut host, fh, middle, 1).0, rest[..1], "back to a record that was told");
    let left: Vec<_> = all.iter().filter(|name| **name != rest[1]).cloned().collect();
    assert_eq!(part(&mut host, fh, 0, 100).0, left, "the start");

    // What is taken away here is gone at once.
    assert_eq!(part(&mut host, fh, 0, 4).0, first);
    host.unlink(&caller, root, rest[0].as_bytes()).expect("is there");
    assert_eq!(part(&mut host, fh, middle, 100).0, rest[2..]);
}

#[test]
fn a_long_listing_comes_whole_in_parts_of_any_size_and_after_seeking() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    // More than the host tells at once.
    let made: BTreeSet<String> = (0..2500).map(|number| format!("{number:020}")).collect();
    for name in &made {
        fs::write(base.path().join(name), "").expect("new file");
    }
    let fh = host.open(&caller, root, OpenFlags::DIRECTORY).expect("may be listed");
    for (most, overlap) in [(usize::MAX, 0), (129, 0), (129, 1), (1000, 400)] {
        let (mut all, mut position) = (Vec::new(), 0);
        loop {
            let (entries, _) = host.read_dir(&caller, fh, position, most).expect("may be listed");
            let used = entries.len().saturating_sub(overlap).max(1).min(entries.len());
            let (names, end) = part(&mut host, fh, position, used);
            if entries.is_empty() {
                break;
            }
            host.seek(&caller, fh, 0, Whence::Set, position).expect("a directory seeks");
            (position, all) = (end, [all, names].concat());
        }
        assert_eq!(all.len(), made.len(), "each once: {most}, {overlap}");
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), made);
    }
}

#[test]
fn what_is_made_in_an_empty_directory_is_listed_from_where_the_end_was() {
    let base = directory();
    let mut host = HostFs::open(base.path()).expect("a directory");
    let (caller, root) = (ourselves(&host), host.root());
    let fh = host.open(&caller, root, OpenFlags::DIRECTORY).expect("may be listed");
    let (_, behind_dots) = part(&mut host, fh, 0, 2);
    assert_eq!(part(&mut host, fh, behind_dots, 9).0, Vec::<String>::new());
    host.create(&caller, root, b"new", 0o600).expect("new");
    let (others, _) = part(&mut host, fh, 0, 2);
    let again = part(&mut host, fh, behind_dots, 9).0;
    assert_eq!([others, again].concat(), ["new"]);
}
