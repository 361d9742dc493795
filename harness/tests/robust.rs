//! What a mount survives: sizes and numbers at their limits, many clients at once, and the death
//! of whoever is on either side. Bounded, so that it runs with the other tests.

mod support;

#[path = "support/rig.rs"]
mod rig;

use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use fuserig::kernel::{World, WorldConfig};
use fuserig::mount::{MountError, MountOptions, Mounted};
use fuserig::pipeline::{NoDaemon, NullSink};
use fuserig::serve::{Server, ServerConfig};
use fuserig_abi::Verdict;
use fuserig_filters::FuseOps;
use fuserig_sim_fs::{MemFs, MemFsOptions};
use rig::{Rig, errno, fuserig, is_mounted, on_both, pid, runnable, text};
use rustix::fs::XattrFlags;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Signal, WaitId, WaitIdOptions};
use support::print_skip;

/// A tmpfs of so many KiB, taken away again at the end.
struct Small {
    directory: tempfile::TempDir,
}

impl Small {
    fn mount(kib: u32) -> Small {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = std::ffi::CString::new(format!("size={kib}k")).expect("no NUL");
        rustix::mount::mount("small", directory.path(), "tmpfs", MountFlags::empty(), &*options)
            .expect("root may mount");
        Small { directory }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.directory.path(), UnmountFlags::DETACH);
    }
}

#[test]
fn names_and_link_targets_may_be_as_long_as_linux_lets_them() {
    on_both(|rig| {
        let longest = "n".repeat(255);
        std::fs::write(rig.at(&longest), "x").expect("255 bytes are a name");
        let names: Vec<_> = std::fs::read_dir(rig.at("")).expect("listed").collect();
        assert_eq!(names[0].as_ref().expect("read").file_name().as_bytes(), longest.as_bytes());
        let refused = std::fs::write(rig.at(&"n".repeat(256)), "x").expect_err("256 are not");
        assert_eq!(refused.raw_os_error(), Some(36));
        let target = "t/".repeat(2047) + "t";
        assert_eq!(target.len(), 4095);
        std::os::unix::fs::symlink(&target, rig.at("l")).expect("with its NUL a whole page");
        assert_eq!(std::fs::read_link(rig.at("l")).expect("read"), Path::new(&target));
        let refused = std::os::unix::fs::symlink(target + "t", rig.at("m")).expect_err("too long");
        assert_eq!(refused.raw_os_error(), Some(36));
    });
}

#[test]
fn a_file_of_eight_exbibytes_takes_no_room() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&[]);
    let mut options = File::options();
    let file = options.create(true).truncate(true).read(true).write(true).open(rig.at("f"));
    let file = file.expect("made");
    file.set_len(i64::MAX as u64).expect("the longest file there is");
    let last = i64::MAX as u64 - 4096;
    file.write_all_at(b"end", last).expect("written");
    let mut bytes = [1; 4];
    file.read_exact_at(&mut bytes, last - 1).expect("read");
    assert_eq!(&bytes, b"\0end");
    let found = file.metadata().expect("there");
    assert_eq!(found.len(), i64::MAX as u64);
    assert!(found.blocks() < 100, "{} blocks", found.blocks());
    let data = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)).expect("sought");
    assert_eq!(data, last / 4096 * 4096);
}

#[test]
fn a_directory_of_many_files_is_listed_whole_and_emptied() {
    const FILES: usize = 3000;
    on_both(|rig| {
        let name = |n: usize| rig.at(&format!("file-{n:06}"));
        (0..FILES).for_each(|n| drop(File::create(name(n)).expect("made")));
        let listed = std::fs::read_dir(rig.at("")).expect("listed").count();
        assert_eq!(listed, FILES);
        (0..FILES).for_each(|n| std::fs::remove_file(name(n)).expect("removed"));
        assert_eq!(std::fs::read_dir(rig.at("")).expect("listed").count(), 0);
    });
}

/// What one of many clients does in its directory, with everything checked.
fn busy(directory: &Path, client: usize) {
    std::fs::create_dir(directory).expect("a directory of its own");
    for round in 0..12 {
        let (old, new) = (directory.join("old"), directory.join("new"));
        let contents = format!("{client} {round} ").repeat(500);
        std::fs::write(&old, &contents).expect("written");
        std::fs::rename(&old, &new).expect("renamed");
        assert_eq!(std::fs::read_to_string(&new).expect("read"), contents);
        let mut file = File::options().append(true).open(&new).expect("opened");
        file.write_all(b"more").expect("appended");
        assert_eq!(new.metadata().expect("there").len(), contents.len() as u64 + 4);
        assert_eq!(std::fs::read_dir(directory).expect("listed").count(), 1);
        std::fs::remove_file(&new).expect("removed");
    }
}

