//! Scenario files: every one of the tree must pass, and mistakes must be found with their place.

use std::path::{Path, PathBuf};

use fuserig::scenario::{Scenario, ScenarioReport, run};
use fuserig_abi::{Abi, Quirk};
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{Filter, builtin, present};

/// Built-in filters are written for the posted versions; elsewhere they are adapted.
fn resolve(spec: &str, abi: Abi) -> Result<Box<dyn Filter>, String> {
    let filter = builtin(spec).map_err(|error| error.to_string())?;
    Ok(present(filter, Abi::V4, abi))
}

/// How a test makes the filter of a specification.
type Make<'a> = dyn Fn(&str, Abi) -> Result<Box<dyn Filter>, String> + 'a;

fn play(text: &str) -> Vec<ScenarioReport> {
    play_with(text, &resolve)
}

fn play_with(text: &str, make: &Make<'_>) -> Vec<ScenarioReport> {
    let scenario = Scenario::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let run = |abi| {
        let report = run(&scenario, abi, &|spec| make(spec, abi));
        report.unwrap_or_else(|error| panic!("{error}"))
    };
    scenario.abis.iter().map(|&abi| run(abi)).collect()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory).expect("the directory of scenarios is committed");
    for entry in entries {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "scn") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_scenario_of_the_tree_passes_and_says_what_it_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let all = files(&root);
    assert!(all.len() >= 48, "only {} scenarios were found", all.len());
    for path in all {
        let text = std::fs::read_to_string(&path).expect("scenarios are UTF-8");
        let scenario =
            Scenario::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!scenario.title.is_empty(), "{} has no title", path.display());
        for report in play(&text) {
            let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
            let (path, abi) = (path.display(), report.abi.name());
            assert!(failures.is_empty(), "{path} under {abi}: {failures:#?}");
            assert!(report.steps > 0, "{path} does nothing");
        }
    }
}

#[test]
fn the_super_user_has_its_capabilities_whatever_its_group() {
    let text = "lower\n  /a mode=0 uid=7 'x'\nclient a pid=7 uid=0 gid=100\n\
                client b pid=8 uid=8 gid=0\nrun\n  a: open(\"/a\", O_RDWR) = 3\n  \
                b: open(\"/a\", O_RDONLY) = EACCES\n  a: open(\"/b\", O_WRONLY|O_CREAT, 0644) = 4\n\
                tree\n  /a mode=0 uid=7 'x'\n  /b gid=100\n";
    for report in play(text) {
        let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}: {failures:#?}", report.abi.name());
    }
}

/// A scenario with all that its steps caused below them, in place of what its author put there.
fn with_consequences(text: &str, report: &ScenarioReport) -> String {
    let mut written = String::new();
    for (number, line) in text.lines().enumerate() {
        let words = ["    filter ", "    no filter", "    print ", "    quirk "];
        if words.iter().any(|word| line.starts_with(word)) {
            continue;
        }
        written.push_str(line);
        written.push('\n');
        for (_, caused) in report.caused.iter().filter(|(step, _)| *step == number + 1) {
            for line in caused {
                written.push_str(&format!("    {line}\n"));
            }
        }
    }
    written
}

#[test]
fn what_a_step_caused_can_be_put_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut lines = 0;
    for path in files(&root) {
        let text = std::fs::read_to_string(&path).expect("scenarios are UTF-8");
        // The consequences of such a step stand below its first line, for each of its rounds.
        if text.lines().any(|line| line.trim_start().starts_with("times")) {
            continue;
        }
        let abi = Scenario::parse(&text).expect("it passes").abis[0];
        let report = play(&text).remove(0);
        let written = with_consequences(&text, &report);
        lines += report.caused.iter().map(|(_, lines)| lines.len()).sum::<usize>();
        let again = play(&written).remove(0);
        let failures: Vec<_> = again.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{} {abi:?}: {failures:#?}\n{written}", path.display());
    }
    assert!(lines > 300, "only {lines} lines were written");
}

/// Every filter of the selftests as C, in one object.
const SELFTESTS: &[u8] = include_bytes!("../../filters/bpf/selftests.o");

