//! The command line: documented exit codes, clear messages, nothing lost.

mod support;

#[path = "cli/shown.rs"]
mod shown;
#[path = "cli/terminal.rs"]
mod terminal;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{corpus, print_skip};

fn fuserig(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .output()
        .expect("the binary was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a command and checks its exit code and a part of what it says on standard error.
#[track_caller]
fn check(arguments: &[&str], code: i32, says: &str) {
    let output = fuserig(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(says), "{arguments:?} says {said:?}, not {says:?}");
    assert!(!said.contains("panicked"), "{said}");
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

fn scratch() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path().to_owned();
    (directory, move |name: &str| root.join(name))
}

#[test]
fn a_replay_that_agrees_ends_with_0() {
    let shell = corpus("shell", "frt");
    let output = fuserig(&["replay", path_text(&shell)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0 divergences"));
}

#[test]
fn a_filter_that_changes_results_is_a_finding_unless_nobody_judges() {
    let shell = corpus("shell", "frt");
    let filtered = ["replay", path_text(&shell), "--filter", "hide:*.jpg"];
    let output = fuserig(&filtered);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let last = said.lines().last().expect("it says something");
    assert!(last.trim_start().starts_with("fuserig replay"), "a command to paste: {last}");
    let output = fuserig(&[&filtered[..], &["--against", "none"]].concat());
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("IMG_1.jpg"), "the change is shown");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let shell = corpus("shell", "frt");
    check(&["replay", path_text(&shell), "--filter", "nosuch"], 2, "built in are");
    check(&["replay", path_text(&shell), "--lower", "tape"], 2, "unknown lower tape");
    check(&["replay", path_text(&shell), "--abi", "v9"], 2, "one of v3, v4");
    check(&["replay"], 2, "TRACE");
    check(&["frobnicate"], 2, "frobnicate");
}

#[test]
fn a_mistake_in_a_text_is_shown_where_it_is() {
    let (_keep, path) = scratch();
    std::fs::write(path("bad.scn"), "abi v4\nrun\n  opn(\"/a\") = 3\n").expect("scratch");
    std::fs::write(path("bad.tree"), "/fine\n/a mode=0999\n").expect("scratch");
    std::fs::write(path("bad.txt"), "# frt 1.0 {}\nop 1-2 +1ms soon\n").expect("scratch");
    let (scenario, tree, twin) = (path("bad.scn"), path("bad.tree"), path("bad.txt"));
    let mark = "  3 |   opn(\"/a\") = 3\n    |   ^";
    check(&["run", path_text(&scenario)], 3, mark);
    let fuzz = ["fuzz", "readonly", "--runs", "1", "--tree", path_text(&tree)];
    check(&fuzz, 3, "  2 | /a mode=0999\n    |    ^");
    let output = path("out.frt");
    let parse = ["trace", "text", "--parse", path_text(&twin), "-o", path_text(&output)];
    check(&parse, 3, "  2 | op 1-2 +1ms soon\n    |             ^");
}

#[test]
fn an_unreadable_input_ends_with_3() {
    let (_keep, path) = scratch();
    std::fs::write(path("foreign"), "#!/bin/sh\necho no trace\n").expect("scratch");
    std::fs::write(path("empty"), "").expect("scratch");
    let mut newer = support::corpus_bytes("shell");
    // The major version follows the eight bytes of the magic.
    newer[8] = 99;
    std::fs::write(path("newer"), newer).expect("scratch");
    check(&["replay", path_text(&path("absent"))], 3, "No such file");
    check(&["replay", path_text(&path("foreign"))], 3, "not the beginning of an .frt file");
    check(&["replay", path_text(&path("empty"))], 3, "byte 0");
    check(&["replay", path_text(&path("newer"))], 3, "version 99");
    check(&["trace", "info", path_text(&path("newer"))], 3, "version 99");
    check(&["trace", "text", path_text(&path("foreign"))], 3, "byte 0");
    check(&["conform", path_text(&path("foreign"))], 3, "line 1");
}

#[test]
fn a_log_that_is_none_or_has_no_such_root_is_refused() {
    let (_keep, path) = scratch();
    std::fs::write(path("log"), "Dear diary,\ntoday nothing.\n").expect("scratch");
    let out = path("out.frt");
    let import = |log: &Path, root: &str, code: i32, says: &str| {
        let (log, out) = (path_text(log).to_owned(), path_text(&out).to_owned());
        check(&["import", "strace", &log, "--root", root, "-o", &out], code, says);
    };
    import(&path("log"), "/srv/work", 3, "line 1");
    let log = "7 1795354603.000001 mkdir(\"/elsewhere/d\", 0777) = 0 <0.000010>\n";
    std::fs::write(path("other"), log).expect("scratch");
    import(&path("other"), "/srv/work", 4, "--root");
    assert!(!out.exists(), "no output without an import");
}

#[test]
fn an_import_keeps_what_exists_and_says_when_it_cannot_write_or_read() {
    let (_keep, path) = scratch();
    let log = "7 1795354603.000001 mkdir(\"/srv/work/d\", 0777) = 0 <0.000010>\n";
    std::fs::write(path("log"), log).expect("scratch");
    std::fs::write(path("out.frt"), "precious").expect("scratch");
    let users = support::workspace().join("traces/tests/strace/users.strace.zst");
    let whole = std::fs::read(users).expect("it is checked in");
    std::fs::write(path("cut.zst"), &whole[..whole.len() / 2]).expect("scratch");
    let import = |log: &str, out: &Path, more: &[&str], code: i32, says: &str| {
        let (log, out) = (path_text(&path(log)).to_owned(), path_text(out).to_owned());
        let plain = ["import", "strace", &log, "--root", "/srv/work", "-o", &out];
        check(&[&plain[..], more].concat(), code, says);
    };
    import("log", &path("out.frt"), &[], 2, "exists already");
    assert_eq!(std::fs::read(path("out.frt")).expect("it is there"), b"precious");
    import("log", &path("out.frt"), &["--force"], 0, "replay it with");
    import("absent", &path("new.frt"), &[], 3, "No such file");
    import("cut.zst", &path("new.frt"), &[], 3, "cut.zst");
    assert!(!path("new.frt").exists(), "no output without an import");
    if Path::new("/dev/full").exists() {
        import("log", Path::new("/dev/full"), &["--force"], 3, "No space left on device");
    }
}

#[test]
fn an_output_that_exists_is_kept() {
    let (_keep, path) = scratch();
    std::fs::write(path("out.frt"), "precious").expect("scratch");
    let shell = corpus("shell", "frt");
    let out = path("out.frt");
    check(&["replay", path_text(&shell), "-o", path_text(&out)], 2, "exists already");
    assert_eq!(std::fs::read(&out).expect("it is there"), b"precious");
    check(&["replay", path_text(&shell), "-o", path_text(&out), "--force"], 0, "");
    assert_ne!(std::fs::read(&out).expect("it is there"), b"precious");
}

#[test]
fn a_full_disk_is_said_and_ends_with_3() {
    if !Path::new("/dev/full").exists() {
        print_skip("this machine has no /dev/full");
        return;
    }
    let shell = corpus("shell", "frt");
    let full = ["replay", path_text(&shell), "-o", "/dev/full", "--force"];
    check(&full, 3, "No space left on device");
}

#[test]
fn a_truncated_trace_is_replayed_as_far_as_it_goes_and_repaired() {
    let (_keep, path) = scratch();
    let bytes = support::corpus_bytes("git");
    std::fs::write(path("cut.frt"), &bytes[..bytes.len() * 2 / 3]).expect("scratch");
    let cut = path("cut.frt");
    check(&["replay", path_text(&cut)], 1, "damaged parts");
    let output = fuserig(&["trace", "verify", path_text(&cut)]);
    assert_eq!(output.status.code(), Some(1));
    let mended = path("mended.frt");
    let output = fuserig(&["trace", "repair", path_text(&cut), "-o", path_text(&mended)]);
    assert_eq!(output.status.code(), Some(1), "what was lost is a finding");
    let output = fuserig(&["trace", "verify", path_text(&mended)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn a_trace_of_which_nothing_is_left_says_so() {
    let (_keep, path) = scratch();
    let bytes = support::corpus_bytes("shell");
    let cut = path("cut.frt");
    std::fs::write(&cut, &bytes[..bytes.len() / 3]).expect("scratch");
    check(&["replay", path_text(&cut)], 4, "the damage left nothing to replay");
}

#[test]
fn the_text_twin_gives_the_trace_back() {
    let (_keep, path) = scratch();
    let sqlite = corpus("sqlite", "frt");
    let (twin, back) = (path("twin.txt"), path("back.frt"));
    check(&["trace", "text", path_text(&sqlite), "-o", path_text(&twin)], 0, "");
    let parse = ["trace", "text", path_text(&twin), "--parse", "-o", path_text(&back)];
    check(&parse, 0, "");
    let output = fuserig(&["trace", "diff", path_text(&sqlite), path_text(&back)]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn two_traces_that_differ_end_with_1_and_the_first_difference() {
    let (shell, sqlite) = (corpus("shell", "frt"), corpus("sqlite", "frt"));
    let output = fuserig(&["trace", "diff", path_text(&shell), path_text(&sqlite)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("the traces differ"));
}

#[test]
fn the_same_input_gives_the_same_bytes_and_json_is_one_object() {
    let shell = corpus("shell", "frt");
    for command in [&["replay"][..], &["trace", "info"], &["trace", "verify"]] {
        let json = [command, &[path_text(&shell), "--format", "json"]].concat();
        let (first, second) = (fuserig(&json), fuserig(&json));
        assert_eq!(first.stdout, second.stdout, "{command:?}");
        let value: serde_json::Value =
            serde_json::from_slice(&first.stdout).expect("standard output is one JSON value");
        assert!(value.is_object(), "{command:?}");
    }
}

/// Ctrl-C while the output is a pipe that nobody empties: the replay stands still in the middle,
/// so the signal always meets it there.
#[test]
fn ctrl_c_leaves_a_readable_trace_and_ends_with_130() {
    let (_keep, path) = scratch();
    let fifo = path("out.frt");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a temporary directory takes a fifo");
    let git = corpus("git", "frt");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(["replay", path_text(&git), "-o", path_text(&fifo), "--force", "--payload", "full"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary was built");
    let mut pipe = std::fs::File::open(&fifo).expect("the child opens the other end");
    let mut bytes = vec![0; 512];
    pipe.read_exact(&mut bytes).expect("the header comes first");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    let pid = pid.expect("a pid is not zero");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("the child lives");
    pipe.read_to_end(&mut bytes).expect("the rest comes");
    let status = child.wait().expect("the child ends");
    assert_eq!(status.code(), Some(130));
    let report = fuserig_traces::tools::verify(&bytes[..]).expect("a trace");
    assert!(report.is_whole(), "{:?}", report.problems);
}

#[test]
fn abi_commands_print_headers_types_and_btf() {
    for abi in ["v3", "v4", "android", "v3-grouped"] {
        let output = fuserig(&["abi", "header", "--abi", abi]);
        assert_eq!(output.status.code(), Some(0), "{abi}");
        assert!(text(&output.stdout).starts_with(&format!("/* {abi}: ")), "{abi}");
    }
    let shown = fuserig(&["abi", "show", "v4", "open_postfilter"]);
    assert!(text(&shown.stdout).contains("offset in struct fuse_ops: 16"), "{shown:?}");
    let (_directory, file) = scratch();
    let path = file("v4.btf");
    check(&["abi", "btf", "--abi", "v4", "-o", path_text(&path)], 0, "");
    let bytes = std::fs::read(&path).expect("it was written");
    let btf = fuserig_abi::btf::Btf::read(&bytes).expect("it is BTF");
    assert!(btf.find("fuse_ops").next().is_some());
    check(&["abi", "header", "--abi", "v9"], 2, "see `fuserig abi list`");
    check(&["abi", "show", "v3", "default_filter"], 2, "has no type, member or kernel function");
}

#[test]
fn vectors_are_judged_and_a_wrong_one_is_a_finding() {
    let (_directory, at) = scratch();
    for (folder, name, text) in [
        ("tests", "right.data", "-- asm\nmov %r0, 3\nexit\n-- result\n0x3\n"),
        ("tests", "callx.data", "-- asm\ncall %r2\nexit\n-- result\n0x3\n"),
        ("negative", "bad.data", "-- asm\nmov %r11, 3\nexit\n-- result\n0x3\n"),
    ] {
        std::fs::create_dir_all(at(folder)).expect("a folder");
        std::fs::write(at(folder).join(name), text).expect("a vector");
    }
    let root = at("");
    let output = fuserig(&["engine", "vectors", path_text(&root)]);
    assert_eq!(
        (output.status.code(), text(&output.stdout).trim()),
        (Some(0), "2 passed, 0 failed")
    );
    std::fs::write(at("tests/wrong.data"), "-- asm\nmov %r0, 3\nexit\n-- result\n0x4\n")
        .expect("it");
    let output = fuserig(&["engine", "vectors", path_text(&root)]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("wrong.data: r0 is 0x3, expected 0x4"), "{said}");
    assert!(said.ends_with("2 passed, 1 failed\n"), "{said}");
    let empty = at("empty");
    std::fs::create_dir(&empty).expect("a folder");
    check(&["engine", "vectors", path_text(&empty)], 4, "no .data files below it");
}

#[test]
fn an_object_is_listed_described_and_disassembled() {
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf/uid_quota.o");
    let listed = fuserig(&["filter", "list", object]);
    assert_eq!(listed.status.code(), Some(0), "{}", text(&listed.stderr));
    assert!(text(&listed.stdout).starts_with("uid_quota       3 members"), "{listed:?}");
    let info = text(&fuserig(&["filter", "info", object]).stdout);
    assert!(info.contains("creations") && info.contains("hash, key 4, value 8"), "{info}");
    let shown = text(&fuserig(&["filter", "disasm", object, "quota_mkdir"]).stdout);
    assert!(shown.contains("call charge") && shown.contains("uid_quota.bpf.c:"), "{shown}");
    check(&["filter", "disasm", object, "nothing"], 2, "no program nothing: quota_create_open");
    check(&["filter", "list", object, "--abi", "v9"], 2, "unknown ABI v9");
    check(&["filter", "list", object, "--abi", "android"], 3, "android has no struct_ops");
}

#[test]
fn a_filter_is_vetted_with_lines_and_quirks() {
    let path = |name: &str| format!("{}/../filters/{name}", env!("CARGO_MANIFEST_DIR"));
    let good = fuserig(&["filter", "vet", &path("bpf/hide_names.o")]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));
    assert_eq!(text(&good.stdout), "no findings in 12 members\n");
    let bad = fuserig(&["filter", "vet", &path("tests/object/data/sins.o")]);
    assert_eq!(bad.status.code(), Some(1));
    let said = text(&bad.stdout);
    assert!(said.contains("[DISP-2]") && said.contains("sins.bpf.c:"), "{said}");
    assert!(said.contains("bpf_get_current_task_btf"), "it says what to use instead: {said}");
    let refused = fuserig(&["filter", "vet", &path("tests/object/data/bad/license.o")]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stdout).contains("compatible with the GPL"));
    check(&["filter", "vet", &path("bpf/hide_names.bpf.c")], 3, "not an ELF file");
}

#[test]
fn an_object_is_a_filter_and_its_coverage_is_shown() {
    let kitchen = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../filters/tests/object/data/kitchen-v3.o:second.link"
    );
    let shell = corpus("shell", "frt");
    let (_directory, at) = scratch();
    let lcov = at("out.info");
    let asked = ["filter", "coverage", kitchen, path_text(&shell), "--lcov", path_text(&lcov)];
    let output = fuserig(&asked);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.starts_with("kitchen.bpf.c\n") && said.contains(" lines ran, "), "{said}");
    let counts = std::fs::read_to_string(&lcov).expect("it was written");
    assert!(counts.contains("SF:kitchen.bpf.c") && counts.contains("end_of_record"), "{counts}");
    let several = kitchen.trim_end_matches(":second.link");
    check(&["replay", path_text(&shell), "--filter", several], 3, "choose one of first, second");
    check(&["replay", path_text(&shell), "--filter", "nowhere.o"], 3, "nowhere.o");
    let android = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf/deny_uid.android.o");
    check(&["replay", path_text(&shell), "--filter", android], 2, "add --abi android");
}

/// What other kernels refuse is their business; none of ours may be too complex for a verifier.
#[test]
fn the_verifier_of_this_machine_refuses_no_filter_of_the_library() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../filters/bpf");
    let mut judged = 0;
    for entry in std::fs::read_dir(directory).expect("the library is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.to_string_lossy().into_owned();
        if !name.ends_with(".o") || name.contains(".android.") || name.contains(".grouped.") {
            continue;
        }
        let output = fuserig(&["filter", "vet", &name, "--kernel"]);
        let said = text(&output.stdout);
        if let Some(reason) = said.lines().find_map(|line| line.strip_prefix("skipped: ")) {
            return print_skip(reason);
        }
        assert!(!said.contains("  refused "), "{name}: {said}");
        judged += said.matches("  accepted ").count();
    }
    assert!(judged >= 30, "only {judged} members were judged");
}
