//! `fuserig mount` and `fuserig record`.

use std::path::{Path, PathBuf};

use fuserig_abi::{Caller, Credentials, Errno, Fidelity, Timespec};
use fuserig_sim_fs::{AttrChanges, HostFs, Lower, LowerExt, MemFs};
use fuserig_traces::{Header, LowerTraits, PayloadMode, Source, SourceKind};

use super::args::{MountArgs, RecordArgs, ServedArgs};
use super::exit::{Ended, Exit, Failure, chain};
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use super::{files, proxy};
use crate::kernel::{MountOptions as KernelOptions, World, WorldConfig};
use crate::mount::{
    Cache, Locks, MountError, MountOptions, Mounted, Recorded, RecordingOptions, Running,
    SignalWatch, SnapshotLimit, Summary, Surroundings, forward, missing, snapshot,
};
use crate::pipeline::{NoDaemon, NullSink};
use crate::replay::lower_options;
use crate::serve::{Server, ServerConfig};

/// Operations that may wait for the trace; at about 300 bytes each some 20 MiB.
pub(super) const QUEUE: usize = 1 << 16;

pub(super) fn mount(args: &MountArgs, terminal: &mut Terminal) -> Ended {
    let served = Served::of(&args.served)?;
    let recording = match &args.output {
        Some(output) => Some(served.recording(output, args.payload, args.force)?),
        None => None,
    };
    let options = served.options(&args.directory);
    let watch = SignalWatch::begin().map_err(|error| failed(&error))?;
    let mounted = start(&served, &options, recording)?;
    let unmount = mounted.unmounter();
    watch.answer(move |_| unmount());
    terminal.note(format!(
        "fuserig: mounted {}: {}; Ctrl-C or `umount` ends it",
        args.directory.display(),
        served.describe()
    ));
    let summary = mounted.wait().map_err(|error| failed(&error))?;
    report(&summary, args.output.as_deref(), terminal);
    Ok(if summary.crash.is_some() { Exit::Finding } else { Exit::Agreed })
}

pub(super) fn record(args: &RecordArgs, terminal: &mut Terminal) -> Ended {
    if args.attach_daemon {
        return proxy::attach(args, terminal);
    }
    let surroundings = Surroundings::current();
    let served = Served::of(&args.served)?;
    let temporary = match args.mount {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| {
            Failure::new(Exit::Unreadable, format!("make a directory to mount on: {error}"))
        })?),
    };
    let directory: PathBuf = match (&args.mount, &temporary) {
        (Some(directory), _) => directory.clone(),
        (None, Some(temporary)) => temporary.path().to_path_buf(),
        (None, None) => unreachable!("one of the two was made"),
    };
    let recording = served.recording(&args.output, args.payload, args.force)?;
    // From here on a signal must find somebody who takes the mount away.
    let watch = SignalWatch::begin().map_err(|error| failed(&error))?;
    let mounted = start(&served, &served.options(&directory), Some(recording))?;
    let running = Running::start(&args.command, &directory, surroundings);
    let code = running.and_then(|running| {
        let pid = running.pid();
        // A terminal sends Ctrl-C to the command as well; who kills only us means both.
        watch.answer(move |signal| forward(pid, signal));
        running.wait()
    });
    drop(watch);
    let summary = mounted.unmount().map_err(|error| failed(&error))?;
    let code = code.map_err(|error| failed(&error))?;
    report(&summary, Some(&args.output), terminal);
    Ok(Exit::Command(code))
}

fn start(
    served: &Served,
    options: &MountOptions,
    recording: Option<RecordingOptions>,
) -> Result<Mounted, Failure> {
    if let Some(reason) = missing() {
        return Err(Failure::new(Exit::Missing, format!("mount: {reason}")));
    }
    // Opened before anything is mounted, so that the lower directory is never the mount.
    let (served, lower) = (served.clone(), served.open()?);
    Mounted::start(options, move || served.server(lower), recording).map_err(|error| failed(&error))
}

pub(super) fn failed(error: &MountError) -> Failure {
    let exit = match error {
        MountError::Panicked => Exit::Bug,
        MountError::Mount { .. } | MountError::Session(_) | MountError::Thread(_) => Exit::Missing,
        MountError::Lower(_) | MountError::Trace(_) | MountError::Command(_) => Exit::Unreadable,
    };
    Failure::new(exit, chain(error))
}

