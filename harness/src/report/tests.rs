//! Every form over one report that holds everything, hostile text included.

use super::*;

fn everything() -> Report {
    let mut report = Report::new("abi gate", "v3 against <v4> & \"friends\"");
    report.count("rules", 44);
    report.count("filters", 2);
    report.extent = Some(Extent::Exhaustive);
    let broken = Finding::new(
        FindingClass::AbiBreak,
        "member-removed",
        "fuse_ops.readdir_postfilter",
        "`readdir_postfilter` is gone",
    )
    .message("Filters that set it are refused by libbpf.")
    .at(Location { file: "a,b:c.c".into(), line: Some(3), column: Some(7) })
    .step(5)
    .between(("v3", "0 <ok>"), ("v4", "-ENOTSUP | ``` `x`"))
    .case("abi", "line 1\n```\nline 3")
    .reproduce("fuserig abi diff v3 v4")
    .lanes(Lanes {
        names: vec!["client 1".into(), "client 2 (uid <1>)".into()],
        steps: vec![
            LaneStep {
                call: "unlink /a".into(),
                stages: vec!["lower".into()],
                ..LaneStep::default()
            },
            LaneStep {
                lane: 1,
                call: "stat /a<b>".into(),
                result: Some("0".into()),
                blamed: true,
                ..LaneStep::default()
            },
            LaneStep {
                call: "unlink /a".into(),
                goes_on: true,
                result: Some("ENOENT".into()),
                ..LaneStep::default()
            },
        ],
    })
    .fact("rungs", "SOURCE LOAD");
    let known = Finding::new(FindingClass::Leak, "handle", "open", "100% known \u{1b}[31m")
        .suppress(Suppression { reason: "ships in 2.0".into(), until: Some("2027-01-31".into()) });
    let minor = Finding::new(FindingClass::Quirk, "quirk", "PIPE-1", "hit\r\nonce")
        .severity(Severity::Note);
    report.push(Check::new("diff", "v3 -> v4", vec![broken, known]));
    report.push(Check::new("load", "hide.o", vec![minor]));
    report.push(Check::new("load", "quota.o", Vec::new()));
    report.push(Check::skipped("kernel", "bpf_dummy_ops", "no bpf() <here>"));
    report
}

#[test]
fn the_forms_of_a_report_are_as_reviewed() {
    let report = everything();
    insta::with_settings!({ snapshot_path => "../../../snapshots/report", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("human", human(&report));
        for form in ReportForm::ALL {
            let text = report.write(form);
            // Style and script are files of their own.
            let text = match form {
                ReportForm::Html => without(&without(&text, "style"), "script"),
                _ => text,
            };
            insta::assert_snapshot!(form.name(), text);
        }
    });
}

/// A page without what stands between two tags.
fn without(page: &str, tag: &str) -> String {
    let (head, rest) = page.split_once(&format!("<{tag}>")).expect("the tag begins");
    let (_, tail) = rest.split_once(&format!("</{tag}>")).expect("the tag ends");
    format!("{head}{tail}")
}

#[test]
fn no_text_of_a_stranger_is_markup() {
    let nasty = "<script>alert(1)</script>\"'&`<b>`\u{1b}[0m";
    let mut report = Report::new(nasty, nasty);
    report.count(nasty, 1);
    let step = LaneStep {
        call: nasty.into(),
        stages: vec![nasty.into()],
        result: Some(nasty.into()),
        ..LaneStep::default()
    };
    let finding = Finding::new(FindingClass::Leak, nasty, nasty, nasty)
        .message(nasty)
        .at(Location::file(nasty))
        .between((nasty, nasty), (nasty, nasty))
        .case(nasty, nasty)
        .reproduce(nasty)
        .fact(nasty, nasty)
        .lanes(Lanes { names: vec![nasty.into()], steps: vec![step] });
    report.push(Check::new(nasty, nasty, vec![finding]));
    report.push(Check::skipped(nasty, nasty, nasty));
    let page = report.write(ReportForm::Html);
    assert_eq!(page.matches("<script>").count(), 1, "only the one of the page");
    assert!(!page.contains("<b>`") && !page.contains('\u{1b}'));
}

#[test]
fn a_report_fails_for_errors_that_count_and_for_nothing_else() {
    let check = |severity, suppressed, expected| {
        let mut finding = Finding::new(FindingClass::Leak, "a", "b", "c").severity(severity);
        if suppressed {
            finding = finding.suppress(Suppression { reason: "r".into(), until: None });
        }
        let mut report = Report::new("c", "t");
        report.push(Check::new("s", "n", vec![finding]));
        assert_eq!(report.verdict(), expected, "{severity} {suppressed}");
    };
    check(Severity::Error, false, Verdict::Finding);
    check(Severity::Error, true, Verdict::Agreed);
    check(Severity::Warning, false, Verdict::Agreed);
    check(Severity::Note, false, Verdict::Agreed);
}

#[test]
fn zero_checks_and_only_skipped_checks_are_no_success() {
    let mut report = Report::new("c", "t");
    assert_eq!(report.verdict(), Verdict::NothingRan);
    assert!(report.write(ReportForm::Junit).contains("errors=\"1\""));
    assert!(report.write(ReportForm::Github).starts_with("::error "));
    assert!(report.write(ReportForm::Sarif).contains("\"executionSuccessful\": false"));
    report.push(Check::skipped("s", "n", "no kernel"));
    assert_eq!(report.verdict(), Verdict::NothingRan);
    assert!(report.write(ReportForm::Markdown).contains("**nothing ran**"));
}

#[test]
fn github_commands_stay_on_their_line() {
    let text = everything().write(ReportForm::Github);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
    assert!(text.contains("file=a%2Cb%3Ac.c,line=3,col=7"), "{text}");
    assert!(text.contains("100%25 known"), "{text}");
}

#[test]
fn xml_holds_no_character_that_xml_cannot_hold() {
    let text = everything().write(ReportForm::Junit);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    assert!(text.contains("\\u{1b}[31m"), "{text}");
    assert!(!human(&everything()).contains('\u{1b}'));
}

#[test]
fn targets_say_what_is_wrong_with_them() {
    for (text, expected) in [
        ("junit:a:b", Ok((ReportForm::Junit, "a:b"))),
        ("github", Ok((ReportForm::Github, "-"))),
        ("markdown:", Err("no file behind `markdown:`; write `markdown:FILE` or `markdown:-`")),
        (
            "pdf:x",
            Err("unknown report form `pdf`: one of json, junit, sarif, github, markdown, html"),
        ),
    ] {
        let parsed = text.parse::<ReportTarget>();
        let expected = expected.map_err(str::to_owned);
        assert_eq!(parsed.as_ref().map(|t| (t.form, &*t.file)), expected.as_ref().map(|e| *e));
    }
}
