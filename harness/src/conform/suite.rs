//! Playing the cases of a record file.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use fuserig_abi::{Abi, AbiTable, Credentials, Errno, Fidelity, NodeId, Quirk, Timespec};
use fuserig_filters::Filter;
use fuserig_sim_fs::{HostFs, Lower, MemFs, MemFsOptions};
use tempfile::TempDir;

use super::compare::Comparison;
use super::daemon::{HeardAt, Notes, policies};
use super::driver::{CLIENT, Driver, Observed, Unable};
use super::filter::{Members, RuleFilter, SeenCall, Shared};
use super::lost::{self, lost_call};
use super::lower::{CONSOLE, Ext4Manners, InMemory, WithConsole, populate, tree};
use super::others;
use super::record::{Case, EndRecord, LostRecord, RecordError, read_records};
use super::report::{CaseReport, Verdict};
use super::rule::{Rule, number};
use super::script::Played;
use crate::daemon::Heard;
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{DAEMON, Daemon, NoDaemon, Stop};
use crate::vfs::{Call, Vfs, VfsConfig};

/// What the model stands for while it plays a file.
///
/// ```
/// use fuserig::conform::{ConformOptions, LowerChoice};
/// use fuserig_abi::Abi;
///
/// let options = ConformOptions::new(Abi::V4);
/// assert_eq!(options.lower, LowerChoice::Simulated);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConformOptions {
    /// The recorded ABI version.
    pub abi: Abi,
    /// What the mount stands on.
    pub lower: LowerChoice,
    /// Whether the kernel is as it was recorded, or as it was meant. Only a faithful one can agree
    /// with a record.
    pub fidelity: Fidelity,
}

/// The lower filesystem of the cases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowerChoice {
    /// The one in memory.
    Simulated,
    /// A fresh directory of the host for each case, made in this one. The recorded order and
    /// offsets of directories are those of tmpfs.
    Host(PathBuf),
}

impl ConformOptions {
    /// Options for one ABI version over the filesystem in memory.
    pub fn new(abi: Abi) -> ConformOptions {
        ConformOptions { abi, lower: LowerChoice::Simulated, fidelity: Fidelity::Faithful }
    }
}

/// Instant of the model's clock: after the epoch of the lower files, before no recorded time.
const NOW: Timespec = Timespec::from_secs(1_795_350_961);
/// `FUSE_SUPER_MAGIC` and the magic numbers of the lower filesystems, as `statfs` shows them.
const STATFS_TYPES: [(&str, &str); 3] =
    [("fuse", "65735546"), ("tmpfs", "1021994"), ("ext4", "ef53")];

/// Plays every case of a record file (uncompressed JSON lines), and compares what is recorded in
/// one line: registrations and the kernel's own selftests.
///
/// # Errors
/// A file that is not a record of observations, with the line.
pub fn conform_text(text: &[u8], options: &ConformOptions) -> Result<Vec<CaseReport>, RecordError> {
    conform_watched(text, options, &mut |_, _| ())
}

/// As [`conform_text`]; `watch` is told after each case how many are played and how many there are.
///
/// # Errors
/// The same.
pub fn conform_watched(
    text: &[u8],
    options: &ConformOptions,
    watch: &mut dyn FnMut(u64, u64),
) -> Result<Vec<CaseReport>, RecordError> {
    let records = read_records(text)?;
    let mut reports = others::play(&records, options.abi);
    let total = records.cases.len() as u64;
    for (done, case) in (1..).zip(&records.cases) {
        reports.push(play(case, options));
        watch(done, total);
    }
    Ok(reports)
}

fn play(case: &Case, options: &ConformOptions) -> CaseReport {
    let name = &case.head.case;
    match Stage::set(case, options) {
        Ok(Some(stage)) => stage.play(case),
        Ok(None) => mount_refused(case),
        Err(reason) => CaseReport::skipped(name, reason),
    }
}

/// A mount that the recorded kernel refused must be refused here.
fn mount_refused(case: &Case) -> CaseReport {
    let recorded_refused = case.head.mount_ret != 0;
    let differences = if recorded_refused && case.head.mount_err == "EINVAL" {
        Vec::new()
    } else if recorded_refused {
        vec![format!("mount: recorded {}, here EINVAL", case.head.mount_err)]
    } else {
        vec![format!("mount: recorded success, here refused ({})", case.head.struct_ops)]
    };
    CaseReport {
        name: case.head.case.clone(),
        verdict: if differences.is_empty() { Verdict::Passed } else { Verdict::Failed },
        differences,
        calls: 0,
        stop: None,
        quirks: Vec::new(),
    }
}

