//! `fuserig fuzz` and `fuserig check`: what they print, keep, and end with.

use std::path::Path;
use std::process::{Command, Output};

fn fuserig(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .output()
        .expect("the binary was built")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}

#[test]
fn a_right_filter_ends_with_0_and_says_what_was_covered() {
    let output =
        fuserig(&["fuzz", "hide:.secret", "--runs", "5", "--unguided", "--output", "none"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).starts_with("nothing found in 5 runs, 256 operations"));
    let again = fuserig(&["fuzz", "hide:.secret", "--runs", "5", "--unguided", "--output", "none"]);
    assert_eq!(stdout(&again), stdout(&output), "same input, same bytes");
}

#[test]
fn a_finding_ends_with_1_and_its_stored_case_shows_it_again() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kept = text_of(directory.path());
    let require = ["--require", "never_visible:notes.txt"];
    let mut arguments = vec!["fuzz", "none", "--runs", "20", "--output", kept];
    arguments.extend(require);
    let output = fuserig(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let files = std::fs::read_dir(directory.path()).expect("it was made");
    let mut names: Vec<String> = files
        .map(|file| file.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let ends: Vec<&str> = names.iter().filter_map(|name| name.split('.').next_back()).collect();
    assert_eq!(ends, ["frt", "json", "rs", "scn", "txt"], "{names:?}");
    let case = directory.path().join(&names[1]);
    let mut arguments = vec!["fuzz", "none", "--case", text_of(&case), "--output", "none"];
    arguments.extend(require);
    let again = fuserig(&arguments);
    assert_eq!(again.status.code(), Some(1), "{}", stdout(&again));
    let line = |output: &Output| stdout(output).lines().next().map(str::to_owned);
    assert_eq!(line(&again), line(&output));
    let scenario = directory.path().join(&names[3]);
    let played = fuserig(&["run", text_of(&scenario)]);
    assert_eq!(played.status.code(), Some(0), "{}", stdout(&played));
}

#[test]
fn a_filter_is_judged_behind_a_mount_and_what_is_found_there_is_shown_again() {
    let behind = ["fuzz", "hide:.secret", "--mounted", "--runs", "5", "--output", "none"];
    let output = fuserig(&behind);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).starts_with("nothing found in 5 runs"), "{}", stdout(&output));
    assert_eq!(stdout(&fuserig(&behind)), stdout(&output), "same input, same bytes");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let kept = text_of(directory.path());
    let require = ["--require", "never_visible:notes.txt"];
    let mut arguments = vec!["fuzz", "none", "--mounted", "--runs", "20", "--output", kept];
    arguments.extend(require);
    let output = fuserig(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let printed = stdout(&output);
    let replay = printed.lines().find(|line| line.starts_with("replay")).expect("there is one");
    assert!(replay.contains(".json --mounted --require"), "{replay}");
    let files = std::fs::read_dir(directory.path()).expect("it was made");
    let mut paths = files.map(|file| file.expect("readable").path());
    let case = paths.find(|path| path.extension().is_some_and(|end| end == "json"));
    let case = case.expect("the case is kept");
    let text = std::fs::read_to_string(&case).expect("readable");
    assert!(text.contains("\"mounted\": true"), "{text}");
    for flag in [&["--mounted"][..], &[]] {
        let mut arguments = vec!["fuzz", "none", "--case", text_of(&case), "--output", "none"];
        arguments.extend(flag.iter().chain(&require));
        let again = fuserig(&arguments);
        assert_eq!(again.status.code(), Some(1), "{}", stdout(&again));
        assert_eq!(stdout(&again).lines().next(), printed.lines().next());
    }
}

/// The fourth file is one too many, and nobody is told so.
const KILLED: &str = r#"{"filter":"quota:64K,3","abi":"v4","fidelity":"faithful","tree":"/f/",
    "clients":[{"uid":0,"actions":[
        {"open":{"path":"f/e","flags":64,"mode":420}},{"open":{"path":"b","flags":64,"mode":420}},
        {"open":{"path":"g","flags":64,"mode":420}},{"mkdir":{"path":"e","mode":493}}]},
        {"uid":0,"actions":[{"stat":{"path":"e","follow":false}}]}],
    "schedule":[],"faults":[{"client":0,"action":3,"kind":"killed"}]}"#;

#[test]
fn what_a_killed_client_was_refused_explains_what_others_see() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let case = directory.path().join("case.json");
    let code = |text: &str| {
        std::fs::write(&case, text).expect("it is written");
        let arguments = ["fuzz", "quota:64K,3", "--case", text_of(&case), "--output", "none"];
        fuserig(&arguments).status.code()
    };
    assert_eq!(code(KILLED), Some(0));
    assert_eq!(code(&KILLED.replace("\"faults\":[{", "\"faults\":{")), Some(3), "it was read");
}

