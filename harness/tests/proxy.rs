//! Daemons of libfuse and fuser on the kernel: the wire proxy in between, and logs of strace
//! (`live`). Each test prints why it cannot run.

#[path = "../examples/mock_kernel.rs"]
#[expect(dead_code, reason = "only the filesystem is used")]
mod notes;
#[path = "support/rig.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod rig;
mod support;

#[path = "support/libfuse.rs"]
mod libfuse;
#[path = "proxy/live.rs"]
mod live;
#[path = "proxy/memory.rs"]
mod memory;
#[path = "proxy/of_fuser.rs"]
mod of_fuser;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::{OpFlags, PayloadRef, RecordRef};
use fuserig_traces::{SourceKind, Trace};
use libfuse::example;
use rig::{fuserig, is_mounted, pid, runnable, text};
use rustix::process::Signal;

/// `fuserig record --attach-daemon` on `mnt` of a directory, which has `below` as well.
struct Attached {
    directory: tempfile::TempDir,
    process: Option<Child>,
}

impl Attached {
    /// Starts a daemon; `{below}` in an argument is the directory, `{}` the device.
    fn start(program: &Path, arguments: &[&str]) -> Attached {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for name in ["mnt", "below"] {
            std::fs::create_dir(directory.path().join(name)).expect("fresh");
        }
        let below = directory.path().join("below").to_str().expect("text").to_owned();
        let mut process = Command::new(env!("CARGO_BIN_EXE_fuserig"))
            .args(["record", "--attach-daemon", "--mount"])
            .arg(directory.path().join("mnt"))
            .arg("-o")
            .arg(directory.path().join("t.frt"))
            .arg("--")
            .arg(program)
            .args(arguments.iter().map(|argument| argument.replace("{below}", &below)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary was built");
        // The daemon writes to the same place; nothing is waited for by the clock.
        let said = BufReader::new(process.stderr.take().expect("piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let served = lines.find(|line| line.contains(" serves "));
        assert!(served.is_some(), "it did not begin");
        #[expect(clippy::disallowed_methods, reason = "a full pipe would stop the daemon")]
        std::thread::spawn(move || lines.for_each(drop));
        Attached { directory, process: Some(process) }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join("mnt").join(path)
    }

    fn below(&self, path: &str) -> PathBuf {
        self.directory.path().join("below").join(path)
    }

    /// Ends it by a signal to fuserig: its exit code and the trace.
    fn end(mut self) -> (Option<i32>, Trace) {
        let mut process = self.process.take().expect("it runs");
        let _ = rustix::process::kill_process(pid(&process), Signal::INT);
        self.finish(&mut process)
    }

    /// Ends it, and replays what was recorded: exit code and output, from a tree if one is given.
    fn replayed(&mut self, tree: Option<&str>) -> (Option<i32>, String) {
        if let Some(mut process) = self.process.take() {
            let _ = rustix::process::kill_process(pid(&process), Signal::INT);
            assert_eq!(self.finish(&mut process).0, Some(0));
        }
        let trace = self.directory.path().join("t.frt");
        let mut all = vec!["replay", trace.to_str().expect("text")];
        let file = self.directory.path().join("start.tree");
        if let Some(tree) = tree {
            std::fs::write(&file, tree).expect("written");
            all.extend_from_slice(&["--tree", file.to_str().expect("text")]);
        }
        let output = fuserig(&all);
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    fn finish(&self, process: &mut Child) -> (Option<i32>, Trace) {
        let code = process.wait().expect("it ends").code();
        assert!(!is_mounted(&self.at("")), "a mount was left behind");
        let bytes = std::fs::read(self.directory.path().join("t.frt")).expect("it was written");
        (code, Trace::read(&*bytes).expect("a whole trace"))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = rustix::process::kill_process(pid(&process), Signal::TERM);
        let _ = process.wait();
    }
}

/// What a trace holds: names of operations, and the data of writes in their order.
fn contents(trace: &Trace) -> (Vec<String>, Vec<u8>) {
    let (mut names, mut written) = (Vec::new(), Vec::new());
    let mut stored = BTreeMap::new();
    for record in &trace.records {
        let op = match record.as_ref() {
            RecordRef::Op(op) => op,
            RecordRef::Payload(payload) => {
                stored.insert(payload.id, payload.bytes.to_vec());
                continue;
            }
            _ => continue,
        };
        let name = OpSpec::name_of(op.opcode);
        if name == "WRITE" {
            match op.payload {
                PayloadRef::Inline(bytes) => written.extend_from_slice(bytes),
                PayloadRef::Ref { id, .. } => {
                    written.extend_from_slice(&stored[&id]);
                }
                other => panic!("a write without data: {other:?}"),
            }
        }
        names.push(name);
    }
    (names, written)
}

/// Whether everything has a reply that wants one.
fn assert_answered(trace: &Trace) {
    for record in &trace.records {
        let RecordRef::Op(op) = record.as_ref() else { continue };
        let is_answered = op.seq_reply > op.seq_send || op.flags.contains(OpFlags::NO_REPLY);
        assert!(is_answered, "{} {} has no reply", OpSpec::name_of(op.opcode), op.unique);
    }
}

#[test]
fn a_daemon_of_libfuse_serves_as_on_the_device_and_everything_is_recorded() {
    let Some((_built, program)) = runnable().then(|| example("passthrough_ll")).flatten() else {
        return;
    };
    let source = "source={below}";
    let attached = Attached::start(&program, &["-f", "-o", source, "{}"]);
    // Longer than a request, so that there are several, and their order counts.
    let data: Vec<u8> = (0..700_000_u32).map(|number| (number * 7 / 3) as u8).collect();
    std::fs::write(attached.at("a"), &data).expect("written");
    assert_eq!(std::fs::read(attached.below("a")).expect("it is below"), data);
    std::fs::write(attached.below("b"), &data).expect("written below");
    assert_eq!(std::fs::read(attached.at("b")).expect("read"), data);
    std::fs::create_dir(attached.at("d")).expect("made");
    std::fs::rename(attached.at("a"), attached.at("d/c")).expect("moved");
    std::fs::read(attached.at("nothing")).expect_err("there is none");
    assert_eq!(std::fs::read_dir(attached.at("")).expect("listed").count(), 2);
    let (code, trace) = attached.end();
    assert_eq!(code, Some(0));
    assert_answered(&trace);
    let (names, written) = contents(&trace);
    assert_eq!(written, data);
    for name in ["INIT", "LOOKUP", "CREATE", "WRITE", "READ", "MKDIR", "OPENDIR", "RELEASE"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    let header = &trace.header;
    assert_eq!(header.source.as_ref().map(|source| source.kind), Some(SourceKind::Proxy));
    let init = header.init.as_ref().expect("it was seen");
    assert!(!init.flags.is_empty() && header.fuse_minor.is_some());
    assert!(!init.flags.iter().any(|flag| flag == "passthrough" || flag == "over_io_uring"));
}

#[test]
fn what_the_daemon_was_asked_before_the_mount_went_it_may_answer() {
    let Some((_built, program)) = runnable().then(|| example("passthrough_ll")).flatten() else {
        return;
    };
    let mut attached = Attached::start(&program, &["-f", "-o", "source={below}", "{}"]);
    let mount = attached.at("");
    let listing = std::fs::read_dir(&mount).expect("listed");
    let fuserig = attached.process.as_ref().expect("it runs").id();
    let children = std::fs::read_to_string(format!("/proc/{fuserig}/task/{fuserig}/children"));
    let daemon: i32 = children.expect("Linux tells").trim().parse().expect("one child");
    let daemon = rustix::process::Pid::from_raw(daemon).expect("no child is 0");
    // RELEASEDIR waits for nobody, so it lies there when the mount is taken away.
    rustix::process::kill_process(daemon, Signal::STOP).expect("it runs");
    let stat = format!("/proc/{}/stat", daemon.as_raw_nonzero());
    while !std::fs::read_to_string(&stat).expect("it is there").contains(") T ") {
        std::thread::yield_now();
    }
    drop(listing);
    let ending = attached.process.as_ref().map(pid).expect("it runs");
    rustix::process::kill_process(ending, Signal::INT).expect("it runs");
    while is_mounted(&mount) {
        std::thread::yield_now();
    }
    rustix::process::kill_process(daemon, Signal::CONT).expect("it is there");
    let mut process = attached.process.take().expect("it runs");
    let (code, trace) = attached.finish(&mut process);
    assert_eq!(code, Some(0));
    assert_answered(&trace);
    assert!(contents(&trace).0.iter().any(|name| name == "RELEASEDIR"));
}

/// What lies below a daemon before anything is recorded.
const BEFORE: &str = "set -e
    mkdir -p sub/deep never/seen never/heard dir; chmod 750 sub; chown 12:34 sub
    printf 'one line\\n' > a; printf 'shared' > dir/x; ln dir/x dir/y; ln dir/x never/z
    seq 1 3000 > big; ln -s sub/deep link; ln -s nowhere dangling; mkfifo pipe
    printf '#!/bin/sh' > run; chmod 755 run; head -c 5000 /dev/zero > zeros; touch old empty
    mkdir gone; touch gone/file; printf abc > keep; touch unread";

/// What is done to it through the daemon.
const DURING: &str = "set -e
    cat a big run > /dev/null; test -x run; test ! -e nothing; readlink link dangling > /dev/null
    ls -la . sub dir > /dev/null; stat -c %h dir/x > /dev/null; cat dir/y
    dd if=big bs=1 skip=5000 count=20 2> /dev/null > /dev/null
    printf new >> a; cat a; printf X | dd of=big bs=1 seek=100 conv=notrunc 2> /dev/null; cat big
    mv old sub/young; rm empty; rm -r gone; mkdir sub/made; cp a sub/made/copy; ln keep sub/kept
    truncate -s 10 zeros; cat zeros > /dev/null; chmod 600 keep; mv sub/made dir/moved
    ls -lR . > /dev/null; cat dir/moved/copy sub/kept; test -p pipe";

fn run(script: &str, directory: &Path) {
    let done = Command::new("sh").args(["-c", script]).current_dir(directory).output();
    let done = done.expect("there is a shell");
    assert!(done.status.success(), "{}", text(&done.stderr));
}

#[test]
fn what_a_daemon_served_from_the_start_is_inferred_and_replays_without_a_difference() {
    let Some((_built, program)) = runnable().then(|| example("passthrough_ll")).flatten() else {
        return;
    };
    for cache in ["cache=never", "cache=always"] {
        let source = format!("source={{below}},{cache}");
        let script = format!("cd {{below}} && {{ {BEFORE}; }} && cd / && exec \"$0\" \"$@\"");
        let arguments = ["-c", &script, program.to_str().expect("text"), "-f", "-o", &source, "{}"];
        let mut attached = Attached::start(Path::new("sh"), &arguments);
        run(DURING, &attached.at(""));
        let (code, said) = attached.replayed(None);
        assert_eq!(code, Some(0), "{cache}: {said}");
        assert!(said.contains(" 0 divergences"), "{said}");
        // With nothing below, the same trace does not replay.
        assert_eq!(attached.replayed(Some("")).0, Some(1));
    }
}

#[test]
fn a_daemon_that_makes_its_files_up_replays_without_a_difference() {
    let Some((_built, program)) = runnable().then(|| example("hello_ll")).flatten() else {
        return;
    };
    let mut attached = Attached::start(&program, &["-f", "{}"]);
    run("ls -la . && cat hello && test ! -e other && stat hello", &attached.at(""));
    let (code, said) = attached.replayed(None);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" 0 divergences"), "{said}");
    assert_eq!(attached.replayed(Some("")).0, Some(1));
}

#[test]
fn a_daemon_that_dies_takes_the_mount_with_it_and_leaves_a_whole_trace() {
    let Some((_built, program)) = runnable().then(|| example("hello_ll")).flatten() else {
        return;
    };
    // The shell tells its own process id and becomes the daemon.
    let script = "echo $$ > {below}/pid; exec \"$0\" -f \"$1\"";
    let program = program.to_str().expect("text").to_owned();
    let mut attached = Attached::start(Path::new("sh"), &["-c", script, &program, "{}"]);
    assert_eq!(std::fs::read_to_string(attached.at("hello")).expect("read"), "Hello World!\n");
    let daemon = std::fs::read_to_string(attached.below("pid")).expect("it was told");
    let daemon = daemon.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(daemon.expect("a pid"), Signal::KILL).expect("it runs");
    let mut process = attached.process.take().expect("it runs");
    let (code, trace) = attached.finish(&mut process);
    assert_eq!(code, Some(137));
    let (names, _) = contents(&trace);
    assert!(names.iter().any(|name| name == "READ"), "{names:?}");
}

#[test]
fn a_daemon_of_fuser_serves_as_well() {
    if !runnable() {
        return;
    }
    // This binary is the daemon: the test below serves when it finds a device.
    let itself = std::fs::read_link("/proc/self/exe").expect("procfs is there");
    let script = "exec \"$0\" --exact serves_as_a_daemon --nocapture";
    let itself = itself.to_str().expect("text").to_owned();
    let attached = Attached::start(Path::new("sh"), &["-c", script, &itself, "{}"]);
    std::fs::write(attached.at("note"), "text").expect("written");
    assert_eq!(std::fs::read(attached.at("note")).expect("read"), b"text");
    std::fs::remove_file(attached.at("note")).expect("removed");
    let (code, trace) = attached.end();
    assert_eq!(code, Some(0));
    let (names, written) = contents(&trace);
    assert_eq!(written, b"text");
    assert!(names.iter().any(|name| name == "UNLINK"), "{names:?}");
}

/// No test of its own: the daemon of the test above.
#[test]
fn serves_as_a_daemon() {
    serve_the_device(notes::NoteFs::new(true), 1);
}

/// Serves on the device that a proxy names; nothing without one.
#[expect(clippy::disallowed_methods, reason = "how a proxy tells a daemon its device")]
fn serve_the_device<F: fuser::Filesystem>(filesystem: F, threads: usize) {
    let Some(device) = std::env::var_os("FUSERIG_DEVICE") else { return };
    let device = device.into_string().expect("text");
    let number = device.rsplit('/').next().and_then(|number| number.parse().ok());
    let own = rustix::process::getpid();
    let process = rustix::process::pidfd_open(own, rustix::process::PidfdFlags::empty());
    let device = rustix::process::pidfd_getfd(
        process.expect("this process"),
        number.expect("a number"),
        rustix::process::PidfdGetfdFlags::empty(),
    );
    let mut config = fuser::Config::default();
    config.n_threads = Some(threads);
    let acl = fuser::SessionACL::All;
    let session = fuser::Session::from_fd(filesystem, device.expect("it is open"), acl, config);
    // The end of the socket is the end of the session, in whatever words.
    let _ = session.expect("it begins").run();
}

#[test]
fn what_cannot_begin_leaves_no_mount_and_says_why() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().to_str().expect("text");
    let run = |more: &[&str]| {
        let mut all = vec!["record", "--attach-daemon"];
        all.extend_from_slice(more);
        all.extend_from_slice(&["--", "/nonexistent/daemon", "{}"]);
        fuserig(&all)
    };
    let usage = run(&["-o", "/dev/null"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(text(&usage.stderr).contains("--mount"), "{}", text(&usage.stderr));
    if !runnable() {
        return;
    }
    let trace = directory.path().join("t.frt");
    let output = run(&["--mount", place, "-o", trace.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("run the command"), "{}", text(&output.stderr));
    assert!(!is_mounted(directory.path()));
}