/// What the daemon of a case shares with the suite.
struct Listening {
    heard: Rc<RefCell<Vec<Heard>>>,
    forgotten: Rc<RefCell<Vec<(NodeId, u64)>>>,
    pieces: Rc<RefCell<Vec<Vec<u32>>>>,
    /// What was heard so far, by system call.
    at: Vec<HeardAt>,
}

impl Listening {
    /// Takes what was heard during the system call `n`.
    fn settle(&mut self, n: i64) {
        let heard = self.heard.borrow_mut().drain(..).collect::<Vec<_>>();
        let mut pieces = self.pieces.borrow_mut().drain(..).collect::<Vec<_>>().into_iter();
        for heard in heard {
            let pieces = pieces.next().unwrap_or_default();
            self.at.push(HeardAt { n, heard, pieces });
        }
    }
}

/// A mount ready for the system calls of a case.
pub(super) struct Stage {
    driver: Driver,
    shared: Rc<RefCell<Shared>>,
    comparison: Comparison,
    daemon: Option<Listening>,
    hits: Rc<RefCell<Vec<Quirk>>>,
    /// The directory of the host that the mount stands on; it goes away with the case.
    _directory: Option<TempDir>,
}

impl Stage {
    /// Mounts what the case mounts; none when the mount is refused.
    pub(super) fn set(case: &Case, options: &ConformOptions) -> Result<Option<Stage>, String> {
        let native = case.head.mode == "native";
        let ext4 = case.head.lower == "ext4";
        let table = AbiTable::of(options.abi);
        let shared =
            Rc::new(RefCell::new(Shared { defaults: case.head.default_ret, ..Shared::default() }));
        for rule in case.head.rules.iter().filter(|rule| rule.starts_with("rule ")) {
            shared.borrow_mut().add(Rule::parse(rule)?);
        }
        let Some(filter) = attach(case, table, &shared)? else { return Ok(None) };
        let (mut lower, directory) = lower_of(&options.lower)?;
        populate(&mut *lower, NOW, ext4).map_err(|errno| format!("lower tree: {errno}"))?;
        let in_memory = InMemory::default();
        if ext4 && !native {
            lower = Box::new(Ext4Manners::over(lower, Rc::clone(&in_memory)));
        }
        lower = Box::new(WithConsole::over(lower, NOW));
        let config = WorldConfig {
            abi: options.abi,
            fidelity: if native { Fidelity::Intended } else { options.fidelity },
            options: MountOptions {
                allow_other: native || case.head.opts.contains("allow_other"),
                default_permissions: case.head.opts.contains("default_permissions"),
                local_locks: native,
                no_daemon: case.head.mode != "daemon",
                ..MountOptions::default()
            },
            start: NOW,
        };
        let setup = |errno: Errno| format!("mount: {errno}");
        let sink = Notes::default();
        let hits = Rc::clone(&sink.hits);
        let (daemon, listening) = daemon_of(case, &sink)?;
        let sink = Box::new(sink);
        let mut world = World::new(&config, lower, filter, daemon, sink).map_err(setup)?;
        if !native && !case.head.opts.contains("root_dir") {
            world.attach_root(false, None);
        }
        world.direct_io = ext4 || native;
        for (name, members) in Members::REGISTERED {
            // The one at the root stands in the registry already.
            if world.registered(name.as_bytes()).is_none() {
                let other = RuleFilter::new(name, *members, table, Rc::clone(&shared));
                // A name that this version refuses is found by nobody, as recorded.
                let _ = world.register(Box::new(other));
            }
        }
        for process in [CLIENT, DAEMON] {
            world.outside.extend((0..3).map(|fd| ((process, fd), CONSOLE)));
        }
        let vfs = Vfs::new(world, &VfsConfig::default());
        vfs.add_client(CLIENT, Credentials::root(), 0o022);
        let seen_type = if native { &case.head.lower[..] } else { "fuse" };
        let statfs_type =
            STATFS_TYPES.iter().find(|(name, _)| *name == seen_type).map_or("0", |(_, v)| v);
        let driver = Driver::new(vfs, statfs_type, in_memory, Rc::clone(&shared));
        let driver = driver.map_err(setup)?;
        let comparison = Comparison::new(table, ext4);
        let daemon = listening;
        Ok(Some(Stage { driver, shared, comparison, daemon, hits, _directory: directory }))
    }

    fn play(mut self, case: &Case) -> CaseReport {
        for (calls, op) in case.ops.iter().enumerate() {
            let settled = op.text.split(' ').collect::<Vec<_>>();
            if let ["close" | "lseek", fd, ..] = settled[..] {
                self.comparison.settle_listing(&op.text, fd);
            }
            let (seen, filter_calls) = match self.perform(&op.text) {
                Ok(seen) => seen,
                Err(reason) => return CaseReport::skipped(&case.head.case, reason),
            };
            self.comparison.op(op, &seen, &filter_calls);
            self.listen(op.n as i64);
            if let Some(stop) = self.driver.vfs.stopped(CLIENT) {
                let difference = format!("#{} {}: here the kernel stops: {stop:?}", op.n, op.text);
                self.comparison.differences.push(difference);
                return self.report(case, calls + 1, Some(stop));
            }
        }
        match (&case.lost, &case.end) {
            (Some(lost), _) => self.play_lost(case, lost),
            (None, Some(_)) => self.finish(case),
            (None, None) => self.play_silent(case),
        }
    }

