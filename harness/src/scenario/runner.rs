//! A scenario through the VFS model and the pipeline.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use fuserig_abi::{Abi, AbiTable, Credentials, Errno, FileKind, Ino, Pid, Uid};
use fuserig_filters::Filter;
use fuserig_sim_fs::{Lower, LowerExt, MemFs, OpenFlags};
use fuserig_traces::text::{CallForm, ExpectedResult};

use super::daemon::{Script, ScriptedDaemon, SharedScript};
use super::lex::show_code;
use super::matching::unmet;
use super::model::{
    Act, Below, ClientLine, Consequence, FilterSource, PowerLine, RootDirLine, Scenario, Step,
};
use super::report::{Failure, ScenarioReport};
use super::rules::RuleFilter;
use super::under_way::UnderWay;
use super::watch::{Seen, Shared, Watch};
use crate::fault::{Armed, FaultyDaemon, FaultyLower};
use crate::kernel::{MountOptions, RootDir, RootOptions, Server, World, WorldConfig};
use crate::pipeline::{Daemon, NoDaemon, Stop};
use crate::replay::{comparable_tree, issue_call, result_mismatches};
use crate::serve::Front;
use crate::sim::SharedFs;
use crate::vfs::{Call, CallResult, Output, PathAt, Vfs};

/// Bytes that `list` and `cat` ask for at once, and how often: no directory of a scenario is
/// longer.
const PIECE: u64 = 65536;
const PIECES_MAX: usize = 4096;

/// Why a scenario cannot run at all.
///
/// ```
/// use fuserig::scenario::RunError;
/// let error = RunError::Filter { line: 3, what: "no such file".to_owned() };
/// assert_eq!(error.to_string(), "line 3: make the filter: no such file");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// A filter of the file cannot be made.
    #[error("line {line}: make the filter: {what}")]
    Filter {
        /// The line that names it.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The mount cannot be made.
    #[error("make the mount: {0}")]
    Mount(Errno),
}

/// How a filter is made from a specification: the command line's way, or a test's own.
pub type Resolve<'a> = dyn Fn(&str) -> Result<Box<dyn Filter>, String> + 'a;

/// Runs a scenario under one ABI version. Everything that is not as the file says is in the
/// report; steps after a crash of the modelled kernel do not run.
///
/// # Errors
/// A filter that cannot be made; the file itself was checked when it was read.
pub fn run(
    scenario: &Scenario,
    abi: Abi,
    resolve: &Resolve<'_>,
) -> Result<ScenarioReport, RunError> {
    let mut lower = MemFs::from_tree(&scenario.lower).expect("it was read when the file was");
    let mut report = ScenarioReport {
        abi,
        steps: 0,
        failures: Vec::new(),
        quirks: BTreeMap::new(),
        caused: Vec::new(),
    };
    let mut steps = scenario.steps.iter();
    loop {
        let ground = Ground::set(scenario, abi, resolve, lower)?;
        let mut stage = Stage::on(&ground, scenario, abi, report);
        stage.mount(scenario);
        while !stage.stopped && stage.found.is_none() {
            let Some(step) = steps.next() else { break };
            stage.step(step);
        }
        let Some(found) = stage.found.take() else {
            stage.finish(scenario);
            return Ok(stage.report);
        };
        // Nobody remembers anything but what this run has shown so far.
        (lower, report) = (found, stage.report);
    }
}

/// What a mount stands on.
struct Ground {
    front: Front,
    seen: Shared,
    script: SharedScript,
    armed: Rc<RefCell<Armed>>,
    /// What is below, where power may be lost.
    durable: Option<SharedFs>,
}

/// A mount and what happens on it.
pub(super) struct Stage<'g> {
    pub(super) front: &'g Front,
    pub(super) vfs: &'g Vfs,
    table: &'static AbiTable,
    seen: &'g Shared,
    script: &'g SharedScript,
    pub(super) armed: &'g RefCell<Armed>,
    pub(super) report: ScenarioReport,
    /// The kernel crashed or a caller hangs.
    pub(super) stopped: bool,
    durable: Option<&'g SharedFs>,
    /// What a loss of power left, until it is mounted.
    found: Option<MemFs>,
    /// The calls that are held.
    pub(super) under_way: BTreeMap<usize, UnderWay<'g>>,
    /// Who calls for each client: the child that it forked last, until that exits.
    pub(super) callers: Vec<Pid>,
    /// Whose exit their parents wait for.
    pub(super) parents: BTreeMap<Pid, Pid>,
    /// The line of the step that is being performed.
    pub(super) line: usize,
    /// Clients that get no memory in their call, and those that do not survive it.
    pub(super) starved: BTreeSet<Pid>,
    pub(super) killed: BTreeSet<Pid>,
}