fn compiled(spec: &str, abi: Abi) -> Result<Box<dyn Filter>, String> {
    let filter = BpfFilter::load(SELFTESTS, Some(spec), abi, Limits::default());
    Ok(Box::new(filter.map_err(|error| error.to_string())?))
}

/// A v4 filter that sets `release` members has them, and they never run (DISP-3); nothing else
/// may differ between a filter in Rust and its object.
#[test]
fn each_selftest_ends_alike_with_the_native_filter_and_with_the_object() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/selftests");
    let all = files(&directory);
    let numbers: Vec<String> = all
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.split('-').next()?.to_owned()))
        .collect();
    let expected: Vec<String> = (1..=33).map(|number| format!("{number:02}")).collect();
    assert_eq!(numbers, expected, "one file a selftest, and the flock test of v4");
    let mut filtered = 0;
    for path in all {
        let text = std::fs::read_to_string(&path).expect("scenarios are UTF-8");
        let native = play(&text);
        let object = play_with(&text, &compiled);
        assert_eq!(native, object, "{}", path.display());
        filtered += usize::from(text.contains("\nfilter "));
        for report in object {
            assert!(report.failures.is_empty(), "{}: {:#?}", path.display(), report.failures);
            let known = report.quirks.keys().all(|id| Quirk::from_id(id).is_some());
            assert!(known, "{}: {:?}", path.display(), report.quirks);
        }
    }
    assert!(filtered >= 26, "only {filtered} of them attach a filter");
}

#[test]
fn an_object_that_decides_otherwise_fails_its_selftest() {
    let text = include_str!("../scenarios/selftests/24-alter-errcode-userspace.scn");
    let wrong = play_with(text, &|_, abi| compiled("lookup_post", abi));
    assert!(wrong.iter().all(|report| report.failures.is_empty()), "it asks the daemon as well");
    let wrong = play_with(text, &|_, abi| compiled("readdir_plus", abi));
    assert!(wrong.iter().all(|report| !report.failures.is_empty()), "{wrong:?}");
}

#[test]
fn a_run_is_the_same_twice() {
    let text = "lower\n  /a 'x'\nfilter f = audit\nmount filter=f\nrun\n  cat(\"/a\") = \"x\"\n";
    assert_eq!(play(text), play(text));
}

/// What is wrong on purpose must be said at its line.
fn finds(text: &str, expected: &[&str]) {
    let report = &play(text)[0];
    let failures: Vec<_> = report.failures.iter().map(ToString::to_string).collect();
    assert_eq!(failures, expected, "{text}");
}

#[test]
fn each_kind_of_expectation_can_fail() {
    finds("run\n  unlink(\"/a\")\n", &["line 2: it failed with ENOENT"]);
    finds("run\n  unlink(\"/a\") = 0\n", &["line 2: errno is ENOENT, not success"]);
    finds("run\n  mkdir(\"/a\") = EEXIST\n", &["line 2: errno is success, not EEXIST"]);
    finds("run\n  mkdir(\"/a\") = crash\n", &["line 2: it returned 0"]);
    finds("lower\n  /a 'x'\nrun\n  cat(\"/a\") = \"y\"\n", &["line 4: it holds \"x\", not \"y\""]);
    finds(
        "lower\n  /a 'x'\nrun\n  list(\"/\") = \".\" \"..\"\n",
        &["line 4: it lists \".\" \"..\" \"a\", not \".\" \"..\""],
    );
    finds("run\n  put(\"/a/b\", \"\")\n", &["line 2: it failed with ENOENT"]);
    finds("run\n  put(\"/a\", \"x\") = ENOENT\n", &["line 2: it succeeded"]);
    finds(
        "run\n  times 3 mkdir(\"/d%d\")\n  rmdir(\"/d3\")\n  rmdir(\"/d4\")\n",
        &["line 4: it failed with ENOENT"],
    );
    finds(
        "run\n  mkdir(\"/a\")\n  lower \"/a\" = absent\n",
        &["line 3: below there is Directory, not Absent"],
    );
    finds("lower\n  /a 'x'\nrun\n  stat(\"/a\") = 0 {size: 2}\n", &["line 4: size is 1, not 2"]);
    finds(
        "run\n  mkdir(\"/a\")\ntree\n  /b/\n",
        &[
            "line 3: the tree below has: a\td\t755\t0\t0\t2\t-\t",
            "line 3: the tree below lacks: b\td\t755\t0\t0\t2\t-\t",
        ],
    );
}

