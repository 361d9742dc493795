//! A finding as text that fits on a screen.
//!
//! What is wrong comes first, then the tree and the steps with a lane for each client, then why
//! nothing can be left out, and last the command to paste. A lane shows a call when it begins,
//! where it stands when another client is let in, and its result when it returns.

use core::fmt::{self, Write};

use super::{Case, Ending, Finding, StepRow, show_result};
use crate::report::{LaneStep, Lanes};

const LANE: usize = 38;

/// Longest word that is shown whole, and how much is shown of a longer one.
const WORD: usize = 64;
const START: usize = 24;
/// Most lines of a tree: a case has them all.
const TREE: usize = 24;

/// A text whose longest words are cut: of names of 255 bytes a reader needs the first few.
fn short(text: &str) -> String {
    let ends = |c: char| c == ' ' || c == '/';
    let cut = |word: &str| {
        let bare = word.trim_end_matches(ends);
        let start: String = bare.chars().take(START).collect();
        match bare.len() > WORD {
            true => format!("{start}...({} bytes){}", bare.len(), &word[bare.len()..]),
            false => word.to_owned(),
        }
    };
    text.split_inclusive(ends).map(cut).collect()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12}{}", self.class.to_string(), short(&self.violation.to_string()))?;
        let filter = if self.case.filter.is_empty() { "the filter" } else { &self.case.filter };
        let (abi, fidelity) = (self.case.abi, self.case.fidelity.name());
        let behind = if self.case.mounted { ", behind a mount" } else { "" };
        writeln!(f, "{:<12}{filter} on {abi} ({fidelity}){behind}", "with")?;
        let (found, left) = (self.operations_found, self.case.operations());
        let (seed, run) = (self.seed, self.run);
        writeln!(f, "{:<12}seed {seed}, run {run}; {found} operations shrunk to {left}", "found")?;
        for (line, tree) in self.case.tree.lines().take(TREE).enumerate() {
            writeln!(f, "{:<12}{}", if line == 0 { "tree" } else { "" }, short(tree))?;
        }
        match self.case.tree.lines().skip(TREE).count() {
            0 => {}
            more => writeln!(f, "{:<12}(and {more} more)", "")?,
        }
        for (line, fault) in self.case.faults.faults.iter().enumerate() {
            writeln!(f, "{:<12}{fault}", if line == 0 { "fault" } else { "" })?;
        }
        self.stopped(f)?;
        writeln!(f)?;
        f.write_str(&self.table())?;
        self.power(f)?;
        writeln!(f)?;
        self.schedule(f)?;
        writeln!(f, "{:<12}{}", "minimal", self.minimality)?;
        self.reproduce(f)
    }
}

impl Finding {
    /// When power was lost, what with it, and among how many states this is one.
    fn power(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(power) = &self.record.power else { return Ok(()) };
        let states = match power.complete {
            true => format!("one of {} legal states", power.states),
            false => format!("one of {} states that were drawn", power.states),
        };
        writeln!(f, "\n{:<10}{}; {states}", "crash", power.crash)?;
        let (lost, pending) = (power.lost.len(), power.pending);
        match (lost, pending) {
            (_, 0) => return writeln!(f, "{:<10}nothing: every change was durable", "lost"),
            (0, _) => writeln!(f, "{:<10}none of {pending} changes that were not durable", "lost")?,
            _ => writeln!(f, "{:<10}{lost} of {pending} changes that were not durable:", "lost")?,
        }
        for line in &power.lost {
            writeln!(f, "{:<10}  {line}", "")?;
        }
        Ok(())
    }

