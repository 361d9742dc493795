//! What happened in a run: calls with their intervals, steps, the end.

use fuserig_abi::{FileKind, Quirk, Stat, Timespec};
use fuserig_filters::engine::Trap;
use fuserig_sim_fs::MemFs;

use super::{Coverage, Mixer, Schedule};
use crate::crash::PowerLoss;
use crate::kernel::Leaks;
use crate::pipeline::DirRecord;
use crate::report::FilterCall;
use crate::vfs::{CallResult, Output, Point};

/// One system call of a run.
///
/// ```
/// use fuserig::sim::CallEntry;
/// let entry = CallEntry { begin: 3, ..CallEntry::default() };
/// assert!(entry.result.is_none(), "it never returned");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallEntry {
    /// Whose, counted from 0.
    pub client: usize,
    /// Which of its actions.
    pub action: usize,
    /// The step before which it began.
    pub begin: u64,
    /// The step after which it returned.
    pub end: Option<u64>,
    /// What it returned.
    pub result: Option<CallResult>,
    /// Whether a signal came while it waited for an advisory lock.
    pub interrupted: bool,
}

/// One step of a run.
///
/// ```
/// use fuserig::sim::StepRow;
/// use fuserig::vfs::Point;
/// let row = StepRow { client: 0, action: 0, point: Point::Start, returned: false };
/// assert_eq!(row.point, Point::Start);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRow {
    /// Who moved, counted from 0.
    pub client: usize,
    /// In which of its actions.
    pub action: usize,
    /// What it did.
    pub point: Point,
    /// Whether its call returned with this step.
    pub returned: bool,
}

/// How a run ended.
///
/// ```
/// use fuserig::sim::Ending;
/// assert!(Ending::Finished.is_finished());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every client came to the end of its program.
    Finished,
    /// The modelled kernel crashed.
    Crashed(Quirk),
    /// A call never returned, and nobody waits for it.
    Hung {
        /// Whose call.
        client: usize,
        /// Why it never returns.
        why: String,
    },
    /// Everybody who is not done waits for somebody else.
    Deadlock(Vec<String>),
    /// An engine stopped the filter.
    Trapped {
        /// Client and action during which it happened; none when it was while clients left.
        at: Option<(usize, usize)>,
        /// Where in the filter, and why.
        trap: Box<Trap>,
    },
    /// Code of Rust panicked: the filter, what is below or beside it, or what judges.
    Panicked {
        /// Client and action during which it happened; none when it was while clients left.
        at: Option<(usize, usize)>,
        /// What it said, and where.
        message: String,
    },
    /// Power was lost, as the case asks.
    PowerLost,
    /// The limit of steps was reached.
    StepLimit(u64),
    /// An invariant was violated on the way.
    Stopped,
}

impl Ending {
    /// Whether nothing went wrong.
    pub fn is_finished(&self) -> bool {
        *self == Ending::Finished
    }
}

/// What is left when every client has closed everything and gone.
///
/// ```
/// use fuserig::sim::Balance;
/// assert_eq!(Balance::default().handles, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Balance {
    /// Open FUSE files.
    pub handles: usize,
    /// Dentries besides the root.
    pub dentries: usize,
    /// Inodes besides the root.
    pub inodes: usize,
    /// Lookups that the kernel gave back to a daemon that had never been made.
    pub overdrawn: u64,
    /// What leaked in the modelled kernel.
    pub leaks: Leaks,
}

/// A run that is over.
///
/// ```
/// use fuserig::prelude::*;
/// let subject = Subject::without_filter(Abi::V4).over("/a 'x'");
/// let case = Case { tree: "/a 'x'".to_owned(), ..Case::default() };
/// let record = fuserig::sim::run(&subject, &case).expect("the tree is well-formed");
/// assert!(record.ending.is_finished());
/// ```
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Every call in the order they began.
    pub calls: Vec<CallEntry>,
    /// The forced switches, which replay the run.
    pub schedule: Schedule,
    /// How many steps there were.
    pub steps: u64,
    /// Every step, when they were asked for.
    pub rows: Vec<StepRow>,
    /// The calls of filters, each with the position of its step in `rows`, when steps were asked
    /// for.
    pub filter_calls: Vec<(usize, FilterCall)>,
    /// A digest of the calls, their results, the schedule and the final tree.
    pub digest: u64,
    /// How it ended.
    pub ending: Ending,
    /// What it reached.
    pub coverage: Coverage,
    /// The lower tree at the start.
    pub initial: MemFs,
    /// The lower tree at the end; after a loss of power, as it was recovered.
    pub lower: MemFs,
    /// What was left at the end; none when the run did not finish.
    pub balance: Option<Balance>,
    /// How many faults happened.
    pub faults_fired: u64,
    /// Requests that the daemon got, FORGET aside.
    pub asked: u64,
    /// The most requests that the daemon had at once.
    pub asked_at_once: usize,
    /// The records that the filter gave to readers of its maps, in order.
    pub records: Vec<Vec<u8>>,
    /// The loss of power that ended the run.
    pub power: Option<PowerLoss>,
    /// How many states after a loss of power were mounted and judged on the way.
    pub crash_states: u64,
    /// Whether those were all that are legal at the steps that were tried.
    pub crashes_complete: bool,
}