#[test]
fn a_corpus_is_kept_small_and_begins_the_next_run() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let corpus = text_of(directory.path());
    let names = || {
        let files = std::fs::read_dir(directory.path()).expect("it was made");
        let name = |file: std::io::Result<std::fs::DirEntry>| file.expect("readable").file_name();
        let mut names: Vec<_> = files.map(name).collect();
        names.sort();
        names
    };
    std::fs::write(directory.path().join("mine.json"), CASE).expect("writable");
    let arguments = ["fuzz", "none", "--runs", "30", "--corpus", corpus, "--output", "none"];
    let first = fuserig(&arguments);
    assert_eq!(first.status.code(), Some(0), "{}", stdout(&first));
    let kept = names();
    assert!((2..=30).contains(&kept.len()), "{kept:?}");
    assert!(kept.contains(&"mine.json".into()), "files of other names stay: {kept:?}");
    let text = |name: &std::ffi::OsString| std::fs::read(directory.path().join(name));
    let bytes: Vec<_> = kept.iter().map(|name| text(name).expect("readable")).collect();
    // Another directory with the same files gives the same files again.
    let other = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(other.path().join("mine.json"), CASE).expect("writable");
    let mut same = arguments;
    same[5] = text_of(other.path());
    fuserig(&same);
    for (name, bytes) in kept.iter().zip(&bytes) {
        assert_eq!(&std::fs::read(other.path().join(name)).expect("the same name"), bytes);
    }
    // A file that is no case is said with its name.
    std::fs::write(directory.path().join("mine.json"), "{").expect("writable");
    assert_eq!(fuserig(&arguments).status.code(), Some(3));
}

/// A program of somebody's own.
const CASE: &str = r#"{"filter":"none","abi":"v4","fidelity":"faithful","tree":"","clients":
    [{"uid":0,"actions":[{"mkdir":{"path":"mine","mode":493}}]}],"schedule":[]}"#;