/// What is below the mount, as far as it can be moved to the thread that will own it.
#[derive(Clone, Debug)]
struct Served {
    lower: LowerChoice,
    /// The filter's specification as it was given; empty for none.
    filter: String,
    spec: FilterSpec,
    config: WorldChoice,
    is_root: bool,
    allow_other: bool,
    writeback: bool,
    read_only: bool,
    passthrough: bool,
    locks: Locks,
    threads: usize,
}

/// The filesystem below, and how it is asked.
#[derive(Debug)]
struct Opened {
    lower: Box<dyn Lower + Send>,
    /// Whose rights it is used with.
    credentials: Credentials,
    /// Whether it is asked as whoever asks.
    as_caller: bool,
}

#[derive(Clone, Copy, Debug)]
struct WorldChoice {
    abi: fuserig_abi::Abi,
    fidelity: Fidelity,
    valid: Timespec,
}

#[derive(Clone, Debug)]
enum LowerChoice {
    /// In memory, with what was chosen of it, and the text of its tree; empty without one.
    Sim(LowerTraits, Option<String>),
    /// A directory.
    Host(PathBuf),
}

impl LowerChoice {
    fn of(args: &ServedArgs) -> Result<LowerChoice, Failure> {
        let usage = |message: String| Failure::new(Exit::Usage, format!("mount: {message}"));
        if let Some(directory) = args.lower.strip_prefix("host:") {
            let given = [("--tree", args.tree.is_some()), ("--size", args.size.is_some())];
            return match given.into_iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(usage(format!("{option} belongs to --lower sim"))),
                None => Ok(LowerChoice::Host(PathBuf::from(directory))),
            };
        }
        if args.lower != "sim" {
            return Err(usage(format!("unknown lower {}: `sim` or `host:DIR`", args.lower)));
        }
        let traits = LowerTraits {
            capacity_bytes: args.size.map(|size| size.bytes),
            inodes_max: args.size.and_then(|size| size.files),
            ..LowerTraits::default()
        };
        let Some(file) = &args.tree else { return Ok(LowerChoice::Sim(traits, None)) };
        let text = String::from_utf8(files::read_all(file)?)
            .map_err(|error| Failure::input(file, &error))?;
        match MemFs::from_tree_with(lower_options(&traits), &text) {
            Ok(_) => Ok(LowerChoice::Sim(traits, Some(text))),
            Err(error) => Err(Failure::at(file, &text, (error.line, error.column), &error)),
        }
    }
}

impl Served {
    fn of(args: &ServedArgs) -> Result<Served, Failure> {
        // Looked at here, so that a mistake is told before anything is mounted.
        let spec = FilterSpec::read(&args.filter)?;
        let has_filter = spec.maker_or_fail(args.abi)?.make().is_some();
        let lower = LowerChoice::of(args)?;
        let fidelity = args.fidelity.unwrap_or(match has_filter {
            true => Fidelity::Faithful,
            false => Fidelity::Intended,
        });
        let millis = args.timeout.unwrap_or(if has_filter { 0 } else { 1000 });
        let valid = Timespec::from_nanos(millis.saturating_mul(1_000_000));
        let is_root = rustix::process::geteuid().is_root();
        if args.passthrough {
            let why = match (&lower, has_filter, is_root) {
                (LowerChoice::Sim(..), _, _) => "needs --lower host:DIR",
                (_, true, _) => "would take reads and writes past the filter",
                (_, _, false) => "needs root: the kernel takes files from nobody else",
                _ => "",
            };
            if !why.is_empty() {
                return Err(Failure::new(Exit::Usage, format!("mount: --passthrough {why}")));
            }
        }
        if args.locks == Locks::Posix && matches!(lower, LowerChoice::Host(_)) {
            let message = "mount: --locks posix needs --lower sim: byte range locks of this \
                           machine would all belong to fuserig";
            return Err(Failure::new(Exit::Usage, message));
        }
        Ok(Served {
            lower,
            filter: if has_filter { args.filter.clone() } else { String::new() },
            spec,
            config: WorldChoice { abi: args.abi, fidelity, valid },
            is_root,
            allow_other: is_root || args.allow_other,
            writeback: args.writeback,
            read_only: args.read_only,
            passthrough: args.passthrough,
            locks: args.locks,
            threads: args.threads.clamp(1, 64),
        })
    }

    fn describe(&self) -> String {
        let lower = match &self.lower {
            LowerChoice::Sim(..) => "lower sim".to_owned(),
            LowerChoice::Host(directory) => format!("lower host:{}", directory.display()),
        };
        match &self.filter[..] {
            "" => format!("{lower}, no filter"),
            filter => format!(
                "{lower}, filter {filter} ({}, {})",
                self.config.abi.name(),
                self.config.fidelity.name()
            ),
        }
    }

