//! Messages of somebody else's daemon, served again: the capture of a shell session on a mount of
//! libfuse's passthrough example.

mod support;

use std::process::{Command, Output};

use fuserig::wire_replay::order_of_effects;
use fuserig_traces::record::OpRecord;
use support::workspace;

fn fuserig(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    command.args(arguments).output().expect("the binary was built")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Rows of a tree without the sizes of directories, which every filesystem counts in its own way.
fn rows(tree: &str) -> Vec<Vec<String>> {
    tree.lines()
        .map(|line| {
            let mut columns: Vec<String> = line.split('\t').map(str::to_owned).collect();
            if columns.get(1).is_some_and(|kind| kind == "d") {
                columns[6].clear();
            }
            columns
        })
        .collect()
}

#[test]
fn a_captured_daemon_is_replayed_reply_by_reply_to_its_final_tree() {
    let captures = workspace().join("traces/tests/fuse_strace");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| scratch.path().join(name).to_str().expect("text").to_owned();
    let log = captures.join("shell.strace.zst");
    let (trace, tree, digests) = (path("t.frt"), path("t.tree"), path("t.sha256"));
    let log = log.to_str().expect("text");
    let imported = fuserig(&["import", "fuse-strace", log, "-o", &trace]);
    assert_eq!(imported.status.code(), Some(0), "{}", text(&imported.stderr));
    let replayed = fuserig(&["replay", &trace, "--tree-out", &tree, "--sha256-out", &digests]);
    let shown = text(&replayed.stdout);
    assert_eq!(replayed.status.code(), Some(0), "{shown}");
    assert!(shown.contains(" 0 divergences"), "{shown}");
    let read = |path: &str| std::fs::read_to_string(path).expect("it was written");
    let expected =
        |name: &str| std::fs::read_to_string(captures.join(name)).expect("it is checked in");
    assert_eq!(rows(&read(&tree)), rows(&expected("shell.tree")));
    assert_eq!(read(&digests), expected("shell.sha256"));
}

/// Daemons with several threads, descriptors for handles and addresses for nodes, and our own:
/// what each answered is what the pipeline answers.
#[test]
fn the_logs_of_other_daemons_replay_without_a_divergence() {
    let captures = workspace().join("traces/tests/fuse_strace");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    for (name, equal) in [("passthrough_ll", 207), ("passthrough_fh", 726), ("fuserig", 236)] {
        let log = captures.join(format!("{name}.strace.zst"));
        let trace = scratch.path().join(format!("{name}.frt"));
        let (log, trace) = (log.to_str().expect("text"), trace.to_str().expect("text"));
        let imported = fuserig(&["import", log, "-o", trace]);
        let said = text(&imported.stderr);
        assert_eq!(imported.status.code(), Some(0), "{name}: {said}");
        assert!(said.contains("taken for fuse-strace"), "{said}");
        let shown = text(&fuserig(&["replay", trace]).stdout);
        assert!(
            shown.contains(&format!("{equal} replies equal, 0 divergences")),
            "{name}: {shown}"
        );
    }
}

#[test]
fn a_replay_that_starts_from_another_tree_is_a_finding() {
    let log = workspace().join("traces/tests/fuse_strace/shell.strace.zst");
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| scratch.path().join(name).to_str().expect("text").to_owned();
    let (trace, tree) = (path("t.frt"), path("other.tree"));
    std::fs::write(&tree, "/ mode=0700\n").expect("written");
    let log = log.to_str().expect("text");
    assert!(fuserig(&["import", "fuse-strace", log, "-o", &trace]).status.success());
    let replayed = fuserig(&["replay", &trace, "--tree", &tree]);
    assert_eq!(replayed.status.code(), Some(1));
    assert!(text(&replayed.stdout).contains("mode: recorded 0o41777, ours 0o40700"));
    let unjudged = fuserig(&["replay", &trace, "--tree", &tree, "--against", "none"]);
    assert_eq!(unjudged.status.code(), Some(0));
}

#[test]
fn what_has_no_reply_stands_where_it_was_sent() {
    let op = |seq_send, seq_reply| OpRecord { seq_send, seq_reply, ..OpRecord::default() };
    let (first, forget, second) = (op(1, 5), op(3, 0), op(2, 4));
    assert_eq!(order_of_effects([&first, &second, &forget]), [&forget, &second, &first]);
}
