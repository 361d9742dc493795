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

    /// An output that cannot be written.
    pub(super) fn output(path: &std::path::Path, error: &dyn std::error::Error) -> Failure {
        Failure::new(Exit::Unreadable, format!("write {}: {}", path.display(), chain(error)))
    }
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
