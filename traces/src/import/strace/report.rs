//! What an import did, and what it could not do.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use crate::LowerTraits;

/// How many entries of each list a report keeps; the counters go on.
const KEPT_MAX: usize = 10_000;

/// What an import did, and what it could not do, with line numbers.
///
/// ```
/// use fuserig_traces::import::{StraceOptions, import_strace};
/// let log = "7 1795354603.000001 chdir(\"/srv/work\") = 0 <0.000001>\n\
///            7 1795354603.000002 mkdir(\"d\", 0777) = 0 <0.000001>\n\
///            7 1795354603.000003 unlink(\"/tmp/x\") = 0 <0.000001>\n";
/// let mut calls = Vec::new();
/// let mut keep = |call| {
///     calls.push(call);
///     std::ops::ControlFlow::Continue(())
/// };
/// let report = import_strace(log.as_bytes(), &StraceOptions::new("/srv/work"), &mut keep)?;
/// assert_eq!((report.lines, report.inside, report.recorded), (3, 2, 2));
/// assert_eq!(report.outside["unlink"], 1);
/// assert!(report.root_seen && report.is_lossless());
/// # Ok::<(), fuserig_traces::import::ImportError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportReport {
    /// Lines read.
    pub lines: u64,
    /// System calls among them; an interrupted and resumed call counts once.
    pub calls: u64,
    /// Calls that concern the root, whether recorded or not.
    pub inside: u64,
    /// Calls that change a process and no file (fork, execve, umask, setuid), recorded whatever
    /// the root.
    pub state: u64,
    /// Records handed out, with those that the importer added (`implied`).
    pub recorded: u64,
    /// Records that the log does not show but that follow from it, such as the first `chdir`.
    pub implied: u64,
    /// Calls below the root that neither read nor change a file (`poll`, `F_GETFL`), by name.
    pub without_effect: BTreeMap<String, u64>,
    /// Calls that do not concern the root, by name.
    pub outside: BTreeMap<String, u64>,
    /// Lines and calls that were not understood; the first ten thousand.
    pub not_understood: Vec<NotUnderstood>,
    /// How many there were.
    pub not_understood_total: u64,
    /// What happened below the root and is not in the trace; the first ten thousand.
    pub losses: Vec<Loss>,
    /// How many there were.
    pub losses_total: u64,
    /// What a reader of the trace should know, and how often it happened.
    pub notes: BTreeMap<Note, u64>,
    /// The processes and threads of the log.
    pub clients: BTreeSet<u32>,
    /// Whether the root occurs at all. If not, the root is probably misspelled.
    pub root_seen: bool,
    /// What the times of the records are worth.
    pub times: &'static str,
    /// Time of the first line, in nanoseconds since the epoch, where the log has a date: the base
    /// of all records' times.
    pub first_ns: Option<u64>,
    /// Time of the last line, where the log has dates.
    pub last_ns: Option<u64>,
    /// The umask before the first umask(2), where the log shows one.
    pub umask_initial: Option<u32>,
    /// The first client's user and group, where the log shows them.
    pub uid_initial: Option<u32>,
    /// See `uid_initial`.
    pub gid_initial: Option<u32>,
    /// What the log shows of the filesystem at the root.
    pub lower: LowerTraits,
}

/// A line or call that was not understood, so nothing was made of it.
///
/// ```
/// use fuserig_traces::import::{StraceOptions, import_strace};
/// let log = "7 chdir(\"/srv/work\") = 0\n7 mkdir(\"d\", S_IBOGUS) = 0\n";
/// let mut drop = |_call| std::ops::ControlFlow::Continue(());
/// let report = import_strace(log.as_bytes(), &StraceOptions::new("/srv/work"), &mut drop)?;
/// let first = &report.not_understood[0];
/// assert_eq!((first.line, first.column), (2, 14));
/// # Ok::<(), fuserig_traces::import::ImportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// The line, from 1; of a call in two parts, the second.
    pub line: u64,
    /// The column, in bytes from 1. A call in two parts is put together before it is counted.
    pub column: usize,
    /// The beginning of the line.
    pub text: String,
    /// What was expected.
    pub why: String,
}

