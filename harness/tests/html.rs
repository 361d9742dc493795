//! The HTML page of a report in a browser: its script runs, and what it counts is there.

mod support;

use std::process::Command;

use fuserig::report::{
    Check, Finding, FindingClass, LaneStep, Lanes, Report, ReportForm, Severity,
};

/// What a headless browser makes of a page, or none where there is no browser.
fn rendered(page: &str) -> Option<String> {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let file = directory.path().join("report.html");
    std::fs::write(&file, page).expect("written");
    let profile = directory.path().join("profile");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .args(["--disable-sync", "--disable-quic", "--virtual-time-budget=2000", "--dump-dom"])
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
