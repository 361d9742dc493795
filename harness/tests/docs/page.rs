//! Pages of documentation as something that runs.
//!
//! A block fenced as `console`, or marked `<!-- session: -->`, holds commands behind `$ ` (a
//! backslash goes on behind `> `) and what they print, standard error included. A line `...` stands
//! for any lines, `[..]` for anything in a line. A comment `<!-- file: NAME -->` in front of a
//! block makes it a file, `<!-- needs: PROGRAM -->` lets the block be skipped where the program, or
//! a device by its path, is absent.

use std::path::Path;
use std::process::{Command, Stdio};

/// One step of a page.
#[derive(Debug)]
pub(crate) enum Step {
    /// A file is written.
    File { name: String, text: String },
    /// A command is issued.
    Command { line: usize, command: String, shows: Vec<String>, needs: Option<String> },
}

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) steps: Vec<Step>,
}

/// What came of a page.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) commands: usize,
    pub(crate) wrong: Vec<String>,
    pub(crate) skipped: Vec<String>,
}

/// What the comment in front of a block says.
#[derive(Default)]
struct Mark {
    file: Option<String>,
    session: bool,
    needs: Option<String>,
}

impl Page {
    /// Reads a page; an error is `LINE: message`.
    pub(crate) fn parse(text: &str) -> Result<Page, String> {
        let mut steps = Vec::new();
        let mut mark = Mark::default();
        let mut lines = text.lines().enumerate();
        while let Some((index, line)) = lines.next() {
            if let Some(name) = comment(line, "file") {
                mark.file = Some(name.to_owned());
            } else if comment(line, "session").is_some() {
                mark.session = true;
            } else if let Some(name) = comment(line, "needs") {
                mark.needs = Some(name.to_owned());
            } else if let Some(language) = line.strip_prefix("```") {
                let mut block = Vec::new();
                loop {
                    let (_, line) = lines.next().ok_or(format!("{}: no end", index + 1))?;
                    if line == "```" {
                        break;
                    }
                    block.push(line);
                }
                let mark = core::mem::take(&mut mark);
                match (mark.file, language) {
                    (Some(name), _) => {
                        let text = block.iter().map(|line| format!("{line}\n")).collect();
                        steps.push(Step::File { name, text });
                    }
                    (None, language) if mark.session || language == "console" => {
                        commands(index + 2, &block, mark.needs, &mut steps)?;
                    }
                    (None, _) => {}
                }
            } else if !line.trim().is_empty() {
                mark = Mark::default();
            }
        }
        Ok(Page { steps })
    }

    /// Runs the steps in `folder`, with the programs of `programs` in front of all others.
    pub(crate) fn run(&self, folder: &Path, programs: &Path) -> Run {
        let mut run = Run::default();
        let mut status = 0;
        for step in &self.steps {
            match step {
                Step::File { name, text } => {
                    std::fs::write(folder.join(name), text).expect("the folder takes files");
                }
                Step::Command { line, command, shows, needs } => {
                    if let Some(program) = needs.as_ref().filter(|program| !exists(program)) {
                        run.skipped.push(format!("line {line} needs {program}"));
                        continue;
                    }
                    let printed = issue(command, status, folder, programs, &mut status);
                    run.commands += 1;
                    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
                    let shows: Vec<&str> = shows.iter().map(String::as_str).collect();
                    if !agrees(&shows, &printed) {
                        run.wrong.push(format!("line {line}: $ {command}\n{}", printed.join("\n")));
                    }
                }
            }
        }
        run
    }
}

fn comment<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let inner = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?;
    Some(inner.trim().strip_prefix(key)?.strip_prefix(':')?.trim())
}

/// Splits a console block into commands and what each prints.
fn commands(
    first: usize,
    block: &[&str],
    needs: Option<String>,
    steps: &mut Vec<Step>,
) -> Result<(), String> {
    let begin = steps.len();
    let mut goes_on = false;
    for (index, line) in block.iter().enumerate() {
        let number = first + index;
        if let Some(command) = line.strip_prefix("$ ") {
            let (command, needs) = (command.to_owned(), needs.clone());
            goes_on = command.ends_with('\\');
            steps.push(Step::Command { line: number, command, shows: Vec::new(), needs });
            continue;
        }
        let last = steps.len().checked_sub(1).filter(|last| *last >= begin);
        let Some(Step::Command { command, shows, .. }) = last.map(|last| &mut steps[last]) else {
            return Err(format!("{number}: output in front of the first command"));
        };
        if goes_on {
            let more = line.strip_prefix("> ").unwrap_or(line);
            command.push('\n');
            command.push_str(more);
            goes_on = more.ends_with('\\');
        } else {
            shows.push(line.trim_end().to_owned());
        }
    }
    Ok(())
}

/// Whether a program runs, or a device can be opened.
fn exists(needed: &str) -> bool {
    if needed.starts_with('/') {
        return std::fs::OpenOptions::new().read(true).write(true).open(needed).is_ok();
    }
    let mut command = Command::new(needed);
    let status = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs one command as the shell would after one that ended with `last`.
fn issue(command: &str, last: i32, folder: &Path, programs: &Path, status: &mut i32) -> String {
    let script = format!("exec 2>&1; PATH=\"$1:$PATH\"; (exit \"$2\")\n{command}\n");
    let output = Command::new("bash")
        .args(["-c", &script, "bash"])
        .arg(programs)
        .arg(last.to_string())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    *status = output.status.code().unwrap_or(-1);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether what is printed is what is shown.
fn agrees(shows: &[&str], printed: &[&str]) -> bool {
    match shows.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skip| agrees(rest, &printed[skip..])),
        Some((line, rest)) => printed
            .split_first()
            .is_some_and(|(first, others)| fits(line, first) && agrees(rest, others)),
    }
}

/// Whether a line fits one with `[..]` in it.
fn fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}
