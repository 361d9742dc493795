//! The terminal: the one module that writes to it.

use std::io::{self, IsTerminal, Write};

use super::args::{Color, Common, Format};
use super::progress::{Advance, Pace};

/// Emphasis in human output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A heading.
    Bold,
    /// Something is wrong.
    Bad,
    /// Something is right.
    Good,
    /// Less important.
    Dim,
    /// As it is.
    Plain,
}

/// Standard output and standard error.
#[derive(Debug)]
pub(super) struct Terminal {
    format: Format,
    colored: bool,
    progress: bool,
    pace: Pace,
    closed: bool,
}

impl Terminal {
    pub(super) fn new(common: Common, no_color: bool) -> Terminal {
        let colored = match common.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !no_color && io::stdout().is_terminal(),
        };
        let progress = io::stderr().is_terminal();
        let pace = Pace::new(common.progress_after);
        Terminal { format: common.format, colored, progress, pace, closed: false }
    }

    pub(super) fn json(&self) -> bool {
        self.format == Format::Json
    }

    /// Text with emphasis when the output has colours.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if !self.colored || style == Style::Plain {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Bad => "31;1",
            Style::Good => "32;1",
            Style::Dim => "2",
            Style::Plain => "0",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A line of the result. A reader that went away is no error.
    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        self.text(&format!("{}\n", text.as_ref()));
    }

    /// A part of the result.
    pub(super) fn text(&mut self, text: &str) {
        if self.closed {
            return;
        }
        self.wipe();
        if io::stdout().lock().write_all(text.as_bytes()).is_err() {
            self.closed = true;
        }
    }

    /// Whether nobody reads the result any more.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Anything that is not the result.
    pub(super) fn note(&self, text: impl AsRef<str>) {
        self.wipe();
        // Who closed standard error does not want to hear.
        let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
    }

    /// A line that is overwritten by the next one, with a rate and the time that is left: on a
    /// terminal, and not in the first seconds.
    pub(super) fn advance(&self, advance: &Advance<'_>) {
        if !self.progress {
            return;
        }
        if let Some(line) = self.pace.line(advance) {
            overwrite(&line);
        }
    }

    /// Clears the progress line; what is counted next has a rate of its own.
    pub(super) fn progress_end(&self) {
        self.wipe();
        self.pace.clear();
    }

    /// Takes the progress line away, so that other text does not stand behind it.
    fn wipe(&self) {
        if self.progress && self.pace.is_shown() {
            overwrite("");
            let _ = write!(io::stderr().lock(), "\r");
        }
    }
}

/// Puts a line in place of the last one; a longer one is cut, so that it stays one line.
fn overwrite(text: &str) {
    const COLUMNS: usize = 79;
    let text: String = text.chars().take(COLUMNS).collect();
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r{text}\x1b[K");
    let _ = stderr.flush();
}