#[test]
fn sixty_four_clients_at_once_lose_nothing() {
    on_both(|rig| {
        let clients: Vec<_> = (0..64)
            .map(|client| {
                let directory = rig.at(&format!("client-{client}"));
                let work = move || busy(&directory, client);
                std::thread::Builder::new().spawn(work).expect("a thread is to be had")
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("every check holds"));
        assert_eq!(std::fs::read_dir(rig.at("")).expect("listed").count(), 64);
    });
}

/// The kernel lets nobody look at a process that executes a program, and closes its files
/// meanwhile: a server that looks where its client is would never answer.
#[test]
fn a_process_that_executes_a_program_may_have_many_files_open() {
    on_both(|rig| {
        let name = |n: u32| rig.at(&n.to_string());
        let files: Vec<File> = (0..200).map(|n| File::create(name(n)).expect("made")).collect();
        for _ in 0..20 {
            let status = Command::new("true").status().expect("it runs");
            assert!(status.success());
        }
        drop(files);
    });
}

/// Ends a daemon as the kernel does when memory runs out. The mount is the caller's to take away.
fn kill(rig: &Rig) {
    let process = pid(rig.process.as_ref().expect("it runs"));
    rustix::process::kill_process(process, Signal::KILL).expect("it runs");
    // The descriptors are closed before the process is a zombie.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    rustix::process::waitid(WaitId::Pid(process), ended).expect("it is a child");
}

#[test]
fn a_killed_daemon_leaves_clients_an_error_and_the_mount_can_be_taken_away() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&[]);
    std::fs::write(rig.at("f"), "x").expect("written");
    let open = File::open(rig.at("f")).expect("opened");
    let path = rig.at("");
    kill(&rig);
    // The connection is cut: nobody hangs, everybody hears of it.
    assert_eq!(errno(rustix::fs::statfs(&path)), 107, "ENOTCONN");
    assert!(open.sync_all().is_err());
    let here = path.to_str().expect("text");
    let again = fuserig(&["mount", here]);
    assert_eq!(again.status.code(), Some(5), "{}", text(&again.stderr));
    drop(open);
    rustix::mount::unmount(&path, UnmountFlags::empty()).expect("it is not busy");
    assert!(!is_mounted(&path));
}

#[test]
fn a_server_that_is_slow_to_end_leaves_the_next_mount_at_its_place_alone() {
    if !runnable() {
        return;
    }
    for is_told in [false, true] {
        let mut old = Rig::mount(&[]);
        let mut process = old.process.take().expect("it runs");
        let fresh = tempfile::tempdir().expect("a temporary directory");
        let directory = core::mem::replace(&mut old.directory, fresh);
        let path = directory.path().join("mnt");
        rustix::process::kill_process(pid(&process), Signal::STOP).expect("it runs");
        rustix::mount::unmount(&path, UnmountFlags::empty()).expect("nobody is in it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
        command.arg("mount").arg(&path);
        let new = Rig::start(command, directory);
        std::fs::write(new.at("f"), "the new one").expect("served");
        // The kernel tells it of its end, and here somebody asks for it at the same time.
        if is_told {
            rustix::process::kill_process(pid(&process), Signal::TERM).expect("it is there");
        }
        rustix::process::kill_process(pid(&process), Signal::CONT).expect("it is there");
        assert_eq!(process.wait().expect("it ends").code(), Some(0));
        assert!(is_mounted(&path), "it took away what was not its own");
        assert_eq!(std::fs::read_to_string(new.at("f")).expect("served"), "the new one");
    }
}

#[test]
fn a_mount_that_goes_by_force_while_it_is_in_use_is_not_left_behind() {
    if !runnable() {
        return;
    }
    let mut rig = Rig::mount(&[]);
    let path = rig.at("");
    let file = File::create(rig.at("f")).expect("made");
    // The connection is cut before the kernel sees that the mount is in use.
    let busy = rustix::mount::unmount(&path, UnmountFlags::FORCE);
    assert_eq!(busy, Err(rustix::io::Errno::BUSY));
    let mut process = rig.process.take().expect("it runs");
    assert_eq!(process.wait().expect("it ends").code(), Some(0));
    assert!(!is_mounted(&path));
    assert!(file.sync_all().is_err(), "nobody is there");
}

#[test]
fn a_killed_client_leaves_nothing_open() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&[]);
    let script = "exec 3>f 4<.; echo begun; while :; do echo more >&3; done";
    let mut client = Command::new("sh");
    client.args(["-c", script]).current_dir(rig.at("")).stdout(Stdio::piped());
    let mut client = client.spawn().expect("sh runs");
    let mut said = [0; 6];
    let out = client.stdout.as_mut().expect("piped");
    std::io::Read::read_exact(out, &mut said).expect("it begins");
    client.kill().expect("it runs");
    client.wait().expect("it ends");
    std::fs::write(rig.at("g"), "served as before").expect("written");
    // An ordinary unmount is refused while anything is in use.
    rustix::mount::unmount(rig.at(""), UnmountFlags::empty()).expect("nothing is in use");
    assert_eq!(rig.end(Signal::TERM), Some(0));
}