#[test]
fn a_mount_that_ends_otherwise_than_written_fails() {
    let refused = "line 1: the mount is refused with EINVAL: ";
    finds(
        "mount root_bpf=none\nrun\n  stat(\"/\")\n",
        &[&format!("{refused}Unable to find bpf program")],
    );
    finds(
        "mount root_dir=/absent\nrun\n  stat(\"/\")\n",
        &[&format!("{refused}Unable to open root directory")],
    );
    finds("mount no_fd\nrun\n  stat(\"/\")\n", &[&format!("{refused}neither fd= nor no_daemon")]);
    finds(
        "mount refused \"Unable to find bpf program\"\nrun\n  stat(\"/\")\n",
        &["line 1: the mount is made, not refused: Unable to find bpf program"],
    );
    finds("mount root_bpf=none refused \"Unable to find bpf program\"\n", &[]);
}

#[test]
fn each_kind_of_consequence_can_fail() {
    let with = |rules: &str, consequence: &str| {
        format!(
            "mount filter=f\nfilter f rules\n  {rules}\nlower\n  /a 'x'\nrun\n  stat(\"/a\")\n    \
             {consequence}\n"
        )
    };
    let rule = "lookup_prefilter print \"seen\" -> CONTINUE";
    finds(&with(rule, "filter lookup_prefilter -> CONTINUE"), &[]);
    finds(
        &with(rule, "filter lookup_prefilter name=\"b\""),
        &["line 7: lookup_prefilter was called, but name is \"a\\x00\", not \"b\""],
    );
    finds(
        &with(rule, "filter lookup_prefilter -> ENOENT"),
        &["line 7: lookup_prefilter was called in another order, or returned CONTINUE"],
    );
    finds(&with(rule, "filter open_prefilter"), &["line 7: open_prefilter was not called"]);
    finds(&with(rule, "no filter"), &["line 7: lookup_prefilter was called"]);
    finds(&with(rule, "no filter open_prefilter"), &[]);
    finds(&with(rule, "print \"see\""), &[]);
    finds(
        &with(rule, "print \"other\""),
        &["line 7: no line with \"other\" was printed; this was: \"seen\""],
    );
    finds(&with(rule, "quirk LOOK-3"), &["line 7: quirk LOOK-3 was not hit"]);
}

#[test]
fn a_daemon_gets_exactly_what_the_file_says() {
    let with = |lines: &str| {
        format!(
            "mount filter=f daemon\nfilter f rules\n  open_prefilter -> USER_POSTFILTER\n\
             lower\n  /a 'x'\nrun\n  open(\"/a\", O_RDONLY) = ?\n{lines}"
        )
    };
    finds(&with("    daemon OPEN+post in.flags=0x8000 -> ok\n"), &[]);
    finds(&with("    daemon OPEN+post in.flags=1 -> ok\n"), &["line 8: in.flags is 32768, not 1"]);
    finds(
        &with("    daemon OPEN+post -> ok\n    daemon FLUSH -> ok\n"),
        &["line 9: the daemon did not get this request"],
    );
    let report = &play(&with(""))[0];
    let failure = report.failures[0].to_string();
    assert!(failure.starts_with("line 7: the daemon got OPEN+post 0 \""), "{failure}");
    let report = &play(&with("    daemon FLUSH -> ok\n"))[0];
    let failure = report.failures[0].to_string();
    assert!(failure.starts_with("line 8: the daemon got OPEN+post 0 \""), "{failure}");
    finds(
        &with("    daemon OPEN+post -> refused ok\n"),
        &["line 8: the kernel takes the reply, which was to be refused"],
    );
    finds(
        &with("    daemon OPEN+post -> body \"too short\"\n"),
        &["line 8: the kernel refuses the reply with EINVAL"],
    );
    finds(
        &with("    daemon OPEN+post -> out.nothing=1\n"),
        &["line 8: the reply has no field out.nothing"],
    );
}

