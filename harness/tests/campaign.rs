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
fn seeds_are_split_over_shards_and_each_says_what_fuzz_says() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).to_str().expect("text").to_owned();
    let plan = path("plan.json");
    let arguments = ["campaign", "plan", "--seeds", "0..8", "--runs", "20", "--filter"];
    let filters = ["hide:*.jpg", "--filter", "none", "--require", "read_only", "-o", &plan];
    let said = check(&[&arguments[..], &filters].concat(), &[], 0);
    assert!(said.contains("planned 16 works"), "{said}");
    for shard in ["0/3", "1/3", "2/3"] {
        let run = ["campaign", "run", &plan, "--results", &path("parts"), "--shard", shard];
        check(&run, &[], 1);
    }
    check(&["campaign", "run", &plan, "--results", &path("whole")], &[], 1);
    assert_eq!((results(&path("parts")), results(&path("whole"))), (16, 16));
    assert_eq!(merged(&path, &["parts"], "1"), merged(&path, &["whole"], "2"));
    // The command that a finding prints finds it again.
    let said = check(&["campaign", "merge", &path("whole"), "--plan", &plan], &[], 1);
    let again = said.lines().find_map(|line| line.trim().strip_prefix("again: fuserig "));
    let again = again.expect("a finding has a command");
    let words: Vec<&str> = again.split(' ').map(|word| word.trim_matches('\'')).collect();
    let output = check(&[&words[..], &["--output", "none"]].concat(), &[], 1);
    assert!(output.contains("read_only"), "{output}");
    check(&["campaign", "plan", "--seeds", "3..3", "-o", &path("p")], &[], 2);
    check(&["campaign", "plan", "--runs", "3", "-o", &path("p")], &[], 2);
    let wrong = ["--scheduler", "exhaustive", "-o", &path("p")];
    check(&[&["campaign", "plan", "--seeds", "0..3"][..], &wrong].concat(), &[], 2);
    let wrong = ["--require", "nonsense", "-o", &path("p")];
    check(&[&["campaign", "plan", "--seeds", "0..3"][..], &wrong].concat(), &[], 2);
}

/// A template of `ci/templates`, run as its usage says, with this build on the path.
fn template(name: &str, arguments: &[&str]) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/templates").join(name);
    let binaries = Path::new(env!("CARGO_BIN_EXE_fuserig")).parent().expect("a directory");
    #[expect(clippy::disallowed_methods, reason = "the template finds fuserig on the path")]
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("bash");
    command.arg(script).args(arguments).env("PATH", format!("{}:{path}", binaries.display()));
    for name in ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX"] {
        command.env_remove(name);
    }
    command.output().ok()
}

#[test]
fn the_template_for_gnu_parallel_gives_what_one_process_gives() {
    // The package moreutils has another program of this name.
    let version = Command::new("parallel").arg("--version").output();
    if !version.is_ok_and(|output| text(&output.stdout).starts_with("GNU parallel")) {
        support::print_skip("GNU parallel is not installed");
        return;
    }
    let (_keep, path, all) = planned();
    let (plan, parts) = (path("plan.json"), path("parts"));
    check(&["campaign", "run", &plan, "--results", &path("whole")], &[], 1);
    let output = template("parallel.sh", &[&plan, &parts, "3"]).expect("bash is there");
    let said = text(&output.stdout) + &text(&output.stderr);
    // The template ends as its merge does: the works have findings.
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("0 contradictions, 0 missing"), "{said}");
    assert_eq!(results(&parts), all);
    assert_eq!(merged(&path, &["parts"], "1"), merged(&path, &["whole"], "2"));
}

#[test]
fn the_template_for_slurm_tells_findings_from_failures() {
    let (_keep, path, all) = planned();
    let (plan, parts) = (path("plan.json"), path("parts"));
    // Outside of an array the script is one shard; findings are no failure of the job.
    let output = template("slurm.sbatch", &[&plan, &parts]).expect("bash is there");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(results(&parts), all);
    let output = template("slurm.sbatch", &[&path("absent"), &parts]).expect("bash is there");
    assert_eq!(output.status.code(), Some(3), "an unreadable plan is the environment's failure");
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