#[test]
fn an_exhaustive_run_says_so_and_pct_says_its_bound() {
    let fuzz = ["fuzz", "none", "--output", "none", "--seed", "1"];
    let line = |more: &[&str]| {
        let output = fuserig(&[&fuzz[..], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        stdout(&output)
    };
    let all = line(&["--scheduler", "exhaustive", "--operations", "2", "--runs", "2"]);
    assert!(all.contains("; exhaustive: ") && all.contains(" (reduced); "), "{all}");
    let few =
        ["--scheduler", "exhaustive", "--operations", "12", "--runs", "2", "--executions", "1"];
    assert!(line(&few).contains("every schedule of "), "{}", line(&few));
    let pct = line(&["--scheduler", "pct", "--operations", "8", "--runs", "2"]);
    assert!(
        pct.contains("a bug of depth 3 is found by a run with a chance of at least 1/"),
        "{pct}"
    );
}

#[test]
fn wrong_words_are_usage_and_a_damaged_case_is_unreadable() {
    let code = |arguments: &[&str]| fuserig(arguments).status.code();
    assert_eq!(code(&["fuzz", "hdie:x"]), Some(2));
    assert_eq!(code(&["fuzz", "none", "--scheduler", "fifo"]), Some(2));
    assert_eq!(code(&["fuzz", "none", "--require", "beauty"]), Some(2));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let case = directory.path().join("case.json");
    std::fs::write(&case, "{").expect("writable");
    assert_eq!(code(&["fuzz", "none", "--case", text_of(&case)]), Some(3));
}

#[test]
fn check_is_one_table_with_one_verdict() {
    let output = fuserig(&["check", "readonly", "--runs", "4", "--output", "none"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for suite in ["load", "simulation", "members", "quirks"] {
        assert!(text.contains(&format!("passed  {suite}")), "{text}");
    }
    assert!(text.trim_end().ends_with("sampled(16)"), "{text}");
    let wrong = ["check", "none", "--runs", "4", "--require", "read_only", "--output", "none"];
    let output = fuserig(&wrong);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
}

/// A quota, which lets nothing be written wrong, and changes what calls say.
#[test]
fn of_a_filter_that_promises_nothing_known_it_is_told_what_it_was_seen_to_do() {
    let quota = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/planted/blocks_begun.o");
    let quota = text_of(&quota);
    let fuzz = |filter: &str, more: &[&str]| {
        let arguments = [&["fuzz", filter, "--runs", "5", "--output", "none"], more].concat();
        let output = fuserig(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
        stdout(&output)
    };
    let text = fuzz(quota, &[]);
    let seen = text.split_once("seen besides, in 400 runs each:\n").expect("nothing is known").1;
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0].starts_with("  transparent   not so: `"), "{text}");
    assert!(lines[1].ends_with("  no_data_lost  held"), "{text}");
    assert!(lines[2].starts_with("  read_only     not so: `"), "{text}");
    assert_eq!(fuzz(quota, &[]), text, "the same seed sees the same");
    let value: serde_json::Value =
        serde_json::from_str(&fuzz(quota, &["--format", "json"])).expect("one value");
    assert_eq!(value["seen"][1], serde_json::json!({"promise": "no_data_lost", "broken": null}));
    assert!(value["seen"][0]["broken"].as_str().expect("a text").contains("the filter"), "{value}");
    // What is judged by a promise is not guessed at.
    assert!(!fuzz("readonly", &[]).contains("seen besides"));
    let output = fuserig(&["check", quota, "--runs", "2", "--output", "none"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("  passed  promises     not known, see --require; "), "{text}");
    assert!(text.contains("transparent  does not hold"), "{text}");
}

/// It is one of the library by another name, so that nothing of it is known.
#[test]
fn what_no_filter_may_do_is_found_where_a_promise_is_looked_at() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/bpf/selftests.o");
    let mut bytes = std::fs::read(library).expect("it is committed");
    let name = b"trace_ops\0";
    let places = (0..bytes.len() - name.len()).filter(|at| bytes[*at..].starts_with(name));
    for at in places.collect::<Vec<_>>() {
        bytes[at..at + 9].copy_from_slice(b"trace_own");
    }
    let object = directory.path().join("mine.o");
    std::fs::write(&object, bytes).expect("a temporary directory takes it");
    let filter = format!("{}:trace_own", object.display());
    for command in ["fuzz", "check"] {
        let output = fuserig(&[command, &filter, "--runs", "1", "--output", "none"]);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{command}: {text}");
        assert!(text.contains("no_crash: the modelled kernel crashed: BUF-3 "), "{text}");
        assert!(!text.contains("seen besides"), "{text}");
    }
}

#[test]
fn a_fuzz_with_crashes_says_how_many_states_it_looked_at() {
    let arguments = ["fuzz", "hide:.secret", "--runs", "5", "--crashes=loose", "--output", "none"];
    let output = fuserig(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).contains(" crash states; "), "{}", stdout(&output));
    let wrong = ["fuzz", "none", "--crashes=hard", "--output", "none"];
    assert_eq!(fuserig(&wrong).status.code(), Some(2));
}

/// The rows of a table of a report, as text.
fn rows(report: &serde_json::Value, name: &str) -> Vec<Vec<String>> {
    let tables = report["tables"].as_array().expect("a report has tables");
    let table = tables.iter().find(|table| table["name"] == name);
    let table = table.unwrap_or_else(|| panic!("no table {name}: {tables:?}"));
    let rows = table["rows"].as_array().expect("rows").iter();
    let row = |row: &serde_json::Value| {
        let cells = row.as_array().expect("cells").iter();
        cells.map(|cell| cell.as_str().expect("cells are text").to_owned()).collect()
    };
    rows.map(row).collect()
}

#[test]
fn check_says_what_members_cost_how_long_calls_took_and_what_is_not_covered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let object = root.join("filters/bpf/hide_names.o");
    let shell = root.join("traces/corpus/shell.frt");
    let arguments = ["check", text_of(&object), "--runs", "3", "--output", "none", "--corpus"];
    let arguments = [&arguments[..], &[text_of(&shell)]].concat();
    let output = fuserig(&[&arguments[..], &["--format", "json"]].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let costs = rows(&report, "Cost and decisions by member");
    let lookup = costs.iter().find(|row| row[0] == "lookup_prefilter").expect("it was called");
    let number = |cell: &String| cell.parse::<u64>().unwrap_or_else(|_| panic!("{lookup:?}"));
    let [calls, mean, most_calls, nearly, most] =
        [1, 2, 3, 4, 5].map(|column| number(&lookup[column]));
    assert!(calls > 100 && mean > 10, "{lookup:?}");
    assert!(mean <= most && most_calls <= nearly && nearly <= most, "{lookup:?}");
    let (whole, tenths) = lookup[6].split_once('.').expect("helper calls have a tenth");
    assert!(whole.parse::<u64>().expect("digits") >= 1 && tenths.len() == 1, "{lookup:?}");
    assert!(lookup[7].starts_with("continue x"), "{lookup:?}");
    let calls = rows(&report, "Calls of the corpus, and how long they took");
    assert_eq!(calls[0], ["stat", "69", "1", "65 us", "65 us", "237 us", "237 us"]);
    assert!(calls.last().expect("rows")[0].ends_with(" others"), "{calls:?}");
    let took = rows(&report, "How long calls of the corpus took");
    let sum: u64 = took.iter().map(|row| row[1].parse::<u64>().expect("digits")).sum();
    // chdir, set_credentials and exit have no duration in this log.
    assert_eq!(sum, 370 - 1 - 2 - 15, "every call that took time is in one row: {took:?}");
    assert!(took.iter().any(|row| row[2] == "#".repeat(40)), "{took:?}");
    assert_eq!(rows(&report, "Hot paths of the corpus")[0], ["18", "."]);
    let missed = rows(&report, "Not covered by the corpus");
    assert!(missed.contains(&vec!["mknod_prefilter".to_owned()]), "{missed:?}");
    let lines = report["sources"][0]["lines"].as_array().expect("the object has lines");
    assert!(lines.iter().any(|line| line["count"].as_u64() > Some(50)), "{lines:?}");
    // People read the same.
    let text = stdout(&fuserig(&arguments));
    for head in ["insns/call", "helpers/call", "Hot paths of the corpus", "up to", "99 %"] {
        assert!(text.contains(head), "{head}: {text}");
    }
    // A filter in Rust has calls only.
    let native = fuserig(&["check", "readonly", "--runs", "1", "--output", "none"]);
    let native = stdout(&native);
    assert!(native.contains("Decisions by member") && !native.contains("insns/call"), "{native}");
}

/// Ctrl-C while the tree is still awaited: no run begins, and the command says why it ends.
#[test]
fn ctrl_c_ends_with_130_and_what_was_done() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let fifo = directory.path().join("tree");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a temporary directory takes a fifo");
    let child = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(["fuzz", "readonly", "--runs", "1000000", "--tree", text_of(&fifo)])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the binary was built");
    let pipe = std::fs::OpenOptions::new().write(true).open(&fifo).expect("the child opens it");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    rustix::process::kill_process(pid.expect("not zero"), rustix::process::Signal::INT)
        .expect("the child lives");
    drop(pipe);
    let output = child.wait_with_output().expect("the child ends");
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("interrupted"), "{said}");
}