/// Adds a result to a digest: everything a client can see of it but inode numbers.
pub(super) fn mix_result(mixer: &mut Mixer, result: &CallResult) {
    match result.value {
        Ok(value) => mixer.word(value as u64),
        Err(errno) => mixer.word(0x1_0000_0000 | u64::from(errno.0 as u32)),
    }
    match &result.output {
        Output::None => mixer.word(0),
        Output::Bytes(bytes) => mixer.data(bytes),
        Output::Stat(stat) => {
            mixer.word(u64::from(stat.mode()) << 32 | u64::from(stat.nlink));
            mixer.word(stat.size);
        }
        Output::StatFs(figures) => mixer.word(figures.bfree),
        Output::Records(records) => {
            for record in records {
                mixer.bytes(&record.name);
            }
        }
        Output::Lock(lock) => mixer.word(lock.start),
    }
}

/// What of two results or trees is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Compared {
    /// What every filesystem has in common that does the same: neither how it counts blocks, nor
    /// the links of directories, nor the order of a listing, nor a tree below.
    Calls,
    /// What does not tell how a state was reached.
    State,
    /// Times as well, of two runs that went step by step alike.
    Times,
    /// Inode numbers and places in listings as well, where the same filesystem is below.
    All,
}

impl Compared {
    /// Whether the attributes are the same as far as this goes.
    pub(crate) fn same_stat(self, one: &Stat, other: &Stat) -> bool {
        match self {
            Compared::All => one == other,
            // A filesystem chooses these for itself.
            Compared::Times => *one == Stat { ino: one.ino, blksize: one.blksize, ..*other },
            Compared::State => state_of(one) == state_of(other),
            Compared::Calls => common_of(one) == common_of(other),
        }
    }

    /// Whether a client could tell two results apart.
    pub(crate) fn same_result(self, one: &CallResult, other: &CallResult) -> bool {
        if one.value != other.value {
            return false;
        }
        match (&one.output, &other.output) {
            (Output::Stat(one), Output::Stat(other)) => self.same_stat(one, other),
            (Output::Records(one), Output::Records(other)) if self < Compared::All => {
                let seen = |record: &DirRecord| (record.name.clone(), record.kind);
                match self {
                    Compared::Calls => {
                        let listed = |all: &[DirRecord]| all.iter().map(seen).collect::<Vec<_>>();
                        let (mut one, mut other) = (listed(one), listed(other));
                        one.sort();
                        other.sort();
                        one == other
                    }
                    _ => one.iter().map(seen).eq(other.iter().map(seen)),
                }
            }
            (one, other) => one == other,
        }
    }
}

/// What of attributes does not tell how a state was reached.
fn state_of(stat: &Stat) -> impl PartialEq {
    (stat.mode(), stat.nlink, stat.uid, stat.gid, stat.size, stat.blocks, stat.rdev)
}

/// What of attributes is the same on every filesystem that does the same.
fn common_of(stat: &Stat) -> impl PartialEq {
    let (nlink, size) = match stat.kind {
        FileKind::Directory => (0, 0),
        _ => (stat.nlink, stat.size),
    };
    (stat.mode(), nlink, stat.uid, stat.gid, size, stat.rdev)
}

/// Whether a client could tell two results apart. Inode numbers and times may differ: they tell
/// how a state was reached.
pub fn same_result(one: &CallResult, other: &CallResult) -> bool {
    Compared::State.same_result(one, other)
}

/// A result as a report shows it.
pub fn show_result(result: &CallResult) -> String {
    let value = match result.value {
        Ok(value) => value.to_string(),
        Err(errno) => return errno.to_string(),
    };
    match &result.output {
        Output::Records(records) => {
            let names: Vec<String> =
                records.iter().map(|record| record.name.escape_ascii().to_string()).collect();
            format!("{value} [{}]", names.join(" "))
        }
        Output::Stat(stat) => {
            format!("{value} {:o} nlink={} size={}", stat.mode(), stat.nlink, stat.size)
        }
        Output::Bytes(bytes) if !bytes.is_empty() => {
            let head = &bytes[..bytes.len().min(16)];
            let more = if bytes.len() > head.len() { "..." } else { "" };
            format!("{value} \"{}\"{more}", head.escape_ascii())
        }
        _ => value,
    }
}

/// Two results that differ, as a report shows them: what is usual, and where they agree in that,
/// the rest of what [`same_result`] compares.
pub fn show_both(one: &CallResult, other: &CallResult) -> (String, String) {
    let (shown, beside) = (show_result(one), show_result(other));
    if shown != beside {
        return (shown, beside);
    }
    (shown + &rest_of(&one.output, &other.output), beside + &rest_of(&other.output, &one.output))
}

