//! What came of an import, and what did not.

use core::fmt;
use std::collections::BTreeMap;

use crate::Header;
use crate::wire::Survey;

/// Problems that are kept with their text; beyond them only the numbers count.
const KEPT_MAX: usize = 1_000;

/// What came of importing the log of a daemon.
///
/// ```
/// use fuserig_traces::import::{import_fuse_strace, FuseStraceOptions};
/// let log = concat!(
///     r#"7 read(3, "\x2a\0\0\0\1\0\0\0\4\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"#,
///     r#"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0a\0", 65536) = 42"#,
///     "\n7 write(3, \"\\x10\\0\\0\\0\\xfe\\xff\\xff\\xff\\4\\0\\0\\0\\0\\0\\0\\0\", 16) = 16\n",
/// );
/// let mut records = Vec::new();
/// let mut keep = |record| {
///     records.push(record);
///     std::ops::ControlFlow::Continue(())
/// };
/// let report = import_fuse_strace(log.as_bytes(), &FuseStraceOptions::default(), &mut keep)?;
/// assert_eq!((report.requests, report.replies, records.len()), (1, 1, 1));
/// assert!(report.is_lossless());
/// # Ok::<(), fuserig_traces::import::LogError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FuseStraceReport {
    /// Lines of the log.
    pub lines: u64,
    /// Lines in front of the first one of strace: a greeting, the output of a shell.
    pub greeting: u64,
    /// Reads and writes in it.
    pub calls: u64,
    /// Of these, reads that brought no message (interrupted, nothing to do, unmounted).
    pub idle: u64,
    /// Of these, on descriptors that are not the device.
    pub other: u64,
    /// Of these, of mounts that were not asked for.
    pub elsewhere: u64,
    /// Requests.
    pub requests: u64,
    /// Replies.
    pub replies: u64,
    /// Ends of calls and replies of what began before the log did.
    pub earlier: u64,
    /// Notifications of the daemon.
    pub notifications: u64,
    /// Replies to requests that the kernel had given up on.
    pub interrupted: u64,
    /// Requests that had no reply when the log ended.
    pub in_flight: u64,
    /// Records handed out.
    pub records: u64,
    /// Mounts in the log.
    pub connections: u32,
    /// Descriptors that were the device.
    pub descriptors: u64,
    /// The time of the first line in nanoseconds since the epoch, where the log has a date.
    pub first_ns: Option<u64>,
    /// What the times of the records are worth.
    pub times: &'static str,
    /// What the messages say about the mount.
    pub survey: Survey,
    /// The first problems.
    pub problems: Vec<Problem>,
    /// All problems, by kind.
    pub problem_counts: BTreeMap<ProblemKind, u64>,
}

/// One thing that is not in the trace as it happened.
///
/// ```
/// use fuserig_traces::import::{Problem, ProblemKind};
/// let problem = Problem { line: 7, kind: ProblemKind::Splice, text: "4096 bytes".into() };
/// assert!(problem.to_string().starts_with("line 7: moved by splice"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// What sort of problem.
    pub kind: ProblemKind,
    /// What exactly.
    pub text: String,
}

/// Sorts of problems.
///
/// ```
/// use fuserig_traces::import::ProblemKind;
/// assert!(ProblemKind::Cut.to_string().contains("-s"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The line is not one that strace writes.
    NotUnderstood,
    /// strace cut the message.
    Cut,
    /// The bytes are no message.
    BadMessage,
    /// A reply to a request that the log does not show.
    NoRequest,
    /// The kernel refused what the daemon wrote.
    Refused,
    /// The bytes went through a pipe and are not in the log.
    Splice,
    /// The log ends, or the task died, within the call.
    Torn,
}

impl FuseStraceReport {
    /// Whether every message of the mount is in the trace, whole.
    pub fn is_lossless(&self) -> bool {
        self.problem_counts.is_empty()
    }

    /// How many problems there are.
    pub fn problems_total(&self) -> u64 {
        self.problem_counts.values().sum()
    }

    pub(super) fn problem(&mut self, line: u64, kind: ProblemKind, text: impl Into<String>) {
        *self.problem_counts.entry(kind).or_default() += 1;
        if self.problems.len() < KEPT_MAX {
            self.problems.push(Problem { line, kind, text: text.into() });
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            ProblemKind::NotUnderstood => "not understood",
            ProblemKind::Cut => "cut by strace; record with a larger `-s`, such as `-s 16800000`",
            ProblemKind::BadMessage => "not a message",
            ProblemKind::NoRequest => "a reply without its request",
            ProblemKind::Refused => "refused by the kernel, not recorded",
            ProblemKind::Splice => {
                "moved by splice and not in the log; mount with `no_splice_read,no_splice_write`"
            }
            ProblemKind::Torn => "the log ends within the call",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}: {}", self.line, self.kind, self.text)
    }
}

/// A summary for people; the list is cut after twenty entries.
impl fmt::Display for FuseStraceReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        writeln!(out, "lines           {:>9}", self.lines)?;
        writeln!(out, "reads, writes   {:>9}", self.calls)?;
        writeln!(out, "  idle          {:>9}", self.idle)?;
        writeln!(out, "  other files   {:>9}", self.other)?;
        writeln!(out, "  other mounts  {:>9}", self.elsewhere)?;
        writeln!(out, "requests        {:>9}", self.requests)?;
        writeln!(out, "replies         {:>9}", self.replies)?;
        writeln!(out, "  given up      {:>9}", self.interrupted)?;
        if self.earlier > 0 {
            writeln!(out, "from before     {:>9}", self.earlier)?;
        }
        writeln!(out, "notifications   {:>9}", self.notifications)?;
        writeln!(out, "in flight       {:>9}", self.in_flight)?;
        writeln!(out, "records         {:>9}", self.records)?;
        writeln!(out, "problems        {:>9}", self.problems_total())?;
        writeln!(out, "times           {}", self.times)?;
        if self.greeting > 0 {
            writeln!(out, "note: {} lines before the first of strace are left out", self.greeting)?;
        }
        if !self.survey.has_init() && self.requests > 0 {
            let (minor, used) = (self.survey.minor_at_least(), self.survey.in_use().join(" "));
            let used = if used.is_empty() { "nothing that needs a flag" } else { &used };
            writeln!(out, "note: no INIT: the log begins after the mount, within a session")?;
            writeln!(out, "note: FUSE 7.{minor} or newer is assumed; in use: {used}")?;
            writeln!(
                out,
                "note: files that the kernel knew before have numbers and no names; `replay` \
                 infers what replies show and says what it cannot judge"
            )?;
        }
        let mut header = Header::default();
        self.survey.fill(&mut header);
        let flags = header.init.map(|init| init.flags).unwrap_or_default();
        if flags.iter().any(|flag| flag == "over_io_uring") {
            writeln!(
                out,
                "note: kernel and daemon agreed on io_uring; requests that went over it are not in \
                 the log"
            )?;
        }
        if self.connections > 1 {
            writeln!(
                out,
                "note: {} mounts in the log; choose one with --connection",
                self.connections
            )?;
        }
        for (kind, count) in &self.problem_counts {
            writeln!(out, "problem: {count} times {kind}")?;
        }
        let listed = self.problems.iter().take(SHOWN_MAX);
        listed.into_iter().try_for_each(|problem| writeln!(out, "  {problem}"))
    }
}