/// What a terminal gets of a command, and what a pipe gets. A terminal is what `script` of
/// util-linux makes; none where it is absent.
#[expect(clippy::print_stdout, reason = "a skipped test says why")]
fn on_a_terminal(command: &str, no_color: bool) -> Option<String> {
    let mut script = Command::new("script");
    script.args(["-qec", command, "/dev/null"]).stdin(std::process::Stdio::null());
    script.env("TERM", "xterm").env_remove("NO_COLOR");
    if no_color {
        script.env("NO_COLOR", "1");
    }
    match script.output() {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => {
            println!("skipped: a terminal: script of util-linux cannot be run: {error}");
            None
        }
    }
}

#[test]
fn a_long_command_says_how_far_it_is_on_a_terminal_and_nowhere_else() {
    let arguments = ["fuzz", "audit", "--runs", "1000000", "--time", "4"];
    let command = format!("{} {}", env!("CARGO_BIN_EXE_fuserig"), arguments.join(" "));
    let Some(shown) = on_a_terminal(&command, false) else { return };
    assert!(shown.contains("fuzz: ") && shown.contains(" of 4 s, did "), "{shown:?}");
    assert!(shown.contains("/s"), "a rate: {shown:?}");
    assert!(shown.contains("\u{1b}[32;1mnothing found"), "colours: {shown:?}");
    let Some(plain) = on_a_terminal(&command, true) else { return };
    assert!(plain.contains(" of 4 s, did "), "{plain:?}");
    assert!(!plain.contains("\u{1b}[32"), "NO_COLOR: {plain:?}");
    let piped = Command::new(env!("CARGO_BIN_EXE_fuserig")).args(arguments).output();
    let piped = piped.expect("the binary was built");
    assert!(piped.stderr.is_empty(), "{}", String::from_utf8_lossy(&piped.stderr));
    let told = String::from_utf8_lossy(&piped.stdout).into_owned();
    assert!(told.starts_with("nothing found") && !told.contains('\u{1b}'), "{told:?}");
}