/// Something that happened below the root and that the log does not show enough of.
///
/// ```
/// use fuserig_traces::import::{LossKind, StraceOptions, import_strace};
/// let log = "7 openat(AT_FDCWD</srv/work>, \"m\", O_RDWR) = 3</srv/work/m>\n\
///            7 mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, 3</srv/work/m>, 0) = 0x7f0000000000\n";
/// let mut drop = |_call| std::ops::ControlFlow::Continue(());
/// let report = import_strace(log.as_bytes(), &StraceOptions::new("/srv/work"), &mut drop)?;
/// assert_eq!((report.losses[0].line, report.losses[0].kind), (2, LossKind::SharedMapping));
/// # Ok::<(), fuserig_traces::import::ImportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The line, from 1.
    pub line: u64,
    /// What sort of loss.
    pub kind: LossKind,
    /// Which file or call.
    pub text: String,
}

/// Sorts of losses.
///
/// ```
/// use fuserig_traces::import::LossKind;
/// assert!(LossKind::CutData.to_string().contains("`-s 1048576`"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LossKind {
    /// strace cut the data of a write or of another call that changes a file.
    CutData,
    /// Data came from a file or pipe outside (copy_file_range, sendfile, splice).
    ForeignData,
    /// A shared writable mapping: stores into memory are no system calls.
    SharedMapping,
    /// A descriptor below the root was open before the log began, or came over a socket.
    InheritedDescriptor,
    /// A file was moved or linked over the border of the root.
    AcrossRoot,
    /// The call has no row in the table of calls, or goes past it (`io_uring`, `FICLONE`).
    NoRecord,
    /// The call did not return, so nobody knows whether it had its effect.
    NoResult,
    /// The process left the tree of names that the log shows (chroot, mount namespaces).
    Namespace,
    /// A descriptor changed its file without a call that says so.
    Contradiction,
}

/// What a reader of the trace should know; nothing is lost.
///
/// ```
/// use fuserig_traces::import::Note;
/// assert!(Note::AbsoluteTarget.to_string().starts_with("symbolic links"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Note {
    /// A symbolic link below the root was given an absolute target; it is data and unchanged.
    AbsoluteTarget,
    /// A path reached the root through a link outside; the record has the path it reached.
    PathRewritten,
    /// A path below the root led out of it through a symbolic link; the call is outside.
    LeadsOut,
    /// Clients whose fork the log does not show.
    ClientWithoutFork,
    /// Calls that were in flight when the log ended, or when their process died.
    InFlight,
    /// Calls that a signal interrupted and the kernel starts again.
    Restarted,
    /// Descriptors that were gone without a call that says so: strace has close_range(2) in no
    /// class, and such a close is recorded where it shows.
    ClosedUnseen,
    /// Capabilities were given up, which the trace does not have.
    Capabilities,
}

impl ImportReport {
    /// Whether everything that happened below the root is in the trace.
    pub fn is_lossless(&self) -> bool {
        self.not_understood_total == 0 && self.losses_total == 0
    }

    pub(super) fn lose(&mut self, line: u64, kind: LossKind, text: String) {
        self.losses_total += 1;
        if self.losses.len() < KEPT_MAX {
            self.losses.push(Loss { line, kind, text });
        }
    }