/// A mistake in a file: its line, its column, and the beginning of what is said.
fn refuses(text: &str, line: usize, column: usize, what: &str) {
    let error = Scenario::parse(text).expect_err(text);
    assert_eq!((error.line, error.column), (line, column), "{error}");
    assert!(error.what.starts_with(what), "{} does not begin with {what}", error.what);
}

#[test]
fn mistakes_are_found_with_line_and_column() {
    refuses("abi v9", 1, 5, "no ABI is called `v9`");
    refuses("abi", 1, 4, "expected v3");
    refuses("fidelity perfect", 1, 10, "no fidelity is called `perfect`");
    refuses("colour blue", 1, 1, "unknown heading `colour`");
    refuses("  stat(\"/\")", 1, 3, "an indented line belongs to");
    refuses("mount fast", 1, 7, "unknown option `fast`");
    refuses("mount root_dir=x", 1, 7, "root_dir= wants a path");
    refuses("mount refused", 1, 14, "expected");
    refuses("filter a = audit\nmount filter=a root_bpf=a", 2, 1, "filter= and root_bpf= both");
    refuses("mount daemon served", 1, 1, "served and daemon both say who serves");
    refuses("mount init=x", 1, 7, "init= wants the flags");
    refuses("run\n  times 0 stat(\"/\")", 2, 3, "a call is repeated 1 to 100000 times");
    refuses("mount filter=f", 1, 14, "no filter has the label `f`");
    refuses("filter f", 1, 9, "expected `= SPEC` or `rules`");
    refuses("filter f =", 1, 11, "expected a filter such as");
    refuses("filter f = audit\nfilter f = audit", 2, 8, "`f` is the label of a filter already");
    refuses("filter f rules\n  lokup -> 0", 2, 3, "no member is called `lokup`");
    refuses("filter f rules\n  open_prefilter", 2, 17, "expected `-> CODE`");
    refuses("filter f rules\n  open_prefilter -> MAYBE", 2, 21, "`MAYBE` is no code");
    refuses("lower\n  /a 'x'\n  /b mode=9", 3, 6, "mode needs");
    refuses("run\n  stat(\"/\")\ntree\n  b", 4, 1, "a line begins with an absolute path");
    refuses("client a b=1", 1, 10, "unknown `b`");
    refuses("client a uid=x", 1, 14, "`x` is no number");
    refuses("client a groups=7,x", 1, 19, "`x` is no number");
    refuses(
        "run\n  stat(\"/\") = 0 {size: 1, mtime_sec: 5}",
        2,
        27,
        "nobody judges mtime_sec here; leave it out, or say mode, nlink",
    );
    refuses("client a\nclient a", 2, 8, "a client is called `a` already");
    refuses("run\n  bob: stat(\"/\")", 2, 3, "no client is called `bob`");
    refuses("run\n  stta(\"/\")", 2, 3, "expected a system call");
    refuses("run\n  print \"x\"", 2, 3, "it is a consequence of a call");
    refuses("run\n  stat(\"/\")\n    daemon OPEN -> ok", 3, 5, "there is no daemon");
    refuses(
        "mount daemon\nrun\n  stat(\"/\")\n    daemon OPNE -> ok",
        4,
        12,
        "no request is called",
    );
    refuses("mount daemon\nrun\n  stat(\"/\")\n    daemon OPEN", 4, 16, "expected `-> ok`");
    refuses("run\n  stat(\"/\")\n    quirk FOO-1", 3, 11, "no quirk has the id `FOO-1`");
    refuses("run\n  cat(\"/a\") = \"x", 2, 15, "the quote does not end");
    refuses("run\n  lower \"/a\" = gone", 2, 16, "expected absent, file, directory");
}