    /// Where an engine stopped the filter.
    fn stopped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ending::Trapped { trap, .. } = &self.record.ending else { return Ok(()) };
        let text = trap.to_string();
        for (line, text) in text.lines().skip(1).enumerate() {
            let head = if line == 0 { "stopped" } else { "" };
            writeln!(f, "{}", format!("{head:<10}{text}").trim_end())?;
        }
        Ok(())
    }

    fn schedule(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let switches = &self.case.schedule.switches;
        if self.case.clients.len() < 2 {
            return writeln!(f, "{:<12}one client; no ordering matters", "order");
        }
        if switches.is_empty() {
            return writeln!(f, "{:<12}one client after the other; nothing is forced", "order");
        }
        for (line, switch) in switches.iter().enumerate() {
            let head = if line == 0 { "necessary" } else { "" };
            writeln!(f, "{head:<12}{switch}")?;
        }
        writeln!(f, "{:<12}every other ordering may vary", "free")
    }

    fn reproduce(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command() {
            Some(command) => write!(f, "{:<12}{command}", "replay"),
            None => {
                let json = self.case.to_json_line();
                let call = "Simulation::of_case(Case::from_json";
                write!(f, "{:<12}{call}(r#\"{json}\"#)?)", "replay")
            }
        }
    }

    /// The steps with a lane for each client.
    pub fn table(&self) -> String {
        let mut text = String::from("step  ");
        for client in 0..self.case.clients.len() {
            let head = match self.case.clients[client].identity() {
                None => format!("client {}", client + 1),
                Some(who) => format!("client {} ({who})", client + 1),
            };
            let _ = write!(text, "{head:<LANE$}");
        }
        trim_end(&mut text);
        let rows = &self.record.rows;
        let mut at = 0;
        while at < rows.len() {
            let same =
                |row: &StepRow| (row.client, row.action) == (rows[at].client, rows[at].action);
            let length = rows[at..].iter().take_while(|row| same(row)).count();
            self.group(&mut text, at, &rows[at..at + length]);
            at += length;
        }
        text
    }

    /// The steps as values: what each client did until another was let in.
    pub fn lanes(&self) -> Lanes {
        let names = (1..).zip(&self.case.clients).map(|(number, client)| match client.identity() {
            None => format!("client {number}"),
            Some(who) => format!("client {number} ({who})"),
        });
        let same = |a: &StepRow, b: &StepRow| (a.client, a.action) == (b.client, b.action);
        let mut first = 0;
        let steps = self.record.rows.chunk_by(same).map(|rows| {
            let at = first..first + rows.len();
            first = at.end;
            let mine = self.record.filter_calls.iter().filter(|(row, _)| at.contains(row));
            let StepRow { client, action, point, .. } = rows[0];
            let returned = rows.last().is_some_and(|row| row.returned);
            let mut calls = self.record.calls.iter();
            let entry = calls.find(|call| (call.client, call.action) == (client, action));
            let result = entry.and_then(|entry| entry.result.as_ref()).map(show_result);
            LaneStep {
                lane: client,
                call: action_text(&self.case, client, action),
                goes_on: point != crate::vfs::Point::Start,
                stages: rows.iter().map(|row| row.point.to_string()).collect(),
                filter_calls: mine.map(|(_, call)| call.clone()).collect(),
                result: result.filter(|_| returned),
                blamed: returned && self.violation.at == Some((client, action)),
            }
        });
        Lanes { names: names.collect(), steps: steps.collect() }
    }

    /// Steps of one call without an interruption.
    fn group(&self, text: &mut String, at: usize, rows: &[StepRow]) {
        let StepRow { client, action, .. } = rows[0];
        let fresh = rows[0].point == crate::vfs::Point::Start;
        let words = action_text(&self.case, client, action);
        let head = if fresh { words } else { format!("... {}", rows[0].point) };
        self.line(text, &at.to_string(), client, &head);
        let last = rows[rows.len() - 1];
        if !last.returned {
            let next = self.record.rows.get(at + rows.len()..).unwrap_or(&[]);
            let resumed = next.iter().find(|row| (row.client, row.action) == (client, action));
            let ends = match self.record.power {
                Some(_) => "(power lost)",
                None => "(never goes on)",
            };
            let stands = resumed.map_or(ends.to_owned(), |row| format!("(before {})", row.point));
            self.line(text, "", client, &format!("  {stands}"));
            return;
        }
        let entry =
            self.record.calls.iter().find(|call| (call.client, call.action) == (client, action));
        let result = entry.and_then(|entry| entry.result.as_ref()).map(show_result);
        let result = result.unwrap_or_else(|| "never returns".to_owned());
        let blamed = self.violation.at == Some((client, action));
        let mark =
            if blamed { format!("   <- {}", self.violation.invariant) } else { String::new() };
        self.line(text, "", client, &format!("  = {result}{mark}"));
    }

    fn line(&self, text: &mut String, step: &str, client: usize, words: &str) {
        let words = short(words);
        let _ = write!(text, "{step:>4}  {:width$}{words}", "", width = client * LANE);
        trim_end(text);
    }
}

fn action_text(case: &Case, client: usize, action: usize) -> String {
    case.clients[client].actions[action].to_string()
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end().len());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_long_name_is_cut_where_it_stands() {
        let name = "m".repeat(255);
        let cut = format!("{}...(255 bytes)", &name[..24]);
        let text = |name: &str| format!("/b/{name}/x mode=0644 'a b' {name}");
        assert_eq!(short(&text(&name)), text(&cut));
        let fits = "/d/a 'abc' xattr.user.a='v'  <- posix ";
        assert_eq!(short(fits), fits);
        assert_eq!(short(&"\u{e9}".repeat(40)), format!("{}...(80 bytes)", "\u{e9}".repeat(24)));
    }
}
