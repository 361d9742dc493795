//! A filter over a host directory on a real mount: native `hide` and its BPF twin, asked by the
//! processes of this machine.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags, RenameFlags};

use super::rig::{Rig, errno, fuserig, runnable, text};

const ENOENT: i32 = 2;

/// Both hide the names that begin with a dot.
fn filters() -> [String; 2] {
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf/hide_names.o");
    ["hide:.*".to_owned(), object.to_owned()]
}

/// What is below when the mount begins.
fn fill(directory: &Path) {
    let at = |path: &str| directory.join(path);
    for path in ["d", "d/.sub", ".kept"] {
        std::fs::create_dir(at(path)).expect("made");
    }
    for (path, contents) in
        [("seen", "s"), (".hidden", "h"), ("d/out", "o"), ("d/.in", "i"), (".kept/f", "f")]
    {
        std::fs::write(at(path), contents).expect("written");
    }
    std::fs::hard_link(at(".hidden"), at("d/named")).expect("linked");
    symlink(".hidden", at("to_hidden")).expect("linked");
    symlink("d/out", at("to_out")).expect("linked");
}

/// Everything in a directory: kind, mode, links, owner, contents or target.
fn walked(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("listed") {
        let entry = entry.expect("a name");
        let (path, name) = (entry.path(), entry.file_name().into_string().expect("text"));
        let metadata = path.symlink_metadata().expect("there");
        let kind = metadata.file_type();
        let contents = if kind.is_file() {
            String::from_utf8(std::fs::read(&path).expect("read")).expect("text")
        } else if kind.is_symlink() {
            std::fs::read_link(&path).expect("read").display().to_string()
        } else {
            String::new()
        };
        let (mode, owner) = (metadata.mode(), metadata.uid());
        let links = if kind.is_dir() { 0 } else { metadata.nlink() };
        found.insert(name.clone(), format!("{mode:o} {links} {owner} {contents:?}"));
        if kind.is_dir() {
            let below = walked(&path).into_iter();
            found.extend(below.map(|(below, what)| (format!("{name}/{below}"), what)));
        }
    }
    found
}

fn mounted(filter: &str, fidelity: &str) -> Rig {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["mnt", "below"] {
        std::fs::create_dir(directory.path().join(name)).expect("fresh");
    }
    let below = directory.path().join("below");
    fill(&below);
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.arg("mount").arg(directory.path().join("mnt"));
    command.arg("--lower").arg(format!("host:{}", below.display()));
    command.args(["--filter", filter, "--fidelity", fidelity]);
    Rig::start(command, directory)
}

/// Every way to a hidden name that is there, at `hidden`, or is not, at `absent`.
fn assert_unreachable(rig: &Rig, hidden: &str, absent: &str) {
    let (there, none, seen) = (rig.at(hidden), rig.at(absent), rig.at("seen"));
    let (there, none, seen) = (there.as_path(), none.as_path(), seen.as_path());
    let open = |path: &Path, flags| rustix::fs::open(path, flags, Mode::from(0o600)).map(drop);
    let rename =
        |old: &Path, new: &Path, flags| rustix::fs::renameat_with(CWD, old, CWD, new, flags);
    let link = |old: &Path, new: &Path| rustix::fs::link(old, new);
    let fifo = |path: &Path| rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0);
    let made = OFlags::CREATE | OFlags::WRONLY;
    let free = rig.at("free");
    let results = [
        ("stat", rustix::fs::stat(there).map(drop)),
        ("lstat", rustix::fs::lstat(there).map(drop)),
        ("access", rustix::fs::access(there, Access::EXISTS)),
        ("readlink", rustix::fs::readlink(there, Vec::new()).map(drop)),
        ("open", open(there, OFlags::RDONLY)),
        ("open by path", open(there, OFlags::PATH)),
        ("open and make", open(there, made)),
        ("open and make anew", open(there, made | OFlags::EXCL)),
        ("make", open(none, made)),
        ("mkdir over it", rustix::fs::mkdir(there, Mode::from(0o700))),
        ("mkdir", rustix::fs::mkdir(none, Mode::from(0o700))),
        ("mkfifo", fifo(none)),
        ("symlink", rustix::fs::symlink("seen", none)),
        ("rename away", rename(there, &free, RenameFlags::empty())),
        ("rename onto it", rename(seen, there, RenameFlags::empty())),
        ("rename to it", rename(seen, none, RenameFlags::empty())),
        ("rename to it, not over it", rename(seen, there, RenameFlags::NOREPLACE)),
        ("exchange", rename(seen, there, RenameFlags::EXCHANGE)),
        ("exchange, the other way", rename(there, seen, RenameFlags::EXCHANGE)),
        ("link of it", link(there, &free)),
        ("link to it", link(seen, none)),
        ("link onto it", link(seen, there)),
        ("unlink", rustix::fs::unlink(there)),
        ("rmdir", rustix::fs::rmdir(there)),
        ("chmod", rustix::fs::chmod(there, Mode::from(0o777))),
        (
            "truncate",
            std::fs::write(there, "x").map_err(|error| {
                rustix::io::Errno::from_io_error(&error).expect("an error of the system")
            }),
        ),
    ];
    for (what, result) in results {
        assert_eq!(errno(result), ENOENT, "{what} of {hidden} and {absent}");
    }
}

