//! What came of a step, what should have, and whether they agree.

use core::fmt;

use fuserig_abi::{Errno, FileKind, Stat};

use super::CaseError;
use super::words::{bytes, quote};

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Success without an answer.
    Done,
    /// An errno.
    Refused(Errno),
    /// Named values, of which an expectation may name some.
    Fields(Vec<(&'static str, String)>),
    /// Data.
    Bytes(Vec<u8>),
    /// A list.
    Names(Vec<Vec<u8>>),
}

/// What should come of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Success, whatever the answer.
    Ok,
    /// This errno.
    Errno(Errno),
    /// An empty list.
    Nothing,
    /// These words: fields that must agree, the data, or the whole list.
    Words(Vec<String>),
}

impl Expected {
    pub(super) fn parse(words: &[String]) -> Result<Expected, String> {
        Ok(match words {
            [] => return Err("nothing after -> (write ok)".to_owned()),
            [word] if word == "ok" => Expected::Ok,
            [word] if word == "nothing" => Expected::Nothing,
            [word] if word.starts_with('E') => Expected::Errno(
                Errno::from_name(word).ok_or_else(|| format!("unknown errno {word}"))?,
            ),
            words => {
                words.iter().try_for_each(|word| bytes(word).map(drop))?;
                Expected::Words(words.to_vec())
            }
        })
    }

    /// Whether an outcome is the expected one.
    pub(super) fn met_by(&self, outcome: &Outcome) -> bool {
        let unescaped = |words: &[String]| -> Vec<Vec<u8>> {
            words.iter().map(|word| bytes(word).expect("checked by Expected::parse")).collect()
        };
        match (self, outcome) {
            (Expected::Ok, outcome) => !matches!(outcome, Outcome::Refused(_)),
            (Expected::Errno(expected), Outcome::Refused(errno)) => expected == errno,
            (Expected::Nothing, Outcome::Names(names)) => names.is_empty(),
            (Expected::Words(words), Outcome::Fields(fields)) => words.iter().all(|word| {
                fields.iter().any(|(key, value)| word.split_once('=') == Some((key, value)))
            }),
            (Expected::Words(words), Outcome::Bytes(data)) => {
                unescaped(words).as_slice() == std::slice::from_ref(data)
            }
            (Expected::Words(words), Outcome::Names(names)) => unescaped(words) == *names,
            (Expected::Errno(_) | Expected::Nothing | Expected::Words(_), _) => false,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Ok => f.write_str("ok"),
            Expected::Errno(errno) => write!(f, "{errno}"),
            Expected::Nothing => f.write_str("nothing"),
            Expected::Words(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Outcome::Done => "ok".to_owned(),
            Outcome::Refused(errno) => errno.to_string(),
            Outcome::Fields(fields) => fields
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
            Outcome::Bytes(data) => quote(data),
            Outcome::Names(names) if names.is_empty() => "nothing".to_owned(),
            Outcome::Names(names) => {
                names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(" ")
            }
        };
        f.write_str(&text)
    }
}

/// The letter of a file type in a case.
pub(super) fn letter(kind: FileKind) -> char {
    match kind {
        FileKind::Regular => 'f',
        FileKind::Directory => 'd',
        FileKind::Symlink => 'l',
        FileKind::Fifo => 'p',
        FileKind::Socket => 's',
        FileKind::CharDevice => 'c',
        FileKind::BlockDevice => 'b',
    }
}

/// Attributes as fields.
pub(super) fn fields(stat: &Stat) -> Outcome {
    Outcome::Fields(vec![
        ("kind", letter(stat.kind).to_string()),
        ("mode", format!("{:04o}", stat.permissions)),
        ("nlink", stat.nlink.to_string()),
        ("uid", stat.uid.to_string()),
        ("gid", stat.gid.to_string()),
        ("size", stat.size.to_string()),
        ("blocks", stat.blocks.to_string()),
        ("blksize", stat.blksize.to_string()),
        ("rdev", stat.rdev.to_string()),
        ("atime", stat.atime.sec.to_string()),
        ("mtime", stat.mtime.sec.to_string()),
        ("ino", stat.ino.to_string()),
    ])
}

/// What came of a case.
///
/// ```
/// use fuserig_sim_fs::conformance::Verdict;
/// assert_ne!(Verdict::Passed, Verdict::Skipped("needs tmpfs".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every step came out as expected.
    Passed,
    /// The case does not apply to this arm, for this reason.
    Skipped(String),
    /// A step came out otherwise.
    Failed(Failure),
    /// A step cannot be carried out as written.
    Broken(CaseError),
}

/// A step that came out otherwise than expected. Displays as one line that lets someone fix it.
///
/// ```
/// use fuserig_sim_fs::conformance::Failure;
/// let failure = Failure {
///     case: "c".into(), rule: "r".into(), arm: "mem".into(), line: 3,
///     step: "mkdir /d".into(), expected: "EEXIST".into(), outcome: "ok".into(),
/// };
/// assert_eq!(
///     failure.to_string(),
///     "mem: line 3 of `c`: mkdir /d: expected EEXIST, got ok; pins: r"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the case.
    pub case: String,
    /// The clause it pins.
    pub rule: String,
    /// Where it ran.
    pub arm: String,
    /// Line of the step.
    pub line: usize,
    /// The step.
    pub step: String,
    /// What should have come of it.
    pub expected: String,
    /// What came of it.
    pub outcome: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { case, rule, arm, line, step, expected, outcome } = self;
        write!(
            f,
            "{arm}: line {line} of `{case}`: {step}: expected {expected}, got {outcome}; \
             pins: {rule}"
        )
    }
}