impl Ground {
    fn set(
        scenario: &Scenario,
        abi: Abi,
        resolve: &Resolve<'_>,
        lower: MemFs,
    ) -> Result<Ground, RunError> {
        let table = AbiTable::of(abi);
        let mut root = None;
        let mut others: Vec<Box<dyn Filter>> = Vec::new();
        for line in &scenario.filters {
            let filter: Box<dyn Filter> = match &line.source {
                FilterSource::Rules(rules) => Box::new(RuleFilter::new(&line.label, table, rules)),
                FilterSource::Spec(spec) => {
                    resolve(spec).map_err(|what| RunError::Filter { line: line.line, what })?
                }
            };
            if scenario.mount.filter.as_ref() == Some(&line.label) {
                root = Some(filter);
            } else {
                others.push(filter);
            }
        }
        let fails = scenario.steps.iter().any(|step| matches!(step.act, Act::Power(_)));
        let (durable, lower): (_, Box<dyn Lower>) = match fails {
            true => {
                let shared = SharedFs::durable(lower, scenario.durability);
                (Some(shared.clone()), Box::new(shared))
            }
            false => (None, Box::new(lower)),
        };
        let seen = Shared::default();
        let script = SharedScript::default();
        let armed = Rc::new(RefCell::new(Armed::default()));
        let lower = Box::new(FaultyLower::new(lower, Rc::clone(&armed)));
        let daemon: Box<dyn Daemon> = if scenario.mount.daemon {
            Box::new(ScriptedDaemon::new(table, Rc::clone(&script), scenario.mount.init_flags))
        } else {
            Box::new(NoDaemon)
        };
        let daemon = Box::new(FaultyDaemon::new(daemon, Rc::clone(&armed)));
        let config = WorldConfig {
            abi,
            fidelity: scenario.fidelity,
            options: MountOptions {
                allow_other: true,
                no_daemon: !scenario.mount.daemon,
                local_locks: scenario.mount.local_locks,
                ..MountOptions::default()
            },
            ..WorldConfig::default()
        };
        let sink = Box::new(Watch { seen: Rc::clone(&seen), abi });
        let mut world = World::new(&config, lower, root, daemon, sink).map_err(RunError::Mount)?;
        world.filters.append(&mut others);
        let front = match scenario.mount.served {
            true => Front::served(world, |server| server).map_err(RunError::Mount)?,
            false => Front::alone(world),
        };
        for client in &scenario.clients {
            front.vfs.add_client(client.pid, credentials(client), client.umask);
        }
        Ok(Ground { front, seen, script, armed, durable })
    }
}