#[test]
fn what_is_left_is_told_where_the_end_is_known() {
    // More runs than any machine does in four seconds; the terminal goes then.
    let command = format!("timeout 4 {} fuzz audit --runs 1000000", env!("CARGO_BIN_EXE_fuserig"));
    let Some(shown) = on_a_terminal(&command, true) else { return };
    assert!(shown.contains(" of 1000000 runs  0 %") && shown.contains(" left"), "{shown:?}");
}

/// A copy of an object of the library that answers another errno.
fn changed_object(directory: &Path, name: &str, from: i32, to: i32) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../filters/bpf").join(name);
    let mut bytes = std::fs::read(path).expect("it is committed");
    let (from, to) = (from.to_le_bytes(), to.to_le_bytes());
    // It is the immediate operand of an instruction, which is aligned.
    let places: Vec<usize> =
        (0..bytes.len() - 4).step_by(4).filter(|at| bytes[*at..*at + 4] == from).collect();
    assert!(!places.is_empty(), "{name} has the constant");
    for at in places {
        bytes[at..at + 4].copy_from_slice(&to);
    }
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("a temporary directory takes it");
    path
}

#[test]
fn a_changed_filter_of_the_library_is_found_by_its_twin() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    // A filter that refuses is judged by its errno as well.
    for (name, from, to, judge) in
        [("read_only.o", -30, -13, "twins_agree"), ("write_limit.o", -27, -28, "refuses_only")]
    {
        let object = changed_object(directory.path(), name, from, to);
        for command in ["fuzz", "check"] {
            let output = fuserig(&[command, text_of(&object), "--output", "none"]);
            let text = stdout(&output);
            assert_eq!(output.status.code(), Some(1), "{command} {name}: {text}");
            assert!(text.contains(judge), "{command} {name}: {text}");
        }
    }
}

#[test]
fn a_filter_is_compared_with_the_one_that_is_required() {
    let run = |twin: &str| {
        let required = format!("twins_agree:{twin}");
        let output = fuserig(&[
            "fuzz",
            "readonly",
            "--require",
            &required,
            "--runs",
            "20",
            "--output",
            "none",
        ]);
        (
            output.status.code(),
            stdout(&output),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, text, _) = run("readonly");
    assert_eq!(code, Some(0), "{text}");
    let judges = "errno_envelope, no_leak, balance, read_only, tells_errors, twins_agree";
    assert!(text.ends_with(&format!("judged by {judges}\n")), "{text}");
    let (code, text, _) = run("audit");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(" with this filter, and ") && text.contains(" with audit"), "{text}");
    assert!(text.contains("--require 'twins_agree:audit'"), "{text}");
    let (code, _, error) = run("hdie:x");
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("no built-in filter is called `hdie`"), "{error}");
}

#[test]
fn a_filter_is_judged_by_what_one_of_the_library_promises() {
    for (filter, promised, broken) in [
        ("readonly", "hide:*.jpg", "never_visible"),
        ("hide:*", "hide:.secret", "hides_only"),
        ("audit", "quota:10", "within_quota"),
        ("none", "redact:.secret", "never_listed"),
        ("none", "deny_uid:1000", "keeps_out"),
        ("audit", "uid_quota:1", "within_quota"),
        ("readonly", "none", "transparent"),
    ] {
        let required = format!("promises:{promised}");
        let output = fuserig(&["fuzz", filter, "--require", &required, "--output", "none"]);
        let text = stdout(&output);
        assert_eq!(output.status.code(), Some(1), "{filter} {promised}: {text}");
        let what = text.lines().next().unwrap_or_default();
        assert!(what.contains(&format!("  {broken}: ")), "{filter} {promised}: {text}");
    }
}

#[test]
fn what_cannot_be_required_and_no_runs_at_all_are_usage() {
    let said = |arguments: &[&str]| {
        let output = fuserig(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let error = said(&["fuzz", "none", "--require", "never_visible"]);
    assert!(error.contains("never_visible needs a name: never_visible:NAME"), "{error}");
    let error = said(&["fuzz", "none", "--require", "transparency"]);
    assert!(error.contains("no invariant transparency can be required; there are"), "{error}");
    assert!(error.contains("linearizable, promises:FILTER, twins_agree:FILTER"), "{error}");
    let error = said(&["fuzz", "none", "--require", "promises"]);
    assert!(error.contains("promises needs a filter of the library"), "{error}");
    let error = said(&["fuzz", "none", "--require", "promises:alias_lookup"]);
    assert!(error.contains("promises no more than every filter"), "{error}");
    said(&["fuzz", "none", "--runs", "0"]);
}
