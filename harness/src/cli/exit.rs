//! Exit codes: a table that never changes in meaning.

use std::process::ExitCode;

/// How a command ended.
///
/// ```
/// use fuserig::cli::Exit;
/// assert_eq!(Exit::Finding.code(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Everything agreed.
    Agreed,
    /// Something was found.
    Finding,
    /// The command line is wrong.
    Usage,
    /// An input cannot be read, or an output cannot be written.
    Unreadable,
    /// Nothing ran.
    NothingRan,
    /// This machine lacks something that is needed.
    Missing,
    /// A bug of fuserig.
    Bug,
    /// Ctrl-C; what was written so far is readable.
    Interrupted,
    /// What the command of `record` returned.
    Command(u8),
}

impl Exit {
    /// Every way a command ends but the status of `record`'s own command, with what it means.
    pub const TABLE: [(Exit, &str); 8] = [
        (Exit::Agreed, "everything agreed"),
        (Exit::Finding, "something was found: a divergence, a violation, damage"),
        (Exit::Usage, "the command line is wrong, or an output exists already"),
        (Exit::Unreadable, "an input cannot be read, or an output cannot be written"),
        (Exit::NothingRan, "nothing ran"),
        (Exit::Missing, "this machine lacks something that is needed"),
        (Exit::Bug, "a bug of fuserig"),
        (Exit::Interrupted, "interrupted; what was written so far is readable"),
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Agreed => 0,
            Exit::Finding => 1,
            Exit::Usage => 2,
            Exit::Unreadable => 3,
            Exit::NothingRan => 4,
            Exit::Missing => 5,
            Exit::Bug => 70,
            Exit::Interrupted => 130,
            Exit::Command(code) => code,
        }
    }

    /// Of two inputs of one command, the worse ending.
    #[must_use]
    pub fn worse(self, other: Exit) -> Exit {
        self.max(other)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// A command that cannot go on: what to say, and how to end.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// An input that cannot be read.
    pub(super) fn input(path: &std::path::Path, error: &dyn std::error::Error) -> Failure {
        Failure::new(Exit::Unreadable, format!("{}: {}", path.display(), chain(error)))
    }

    /// A mistake in a text of the user's: the place, the line itself, and a mark below it. Lines
    /// and bytes count from 1.
    pub(super) fn at(
        path: &std::path::Path,
        text: &str,
        (line, column): (usize, usize),
        error: &dyn std::error::Error,
    ) -> Failure {
        let mut failure = Failure::input(path, error);
        failure.message.push_str(&excerpt(text, line, column));
        failure
    }

    /// An output that cannot be written.
    pub(super) fn output(path: &std::path::Path, error: &dyn std::error::Error) -> Failure {
        Failure::new(Exit::Unreadable, format!("write {}: {}", path.display(), chain(error)))
    }
}

/// Longest part of a line that is shown.
const EXCERPT_MAX: usize = 100;

/// The line with a mark below the byte; nothing for a line that is not there.
fn excerpt(text: &str, line: usize, column: usize) -> String {
    let Some(shown) = line.checked_sub(1).and_then(|index| text.lines().nth(index)) else {
        return String::new();
    };
    let at = shown.len().min(column.saturating_sub(1));
    let before = String::from_utf8_lossy(&shown.as_bytes()[..at]).chars().count();
    // A long line is shown from a little before the mark.
    let skip = if before + 20 < EXCERPT_MAX { 0 } else { before - 20 };
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let part: String = shown.chars().skip(skip).take(EXCERPT_MAX).map(clean).collect();
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let mark = " ".repeat(before - skip);
    format!("\n  {number} | {part}\n  {margin} | {mark}^")
}

/// An error with its causes, outermost first, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// What a command gives back.
pub(super) type Ended = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_points_at_the_byte() {
        let text = "title x\n  opn(\"/a\") = 3\n";
        assert_eq!(excerpt(text, 2, 3), "\n  2 |   opn(\"/a\") = 3\n    |   ^");
        assert_eq!(excerpt(text, 1, 99), "\n  1 | title x\n    |        ^");
        assert_eq!(excerpt(text, 9, 1), "");
        assert_eq!(excerpt(text, 0, 0), "");
        assert_eq!(excerpt("\u{e4}b c", 1, 4), "\n  1 | \u{e4}b c\n    |   ^");
        let long = "x".repeat(300);
        let shown = excerpt(&long, 1, 200);
        assert!(shown.ends_with(&format!("| {}^", " ".repeat(20))), "{shown}");
        assert!(shown.len() < 160);
    }
}