    pub(super) fn puzzle(&mut self, entry: NotUnderstood) {
        self.not_understood_total += 1;
        if self.not_understood.len() < KEPT_MAX {
            self.not_understood.push(entry);
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        *self.notes.entry(note).or_default() += 1;
    }
}

/// Counts a name without allocating for one that is known. Names that nobody has (a hostile log
/// can invent any number) are counted together.
pub(super) fn count(counts: &mut BTreeMap<String, u64>, name: &str) {
    const NAMES_MAX: usize = 1_000;
    let known = counts.contains_key(name);
    let name = if known || counts.len() < NAMES_MAX { name } else { "(others)" };
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

impl fmt::Display for LossKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            LossKind::CutData => "the data are cut; record with `-s 1048576`",
            LossKind::ForeignData => "the data came from outside the root and are not in the log",
            LossKind::SharedMapping => "stores into a shared mapping are not in the log",
            LossKind::InheritedDescriptor => "the descriptor was open before the log shows it",
            LossKind::AcrossRoot => "the file crossed the border of the root",
            LossKind::NoRecord => "the trace has no record for this",
            LossKind::NoResult => "the call did not return; its effect is unknown",
            LossKind::Namespace => "the process changed its tree of names",
            LossKind::Contradiction => "the descriptor changed its file without a call",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Note::AbsoluteTarget => "symbolic links with an absolute target, kept as written",
            Note::PathRewritten => "paths that reached the root through a link or /proc, rewritten",
            Note::LeadsOut => "paths that left the root through a symbolic link, counted outside",
            Note::ClientWithoutFork => "processes whose fork the log does not show",
            Note::InFlight => "calls in flight at the end of the log or of their process",
            Note::ClosedUnseen => "descriptors closed without a call (close_range is not traced)",
            Note::Capabilities => "changes of capabilities, which the trace does not have",
            Note::Restarted => "calls that a signal interrupted and the kernel started again",
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}: {}", self.line, self.kind, self.text)
    }
}

impl fmt::Display for NotUnderstood {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: column {}: {}: `{}`", self.line, self.column, self.why, self.text)
    }
}

/// A summary for people; lists are cut after twenty entries.
impl fmt::Display for ImportReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 20;
        let outside: u64 = self.outside.values().sum();
        let quiet: u64 = self.without_effect.values().sum();
        writeln!(out, "lines           {:>9}", self.lines)?;
        writeln!(out, "calls           {:>9}", self.calls)?;
        writeln!(out, "  inside        {:>9}", self.inside)?;
        writeln!(out, "  outside       {outside:>9}  {}", Most(&self.outside))?;
        writeln!(out, "  of processes  {:>9}", self.state)?;
        writeln!(out, "records         {:>9}  {} implied", self.recorded, self.implied)?;
        writeln!(out, "without effect  {quiet:>9}  {}", Most(&self.without_effect))?;
        writeln!(out, "clients         {:>9}", self.clients.len())?;
        writeln!(out, "not understood  {:>9}", self.not_understood_total)?;
        writeln!(out, "losses          {:>9}", self.losses_total)?;
        if self.first_ns.is_none() && self.calls > 0 {
            writeln!(out, "times           {}", self.times)?;
        }
        if !self.root_seen {
            writeln!(out, "the root does not occur in the log: check --root")?;
        }
        for (note, count) in &self.notes {
            writeln!(out, "note: {count} {note}")?;
        }
        for entry in self.not_understood.iter().take(SHOWN_MAX) {
            writeln!(out, "not understood: {entry}")?;
        }
        for loss in self.losses.iter().take(SHOWN_MAX) {
            writeln!(out, "loss: {loss}")?;
        }
        Ok(())
    }
}

/// The most frequent names of a count.
struct Most<'a>(&'a BTreeMap<String, u64>);

impl fmt::Display for Most<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN_MAX: usize = 5;
        let mut names: Vec<(&String, &u64)> = self.0.iter().collect();
        names.sort_by_key(|(name, count)| (core::cmp::Reverse(**count), *name));
        for (index, (name, count)) in names.iter().take(SHOWN_MAX).enumerate() {
            write!(out, "{}{name} {count}", if index == 0 { "" } else { ", " })?;
        }
        if names.len() > SHOWN_MAX { out.write_str(", ...") } else { Ok(()) }
    }
}
