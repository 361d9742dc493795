//! Daemons of libfuse on this machine under strace, under several of its options: what they read
//! and write is imported and replayed with the same result.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::libfuse::example;
use super::rig::{fuserig, is_mounted, runnable, text};
use super::support::{print_skip, workspace};

/// A daemon and the options of strace that the log is made with.
struct Case {
    daemon: &'static str,
    /// `{below}` is the directory that it serves.
    options: &'static str,
    strace: &'static str,
    /// Whether `-s` cuts what it writes of some messages.
    is_cut: bool,
}

const CASES: &[Case] = &[
    Case {
        daemon: "passthrough",
        options: "modules=subdir,subdir={below}",
        strace: "-f -P /dev/fuse -xx -s 2000000",
        is_cut: false,
    },
    Case {
        daemon: "passthrough_fh",
        options: "modules=subdir,subdir={below}",
        strace: "-f -tt -T -yy -P /dev/fuse -xx -s 2000000",
        is_cut: false,
    },
    Case {
        daemon: "passthrough_ll",
        options: "source={below},clone_fd,cache=always,writeback",
        strace: "-f -r -k -P /dev/fuse -x -s 2000000",
        is_cut: false,
    },
    // Everything that the daemon does, and not only on the device.
    Case {
        daemon: "passthrough",
        options: "modules=subdir,subdir={below}",
        strace: "-f -ttt -y -xx -s 2000000",
        is_cut: false,
    },
    // Whole heads, and data that are cut.
    Case {
        daemon: "passthrough",
        options: "modules=subdir,subdir={below}",
        strace: "-f -ttt -P /dev/fuse -xx -s 400",
        is_cut: true,
    },
];

/// Runs a session on a daemon under strace, and keeps the log in a file.
fn record(case: &Case, program: &Path, root: &Path) -> Result<(), String> {
    for name in ["mnt", "below"] {
        std::fs::create_dir(root.join(name)).expect("fresh");
    }
    let (mount, below) = (root.join("mnt"), root.join("below"));
    let fifo = root.join("fifo");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a temporary directory takes a fifo");
    let options = case.options.replace("{below}", below.to_str().expect("text"));
    let mut strace = Command::new("strace")
        .args(case.strace.split(' '))
        .arg("-o")
        .arg(&fifo)
        .arg(program)
        .args(["-f", "-o", &options])
        .arg(&mount)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("strace cannot be run: {error}"))?;
    let log = BufReader::new(std::fs::File::open(&fifo).expect("strace opens its end"));
    let mut lines = log.split(b'\n').map_while(Result::ok);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    // What it reads first is INIT, of a mount that is there; nothing is waited for by the clock.
    for line in lines.by_ref() {
        kept.push(line);
        if is_mounted(&mount) {
            break;
        }
    }
    if !is_mounted(&mount) {
        let _ = strace.wait();
        return Err(format!("no mount; strace says {:?}", kept.last().map(|line| text(line))));
    }
    #[expect(clippy::disallowed_methods, reason = "a full pipe would stop the daemon")]
    let rest = std::thread::spawn(move || lines.collect::<Vec<_>>());
    let script = workspace().join("traces/tests/fuse_strace/shell.sh");
    let done = Command::new("sh").arg(script).current_dir(&mount).output().expect("a shell");
    let unmounted = Command::new("umount").arg(&mount).status().expect("umount is there");
    assert!(unmounted.success(), "{}", text(&done.stderr));
    kept.extend(rest.join().expect("it reads to the end"));
    strace.wait().expect("it ends with the daemon");
    kept.push(Vec::new());
    std::fs::write(root.join("log"), kept.join(&b'\n')).expect("scratch");
    Ok(())
}

#[test]
fn daemons_of_this_machine_are_recorded_by_strace_and_replayed_exactly() {
    if !runnable() {
        return;
    }
    for case in CASES {
        let Some((_built, program)) = example(case.daemon) else { return };
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let root = scratch.path();
        if let Err(reason) = record(case, &program, root) {
            print_skip(&format!("{} under `strace {}`: {reason}", case.daemon, case.strace));
            continue;
        }
        let path = |name: &str| root.join(name).to_str().expect("text").to_owned();
        let (log, trace, tree) = (path("log"), path("t.frt"), path("tree"));
        let what = format!("{} under `strace {}`", case.daemon, case.strace);
        let imported = fuserig(&["import", &log, "-o", &trace]);
        let said = text(&imported.stdout) + &text(&imported.stderr);
        assert_eq!(imported.status.code(), Some(i32::from(case.is_cut)), "{what}: {said}");
        let replayed = fuserig(&["replay", &trace, "--tree-out", &tree]);
        let shown = text(&replayed.stdout) + &text(&replayed.stderr);
        assert_eq!(replayed.status.code(), Some(0), "{what}: {shown}");
        assert!(shown.contains(" 0 divergences"), "{what}: {shown}");
        let equal = shown.lines().find_map(|line| line.trim().split_once(" replies equal"));
        let equal: u64 = equal.expect("it says").0.parse().expect("a number");
        assert!(equal > 100, "{what}: {shown}");
        if case.is_cut {
            assert!(said.contains("problem") && said.contains("cut by strace"), "{what}: {said}");
            assert!(shown.contains("cut in the recording"), "{what}: {shown}");
            continue;
        }
        // What is left below the daemon is what the replay ends with.
        let tree = std::fs::read_to_string(&tree).expect("it was written");
        let names = |text: &str| -> Vec<String> {
            let paths = text.lines().filter_map(|line| line.split('\t').next());
            let mut names: Vec<String> =
                paths.map(|path| path.trim_matches('/').to_owned()).collect();
            names.retain(|name| !name.is_empty() && name != ".");
            names.sort();
            names
        };
        let mut found = found_in(&root.join("below"));
        found.sort();
        assert_eq!(names(&tree), found, "{what}");
    }
}

/// Paths of everything in a folder.
fn found_in(folder: &Path) -> Vec<String> {
    let mut find = Command::new("find");
    find.args([".", "-mindepth", "1", "-printf", "%P\\n"]).current_dir(folder);
    let output = find.output().expect("find is there");
    text(&output.stdout).lines().map(str::to_owned).collect()
}