impl<'g> Stage<'g> {
    fn on(ground: &'g Ground, scenario: &Scenario, abi: Abi, report: ScenarioReport) -> Stage<'g> {
        Stage {
            front: &ground.front,
            vfs: &ground.front.vfs,
            table: AbiTable::of(abi),
            seen: &ground.seen,
            script: &ground.script,
            armed: &ground.armed,
            report,
            stopped: false,
            durable: ground.durable.as_ref(),
            found: None,
            under_way: BTreeMap::new(),
            callers: scenario.clients.iter().map(|client| client.pid).collect(),
            parents: BTreeMap::new(),
            line: 0,
            starved: BTreeSet::new(),
            killed: BTreeSet::new(),
        }
    }

    /// Attaches what the mount options say; nothing runs on a mount that is refused.
    fn mount(&mut self, scenario: &Scenario) {
        let line = &scenario.mount;
        let options = RootOptions {
            root_dir: match &line.root_dir {
                RootDirLine::Path(path) => RootDir::Path(path.as_bytes()),
                RootDirLine::Absent => RootDir::Absent,
                RootDirLine::Closed => RootDir::Closed,
            },
            root_bpf: line.root_bpf.as_ref().map(String::as_bytes),
            server: match (line.no_fd, line.daemon) {
                (true, _) => Server::Unnamed,
                (false, true) => Server::Descriptor,
                (false, false) => Server::Absent,
            },
        };
        let mounted = self.front.of_filter(|world| world.mount_root(&options));
        match (mounted, &line.refused) {
            (Ok(()), None) => {}
            (Ok(()), Some(words)) => {
                self.fail(line.line, format!("the mount is made, not refused: {words}"));
            }
            (Err(refused), Some(words)) if refused.to_string() == *words => {
                self.report.steps += 1;
                self.stopped = true;
            }
            (Err(refused), _) => {
                let errno = refused.errno();
                self.fail(line.line, format!("the mount is refused with {errno}: {refused}"));
                self.stopped = true;
            }
        }
    }

    pub(super) fn fail(&mut self, line: usize, what: impl Into<String>) {
        self.report.failures.push(Failure { line, what: what.into() });
    }

    fn step(&mut self, step: &Step) {
        self.report.steps += 1;
        *self.seen.borrow_mut() = Seen::default();
        *self.script.borrow_mut() = Script {
            pending: step.daemon.iter().cloned().collect(),
            failures: Vec::new(),
            step_line: step.line,
        };
        let pid = self.callers[step.client];
        self.line = step.line;
        self.arm(pid, &step.faults);
        match &step.act {
            Act::Call(form) => self.call(step.line, pid, form),
            Act::List { path, names } => self.list(step.line, pid, path, names),
            Act::Cat { path, text } => self.cat(step.line, pid, path, text.as_deref()),
            Act::Put { path, bytes, fails } => {
                let put = self.put(pid, path, bytes);
                match (put, fails) {
                    (Ok(()), None) => {}
                    (Err(errno), Some(code)) if errno.negative() == *code => {}
                    (Err(errno), _) => self.fail(step.line, format!("it failed with {errno}")),
                    (Ok(()), Some(_)) => self.fail(step.line, "it succeeded"),
                }
            }
            Act::Lower { path, is } => self.lower(step.line, path, is),
            Act::Power(power) => self.power(step.line, pid, power),
            Act::Held { steps, call } => self.hold(step.client, pid, *steps, call),
            Act::GoesOn { steps } => self.go_on(step.client, pid, *steps),
            Act::Signal if self.vfs.interrupt(pid) => {}
            Act::Signal => self.fail(step.line, "the call waits for no lock that a signal ends"),
        }
        if !self.under_way.contains_key(&step.client) {
            self.returned(pid);
        }
        let script = self.script.take();
        self.report.failures.extend(script.failures);
        for line in script.pending {
            self.fail(line.line, "the daemon did not get this request");
        }
        let seen = self.seen.take();
        for consequence in missing(self.table, &step.consequences, &seen) {
            self.fail(step.line, consequence);
        }
        for trap in seen.traps {
            self.fail(step.line, format!("the filter was stopped: {trap}"));
        }
        self.report.caused.push((step.line, seen.lines));
        for quirk in seen.quirks {
            *self.report.quirks.entry(quirk).or_default() += 1;
        }
    }

    fn call(&mut self, line: usize, pid: Pid, form: &CallForm) {
        let call = match issue_call(&form.record) {
            Ok(Some(call)) => call,
            Ok(None) => return,
            Err(error) => return self.fail(line, error.to_string()),
        };
        let result = self.perform(pid, &call);
        self.judge(line, pid, form, &result);
    }

    /// Whether a call returned what it must.
    pub(super) fn judge(&mut self, line: usize, pid: Pid, form: &CallForm, result: &CallResult) {
        let stop = self.stop_of(pid);
        self.stopped |= stop.is_some();
        // Nobody gets what a call returns to a client that is killed.
        if self.killed.contains(&pid) {
            return;
        }
        if let Some(what) = unexpected(form, result, stop) {
            self.fail(line, what);
        }
    }

    /// Loses power, in a call or between two.
    fn power(&mut self, line: usize, pid: Pid, power: &PowerLine) {
        if let Some((steps, form)) = &power.during
            && let Some(what) = self.begin(pid, *steps, form)
        {
            self.fail(line, what);
        }
        let shared = self.durable.expect("there is a journal where power may be lost");
        let journal = shared.journal().expect("as above");
        let pending = journal.pending();
        let found = journal.recover(&journal.state(&power.lost));
        let unknown = power.lost.iter().copied().find(|number| *number as usize >= pending);
        drop(journal);
        self.found = Some(found);
        if let Some(number) = unknown {
            self.fail(line, format!("change {number} is not there; {pending} are not durable yet"));
        }
    }

    /// Begins a call and performs so many of its steps; why that cannot be done, if it cannot.
    fn begin(&mut self, pid: Pid, steps: u32, form: &CallForm) -> Option<String> {
        let call = match issue_call(&form.record) {
            Ok(Some(call)) => call,
            Ok(None) => return Some("this is no call of a client".to_owned()),
            Err(error) => return Some(error.to_string()),
        };
        let mut task = self.begin_call(pid, call);
        for taken in 1..=steps {
            if task.step().is_some() {
                return Some(format!("the call returned in its step {taken}, before {steps}"));
            }
            if task.is_blocked() {
                return Some(format!("the call waits for somebody after {taken} steps"));
            }
        }
        None
    }

    fn list(&mut self, line: usize, pid: Pid, path: &[u8], names: &Result<Vec<Vec<u8>>, i32>) {
        let found = self
            .read_whole(pid, path, OpenFlags::DIRECTORY, |fd| Call::Getdents { fd, space: PIECE });
        let listed = found.map(|outputs| {
            let mut listed: Vec<Vec<u8>> = Vec::new();
            for output in outputs {
                if let Output::Records(records) = output {
                    listed.extend(records.into_iter().map(|record| record.name));
                }
            }
            listed.sort();
            listed
        });
        match (listed, names) {
            (Ok(listed), Ok(names)) => {
                let mut wanted = names.clone();
                wanted.sort();
                if listed != wanted {
                    let what = format!("it lists {}, not {}", quoted(&listed), quoted(&wanted));
                    self.fail(line, what);
                }
            }
            (Ok(listed), Err(_)) => self.fail(line, format!("it lists {}", quoted(&listed))),
            (Err(errno), Err(code)) if errno.negative() == *code => {}
            (Err(errno), _) => self.fail(line, format!("it fails with {errno}")),
        }
    }

    fn cat(&mut self, line: usize, pid: Pid, path: &[u8], text: Option<&[u8]>) {
        let found = self.read_whole(pid, path, OpenFlags::empty(), |fd| Call::Read {
            fd,
            size: PIECE,
            offset: None,
        });
        match found {
            Err(errno) => self.fail(line, format!("it fails with {errno}")),
            Ok(outputs) => {
                let mut bytes = Vec::new();
                for output in outputs {
                    if let Output::Bytes(piece) = output {
                        bytes.extend(piece);
                    }
                }
                if let Some(text) = text.filter(|text| *text != bytes) {
                    let (found, wanted) = (bytes.escape_ascii(), text.escape_ascii());
                    self.fail(line, format!("it holds \"{found}\", not \"{wanted}\""));
                }
            }
        }
    }

    fn put(&mut self, pid: Pid, path: &[u8], bytes: &[u8]) -> Result<(), Errno> {
        let flags = OpenFlags::CREAT | OpenFlags::WRONLY | OpenFlags::TRUNC;
        let open = Call::Open { path: PathAt::cwd(path), flags, mode: 0o644, fd: None };
        let fd = self.perform(pid, &open).value?;
        let fd = i32::try_from(fd).map_err(|_huge| Errno::EIO)?;
        let mut written = Ok(0);
        if !bytes.is_empty() {
            let data = bytes.to_vec();
            written = self.perform(pid, &Call::Write { fd, data, offset: None }).value;
        }
        let closed = self.perform(pid, &Call::Close { fd }).value;
        self.stopped |= self.stop_of(pid).is_some();
        written.and(closed).map(|_| ())
    }

    /// Opens, repeats a call until it gives nothing, and closes.
    fn read_whole(
        &mut self,
        pid: Pid,
        path: &[u8],
        flags: OpenFlags,
        piece: impl Fn(i32) -> Call,
    ) -> Result<Vec<Output>, Errno> {
        let open = Call::Open { path: PathAt::cwd(path), flags, mode: 0, fd: None };
        let fd = self.perform(pid, &open).value?;
        let fd = i32::try_from(fd).map_err(|_huge| Errno::EIO)?;
        let mut outputs = Vec::new();
        for _ in 0..PIECES_MAX {
            let result = self.perform(pid, &piece(fd));
            match result.value {
                Ok(0) => break,
                Ok(_) => outputs.push(result.output),
                Err(errno) => {
                    self.perform(pid, &Call::Close { fd });
                    self.stopped |= self.stop_of(pid).is_some();
                    return Err(errno);
                }
            }
        }
        self.perform(pid, &Call::Close { fd });
        self.stopped |= self.stop_of(pid).is_some();
        Ok(outputs)
    }

    fn lower(&mut self, line: usize, path: &[u8], is: &Below) {
        let found = self.front.of_filter(|world| {
            let kernel = world.kernel_caller();
            below(&mut *world.lower, &kernel, path)
        });
        match found {
            Ok(found) if agrees(&found, is) => {}
            Ok(found) => self.fail(line, format!("below there is {found:?}, not {is:?}")),
            Err(errno) => self.fail(line, format!("below it cannot be read: {errno}")),
        }
    }

    fn finish(&mut self, scenario: &Scenario) {
        let Some(tree) = scenario.tree.as_ref().filter(|_| !self.stopped) else { return };
        let (found, wanted) = self.front.of_filter(|world| {
            let kernel = world.kernel_caller();
            let mut wanted = MemFs::from_tree(&tree.text).expect("read when the file was");
            (comparable_tree(&mut *world.lower, &kernel), comparable_tree(&mut wanted, &kernel))
        });
        match (found, wanted) {
            (Ok(found), Ok(wanted)) => {
                let rows = |tree: &crate::replay::TreeOutput| {
                    let text = String::from_utf8_lossy(&tree.rows);
                    let mut rows: BTreeSet<String> =
                        text.lines().map(without_directory_size).collect();
                    let digests = String::from_utf8_lossy(&tree.digests);
                    rows.extend(digests.lines().map(str::to_owned));
                    rows
                };
                let (found, wanted) = (rows(&found), rows(&wanted));
                for extra in found.difference(&wanted) {
                    self.fail(tree.line, format!("the tree below has: {extra}"));
                }
                for lacking in wanted.difference(&found) {
                    self.fail(tree.line, format!("the tree below lacks: {lacking}"));
                }
            }
            (Err(errno), _) | (_, Err(errno)) => {
                self.fail(tree.line, format!("the tree below cannot be read: {errno}"));
            }
        }
    }
}

/// `st_size` of a directory is no program's business.
fn without_directory_size(row: &str) -> String {
    let mut fields: Vec<&str> = row.split('\t').collect();
    if fields.get(1) == Some(&"d") && fields.len() > 6 {
        fields[6] = "-";
    }
    fields.join("\t")
}

fn credentials(client: &ClientLine) -> Credentials {
    // The super-user has every capability, whatever its group.
    let groups = client.groups.as_slice().into();
    match client.uid {
        Uid::ROOT => Credentials { gid: client.gid, groups, ..Credentials::root() },
        uid => Credentials { groups, ..Credentials::user(uid, client.gid) },
    }
}

/// Names as the file writes them; of very many the first ones.
fn quoted(names: &[Vec<u8>]) -> String {
    const SHOWN: usize = 16;
    let mut words: Vec<String> =
        names.iter().take(SHOWN).map(|name| format!("\"{}\"", name.escape_ascii())).collect();
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|&more| more > 0) {
        words.push(format!("and {more} more"));
    }
    if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
}