#[test]
fn a_full_disk_below_is_enospc_for_the_writer_and_nothing_else() {
    if !runnable() {
        return;
    }
    let small = Small::mount(512);
    let rig = Rig::mount(&["--lower", &format!("host:{}", small.path().display())]);
    let refused = std::fs::write(rig.at("big"), vec![7; 1 << 20]).expect_err("it does not fit");
    assert_eq!(refused.raw_os_error(), Some(28), "ENOSPC");
    assert_eq!(std::fs::read(rig.at("big")).expect("read").first(), Some(&7), "what found room");
}

/// In a process of its own, because another test of this one may fork at any moment, and its child
/// has every open file of ours for an instant; and in one that does not fork, because a FUSE kernel
/// tells what it forgot between two requests when it has the time.
const FILL_AND_REMOVE: &str = r#"
sub put { my ($name, $size) = @_; open(my $f, ">", $name) or die "$name: $!";
    my $done = syswrite($f, "x" x $size); close($f); return defined $done && $done == $size; }
for (1 .. 20) {
    put("big", 1 << 20) and die "the disk is not full";
    unlink("big") or die "big: $!";
    put("small", 1 << 16) or die "no room again: $!";
    unlink("small") or die "small: $!";
}
put("big", 1 << 20);
open(my $used, "<", "big") or die "big: $!";
unlink("big") or die "big: $!";
# Larger than what a kernel that is late with FORGET may give back only now.
put("rest", 1 << 17) and die "the space of an open file was given away";
my $first; sysread($used, $first, 4) == 4 && $first eq "xxxx" or die "an open file was lost";
close($used);
put("small", 1 << 16) or die "no room after closing: $!";
"#;

#[test]
fn a_removed_file_gives_its_space_back_at_once_unless_it_is_in_use() {
    if !runnable() {
        return;
    }
    let small = Small::mount(512);
    let rig = Rig::mount(&["--lower", &format!("host:{}", small.path().display())]);
    let mut perl = Command::new("perl");
    match perl.args(["-e", FILL_AND_REMOVE]).current_dir(rig.at("")).status() {
        Ok(ended) => assert_eq!(ended.code(), Some(0), "see what perl said"),
        Err(error) => support::print_skip(&format!("perl cannot be run: {error}")),
    }
}

#[test]
fn a_trace_that_finds_no_room_says_so_and_its_command_goes_on() {
    if !runnable() {
        return;
    }
    let small = Small::mount(256);
    let trace = small.path().join("t.frt");
    let trace = trace.to_str().expect("text");
    let work =
        "for n in 1 2 3 4 5 6 7 8; do head -c 300000 /dev/urandom > f$n; done; cat f8 | wc -c";
    let base = ["record", "-o", trace, "--payload", "full", "--", "sh", "-c", work];
    let recorded = fuserig(&base);
    let said = text(&recorded.stderr);
    assert_eq!(recorded.status.code(), Some(0), "the command's own status: {said}");
    assert_eq!(text(&recorded.stdout).trim(), "300000", "the command was served to its end");
    assert!(said.contains("the trace ends early: No space left on device"), "{said}");
    assert!(said.contains("dropped"), "{said}");
    assert!(said.contains("at most") && !said.contains("says so"), "it has no end: {said}");
}

#[test]
fn the_writeback_cache_brings_everything_down_in_the_end() {
    if !runnable() {
        return;
    }
    let rig = Rig::mount(&["--writeback", "--lower", "host:{}/below"]);
    let mut file = File::create(rig.at("f")).expect("made");
    for n in 0..2000_u32 {
        file.write_all(&n.to_le_bytes()).expect("written");
    }
    assert_eq!(file.metadata().expect("there").len(), 8000);
    file.sync_all().expect("brought down");
    let below = std::fs::read(rig.directory.path().join("below/f")).expect("read");
    let expected: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(below, expected);
}