    /// The record stops without a word about the next system call. Of what is modelled only one
    /// thing takes the recorder's processor away with the caller: the endless loop of a write that
    /// is left to no daemon (N5). The model must run into it by a write to the last open file; what
    /// else silenced a recorder cannot be told.
    fn play_silent(mut self, case: &Case) -> CaseReport {
        let stop = lost::last_open(case).and_then(|fd| {
            self.perform(&format!("write {fd} x")).ok()?;
            self.stopped()
        });
        if let Some(Stop::Hang(Quirk::N5)) = stop {
            self.compare_requests(case);
            return self.report(case, case.ops.len(), stop);
        }
        let calls = case.ops.len();
        let reason =
            format!("the record stops after {calls} system calls and does not name the next one");
        CaseReport::skipped(&case.head.case, reason)
    }

    /// Performs one line of the record; gives what it showed and the filter calls it made.
    pub(super) fn perform(&mut self, text: &str) -> Result<(Observed, Vec<SeenCall>), String> {
        self.shared.borrow_mut().calls.clear();
        let seen = match self.driver.perform(text) {
            Ok(seen) => seen,
            Err(Unable::Rules) => {
                self.change_rules(text)?;
                Observed::default()
            }
            Err(Unable::NotModelled(reason) | Unable::Bad(reason)) => return Err(reason),
        };
        Ok((seen, core::mem::take(&mut self.shared.borrow_mut().calls)))
    }

    /// The recorded kernel did not come back from the next system call; neither may the model,
    /// after the same filter calls.
    fn play_lost(mut self, case: &Case, lost: &LostRecord) -> CaseReport {
        let performed = lost_call(case, lost).and_then(|text| {
            let (_, calls) = self.perform(&text)?;
            Ok((text, calls))
        });
        let (text, filter_calls) = match performed {
            Ok(performed) => performed,
            Err(reason) => return CaseReport::skipped(&case.head.case, reason),
        };
        self.comparison.lost(&format!("the lost {text}"), &lost.calls, &filter_calls);
        self.listen(case.ops.len() as i64);
        self.compare_requests(case);
        let stop = self.driver.vfs.stopped(CLIENT);
        // A crash of the daemon's process, or one on the way out of a killed one, leaves the
        // caller hanging; the kernel's messages tell it from a plain hang.
        let crashed = lost.kind == "died" || case.end.as_ref().is_some_and(oopsed);
        let same = match stop {
            Some(Stop::Crash(_)) => crashed,
            Some(Stop::Hang(_) | Stop::Unanswered(_)) => !crashed,
            None => false,
        };
        if !same {
            let difference = format!("the lost {text}: recorded {}, here {stop:?}", lost.kind);
            self.comparison.differences.push(difference);
        }
        self.compare_tree(case);
        self.report(case, case.ops.len(), stop)
    }

    /// The client exits, and both mounts are taken away.
    fn finish(mut self, case: &Case) -> CaseReport {
        self.driver.vfs.call(CLIENT, &Call::Exit);
        self.listen(case.ops.len() as i64 - 1);
        self.compare_requests(case);
        let stop = self.driver.vfs.stopped(CLIENT);
        self.compare_tree(case);
        let busy = self.driver.vfs.world().mount.leaks.lower_files > 0;
        let end = case.end.as_ref().expect("a case without end is not played");
        let word = |busy| if busy { "EBUSY" } else { "ok" };
        let umount = if self.driver.unmounted { "EINVAL" } else { word(stop.is_some()) };
        let umounts =
            [("umount", &end.umount, umount), ("lower umount", &end.lower_umount, word(busy))];
        for (what, recorded, here) in umounts {
            if case.head.mode != "native" && recorded != here {
                let difference = format!("{what}: recorded {recorded}, here {here}");
                self.comparison.differences.push(difference);
            }
        }
        self.report(case, case.ops.len(), stop)
    }

    /// How the client's last system call stopped the kernel.
    pub(super) fn stopped(&self) -> Option<Stop> {
        self.driver.vfs.stopped(CLIENT)
    }

    /// The client's last call.
    pub(super) fn exit(&mut self, call: &Call) {
        self.driver.vfs.call(CLIENT, call);
        self.listen(0);
    }