fn names(rig: &Rig, path: &str) -> Vec<String> {
    let listed = std::fs::read_dir(rig.at(path)).expect("listed");
    let mut names: Vec<String> = listed
        .map(|entry| entry.expect("a name").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn what_is_hidden_is_nowhere_and_stays_below_as_it_was() {
    if !runnable() {
        return;
    }
    for filter in filters() {
        for fidelity in ["intended", "faithful"] {
            let rig = mounted(&filter, fidelity);
            let below = rig.directory.path().join("below");
            let before = walked(&below);
            assert_unreachable(&rig, ".hidden", ".none");
            assert_unreachable(&rig, "d/.in", "d/.none");
            assert_unreachable(&rig, ".kept/f", ".kept/none");
            // Neither through a directory that is open, nor through a symlink.
            let root = rustix::fs::open(rig.at(""), OFlags::DIRECTORY, Mode::empty());
            let inside = rustix::fs::statat(root.expect("opened"), ".hidden", AtFlags::empty());
            assert_eq!(errno(inside), ENOENT);
            assert_eq!(errno(rustix::fs::stat(rig.at("to_hidden"))), ENOENT);
            assert_eq!(names(&rig, ""), ["d", "seen", "to_hidden", "to_out"], "{filter}");
            assert_eq!(names(&rig, "d"), ["named", "out"], "{filter}");
            // Other names of a file are no secret, and a hidden name that appears later is one.
            assert_eq!(std::fs::read(rig.at("d/named")).expect("read"), b"h");
            std::fs::write(below.join(".late"), "l").expect("written below");
            assert_unreachable(&rig, ".late", ".none");
            assert_eq!(names(&rig, ""), ["d", "seen", "to_hidden", "to_out"], "{filter}");
            std::fs::remove_file(below.join(".late")).expect("removed below");
            let refused = std::fs::remove_dir(rig.at("d")).expect_err("it is not empty");
            assert_eq!(refused.raw_os_error(), Some(39), "ENOTEMPTY");
            assert_eq!(walked(&below), before, "{filter}, {fidelity}");
        }
    }
}

/// Work of everyday tools on what can be seen.
const WORK: &str = "set -e
    cat seen to_out d/named; echo more >> seen; cp seen copy; ln copy d/second; ln -s copy arrow
    mkdir -p made/deep; mv copy made/deep/moved; chmod 600 d/out; touch d/out; mkfifo made/pipe
    rm made/pipe; printf XY | dd of=seen bs=1 seek=1 conv=notrunc 2> /dev/null; truncate -s 3 d/out
    mv made kept_too; rm to_hidden; ls -lR . > /dev/null; test ! -e .hidden; test ! -e d/.in
    seq 1 5000 > long; tail -n 1 long; rm arrow; find . -type f | sort | wc -l";

fn work(directory: &Path) -> String {
    let done = Command::new("sh").args(["-c", WORK]).current_dir(directory).output();
    let done = done.expect("there is a shell");
    assert!(done.status.success(), "{}", text(&done.stderr));
    text(&done.stdout)
}

#[test]
fn what_is_not_hidden_is_as_without_a_filter() {
    if !runnable() {
        return;
    }
    for filter in filters() {
        let rig = mounted(&filter, "intended");
        let plain = tempfile::tempdir().expect("a temporary directory");
        fill(plain.path());
        // The same tools there, where what is hidden is out of the way for as long.
        let aside = tempfile::tempdir().expect("a temporary directory");
        let away = [(".hidden", "1"), (".kept", "2"), ("d/.in", "3"), ("d/.sub", "4")];
        let (from, to) =
            (|name: &str| plain.path().join(name), |name: &str| aside.path().join(name));
        for (name, kept) in away {
            std::fs::rename(from(name), to(kept)).expect("moved aside");
        }
        let expected = work(plain.path());
        for (name, kept) in away {
            std::fs::rename(to(kept), from(name)).expect("moved back");
        }
        assert_eq!(work(&rig.at("")), expected, "{filter}");
        let below = rig.directory.path().join("below");
        assert_eq!(walked(&below), walked(plain.path()), "{filter}");
    }
}

#[test]
fn a_recording_through_a_filter_over_a_host_directory_replays_without_a_difference() {
    if !runnable() {
        return;
    }
    for filter in filters() {
        for fidelity in ["intended", "faithful"] {
            let scratch = tempfile::tempdir().expect("a temporary directory");
            let below = scratch.path().join("below");
            std::fs::create_dir(&below).expect("fresh");
            fill(&below);
            let trace = scratch.path().join("t.frt");
            let (trace, lower) =
                (trace.to_str().expect("text"), format!("host:{}", below.display()));
            let refused = "! touch .new 2> /dev/null; ! mv seen .x 2> /dev/null; ! cat .hidden";
            let script = format!("{refused} 2> /dev/null\n{WORK}");
            let recorded = fuserig(&[
                "record",
                "-o",
                trace,
                "--lower",
                &lower,
                "--filter",
                &filter,
                "--fidelity",
                fidelity,
                "--",
                "sh",
                "-c",
                &script,
            ]);
            let said = text(&recorded.stderr);
            assert_eq!(recorded.status.code(), Some(0), "{filter}, {fidelity}: {said}");
            let replayed = fuserig(&["replay", trace]);
            let shown = text(&replayed.stdout) + &text(&replayed.stderr);
            assert_eq!(replayed.status.code(), Some(0), "{filter}, {fidelity}:\n{shown}");
            assert!(shown.contains(" 0 divergences"), "{shown}");
            // Without the filter the same trace does not replay: it hid something.
            let without = fuserig(&["replay", trace, "--filter", "none"]);
            assert_eq!(without.status.code(), Some(1), "{}", text(&without.stdout));
        }
    }
}
