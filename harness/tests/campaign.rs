//! Campaigns: shards, a worker that is killed, and the union that equals a run in one process.

mod support;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use support::corpus;

fn fuserig(arguments: &[&str], env: &[(&str, &str)]) -> Output {
    command(arguments, env).output().expect("the binary was built")
}

fn command(arguments: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fuserig"));
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"] {
        command.env_remove(name);
    }
    command.args(arguments).envs(env.iter().copied());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn check(arguments: &[&str], env: &[(&str, &str)], code: i32) -> String {
    let output = fuserig(arguments, env);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    text(&output.stdout) + &said
}

/// A plan of both small captures under some filters, in a temporary directory.
fn planned() -> (tempfile::TempDir, impl Fn(&str) -> String, usize) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let root = directory.path().to_owned();
    let path = move |name: &str| root.join(name).to_str().expect("text").to_owned();
    let (shell, sqlite) = (corpus("shell", "frt"), corpus("sqlite", "frt"));
    let traces = [shell.to_str().expect("text"), sqlite.to_str().expect("text")];
    let filters = ["none", "audit", "hide:*.jpg", "readonly", "quota:100000", "redact:*.db"];
    let mut arguments =
        vec!["campaign", "plan", traces[0], traces[1], "--abi", "v3", "--abi", "v4"];
    filters.iter().for_each(|filter| arguments.extend(["--filter", filter]));
    let plan = path("plan.json");
    arguments.extend(["-o", &plan]);
    let said = check(&arguments, &[], 0);
    assert!(said.contains("planned 24 works"), "{said}");
    (directory, path, 24)
}

fn results(directory: &str) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.ends_with(".json")).count()
}

fn merged(path: &impl Fn(&str) -> String, results: &[&str], name: &str) -> String {
    let output = path(name);
    let mut arguments = vec!["campaign", "merge"];
    let directories: Vec<String> = results.iter().map(|name| path(name)).collect();
    arguments.extend(directories.iter().map(String::as_str));
    let plan = path("plan.json");
    arguments.extend(["--plan", &plan, "-o", &output]);
    check(&arguments, &[], 1);
    std::fs::read_to_string(&output).expect("it was written")
}

fn kill_when(mut worker: Child, directory: &str, enough: usize) {
    while results(directory) < enough && worker.try_wait().expect("a child").is_none() {
        std::thread::yield_now();
    }
    worker.kill().expect("a child can be killed");
    worker.wait().expect("a child");
}

#[test]
fn a_worker_that_is_killed_loses_nothing_and_counts_nothing_twice() {
    let (_keep, path, all) = planned();
    let plan = path("plan.json");
    let run = |results: &str, shard: &str| {
        let results = path(results);
        check(&["campaign", "run", &plan, "--results", &results, "--shard", shard], &[], 1)
    };
    run("whole", "0/1");
    assert_eq!(results(&path("whole")), all);
    let expected = merged(&path, &["whole"], "whole.merged");
    let killed = path("killed");
    let worker = command(&["campaign", "run", &plan, "--results", &killed, "--shard", "0/1"], &[])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary was built");
    kill_when(worker, &killed, 3);
    let left = results(&killed);
    assert!((3..all).contains(&left), "the worker was killed in the middle: {left} of {all}");
    // What a crash can leave beside the results, and a result that somebody damaged.
    std::fs::write(Path::new(&killed).join("x.1.part"), "{").expect("scratch");
    let said = run("killed", "0/1");
    assert!(said.contains(&format!("{} done, {left} kept", all - left)), "{said}");
    assert_eq!(merged(&path, &["killed"], "killed.merged"), expected);
}

#[test]
fn shards_of_any_batch_system_are_the_whole() {
    let (_keep, path, all) = planned();
    let plan = path("plan.json");
    let (whole, parts) = (path("whole"), path("parts"));
    check(&["campaign", "run", &plan, "--results", &whole], &[], 1);
    let run = |env: &[(&str, &str)], shards: &[&str]| {
        let arguments = ["campaign", "run", &plan, "--results", &parts];
        let output = fuserig(&[&arguments[..], shards].concat(), env);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output.stderr));
    };
    let slurm = |id| {
        [
            ("SLURM_ARRAY_TASK_ID", id),
            ("SLURM_ARRAY_TASK_MIN", "5"),
            ("SLURM_ARRAY_TASK_COUNT", "3"),
        ]
    };
    run(&slurm("5"), &[]);
    let first = results(&parts);
    assert!((1..all).contains(&first), "{first}");
    run(&[("JOB_COMPLETION_INDEX", "1")], &["--shards", "3"]);
    run(&[("AWS_BATCH_JOB_ARRAY_INDEX", "2")], &["--shards", "3"]);
    run(&slurm("7"), &[]);
    assert_eq!(results(&parts), all);
    let (one, other) = (merged(&path, &["whole"], "1"), merged(&path, &["parts", "whole"], "2"));
    assert_eq!(one, other);
    check(&["campaign", "merge", &path("1"), &path("2")], &[], 1);
}

#[test]
fn what_is_wrong_with_a_campaign_has_its_own_exit_code() {
    let (_keep, path, _) = planned();
    let plan = path("plan.json");
    let out = path("out");
    let run = ["campaign", "run", &plan, "--results", &out];
    let said = check(&[&run[..], &["--shard", "3/3"]].concat(), &[], 2);
    assert!(said.contains("indices go from 0 to 2"), "{said}");
    let said = check(&run, &[("JOB_COMPLETION_INDEX", "1")], 2);
    assert!(said.contains("--shards N"), "{said}");
    check(&[&run[..], &["--shards", "4"]].concat(), &[], 2);
    let said = check(&["campaign", "merge", &path("")], &[], 3);
    assert!(said.contains("plan.json"), "a plan is no result: {said}");
    std::fs::create_dir(path("empty")).expect("scratch");
    check(&["campaign", "merge", &path("empty")], &[], 4);
    let part = fuserig(&[&run[..], &["--shard", "0/12"]].concat(), &[]);
    assert!(matches!(part.status.code(), Some(0 | 1)), "{}", text(&part.stderr));
    let said = check(&["campaign", "merge", &out, "--plan", &plan], &[], 3);
    assert!(said.contains("no result"), "{said}");
    // A trace that is gone is the environment's failure, whatever the findings are.
    let moved = std::fs::read_to_string(&plan).expect("a plan").replace("corpus", "nowhere");
    std::fs::write(path("moved.json"), moved).expect("scratch");
    let said = check(&["campaign", "run", &path("moved.json"), "--results", &path("o")], &[], 3);
    assert!(said.contains("24 failed"), "{said}");
    let edited = std::fs::read_to_string(&plan).expect("a plan").replace("audit", "none");
    std::fs::write(path("edited.json"), edited).expect("scratch");
    check(&["campaign", "run", &path("edited.json"), "--results", &path("o")], &[], 3);
    check(&["campaign", "plan", &path("absent.frt"), "-o", &path("p")], &[], 3);
    let shell = corpus("shell", "frt");
    let shell = shell.to_str().expect("text");
    check(&["campaign", "plan", shell, "--filter", "nosuch", "-o", &path("p")], &[], 2);
    check(&["campaign", "plan", shell, "-o", &plan], &[], 2);
}