    /// The quirks that were stepped on, in order of their first time.
    fn quirks(&self) -> Vec<Quirk> {
        let mut quirks = Vec::new();
        for quirk in self.hits.borrow().iter() {
            if !quirks.contains(quirk) {
                quirks.push(*quirk);
            }
        }
        quirks
    }

    /// What was noted beside the results.
    pub(super) fn note_into(&self, played: &mut Played) {
        played.hits = self.quirks();
        played.leaks = self.driver.vfs.world().mount.leaks;
        if let Some(daemon) = &self.daemon {
            let asked = daemon.at.iter().map(|at| at.heard.request.opcode.to_string());
            played.asked = asked.filter(|opcode| opcode != "FUSE_INIT").collect();
            let forgotten = daemon.forgotten.borrow();
            played.forgotten = forgotten.iter().map(|(node, count)| (node.0, *count)).collect();
        }
    }

    fn listen(&mut self, n: i64) {
        if let Some(daemon) = &mut self.daemon {
            daemon.settle(n);
        }
    }

    fn compare_requests(&mut self, case: &Case) {
        if let Some(daemon) = &self.daemon {
            let forgotten = daemon.forgotten.borrow();
            self.comparison.requests(&case.requests, &daemon.at, &forgotten);
        }
    }

    fn compare_tree(&mut self, case: &Case) {
        let end = case.end.as_ref().expect("a case without end is not played");
        let ours = tree(&mut self.driver.vfs.world_mut());
        let place = "lower tree at the end";
        match ours {
            Ok(rows) => self.comparison.tree(place, &end.lower_tree, &rows),
            Err(errno) => {
                self.comparison.differences.push(format!("{place}: cannot be read: {errno}"));
            }
        }
    }

    fn report(self, case: &Case, calls: usize, stop: Option<Stop>) -> CaseReport {
        let quirks = self.quirks();
        let differences = self.comparison.differences;
        CaseReport {
            name: case.head.case.clone(),
            verdict: if differences.is_empty() { Verdict::Passed } else { Verdict::Failed },
            differences,
            calls,
            stop,
            quirks,
        }
    }

    /// `rule`, `clearrules` and `dflt` in the middle of a case.
    fn change_rules(&self, text: &str) -> Result<(), String> {
        let mut shared = self.shared.borrow_mut();
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["clearrules", ..] => shared.rules.clear(),
            ["dflt", pre, post, default] => {
                shared.defaults.pre = number(pre)? as i32;
                shared.defaults.post = number(post)? as i32;
                shared.defaults.default = number(default)? as i32;
            }
            ["rule", ..] => shared.add(Rule::parse(text)?),
            _ => return Err(format!("cannot be read: {text}")),
        }
        Ok(())
    }
}

/// Whether the recorded kernel's messages hold an oops or a BUG.
fn oopsed(end: &EndRecord) -> bool {
    end.kmsg.contains("Oops") || end.kmsg.contains("kernel BUG")
}

/// An empty lower filesystem, and what has to live as long.
fn lower_of(choice: &LowerChoice) -> Result<(Box<dyn Lower>, Option<TempDir>), String> {
    match choice {
        LowerChoice::Simulated => Ok((Box::new(MemFs::new(MemFsOptions::default())), None)),
        LowerChoice::Host(parent) => {
            let unable = |error: &dyn core::fmt::Display| {
                format!("no lower directory in {}: {error}", parent.display())
            };
            let directory = tempfile::tempdir_in(parent).map_err(|error| unable(&error))?;
            let lower = HostFs::open(directory.path()).map_err(|error| unable(&error))?;
            Ok((Box::new(lower), Some(directory)))
        }
    }
}

/// A daemon, and what it shares.
type Server = (Box<dyn Daemon>, Option<Listening>);

/// The daemon of a case; its requests are noted by `notes`.
fn daemon_of(case: &Case, notes: &Notes) -> Result<Server, String> {
    if case.head.mode != "daemon" {
        return Ok((Box::new(NoDaemon), None));
    }
    let daemon = policies(&case.head.rules)?;
    let listening = Listening {
        heard: Rc::clone(daemon.heard()),
        forgotten: Rc::clone(daemon.forgotten()),
        pieces: Rc::clone(&notes.pieces),
        at: Vec::new(),
    };
    Ok((Box::new(daemon), Some(listening)))
}

/// The filter of the root: none, one, or (outer none) a name that is not registered.
fn attach(
    case: &Case,
    table: &'static AbiTable,
    shared: &Rc<RefCell<Shared>>,
) -> Result<Option<Option<Box<dyn Filter>>>, String> {
    let name = &case.head.struct_ops[..];
    if name == "-" || case.head.mode == "native" {
        return Ok(Some(None));
    }
    let Some(members) = Members::registered(name) else { return Ok(None) };
    let filter = RuleFilter::new(name, members, table, Rc::clone(shared));
    Ok(Some(Some(Box::new(filter))))
}
