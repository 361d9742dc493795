//! The command line in the field: imports of every form, exports opened by those who read them.

mod support;

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

/// Runs a command that must end with that code, and returns its standard output.
#[track_caller]
fn run(arguments: &[&str], code: i32) -> String {
    let output = fuserig(arguments);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    text(&output.stdout)
}

/// A file in a temporary directory, as text.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("temporary paths are text").to_owned()
    }
}

fn daemon_log() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/tests/fuse_strace/shell.strace.zst")
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("paths of the tree are text")
}

fn stream_id(trace: &str) -> String {
    let info: serde_json::Value =
        serde_json::from_str(&run(&["trace", "info", trace, "--format", "json"], 0))
            .expect("info is JSON");
    info["stream_id"].as_str().expect("a trace has an id").to_owned()
}

#[test]
fn import_says_what_it_takes_a_log_for_and_reads_it() {
    let scratch = Scratch::new();
    let frt = scratch.path("daemon.frt");
    let log = daemon_log();
    let output = fuserig(&["import", shown(&log), "-o", &frt]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("taken for fuse-strace"), "{}", text(&output.stderr));
    let id = stream_id(&frt);
    for form in ["jsonl", "csv"] {
        let (table, back) = (scratch.path(form), scratch.path(&format!("{form}.frt")));
        run(&["trace", "export", &frt, "--to", form, "-o", &table], 0);
        let output = fuserig(&["import", &table, "-o", &back]);
        let said = text(&output.stderr);
        assert!(said.contains(&format!("taken for {form}")), "{said}");
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(stream_id(&back), id, "{form} is lossless");
    }
    std::fs::write(
        scratch.path("ftrace"),
        " a-7 [1] 10.1: fuse_request_send: connection 4 req 2 opcode 3 (FUSE_GETATTR) len 56\n",
    )
    .expect("scratch");
    let output = fuserig(&["import", &scratch.path("ftrace"), "-o", &scratch.path("t.frt")]);
    assert!(text(&output.stderr).contains("taken for tracepoints"), "{output:?}");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn what_import_cannot_take_for_anything_is_refused_with_the_reason() {
    let scratch = Scratch::new();
    let out = scratch.path("out.frt");
    let refuse = |content: &str, code: i32, says: &str| {
        let log = scratch.path("log");
        std::fs::write(&log, content).expect("scratch");
        let output = fuserig(&["import", &log, "-o", &out]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(says), "{said}");
        assert!(!Path::new(&out).exists(), "no output without an import");
    };
    refuse("Dear diary,\ntoday nothing.\n", 3, "none of the forms");
    refuse("7 1795354603.000001 mkdir(\"/srv/d\", 0777) = 0\n", 2, "--root DIR");
    refuse("\u{0}", 3, "none of the forms");
    // The log of a daemon without -s: 32 bytes of a head of 40.
    let head = r"\x2a\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00";
    let cut = format!("7 read(3, \"{head}{}\"..., 99) = 42\n", r"\x00".repeat(16));
    refuse(&cut, 4, "before the end of its head");
    let shell = corpus("shell", "frt");
    let output = fuserig(&["import", shown(&shell), "-o", &out]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("is a trace already"));
}

#[test]
fn the_documented_keys_are_those_of_the_rows() {
    let page = include_str!("../docs/table.md");
    let documented: Vec<(&str, &str)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| {
            let (key, rest) = line.split_once("` | ")?;
            Some((key, rest.split(' ').next()?))
        })
        .collect();
    let keys: Vec<(&str, &str)> = fuserig_traces::table::KEYS
        .iter()
        .map(|(key, cell)| match cell {
            fuserig_traces::table::Cell::Plain => (*key, "plain"),
            fuserig_traces::table::Cell::Json => (*key, "json"),
        })
        .collect();
    assert_eq!(documented, keys);
}

/// The statements of the page on exports, each block as one text.
fn statements() -> Vec<String> {
    let page = include_str!("../docs/exports.md");
    let blocks = page.split("```sql\n").skip(1);
    blocks.filter_map(|block| Some(block.split_once("```")?.0.to_owned())).collect()
}