#[test]
fn an_access_list_is_kept_and_shows_in_the_mode() {
    on_both(|rig| {
        std::fs::write(rig.at("f"), "x").expect("written");
        std::fs::set_permissions(rig.at("f"), PermissionsExt::from_mode(0o600)).expect("set");
        let mut list = 2_u32.to_le_bytes().to_vec();
        // Owner, user 1000, group, mask, others, as acl(5) has them.
        let nobody = u32::MAX;
        for (tag, permissions, id) in
            [(1_u16, 6_u16, nobody), (2, 7, 1000), (4, 0, nobody), (16, 7, nobody), (32, 0, nobody)]
        {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        let name = "system.posix_acl_access";
        match rustix::fs::setxattr(rig.at("f"), name, &list, XattrFlags::empty()) {
            // The host directory may lie on a filesystem without lists.
            Err(rustix::io::Errno::OPNOTSUPP) => return,
            set => set.expect("set"),
        }
        let mut value = [0; 64];
        let length = rustix::fs::getxattr(rig.at("f"), name, &mut value[..]).expect("read");
        assert_eq!(&value[..length], &list[..]);
        assert_eq!(rig.at("f").metadata().expect("there").mode() & 0o777, 0o670);
    });
}

/// A user on a machine whose `/dev/fuse` is for everybody, as distributions have it: a private
/// mount namespace shows one. The shell says what is wrong; it has five minutes, and takes seconds.
const AS_USER: &str = include_str!("robust/user.sh");

#[test]
fn a_user_mounts_through_fusermount3() {
    if !runnable() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["mnt", "below"] {
        std::fs::create_dir(directory.path().join(name)).expect("fresh");
    }
    for name in ["", "mnt", "below"] {
        let path = directory.path().join(name);
        std::os::unix::fs::chown(path, Some(1000), Some(1000)).expect("root may");
    }
    let mut command = Command::new("timeout");
    command.args(["-k", "9", "300", "unshare", "-m", "sh", "-c", AS_USER, "sh"]);
    command.arg(directory.path()).arg(env!("CARGO_BIN_EXE_fuserig"));
    let Ok(output) = command.output() else { return print_skip("there is no timeout(1)") };
    match output.status.code() {
        Some(77 | 127) => print_skip(&(text(&output.stdout) + &text(&output.stderr))),
        code => assert_eq!(code, Some(0), "{}", text(&output.stderr)),
    }
    assert!(!is_mounted(&directory.path().join("mnt")));
}

/// A world whose filter is mistaken about one name.
fn panicking_server() -> Result<Server, MountError> {
    let filter = FuseOps::new("mistaken").lookup_prefilter(|_cx, name| {
        assert_ne!(name.name(), b"boom", "a mistake of a filter in Rust");
        Verdict::Continue
    });
    let lower = Box::new(MemFs::new(MemFsOptions::default()));
    let world = World::new(
        &WorldConfig::default(),
        lower,
        Some(Box::new(filter)),
        Box::new(NoDaemon),
        Box::new(NullSink),
    );
    Ok(Server::new(world.expect("a world"), ServerConfig::default()))
}

#[test]
fn a_panic_of_the_pipeline_takes_the_mount_away_and_is_told() {
    if !runnable() {
        return;
    }
    for threads in [1, 3] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = MountOptions { threads, ..MountOptions::new(directory.path()) };
        let mounted = Mounted::start(&options, panicking_server, None).expect("mounted");
        std::fs::write(directory.path().join("f"), "x").expect("served as ever");
        let refused = std::fs::metadata(directory.path().join("boom")).expect_err("no answer");
        assert_eq!(refused.raw_os_error(), Some(5), "EIO for whoever asked");
        let ended = mounted.wait();
        assert!(matches!(ended, Err(MountError::Panicked)), "{threads} threads: {ended:?}");
        assert!(!is_mounted(directory.path()));
        assert_eq!(std::fs::read_dir(directory.path()).expect("listed").count(), 0);
    }
}

#[test]
fn a_world_that_cannot_be_built_takes_the_mount_away_and_is_told() {
    if !runnable() {
        return;
    }
    for threads in [1, 3] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let options = MountOptions { threads, ..MountOptions::new(directory.path()) };
        let build = || Err(MountError::Lower("there is none".to_owned()));
        let mounted = Mounted::start(&options, build, None).expect("mounted");
        // One request is enough to learn of it; without the mount it is the directory that answers.
        let _ = std::fs::metadata(directory.path().join("f"));
        let ended = mounted.wait();
        assert!(matches!(ended, Err(MountError::Lower(_))), "{threads} threads: {ended:?}");
        assert!(!is_mounted(directory.path()));
    }
}