/// What [`show_result`] leaves out of an output, which differs from another there.
fn rest_of(output: &Output, other: &Output) -> String {
    match (output, other) {
        (Output::Bytes(bytes), Output::Bytes(others)) => {
            let mut both = bytes.iter().zip(others).enumerate();
            match both.find(|(_, (one, other))| one != other) {
                Some((at, (byte, _))) => format!(" [{at}]={byte:#04x}"),
                None => format!(" of {} bytes", bytes.len()),
            }
        }
        (Output::Stat(stat), Output::Stat(other)) => show_difference(stat, other),
        (Output::StatFs(figures), _) => format!(" {figures:?}"),
        (Output::Lock(lock), _) => format!(" {lock:?}"),
        (Output::Records(records), Output::Records(others)) => {
            let same_kinds =
                records.iter().map(|one| one.kind).eq(others.iter().map(|one| one.kind));
            let of_each = |record: &DirRecord| match same_kinds {
                true => format!("{}@{}", record.ino, record.next),
                false => record.kind.to_string(),
            };
            let each: Vec<String> = records.iter().map(of_each).collect();
            format!(" {}={}", if same_kinds { "inodes" } else { "types" }, each.join(","))
        }
        _ => String::new(),
    }
}

/// The attributes in which one differs from another.
pub(crate) fn show_difference(stat: &Stat, other: &Stat) -> String {
    let time = |time: &Timespec| format!("{}.{:09}", time.sec, time.nsec);
    let shown = |stat: &Stat| {
        [
            ("mode", format!("{:o}", stat.mode())),
            ("nlink", stat.nlink.to_string()),
            ("uid", stat.uid.to_string()),
            ("gid", stat.gid.to_string()),
            ("size", stat.size.to_string()),
            ("blocks", stat.blocks.to_string()),
            ("rdev", stat.rdev.to_string()),
            ("atime", time(&stat.atime)),
            ("mtime", time(&stat.mtime)),
            ("ctime", time(&stat.ctime)),
            ("btime", time(&stat.btime)),
            ("ino", stat.ino.to_string()),
            ("blksize", stat.blksize.to_string()),
        ]
    };
    let both = shown(stat).into_iter().zip(shown(other));
    both.filter(|(one, other)| one != other)
        .map(|((name, value), _)| format!(" {name}={value}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use fuserig_abi::{Stat, StatFs, Timespec};

    use super::{Compared, same_result, show_both};
    use crate::pipeline::DirRecord;
    use crate::vfs::{CallResult, Output};

    fn result(output: Output) -> CallResult {
        CallResult { output, ..CallResult::value(0) }
    }

    fn stat(change: impl Fn(&mut Stat)) -> Output {
        let mut stat = Stat::EMPTY;
        change(&mut stat);
        Output::Stat(Box::new(stat))
    }

    fn listing(kind: u32) -> Output {
        Output::Records(vec![DirRecord { ino: 1, next: 1, kind, name: b"a".to_vec() }])
    }

    #[test]
    fn two_results_that_differ_are_shown_to_differ() {
        let bytes = |last: u8| Output::Bytes([&[b'x'; 20][..], &[last]].concat());
        let figures = |bfree| Output::StatFs(Box::new(StatFs { bfree, ..StatFs::default() }));
        let pairs = [
            (stat(|_| ()), stat(|stat| stat.blocks = 1)),
            (stat(|_| ()), stat(|stat| stat.uid.0 = 1)),
            (stat(|_| ()), stat(|stat| stat.gid.0 = 1)),
            (stat(|_| ()), stat(|stat| stat.rdev.minor = 1)),
            (stat(|_| ()), stat(|stat| stat.size = 1)),
            (bytes(1), bytes(2)),
            (bytes(1), Output::Bytes(vec![b'x'; 20])),
            (figures(1), figures(2)),
            (listing(4), listing(8)),
        ];
        for (one, other) in pairs.map(|(one, other)| (result(one), result(other))) {
            assert!(!same_result(&one, &other), "{one:?}");
            assert!(!Compared::All.same_result(&one, &other), "{one:?}");
            let (shown, beside) = show_both(&one, &other);
            assert_ne!(shown, beside, "{one:?} and {other:?}");
        }
    }

    #[test]
    fn how_a_state_was_reached_is_compared_where_it_is_asked_for() {
        let time = Timespec { sec: 1, nsec: 2 };
        let other =
            Output::Records(vec![DirRecord { ino: 1, next: 2, kind: 4, name: b"a".to_vec() }]);
        let pairs = [
            (Compared::Times, "atime", stat(|stat| stat.atime = time)),
            (Compared::Times, "mtime", stat(|stat| stat.mtime = time)),
            (Compared::Times, "ctime", stat(|stat| stat.ctime = time)),
            (Compared::All, "ino", stat(|stat| stat.ino.0 = 1)),
            (Compared::All, "blksize", stat(|stat| stat.blksize = 1)),
            (Compared::All, "inodes", other),
        ];
        for (least, what, output) in pairs {
            let usual = if what == "inodes" { listing(4) } else { stat(|_| ()) };
            let (one, other) = (result(usual), result(output));
            for compared in [Compared::State, Compared::Times, Compared::All] {
                assert_eq!(compared.same_result(&one, &other), compared < least, "{what}");
            }
            let (shown, beside) = show_both(&one, &other);
            assert!(shown != beside && beside.contains(what), "{shown} and {beside}");
        }
    }
}
