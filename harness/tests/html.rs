//! The HTML page of a report in a browser: its script runs, and what it counts is there.

mod support;

use std::process::Command;

use fuserig::report::{
    Check, Finding, FindingClass, LaneStep, Lanes, Report, ReportForm, Severity,
};

/// What a headless browser makes of a page, or none where there is no browser.
fn rendered(page: &str) -> Option<String> {
    rendered_at(page, "1200,900")
}

/// The same in a window of that width and height.
fn rendered_at(page: &str, window: &str) -> Option<String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("report.html");
    std::fs::write(&file, page).expect("written");
    let profile = directory.path().join("profile");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-quic", "--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--window-size={window}"))
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", file.display()))
        .output();
    match output {
        Ok(output) if output.status.success() => {
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            support::print_skip(&format!("chromium does not start: {:.200}", said.trim()));
            None
        }
        Err(_) => {
            support::print_skip("render the report: chromium is not installed");
            None
        }
    }
}

#[test]
fn the_script_of_the_page_runs_and_counts() {
    let step = |lane: usize, call: &str| LaneStep {
        lane,
        call: call.to_owned(),
        stages: vec!["lookup enter".into(), "lookup lower".into()],
        ..LaneStep::default()
    };
    let lanes = Lanes {
        names: vec!["client 1".into(), "client 2".into()],
        steps: vec![step(0, "unlink /a"), step(1, "stat /a")],
    };
    let race = Finding::new(FindingClass::Violation, "never-visible", "/a", "a name was seen");
    let note = Finding::new(FindingClass::Quirk, "PIPE-1", "open", "hit").severity(Severity::Note);
    let mut report = Report::new("check", "hide:a on v4");
    report.push(Check::new("simulation", "two clients", vec![race.lanes(lanes), note]));
    let page = report.write(ReportForm::Html);
    let Some(dom) = rendered(&page) else { return };
    assert!(dom.contains("2 of 2 shown"), "the script counts the findings: {dom}");
    assert_eq!(dom.matches("class=\"step out\"").count(), 2, "a card a step");
    assert!(dom.contains("<b>lookup</b> enter, lower"), "stages stand together: {dom}");
}

/// The HTML report of a command, which must end with that code.
fn report_of(arguments: &[&str], code: i32) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("report.html");
    let output = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .arg("--report")
        .arg(format!("html:{}", file.display()))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("the binary was built");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    std::fs::read_to_string(&file).expect("the report was written")
}

const CHECK: [&str; 9] = [
    "check",
    "filters/bpf/hide_names.o",
    "--runs",
    "3",
    "--output",
    "none",
    "--require",
    "never_visible:notes.txt",
    "--corpus=traces/corpus/shell.frt",
];
const FUZZ: [&str; 6] =
    ["fuzz", "redact:.secret", "--require", "never_visible:.secret", "--output", "none"];
const REPLAY: [&str; 4] =
    ["replay", "traces/corpus/shell.frt", "--filter", "filters/bpf/hide_names.o"];
const GATE: [&str; 10] = [
    "abi",
    "gate",
    "--baseline",
    "v3",
    "--on",
    "v4",
    "--date",
    "2026-11-25",
    "--filter",
    "filters/bpf/hide_names.o",
];

#[test]
fn every_command_that_finds_something_writes_a_page_of_it() {
    let check = report_of(&CHECK, 1);
    for part in [
        "<h2>Cost and decisions by member</h2>",
        "<h2>How long calls of the corpus took</h2>",
        "<h2>Hot paths of the corpus</h2>",
        "<h2>Source</h2>",
        "hide_names.bpf.c <span class=\"dim\">",
        "<tr class=\"partly\">",
        "<div class=\"lane\">client 1",
    ] {
        assert!(check.contains(part), "{part} is missing");
    }
    // The calls of the filter in the smallest case: arguments, and the state of their buffers.
    assert!(check.contains("<b>lookup_prefilter</b> answers"), "calls of filters are shown");
    assert!(check.contains("\\x00&quot;</code>"), "a name with its NUL");
    assert!(check.contains("variable_size"), "the flags of a buffer are shown");
    let fuzz = report_of(&FUZZ, 1);
    assert!(fuzz.contains("never_visible") && fuzz.contains("<div class=\"lane\">client 1"));
    let replay = report_of(&REPLAY, 1);
    for part in ["replayed", "lookup_prefilter", "<b>LOOKUP</b> enter", "class=\"tip\""] {
        assert!(replay.contains(part), "{part} is missing");
    }
    let gate = report_of(&[&GATE[..], &["--trace", "traces/corpus/shell.frt"]].concat(), 1);
    for part in [
        "<h2>Findings (",
        "field-removed:fuse_open_out.padding",
        "hide_names.bpf.c <span class=\"dim\">",
        "<tr class=\"ran\">",
        "<tr class=\"never\">",
    ] {
        assert!(gate.contains(part), "{part} is missing");
    }
}