    fn options(&self, directory: &Path) -> MountOptions {
        MountOptions {
            threads: self.threads,
            allow_other: self.allow_other,
            cache: if self.writeback { Cache::Writeback } else { Cache::Through },
            // A listing with lookups is not what a fuse-bpf kernel makes: the filter would see
            // lookups that nobody asked for.
            readdirplus: self.filter.is_empty(),
            read_only: self.read_only,
            passthrough: self.passthrough,
            locks: self.locks,
            valid: self.config.valid,
            ..MountOptions::new(directory)
        }
    }

    fn recording(
        &self,
        output: &Path,
        payload: PayloadMode,
        force: bool,
    ) -> Result<RecordingOptions, Failure> {
        let (lower, text) = match &self.lower {
            LowerChoice::Sim(traits, Some(text)) => (*traits, text.clone()),
            LowerChoice::Sim(traits, None) => (*traits, self.sim(traits, None)?.to_tree()),
            LowerChoice::Host(directory) => (LowerTraits::default(), self.host_tree(directory)?),
        };
        let header = Header {
            tool: "fuserig".to_owned(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            abi: self.config.abi.name().to_owned(),
            filter: self.filter.clone(),
            kernel: self.config.fidelity.name().to_owned(),
            lower,
            source: Some(Source {
                kind: SourceKind::Mount,
                what: self.describe(),
                root: String::new(),
                fidelity: fuserig_traces::Fidelity {
                    data: payload == PayloadMode::Full,
                    ..fuserig_traces::Fidelity::COMPLETE
                },
            }),
            ..Header::default()
        };
        let output = Box::new(files::create(output, force)?);
        Ok(RecordingOptions {
            output,
            payload,
            queue: QUEUE,
            tree: Some(text.into_bytes()),
            header,
        })
    }

    /// What a host directory holds before anything is recorded.
    fn host_tree(&self, directory: &Path) -> Result<String, Failure> {
        let mut host = self.host(directory)?;
        let caller = Caller::new(host.own_credentials(), fuserig_abi::Pid(0), Timespec::ZERO);
        let copied = snapshot(&mut host, &caller, SnapshotLimit::default()).map_err(|errno| {
            let limit = SnapshotLimit::default();
            let why = match errno {
                Errno::EFBIG | Errno::ENOSPC => format!(
                    "it holds more than {} files or {} MiB, and a trace begins with all of it; \
                     record over a smaller directory",
                    limit.nodes,
                    limit.bytes >> 20
                ),
                Errno::EACCES => format!(
                    "{errno}: not all of it may be read, and a trace begins with all of it; \
                     record over a directory of yours"
                ),
                errno => errno.to_string(),
            };
            Failure::new(Exit::Unreadable, format!("read {}: {why}", directory.display()))
        })?;
        Ok(copied.to_tree())
    }

    fn host(&self, directory: &Path) -> Result<HostFs, Failure> {
        let opened = match self.is_root {
            true => HostFs::open(directory),
            false => HostFs::open_as_process(directory),
        };
        opened.map_err(|error| Failure::input(directory, &error))
    }

    /// The simulated lower; its root belongs to whoever mounts.
    fn sim(&self, traits: &LowerTraits, tree: Option<&str>) -> Result<MemFs, Failure> {
        let options = lower_options(traits);
        let mut fs = match tree {
            Some(text) => MemFs::from_tree_with(options, text)
                .map_err(|error| Failure::new(Exit::Unreadable, error.to_string()))?,
            None => MemFs::new(options),
        };
        if !self.is_root && tree.is_none() {
            let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
            let owner = AttrChanges {
                uid: Some(fuserig_abi::Uid(uid.as_raw())),
                gid: Some(fuserig_abi::Gid(gid.as_raw())),
                ..AttrChanges::default()
            };
            let root = fs.root();
            let kernel = Caller::new(Credentials::root(), fuserig_abi::Pid(0), Timespec::ZERO);
            fs.setattr(&kernel, root, owner)
                .map_err(|errno| Failure::new(Exit::Bug, format!("own the root: {errno}")))?;
        }
        Ok(fs)
    }

    /// Opens or makes the lower filesystem.
    fn open(&self) -> Result<Opened, Failure> {
        Ok(match &self.lower {
            LowerChoice::Sim(traits, tree) => Opened {
                lower: Box::new(self.sim(traits, tree.as_deref())?),
                credentials: Credentials::root(),
                as_caller: true,
            },
            LowerChoice::Host(directory) => {
                let host = self.host(directory)?;
                Opened {
                    credentials: host.own_credentials(),
                    // Each change of identity is a handful of system calls; a filter may want to
                    // know who asks, without one only the owner of new nodes matters.
                    as_caller: !self.filter.is_empty(),
                    lower: Box::new(host),
                }
            }
        })
    }

    fn server(self, opened: Opened) -> Result<Server, MountError> {
        let Opened { lower, credentials, as_caller } = opened;
        let maker = self.spec.maker_or_fail(self.config.abi);
        let filter = maker.map_err(|failure| MountError::Lower(failure.message))?.make();
        let WorldChoice { abi, fidelity, valid } = self.config;
        let options = KernelOptions { allow_other: self.allow_other, ..KernelOptions::default() };
        let config = WorldConfig { abi, fidelity, options, ..WorldConfig::default() };
        let world = World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(NullSink))
            .map_err(|errno| MountError::Lower(format!("its root: {errno}")))?;
        let config = ServerConfig {
            entry_valid: valid,
            attr_valid: valid,
            generation: generation(),
            credentials,
            as_caller,
            ..ServerConfig::default()
        };
        Ok(Server::new(world, config))
    }
}

