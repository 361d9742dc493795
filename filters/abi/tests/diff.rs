//! The truth table of the differ: small edits of one description, and every finding they cause.
//!
//! `diff/base.abi` is the description, `diff/cases.txt` the edits with what each must give, in
//! both directions and for both kinds of loader. A case lists all findings; one more or one fewer
//! fails. Every rule must be hit by a case.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::diff::{AbiDiff, Chain, Change, Direction, Impact, Loader, RULES, Rung, Rungs};
use fuserig_abi::spec::AbiSpec;

#[path = "diff/abidiff.rs"]
mod abidiff;

const BASE: &str = include_str!("diff/base.abi");
const CASES: &str = include_str!("diff/cases.txt");

/// A mutation and what it must give.
struct Case {
    name: String,
    edits: Vec<(char, String)>,
    expected: BTreeSet<String>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in CASES.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix("case ") {
            let name = name.to_owned();
            cases.push(Case { name, edits: Vec::new(), expected: BTreeSet::new() });
            continue;
        }
        let case = cases.last_mut().expect("a case comes first");
        if let Some(finding) = line.strip_prefix("> ") {
            let words: Vec<&str> = finding.split_whitespace().collect();
            case.expected.insert(words.join(" "));
        } else {
            let mut chars = line.chars();
            let kind = chars.next().expect("the line is not empty");
            case.edits.push((kind, chars.as_str().to_owned()));
        }
    }
    cases
}

/// The base with the edits applied: each `-` and `=` is the next such line from where the last
/// one was, or the first one of the file when there is none behind.
fn mutated(case: &Case) -> AbiSpec {
    let mut lines: Vec<String> = BASE.lines().map(str::to_owned).collect();
    let mut at = 0;
    for (kind, text) in &case.edits {
        let find = |from: usize| (from..lines.len()).find(|index| lines[*index] == *text);
        match kind {
            '-' | '=' => {
                let found = find(at).or_else(|| find(0));
                at = found.unwrap_or_else(|| panic!("{}: no line `{text}`", case.name));
                if *kind == '-' {
                    lines.remove(at);
                } else {
                    at += 1;
                }
            }
            '+' => {
                lines.insert(at, text.clone());
                at += 1;
            }
            '*' => {
                let (count, template) = text.split_at(2);
                for number in 0..count.parse().expect("two digits") {
                    let line = template.replacen("{}", &(600 + 8 * number).to_string(), 1);
                    lines.insert(at, line.replace("{}", &number.to_string()));
                    at += 1;
                }
            }
            other => panic!("{}: an edit begins with `{other}`", case.name),
        }
    }
    let text = lines.join("\n");
    AbiSpec::parse(&text).unwrap_or_else(|error| panic!("{}: {error}\n{text}", case.name))
}

fn letters(rungs: Rungs) -> String {
    let letter = |rung: Rung| rung.name().chars().next().expect("a name");
    if rungs.is_empty() { "-".to_owned() } else { rungs.list().map(letter).collect() }
}

fn line(change: &Change) -> String {
    let side = |impact: &Impact| {
        let [by_name, by_offset] =
            [Loader::ByName, Loader::ByOffset].map(|loader| letters(impact.rungs(loader)));
        format!("{by_name}/{by_offset}")
    };
    let (forward, backward) = (side(&change.forward), side(&change.backward));
    // Sixty members that were added alike are one line.
    let id = match change.id() {
        id if id.starts_with("member-added:t_ops.m") => "member-added:t_ops.m*".to_owned(),
        id => id,
    };
    format!("{id} {forward} {backward} {}", change.first().name())
}

fn base() -> AbiSpec {
    AbiSpec::parse(BASE).expect("the base is a description")
}