/// In what a result is not what the form expects.
fn unexpected(form: &CallForm, result: &CallResult, stop: Option<Stop>) -> Option<String> {
    match (form.expected, stop) {
        (ExpectedResult::Crash, Some(Stop::Crash(_)))
        | (ExpectedResult::Hang, Some(Stop::Hang(_) | Stop::Unanswered(_))) => None,
        (_, Some(Stop::Crash(quirk))) => Some(format!("the kernel crashes ({})", quirk.id())),
        (_, Some(Stop::Hang(quirk))) => Some(format!("the caller hangs ({})", quirk.id())),
        (_, Some(Stop::Unanswered(_))) => Some("the daemon never answers".to_owned()),
        (ExpectedResult::Crash | ExpectedResult::Hang, None) => {
            Some(format!("it returned {}", shown(result)))
        }
        (ExpectedResult::Anything, None) => None,
        (ExpectedResult::Success, None) => {
            result.value.err().map(|errno| format!("it failed with {errno}"))
        }
        (ExpectedResult::Exactly, None) => {
            let mismatches = result_mismatches(&form.record, result);
            mismatches.first().map(|first| {
                format!("{} is {}, not {}", first.what, first.replayed, first.recorded)
            })
        }
    }
}

fn shown(result: &CallResult) -> String {
    match result.value {
        Ok(value) => value.to_string(),
        Err(errno) => errno.to_string(),
    }
}

