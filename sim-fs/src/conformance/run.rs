//! Carrying out a case on a filesystem.

use std::collections::BTreeMap;

use fuserig_abi::{Caller, Errno, Ino, Stat, Timespec};

use super::case::{Case, CaseError, Step};
use super::outcome::{Failure, Outcome, Verdict};
use super::{caller, words};
use crate::{Lower, LowerExt, LowerFh, LowerOp, LowerReply};

/// Runs a case on a fresh filesystem; `arm` is its name in `only`, `skip` and `except`.
///
/// Simulated time starts in 2023 and moves by a second for each operation, so a filesystem that
/// stamps with the caller's instant never stamps two operations alike.
///
/// ```
/// use fuserig_abi::{Caller, Errno, Ino};
/// use fuserig_sim_fs::conformance::{Verdict, parse, run};
/// use fuserig_sim_fs::{Lower, LowerOp, LowerReply};
///
/// #[derive(Debug)]
/// struct Full;
/// impl Lower for Full {
///     fn root(&self) -> Ino { Ino(1) }
///     fn apply(&mut self, _: &Caller, _: &LowerOp<'_>) -> Result<LowerReply, Errno> {
///         Err(Errno::ENOSPC)
///     }
/// }
/// let cases = parse("case c\nrule r\n  mkdir /d -> ENOSPC\n")?;
/// assert_eq!(run(&cases[0], "full", &mut Full), Verdict::Passed);
/// # Ok::<(), fuserig_sim_fs::conformance::CaseError>(())
/// ```
pub fn run(case: &Case, arm: &str, fs: &mut dyn Lower) -> Verdict {
    if !case.only.is_empty() && !case.only.iter().any(|name| name == arm) {
        return Verdict::Skipped(format!("only for {}", case.only.join(", ")));
    }
    if let Some((_, reason)) = case.skip.iter().find(|(name, _)| name == arm) {
        return Verdict::Skipped(reason.clone());
    }
    let mut bench = Bench::new(fs);
    for step in &case.steps {
        let outcome = match bench.step(step) {
            Ok(outcome) => outcome,
            Err(Stop::Errno(errno)) => Outcome::Refused(errno),
            Err(Stop::Bad(problem)) => {
                return Verdict::Broken(CaseError::new(step.line, problem));
            }
        };
        let expected = step.expected_on(arm);
        if !expected.met_by(&outcome) {
            let who = if step.caller.is_empty() { "" } else { ": " };
            return Verdict::Failed(Failure {
                case: case.name.clone(),
                rule: case.rule.clone(),
                arm: arm.to_owned(),
                line: step.line,
                step: format!("{}{who}{}", step.caller, step.words.join(" ")),
                expected: expected.to_string(),
                outcome: outcome.to_string(),
            });
        }
    }
    Verdict::Passed
}

/// Why a step has no outcome.
#[derive(Debug)]
pub(super) enum Stop {
    /// The filesystem refused.
    Errno(Errno),
    /// The step makes no sense.
    Bad(String),
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Stop {
        Stop::Errno(errno)
    }
}

impl From<String> for Stop {
    fn from(problem: String) -> Stop {
        Stop::Bad(problem)
    }
}

/// What a command returns.
pub(super) type Done = Result<Outcome, Stop>;

/// The filesystem under test and what a case remembers.
#[derive(Debug)]
pub(super) struct Bench<'fs> {
    pub(super) fs: &'fs mut dyn Lower,
    pub(super) marks: BTreeMap<Ino, Stat>,
    /// Positions of the records read through an open directory, and the last end.
    pub(super) positions: BTreeMap<LowerFh, BTreeMap<Vec<u8>, u64>>,
    pub(super) ends: BTreeMap<LowerFh, u64>,
    nodes: BTreeMap<String, Ino>,
    handles: BTreeMap<String, LowerFh>,
    now: i64,
}

impl<'fs> Bench<'fs> {
    /// 2023-11-14, after every instant that a case sets and before every host's clock.
    const START: i64 = 1_700_000_000;

    fn new(fs: &'fs mut dyn Lower) -> Bench<'fs> {
        Bench {
            fs,
            marks: BTreeMap::new(),
            positions: BTreeMap::new(),
            ends: BTreeMap::new(),
            nodes: BTreeMap::new(),
            handles: BTreeMap::new(),
            now: Bench::START,
        }
    }

    fn step(&mut self, step: &Step) -> Done {
        let words: Vec<&str> = step.words.iter().map(String::as_str).collect();
        let (command, arguments) = (words[0], &words[1..]);
        let caller = caller::caller(&step.caller, self.tick())?;
        let tables = [Bench::on_names, Bench::on_attributes, Bench::on_files, Bench::with_helpers];
        for table in tables {
            if let Some(done) = table(self, &caller, command, arguments) {
                return done;
            }
        }
        Err(Stop::Bad(format!("unknown command or wrong arguments: {}", words.join(" "))))
    }

    /// The next instant.
    pub(super) fn tick(&mut self) -> Timespec {
        self.now += 1;
        Timespec::from_secs(self.now)
    }

    /// The super-user, for what is not under test.
    pub(super) fn root(&mut self) -> Caller {
        Caller::new(fuserig_abi::Credentials::root(), fuserig_abi::Pid(1), self.tick())
    }

    /// One operation, whose reply may be of any kind.
    pub(super) fn apply(&mut self, caller: &Caller, op: &LowerOp<'_>) -> Result<LowerReply, Stop> {
        Ok(self.fs.apply(caller, op)?)
    }

    /// The node that a word names.
    pub(super) fn node(&mut self, word: &str) -> Result<Ino, Stop> {
        let (mut at, rest) = match word.strip_prefix('@') {
            Some(word) => {
                let (name, rest) = word.split_once('/').unwrap_or((word, ""));
                let unknown = || Stop::Bad(format!("no node is remembered as @{name}"));
                (*self.nodes.get(name).ok_or_else(unknown)?, rest)
            }
            None => {
                let bad = || Stop::Bad(format!("`{word}` is no node (use /path or @name)"));
                (self.fs.root(), word.strip_prefix('/').ok_or_else(bad)?)
            }
        };
        let root = self.root();
        for component in rest.split('/').filter(|component| !component.is_empty()) {
            at = self.fs.lookup(&root, at, &words::bytes(component)?)?.ino;
        }
        Ok(at)
    }

    /// The directory and the name that a word names.
    pub(super) fn place(&mut self, word: &str) -> Result<(Ino, Vec<u8>), Stop> {
        let bad = || Stop::Bad(format!("`{word}` is no place (use /directory/name)"));
        let (parent, name) = word.rsplit_once('/').ok_or_else(bad)?;
        let parent = if parent.is_empty() { self.fs.root() } else { self.node(parent)? };
        Ok((parent, words::bytes(name)?))
    }

    /// The open file that a word names. A number is taken as it is.
    pub(super) fn handle(&self, word: &str) -> Result<LowerFh, Stop> {
        if let Ok(number) = words::number(word) {
            return Ok(LowerFh(number));
        }
        let unknown = || Stop::Bad(format!("nothing is open as {word}"));
        self.handles.get(word).copied().ok_or_else(unknown)
    }

    pub(super) fn remember_node(&mut self, name: &str, node: Ino) {
        self.nodes.insert(name.to_owned(), node);
    }

    pub(super) fn remember_handle(&mut self, name: &str, fh: LowerFh) {
        self.handles.insert(name.to_owned(), fh);
    }
}