#[test]
fn every_mutation_gives_its_findings_and_no_others() {
    let mut wrong = String::new();
    let cases = cases();
    for case in &cases {
        let diff = AbiDiff::between(&base(), &mutated(case));
        let found: BTreeSet<String> = diff.changes.iter().map(line).collect();
        if found != case.expected {
            wrong.push_str(&format!("\ncase {}\n", case.name));
            for missing in case.expected.difference(&found) {
                wrong.push_str(&format!("  expected {missing}\n"));
            }
            for extra in found.difference(&case.expected) {
                wrong.push_str(&format!("  found    {extra}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() >= 60, "{} cases", cases.len());
}

#[test]
fn every_rule_is_hit_by_a_case_and_every_finding_is_of_a_rule() {
    let known: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(known.len(), RULES.len(), "ids are unique");
    let mut hit: BTreeSet<&str> = BTreeSet::new();
    for case in cases() {
        let mutated = mutated(&case);
        for diff in [AbiDiff::between(&base(), &mutated), AbiDiff::between(&mutated, &base())] {
            hit.extend(diff.changes.iter().map(|change| change.rule));
        }
    }
    assert_eq!(hit, known);
}

/// What is forward from here is backward from there: a rule that forgets one direction shows.
#[test]
fn the_other_way_round_the_directions_change_places() {
    for case in cases() {
        let mutated = mutated(&case);
        let rungs = |diff: &AbiDiff, direction: Direction| {
            let mut counts: BTreeMap<(Rungs, Rungs), usize> = BTreeMap::new();
            for change in &diff.changes {
                let impact = change.impact(direction);
                *counts.entry((impact.by_name, impact.by_offset)).or_default() += 1;
            }
            counts
        };
        let there = AbiDiff::between(&base(), &mutated);
        let back = AbiDiff::between(&mutated, &base());
        for (one, other) in
            [(Direction::Forward, Direction::Backward), (Direction::Backward, Direction::Forward)]
        {
            assert_eq!(rungs(&there, one), rungs(&back, other), "{}", case.name);
        }
    }
}

/// A finding says who breaks, and ids are unique: a suppression names one thing.
#[test]
fn findings_have_a_sentence_and_an_id_of_their_own() {
    for case in cases() {
        let diff = AbiDiff::between(&base(), &mutated(&case));
        let ids: BTreeSet<String> = diff.changes.iter().map(Change::id).collect();
        assert_eq!(ids.len(), diff.changes.len(), "{}", case.name);
        for change in &diff.changes {
            for direction in Direction::ALL {
                let who = &change.impact(direction).who;
                assert!(who.ends_with('.') && who.len() > 15, "{}: {who:?}", change.id());
            }
        }
    }
}

#[test]
fn what_one_side_does_not_know_is_said_and_not_compared() {
    let case = cases().into_iter().find(|case| case.name == "one side knows no behaviour");
    let diff = AbiDiff::between(&base(), &mutated(&case.expect("in the table")));
    assert_eq!(diff.changes, []);
    assert_eq!(diff.not_compared, ["codes", "helpers", "kfunc-flags", "behaviour"]);
}

/// Every rule over every pair of mutated descriptions. One character a pair: the worst rung of
/// filters found by name, row on the kernel of the column.
#[test]
fn the_matrix_of_all_pairs_is_as_reviewed() {
    let mutated: Vec<(String, AbiSpec)> =
        cases().into_iter().map(|case| (case.name.clone(), mutated(&case))).collect();
    let mut matrix = String::new();
    for (row, (name, filter)) in mutated.iter().enumerate() {
        let cell = |(_, kernel): &(String, AbiSpec)| {
            let rungs = AbiDiff::between(filter, kernel).rungs(Direction::Forward, Loader::ByName);
            rungs.worst().map_or('.', |rung| rung.name().chars().next().expect("a name"))
        };
        let cells: String = mutated.iter().map(cell).collect();
        matrix.push_str(&format!("{row:3} {cells} {name}\n"));
    }
    snapshot("diff-matrix", &matrix);
}

/// Every rule over every pair of built-in descriptions.
#[test]
fn the_built_in_descriptions_differ_as_reviewed() {
    let specs = ["v3", "v4", "v3-grouped", "android"]
        .map(|name| AbiSpec::built_in(name).expect("built in"));
    let mut text = String::new();
    for old in &specs {
        for new in &specs {
            let diff = AbiDiff::between(old, new);
            text.push_str(&format!(
                "{} -> {}: {} changes\n",
                old.name,
                new.name,
                diff.changes.len()
            ));
            let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
            for change in &diff.changes {
                let rungs = line(change).split_once(' ').expect("an id and rungs").1.to_owned();
                *counts.entry((change.rule, rungs)).or_default() += 1;
            }
            for ((rule, rungs), count) in counts {
                text.push_str(&format!("  {count:4} {rule:22} {rungs}\n"));
            }
        }
    }
    snapshot("diff-built-in", &text);
    snapshot("diff-v3-v4", &AbiDiff::between(&specs[0], &specs[1]).to_string());
}

/// A list of versions: what came and went again breaks nobody who skips the one in between, and
/// every cell is the comparison of its own pair, in both directions.
#[test]
fn a_chain_is_every_pair_and_not_a_sum_of_steps() {
    let cases = cases();
    let of = |name: &str| mutated(cases.iter().find(|case| case.name == name).expect("a case"));
    let specs = [
        base(),
        of("a callback is removed and leaves a hole"),
        base(),
        of("a callback is appended at the end"),
    ];
    let chain = Chain::of(&specs);
    for loader in [Loader::ByName, Loader::ByOffset] {
        for (row, filter) in specs.iter().enumerate() {
            for (column, kernel) in specs.iter().enumerate() {
                let cell = chain.filter_on_kernel(row, column, loader);
                let alone = AbiDiff::between(filter, kernel).rungs(Direction::Forward, loader);
                assert_eq!(cell, alone, "filter of {row} on kernel {column}");
            }
        }
    }
    assert!(chain.filter_on_kernel(0, 1, Loader::ByName).contains(Rungs::LOAD));
    assert!(chain.filter_on_kernel(0, 2, Loader::ByName).is_empty());
    assert!(chain.filter_on_kernel(2, 3, Loader::ByName).is_empty());
    assert!(chain.filter_on_kernel(3, 0, Loader::ByName).contains(Rungs::LOAD));
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/abi");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