/// The consequences that did not come, each in its kind's order.
fn missing(table: &AbiTable, consequences: &[Consequence], seen: &Seen) -> Vec<String> {
    let mut found = Vec::new();
    let (mut call, mut print) = (0, 0);
    for consequence in consequences {
        match consequence {
            Consequence::Filter { slot, conditions, code } => {
                let matches = |candidate: &super::watch::SeenCall| {
                    candidate.slot == *slot
                        && code.is_none_or(|code| candidate.code == Some(code))
                        && unmet(table, &candidate.args, conditions).is_none()
                };
                match seen.calls[call..].iter().position(matches) {
                    Some(place) => call += place + 1,
                    None => found.push(no_call(table, *slot, conditions, seen)),
                }
            }
            Consequence::NoFilter { slot } => {
                let called = seen.calls.iter().find(|call| slot.is_none_or(|s| s == call.slot));
                found.extend(called.map(|call| format!("{} was called", call.slot.name())));
            }
            Consequence::Print(text) => {
                match seen.prints[print..].iter().position(|line| line.contains(text)) {
                    Some(place) => print += place + 1,
                    None => found.push(not_printed(text, &seen.prints)),
                }
            }
            Consequence::Quirk(id) => {
                if !seen.quirks.contains(id) {
                    found.push(format!("quirk {id} was not hit"));
                }
            }
        }
    }
    found
}