/// A number that no earlier server had: file handles of one that is gone must not lead to the files
/// of this one. The kernel keeps 32 bits of it.
fn generation() -> u64 {
    let now = crate::rim::now();
    let nanos = i128::from(now.sec) * 1_000_000_000 + i128::from(now.nsec);
    u64::try_from(nanos >> 16).unwrap_or(0) & u64::from(u32::MAX)
}

fn report(summary: &Summary, output: Option<&Path>, terminal: &mut Terminal) {
    if let Some(quirk) = summary.crash {
        let crashed = terminal.styled(Style::Bad, "the modelled kernel crashed");
        terminal.note(format!(
            "fuserig: {crashed} ({}); every later request was answered EIO",
            quirk.id()
        ));
    }
    let Some(recorded) = &summary.recorded else { return };
    let path = output.map_or_else(String::new, |path| path.display().to_string());
    report_recorded(&path, recorded, terminal);
}

/// What a trace holds, and what it lacks.
pub(super) fn report_recorded(path: &str, recorded: &Recorded, terminal: &mut Terminal) {
    if let Some(failure) = &recorded.failure {
        let lost = terminal.styled(Style::Bad, "the trace ends early");
        terminal.note(format!("fuserig: {lost}: {failure}; what it holds stays readable"));
    }
    if recorded.dropped > 0 {
        let dropped = recorded.dropped;
        let lost = terminal.styled(Style::Bad, &format!("{dropped} operations were dropped"));
        // A trace that could not be written to its end cannot say what is missing.
        let told = if recorded.failure.is_none() { "; the trace says so" } else { "" };
        terminal.note(format!("fuserig: {lost}{told}"));
    }
    if terminal.json() {
        terminal.line(json(path, recorded));
    } else {
        terminal.note(format!("fuserig: {path}: {}", holds(recorded)));
    }
}

/// `312 operations (101 LOOKUP, 66 READ, ...), 12345 bytes`. Of a trace that ends early nobody here
/// knows how much of the last block found room.
fn holds(recorded: &Recorded) -> String {
    let most: Vec<String> =
        recorded.by_name.iter().take(4).map(|(name, count)| format!("{count} {name}")).collect();
    let more = if recorded.by_name.len() > 4 { ", ..." } else { "" };
    let names = match most.is_empty() {
        true => String::new(),
        false => format!(" ({}{more})", most.join(", ")),
    };
    let operations = recorded.operations;
    match recorded.failure {
        None => format!("{operations} operations{names}, {} bytes", recorded.bytes),
        Some(_) => format!(
            "at most {operations} operations{names}; `fuserig trace verify` counts what was written"
        ),
    }
}

fn json(path: &str, recorded: &Recorded) -> String {
    let names: serde_json::Map<String, serde_json::Value> =
        recorded.by_name.iter().map(|(name, count)| (name.clone(), (*count).into())).collect();
    serde_json::json!({
        "trace": path,
        "operations": recorded.operations,
        "dropped": recorded.dropped,
        "bytes": recorded.bytes,
        "stream_id": recorded.stream_id,
        "by_name": names,
        "failure": recorded.failure,
    })
    .to_string()
}
