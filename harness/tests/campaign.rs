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

/// The command lines of a template: everything from `campaign` to the end of its line, as the shell
/// or the batch system splits it.
fn command_lines(template: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/templates").join(template);
    let text = std::fs::read_to_string(path).expect("the template is there");
    let is_code = |line: &&str| !line.trim_start().starts_with('#');
    let lines = text.lines().filter(is_code).filter_map(|line| {
        let start = line.find("campaign run").or(line.find("campaign merge"));
        let start = start.or(line.find("campaign, run"))?;
        let end =
            line[start..].find(" ||").or(line[start..].find(']')).unwrap_or(line.len() - start);
        let words = line[start..start + end].split([' ', ',']).filter(|word| !word.is_empty());
        Some(words.map(|word| word.trim_matches(['"', '\'']).to_owned()).collect())
    });
    lines.collect()
}

/// The words with values that a batch system would put into them.
fn filled(words: &[String]) -> Vec<String> {
    let mut filled = Vec::new();
    for word in words {
        match word.as_str() {
            "{}/$shards" => filled.push("0/4".to_owned()),
            "${shard[@]}" => filled.extend(["--shard".to_owned(), "0/4".to_owned()]),
            word if word.starts_with('$') => filled.push("a-file".to_owned()),
            word => filled.push(word.to_owned()),
        }
    }
    filled
}

#[test]
fn the_command_line_takes_every_command_of_the_templates() {
    let mut seen = 0;
    for template in ["kubernetes.yaml", "parallel.sh", "slurm.sbatch"] {
        let commands = command_lines(template);
        assert!(!commands.is_empty(), "{template} has no command");
        for command in commands {
            // What the parser does not know it refuses before it gets to --help.
            let words = filled(&command);
            let output = Command::new(env!("CARGO_BIN_EXE_fuserig"))
                .args(words.iter().map(String::as_str).chain(["--help"]))
                .output()
                .expect("the binary was built");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(0), "{template}: {words:?}: {said}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4, "one of Kubernetes, one of Slurm, two of parallel");
    let planted = ["campaign", "run", "a-file", "--result", "x", "--no-such", "--help"];
    let output = Command::new(env!("CARGO_BIN_EXE_fuserig")).args(planted).output();
    assert_eq!(output.expect("it ran before").status.code(), Some(2), "a wrong word is seen");
}

/// The template as JSON, by the YAML reader of a Python that has one.
fn kubernetes() -> Option<serde_json::Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ci/templates/kubernetes.yaml");
    let read = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let output = Command::new("python3").arg("-c").arg(read).arg(path).output().ok()?;
    let parsed = output.status.success().then(|| serde_json::from_slice(&output.stdout));
    parsed.map(|json| json.expect("Python writes JSON"))
}

#[test]
fn the_job_of_kubernetes_is_whole_and_its_codes_are_ours() {
    let Some(job) = kubernetes() else {
        support::print_skip("no python3 with yaml (python3-yaml)");
        return;
    };
    assert_eq!((&job["apiVersion"], &job["kind"]), (&"batch/v1".into(), &"Job".into()));
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"], "Indexed", "JOB_COMPLETION_INDEX needs it");
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    assert!(number(&spec["parallelism"]) <= number(&spec["completions"]));
    // FailIndex is only legal with a limit for each index and pods that are not restarted.
    assert!(number(&spec["backoffLimitPerIndex"]) > 0);
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    let container = &pod["containers"][0];
    let args: Vec<&str> = container["args"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|word| word.as_str().expect("arguments are text, not numbers"))
        .collect();
    let shards = args.iter().position(|word| *word == "--shards").expect("it says how many");
    assert_eq!(args[shards + 1].parse(), Ok(number(&spec["completions"])), "a shard an index");
    // Every code of the tool but 0 and 130 (which pods do not get) has a rule, and none has two.
    let mut codes = std::collections::BTreeMap::new();
    for rule in spec["podFailurePolicy"]["rules"].as_array().expect("a list") {
        let on = &rule["onExitCodes"];
        assert_eq!((&on["containerName"], &on["operator"]), (&container["name"], &"In".into()));
        let values: Vec<u64> =
            on["values"].as_array().expect("a list").iter().map(number).collect();
        assert!(values.is_sorted(), "the server wants them in order: {values:?}");
        for value in values {
            let before = codes.insert(value, rule["action"].as_str().expect("a word").to_owned());
            assert_eq!(before, None, "{value} has two rules");
        }
    }
    let expected = [
        (1, "FailIndex"),
        (2, "FailIndex"),
        (3, "Count"),
        (4, "FailIndex"),
        (5, "Count"),
        (70, "FailIndex"),
    ];
    assert_eq!(codes, expected.map(|(code, action)| (code, action.to_owned())).into());
    // What is mounted is declared, and the paths of the arguments lie in it.
    let volumes = pod["volumes"].as_array().expect("a list");
    for mount in container["volumeMounts"].as_array().expect("a list") {
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount}");
        let path = mount["mountPath"].as_str().expect("a path");
        assert_eq!(args.iter().filter(|word| word.starts_with(path)).count(), 2, "{args:?}");
    }
}