/// That a line is not among those that were printed.
fn not_printed(text: &str, prints: &[String]) -> String {
    let lines: Vec<Vec<u8>> = prints.iter().map(|line| line.clone().into_bytes()).collect();
    format!("no line with \"{text}\" was printed; this was: {}", quoted(&lines))
}

/// Why no call of that member is the expected one: the nearest one's difference.
fn no_call(
    table: &AbiTable,
    slot: fuserig_abi::Slot,
    conditions: &[super::model::Condition],
    seen: &Seen,
) -> String {
    let name = slot.name();
    match seen.calls.iter().rev().find(|call| call.slot == slot) {
        None => format!("{name} was not called"),
        Some(call) => match unmet(table, &call.args, conditions) {
            Some(why) => format!("{name} was called, but {why}"),
            None => {
                let code =
                    call.code.map_or("nothing".to_owned(), |code| show_code(table.abi(), code));
                format!("{name} was called in another order, or returned {code}")
            }
        },
    }
}

fn below(lower: &mut dyn Lower, caller: &fuserig_abi::Caller, path: &[u8]) -> Result<Below, Errno> {
    let mut node: Ino = lower.root();
    let mut stat = lower.getattr(caller, node)?;
    for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
        stat = match lower.lookup(caller, node, name) {
            Ok(stat) => stat,
            Err(Errno::ENOENT) => return Ok(Below::Absent),
            Err(errno) => return Err(errno),
        };
        node = stat.ino;
    }
    match stat.kind {
        FileKind::Directory => Ok(Below::Directory),
        FileKind::Regular => {
            let fh = lower.open(caller, node, OpenFlags::NOATIME)?;
            let size = u32::try_from(stat.size.min(1 << 20)).expect("bounded above");
            let data = lower.read(caller, fh, 0, size)?;
            lower.release(caller, fh)?;
            Ok(Below::Text(data.to_vec()))
        }
        _ => Ok(Below::File),
    }
}

fn agrees(found: &Below, wanted: &Below) -> bool {
    match (found, wanted) {
        (Below::Text(_), Below::File) => true,
        _ => found == wanted,
    }
}