/// A Python that has DuckDB: the one on the path, or the one that CI names.
#[expect(clippy::disallowed_methods, reason = "CI names a Python that has DuckDB")]
fn python_with_duckdb() -> Option<String> {
    let python = std::env::var("FUSERIG_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python).args(["-c", "import duckdb"]).output().ok()?;
    output.status.success().then_some(python)
}

/// Makes the views by one block of the page, and asks the questions of the others: each answer as
/// sorted rows.
const ASK: &str = "import duckdb, sys
duckdb.execute('SET enable_progress_bar = false')
for block in sys.argv[1:]:
    rows = None
    for one in duckdb.extract_statements(block):
        rows = duckdb.execute(one)
    print(sorted(map(str, rows.fetchall())) if rows.description else [])
";

fn answers(python: &str, directory: &Path, views: &str, questions: &[String]) -> Vec<String> {
    let output = Command::new(python)
        .current_dir(directory)
        .args(["-c", ASK, views])
        .args(questions)
        .output()
        .expect("it ran before");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answers: Vec<String> = text(&output.stdout).lines().skip(1).map(str::to_owned).collect();
    assert_eq!(answers.len(), questions.len());
    assert!(answers.iter().all(|rows| rows != "[]"), "each question has an answer: {answers:?}");
    answers
}

#[test]
fn duckdb_answers_the_questions_of_the_page() {
    let Some(python) = python_with_duckdb() else {
        print_skip("no Python with duckdb (PyPI); name one in FUSERIG_PYTHON");
        return;
    };
    let scratch = Scratch::new();
    let filtered = scratch.path("b.frt");
    let shell = corpus("shell", "frt");
    let filter = ["--filter", "audit", "--against", "none", "-o", &filtered];
    run(&[&["replay", shown(&shell)][..], &filter].concat(), 0);
    run(&["trace", "export", &filtered, "--to", "jsonl", "-o", &scratch.path("trace.jsonl")], 0);
    run(&["trace", "export", &filtered, "--to", "csv", "-o", &scratch.path("trace.csv")], 0);
    let statements = statements();
    let [jsonl, csv, parquet, questions @ ..] = &statements[..] else {
        panic!("blocks are missing")
    };
    assert_eq!(questions.len(), 3, "the page has three questions");
    let expected = answers(&python, scratch.0.path(), jsonl, questions);
    assert_eq!(answers(&python, scratch.0.path(), csv, questions), expected, "CSV");
    let corpus = scratch.path("corpus");
    let export = ["trace", "export", &filtered, "--to", "parquet", "-o", &corpus];
    if !cfg!(feature = "parquet") {
        let said = text(&fuserig(&export).stderr);
        assert!(said.contains("--features parquet"), "{said}");
        run(&export, 5);
        assert!(!Path::new(&corpus).exists(), "nothing is written");
        print_skip("this build has no Parquet: run with --features parquet");
        return;
    }
    let said = run(&export, 0);
    assert!(said.contains(&format!("trace={}", stream_id(&filtered))), "{said}");
    assert_eq!(answers(&python, scratch.0.path(), parquet, questions), expected);
}

#[test]
fn wireshark_dissects_the_messages() {
    if Command::new("tshark").arg("--version").output().is_err() {
        print_skip("tshark is not installed");
        return;
    }
    let scratch = Scratch::new();
    let (frt, packets, lua) =
        (scratch.path("d.frt"), scratch.path("d.pcapng"), scratch.path("fuse.lua"));
    run(&["import", "fuse-strace", shown(&daemon_log()), "-o", &frt], 0);
    let to = ["--to", "pcapng", "-o", &packets, "--dissector", &lua];
    let said = run(&[&["trace", "export", &frt][..], &to].concat(), 0);
    assert!(said.contains("1598 packets"), "{said}");
    let output = Command::new("tshark")
        .args(["-X", &format!("lua_script:{lua}"), "-r", &packets, "-T", "fields"])
        .args(["-e", "fuse.kind", "-e", "fuse.op", "-e", "fuse.error", "-e", "fuse.name"])
        .output()
        .expect("it ran before");
    let lines = text(&output.stdout);
    if lines.lines().all(|line| line.trim().is_empty()) {
        print_skip(&format!("tshark loads no Lua here: {}", text(&output.stderr)));
        return;
    }
    assert_eq!(lines.lines().count(), 1598, "{}", text(&output.stderr));
    assert_eq!(lines.lines().next(), Some("0\tINIT\t\t"));
    assert!(lines.lines().any(|line| line == "0\tLOOKUP\t\tphotos"), "names are shown");
    assert_eq!(lines.lines().filter(|line| *line == "1\tLOOKUP\t-2\t").count(), 22);
}

#[test]
fn chrome_json_has_a_slice_for_every_operation() {
    let scratch = Scratch::new();
    let (frt, json) = (scratch.path("d.frt"), scratch.path("d.json"));
    run(&["import", "fuse-strace", shown(&daemon_log()), "-o", &frt], 0);
    run(&["trace", "export", &frt, "--to", "chrome", "-o", &json], 0);
    let bytes = std::fs::read(&json).expect("it was written");
    let drawing: serde_json::Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let events = drawing["traceEvents"].as_array().expect("a list");
    let slices: Vec<_> = events.iter().filter(|event| event["ph"] == "X").collect();
    assert_eq!(slices.len(), 800);
    // Perfetto wants slices of a lane to lie in each other or apart.
    let mut ends = std::collections::BTreeMap::new();
    for slice in slices {
        let nanos = |key: &str| {
            let text = slice[key].to_string();
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            let part: u64 = format!("{part:0<3}").parse().expect("digits");
            whole.parse::<u64>().expect("digits") * 1_000 + part
        };
        let (lane, start, end) =
            (slice["tid"].to_string(), nanos("ts"), nanos("ts") + nanos("dur"));
        let before = ends.insert(lane, end).unwrap_or(0);
        assert!(before <= start, "slices of a lane overlap: {slice}");
    }
}

/// Every key of an object, in order.
fn keys(value: &serde_json::Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// A row of operations or calls: what the text shows, and durations that add up. Gives the count.
fn check_row(row: &serde_json::Value, text: &str) -> u64 {
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    assert_eq!(keys(row), ["count", "failed", "in_flight", "name", "took_ns"]);
    let [count, failed, flying] = ["count", "failed", "in_flight"].map(|key| number(&row[key]));
    let name = row["name"].as_str().expect("text");
    let line = format!("{name:<20} {count:>10} {failed:>10} {flying:>10}");
    assert!(text.contains(&line), "{line}: {text}");
    let took = &row["took_ns"];
    if took.is_null() {
        return count;
    }
    assert_eq!(keys(took), ["histogram", "max", "p50", "p90", "p99"]);
    let [p50, p90, p99, max] = ["p50", "p90", "p99", "max"].map(|key| number(&took[key]));
    assert!(p50 <= p90 && p90 <= p99 && p99 <= max, "{row}");
    let buckets = took["histogram"].as_array().expect("a list");
    let sum: u64 = buckets.iter().map(|bucket| number(&bucket[1])).sum();
    assert_eq!(sum, count - flying, "{row}");
    let ends: Vec<u64> = buckets.iter().map(|bucket| number(&bucket[0])).collect();
    assert!(ends.is_sorted() && ends.last() >= Some(&max), "{row}");
    count
}

/// Each figure of the JSON form is read, and is what the text shows or what its parts add up to.
#[test]
fn every_figure_of_trace_info_is_in_its_json() {
    let scratch = Scratch::new();
    let frt = scratch.path("audited.frt");
    let shell = corpus("shell", "frt");
    let audit = ["--filter", "audit", "--against", "none", "-o", &frt];
    run(&[&["replay", shown(&shell)][..], &audit].concat(), 0);
    let info: serde_json::Value =
        serde_json::from_str(&run(&["trace", "info", &frt, "--format", "json"], 0)).expect("JSON");
    let text = run(&["trace", "info", &frt], 0);
    let shows = |line: String| assert!(text.contains(&line), "{line}: {text}");
    let known = [
        "cannot_appear",
        "damaged_parts",
        "header",
        "in_flight",
        "lost",
        "raw_bytes",
        "records",
        "statistics",
        "stored_bytes",
        "stream_id",
        "version",
    ];
    assert_eq!(keys(&info), known, "a new key needs a look here");
    let number = |value: &serde_json::Value| value.as_u64().expect("a number");
    shows(format!("format           {}", info["version"].as_str().expect("text")));
    shows(format!("stream           {}", info["stream_id"].as_str().expect("text")));
    shows(format!("{} bytes, {} before compression", info["stored_bytes"], info["raw_bytes"]));
    shows(format!("in flight        {}", info["in_flight"]));
    assert_eq!((number(&info["in_flight"]), number(&info["damaged_parts"])), (0, 0));
    // What is lost is told where something is: `recorded.rs` has a trace of that kind.
    assert!(number(&info["lost"]) == 0 && !text.contains("\nlost "), "{text}");
    assert_eq!(info["header"]["tool"], "fuserig");
    assert_eq!(info["cannot_appear"].as_array().map(Vec::len), Some(0), "all of a model is seen");
    let kinds = ["call", "note", "op", "payload", "stage", "tree"];
    assert_eq!(keys(&info["records"]), kinds);
    let [calls, notes, ops, payloads, stages, trees] =
        kinds.map(|kind| number(&info["records"][kind]));
    assert_eq!((calls, notes, payloads, trees), (370, 0, 0, 0));
    assert!(ops > 0 && stages > ops, "{info}");
    let statistics = &info["statistics"];
    assert_eq!(keys(statistics), ["absent", "calls", "decisions", "hot_paths", "operations"]);
    for (list, total) in [("calls", calls), ("operations", ops)] {
        let rows = statistics[list].as_array().expect("a list");
        let mut counted = 0;
        for row in rows {
            counted += check_row(row, &text);
        }
        assert_eq!(counted, total, "{list}");
    }
    let decisions = statistics["decisions"].as_array().expect("a list");
    assert!(!decisions.is_empty(), "audit has members");
    for row in decisions {
        assert_eq!(keys(row), ["code", "count", "member"]);
        let (member, code) = (row["member"].as_str().expect("text"), row["code"].as_i64());
        let code = code.expect("a number");
        shows(format!("{member:<32} {code:>8} {:>10}", number(&row["count"])));
    }
    for row in statistics["hot_paths"].as_array().expect("a list") {
        assert_eq!(keys(row), ["count", "path"]);
        shows(format!("{:>10} {}", number(&row["count"]), row["path"].as_str().expect("text")));
    }
    for name in statistics["absent"].as_array().expect("a list") {
        shows(name.as_str().expect("text").to_owned());
    }
}

#[test]
fn the_manual_and_the_completions_know_every_command() {
    let scratch = Scratch::new();
    let said = run(&["man", "-o", &scratch.path("")], 0);
    let pages = std::fs::read_dir(scratch.0.path()).expect("it was written").count();
    assert_eq!(said.trim(), format!("wrote {pages} pages into {}", scratch.path("")));
    let page = std::fs::read_to_string(scratch.path("fuserig-trace-export.1")).expect("a page");
    assert!(page.contains(".TH fuserig-trace-export 1"), "{page}");
    assert!(run(&["man"], 0).contains("fuserig"));
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell], 0);
        assert!(script.contains("fuse-strace"), "{shell} knows the commands");
    }
}

#[test]
fn the_doctor_says_what_the_machine_can_do() {
    let said = run(&["doctor"], 0);
    assert!(said.contains("/dev/fuse") && said.contains("bpf()"), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["doctor", "--format", "json"], 0)).expect("it is JSON");
    let rows = json["machine"].as_array().expect("a list");
    let found = |name: &str| rows.iter().find(|row| row["name"] == name).map(|row| &row["found"]);
    assert_eq!(found("/dev/fuse"), Some(&Path::new("/dev/fuse").exists().into()));
}

#[test]
fn every_command_has_help_with_an_example() {
    let missing: Vec<&str> = [
        "replay",
        "import",
        "conform",
        "doctor",
        "completions",
        "man",
        "import strace",
        "import fuse-strace",
        "import jsonl",
        "import csv",
        "import tracepoints",
        "trace export",
        "trace info",
        "trace show",
        "trace text",
        "trace diff",
        "trace verify",
        "trace repair",
    ]
    .into_iter()
    .filter(|command| {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        !run(&arguments, 0).contains("Example")
    })
    .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