/// What the probe found, by name.
fn probed(page: &str, window: &str) -> Option<serde_json::Value> {
    const PROBE: &str = "<script>addEventListener('load',()=>{
        const press=(key)=>dispatchEvent(new KeyboardEvent('keydown',{key,bubbles:true}));
        const at=()=>document.activeElement.tagName;
        const call=document.querySelector('.call');
        const tip=call&&call.querySelector('.tip');
        const shown=()=>tip&&getComputedStyle(tip).display;
        const ground=()=>getComputedStyle(document.body).backgroundColor;
        const open=()=>document.querySelectorAll('details[data-severity][open]').length;
        const found={before:shown(),light:ground()};
        press('a');if(open()<document.querySelectorAll('details[data-severity]').length)press('a');
        found.open=open();found.all=document.querySelectorAll('details[data-severity]').length;
        call&&call.focus();found.after=shown();
        // The mouse shows by the same rule as the focus; a page cannot move the mouse.
        const rules=[...document.styleSheets].flatMap((sheet)=>[...sheet.cssRules]);
        const words=(rule)=>(rule.selectorText||'').replaceAll(' ','');
        const rule=rules.find((rule)=>words(rule).includes('.call:hover>.tip'));
        found.hover=Boolean(rule)&&words(rule).includes('.call:focus>.tip')&&rule.style.display;
        const row=tip&&tip.querySelector('tr:nth-of-type(2)');
        found.cells=row?row.cells.length:0;
        found.fits=!tip||tip.getBoundingClientRect().right<=innerWidth;
        press('j');found.key=at();press('/');found.search=at();document.activeElement.blur();
        press('t');found.dark=ground();
        found.wide=document.documentElement.scrollWidth-document.documentElement.clientWidth;
        document.body.dataset.probe=encodeURIComponent(JSON.stringify(found));
    })</script></html>";
    let dom = rendered_at(&page.replace("</html>", PROBE), window)?;
    let (_, rest) = dom.split_once("data-probe=\"").expect("the probe ran");
    let (text, _) = rest.split_once('"').expect("an attribute ends");
    let text = text.replace("%22", "\"").replace("%7B", "{").replace("%7D", "}");
    let text = text.replace("%3A", ":").replace("%2C", ",").replace("%20", " ");
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

#[test]
fn arguments_show_on_focus_keys_work_and_nothing_sticks_out() {
    for (arguments, has_calls) in
        [(&CHECK[..], true), (&REPLAY, true), (&FUZZ, false), (&GATE, false)]
    {
        let page = report_of(arguments, 1);
        for window in ["1400,900", "500,800"] {
            let Some(found) = probed(&page, window) else { return };
            let what = format!("{arguments:?} at {window}: {found}");
            if has_calls {
                assert_eq!(
                    (&found["before"], &found["after"]),
                    (&"none".into(), &"block".into()),
                    "{what}"
                );
                assert_eq!(found["fits"], true, "{what}");
                assert_eq!(
                    (&found["hover"], &found["cells"]),
                    (&"block".into(), &3.into()),
                    "{what}"
                );
            }
            assert_eq!(found["open"], found["all"], "`a` opens all: {what}");
            assert_eq!(
                (&found["key"], &found["search"]),
                (&"SUMMARY".into(), &"INPUT".into()),
                "{what}"
            );
            assert_ne!(found["light"], found["dark"], "`t` changes the theme: {what}");
            assert_eq!(found["wide"], 0, "the page does not scroll sideways: {what}");
        }
    }
}
