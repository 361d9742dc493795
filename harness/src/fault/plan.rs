//! The faults of one run as a value.

use core::fmt;

use fuserig_abi::Errno;
use serde::{Deserialize, Serialize};

use crate::sim::{Action, Program, Rng};

/// What goes wrong.
///
/// ```
/// use fuserig::fault::FaultKind;
/// let fault = FaultKind::Lower { op: "read".to_owned(), errno: 5 };
/// assert_eq!(fault.to_string(), "lower read fails with EIO");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// An operation of the lower filesystem fails.
    Lower {
        /// Which, by the name in `fault/lower.rs`.
        op: String,
        /// The errno, positive.
        errno: i32,
    },
    /// A lower read returns at most this many bytes.
    ShortRead {
        /// Bytes.
        size: u32,
    },
    /// A lower write takes at most this many bytes.
    ShortWrite {
        /// Bytes.
        size: u32,
    },
    /// Private buffers of get_writeable cannot be allocated.
    NoMemory,
    /// The clock is set before the action.
    ClockJump {
        /// By how many seconds; negative is back.
        seconds: i64,
    },
    /// A signal arrives while the action waits for the daemon, which gives up the request with
    /// EINTR, as servers do that honour INTERRUPT, or for an advisory lock. Nothing else that the
    /// kernel waits for here can be interrupted.
    Signal,
    /// The client is killed during the action: what it asks of the daemon is given up, its result
    /// is lost, everything it has open is closed, and it does nothing more.
    Killed,
    /// The daemon does not answer one request as it should.
    Daemon {
        /// How.
        fault: DaemonFault,
    },
}

/// What a daemon does instead of answering.
///
/// ```
/// use fuserig::fault::FaultKind;
/// assert!(FaultKind::DAEMON.len() >= 4);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaemonFault {
    /// It dies: this request and all later ones fail with ENOTCONN.
    Dies,
    /// It never answers.
    Never,
    /// Its reply has a length that nobody asked for.
    WrongLength,
    /// It answers with an error and a body, which no reply may have.
    ErrorWithBody,
    /// It answers with EIO.
    Fails,
    /// It answers with another error.
    Refuses {
        /// The errno, positive.
        errno: i32,
    },
    /// It answers twice.
    Twice,
    /// It answers late: meanwhile two seconds pass, and whoever else can move goes first, until
    /// one of their calls has returned.
    Late,
}

impl FaultKind {
    /// What a daemon can do wrong.
    pub const DAEMON: [DaemonFault; 8] = [
        DaemonFault::Dies,
        DaemonFault::Never,
        DaemonFault::WrongLength,
        DaemonFault::ErrorWithBody,
        DaemonFault::Fails,
        DaemonFault::Refuses { errno: Errno::ENOMEM.0 },
        DaemonFault::Twice,
        DaemonFault::Late,
    ];
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultKind::Lower { op, errno } => {
                write!(f, "lower {op} fails with {}", Errno(*errno))
            }
            FaultKind::ShortRead { size } => write!(f, "lower read returns {size} bytes"),
            FaultKind::ShortWrite { size } => write!(f, "lower write takes {size} bytes"),
            FaultKind::NoMemory => f.write_str("get_writeable finds no memory"),
            FaultKind::ClockJump { seconds } => write!(f, "the clock jumps {seconds} s"),
            FaultKind::Signal => f.write_str("a signal interrupts the wait for the daemon"),
            FaultKind::Killed => f.write_str("the client is killed"),
            FaultKind::Daemon { fault: DaemonFault::Refuses { errno } } => {
                write!(f, "the daemon answers {}", Errno(*errno))
            }
            FaultKind::Daemon { fault } => f.write_str(match fault {
                DaemonFault::Dies => "the daemon dies",
                DaemonFault::Never => "the daemon never answers",
                DaemonFault::WrongLength => "the daemon's reply has a wrong length",
                DaemonFault::ErrorWithBody => "the daemon answers an error with a body",
                DaemonFault::Fails | DaemonFault::Refuses { .. } => "the daemon answers EIO",
                DaemonFault::Twice => "the daemon answers twice",
                DaemonFault::Late => "the daemon answers late",
            }),
        }
    }
}

/// One fault and the action it belongs to.
///
/// ```
/// use fuserig::fault::{Fault, FaultKind};
/// let fault = Fault { client: 0, action: 2, kind: FaultKind::NoMemory };
/// assert_eq!(fault.to_string(), "client 1, action 3: get_writeable finds no memory");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Whose action, counted from 0.
    pub client: usize,
    /// Which action, counted from 0.
    pub action: usize,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {}, action {}: {}", self.client + 1, self.action + 1, self.kind)
    }
}

/// Every fault of a run.
///
/// ```
/// use fuserig::fault::FaultPlan;
/// assert!(FaultPlan::default().faults.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaultPlan {
    /// The faults.
    pub faults: Vec<Fault>,
}

/// Which errnos a lower operation may answer with when the disk is to blame.
const LOWER: &[(&str, &[Errno])] = &[
    ("lookup", &[Errno::EIO, Errno::ENOMEM]),
    ("getattr", &[Errno::EIO]),
    ("setattr", &[Errno::EIO, Errno::ENOSPC]),
    // What an open that creates asks for (the kernel opens afterwards).
    ("create", &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO]),
    ("mknod", &[Errno::ENOSPC, Errno::EDQUOT]),
    ("mkdir", &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO]),
    ("symlink", &[Errno::ENOSPC]),
    ("link", &[Errno::ENOSPC, Errno::EDQUOT]),
    ("unlink", &[Errno::EIO]),
    ("rmdir", &[Errno::EIO]),
    ("rename", &[Errno::ENOSPC, Errno::EIO]),
    ("open", &[Errno::EIO, Errno::ENFILE, Errno::ENOMEM]),
    ("fsync", &[Errno::EIO, Errno::ENOSPC]),
    ("read", &[Errno::EIO]),
    ("write", &[Errno::EIO, Errno::ENOSPC, Errno::EDQUOT]),
    ("read_dir", &[Errno::EIO]),
    ("get_xattr", &[Errno::EIO]),
    ("set_xattr", &[Errno::ENOSPC, Errno::EDQUOT]),
    ("list_xattr", &[Errno::EIO]),
    ("remove_xattr", &[Errno::EIO, Errno::ENOSPC]),
    ("readlink", &[Errno::EIO]),
    ("fallocate", &[Errno::ENOSPC, Errno::EDQUOT, Errno::EIO]),
    ("copy_range", &[Errno::EIO, Errno::ENOSPC, Errno::EDQUOT]),
    ("statfs", &[Errno::EIO]),
    ("access", &[Errno::EIO]),
    ("flush", &[Errno::EIO, Errno::ENOSPC, Errno::EDQUOT]),
];

/// The operations of the lower filesystem that faults name.
pub(crate) fn lower_ops() -> impl Iterator<Item = &'static str> {
    LOWER.iter().map(|(op, _)| *op)
}

impl FaultPlan {
    /// Whether nothing goes wrong.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// About one fault in `one_in` actions.
    pub fn draw(rng: &mut Rng, programs: &[Program], one_in: u64) -> FaultPlan {
        let mut faults = Vec::new();
        for (client, program) in programs.iter().enumerate() {
            for (number, action) in program.actions.iter().enumerate() {
                if rng.chance(1, one_in.max(1)) {
                    faults.push(Fault { client, action: number, kind: draw_kind(rng, action) });
                }
            }
        }
        FaultPlan { faults }
    }

    /// The plan after an action was left out of a program.
    #[must_use]
    pub fn without_action(&self, client: usize, action: usize) -> FaultPlan {
        let keep = |fault: &Fault| {
            if fault.client != client || fault.action < action {
                return Some(fault.clone());
            }
            (fault.action > action).then(|| Fault { action: fault.action - 1, ..fault.clone() })
        };
        FaultPlan { faults: self.faults.iter().filter_map(keep).collect() }
    }

    /// What goes wrong during one action.
    pub fn of(&self, client: usize, action: usize) -> Vec<FaultKind> {
        let of = |fault: &&Fault| fault.client == client && fault.action == action;
        self.faults.iter().filter(of).map(|fault| fault.kind.clone()).collect()
    }
}

/// The operation of the lower filesystem that an action is for: it cannot be done without.
pub(crate) fn is_for(action: &Action) -> &'static [&'static str] {
    match action {
        Action::Open { .. } => &["open", "create"],
        Action::Read { .. } => &["read"],
        Action::Write { .. } | Action::Append { .. } => &["write"],
        Action::Truncate { .. } | Action::Chmod { .. } | Action::Chown { .. } => &["setattr"],
        Action::Ftruncate { .. } | Action::Touch { .. } | Action::Times { .. } => &["setattr"],
        Action::Fchmod { .. } | Action::Fchown { .. } | Action::Futimens { .. } => &["setattr"],
        Action::Fsync { .. } => &["fsync"],
        Action::Mkdir { .. } => &["mkdir"],
        Action::Mknod { .. } => &["mknod"],
        Action::Symlink { .. } => &["symlink"],
        Action::Link { .. } => &["link"],
        Action::Unlink { .. } => &["unlink"],
        Action::Rmdir { .. } => &["rmdir"],
        Action::Rename { .. } => &["rename"],
        Action::List { .. } => &["read_dir"],
        Action::Getxattr { .. } => &["get_xattr"],
        Action::Setxattr { .. } => &["set_xattr"],
        Action::Listxattr { .. } => &["list_xattr"],
        Action::Removexattr { .. } => &["remove_xattr"],
        Action::Readlink { .. } => &["readlink"],
        Action::Fallocate { .. } => &["fallocate"],
        Action::Copy { .. } => &["copy_range"],
        Action::Statfs { .. } => &["statfs"],
        Action::Access { .. } => &["access"],
        Action::Close { .. } => &["flush"],
        Action::Flock { .. } => &["flock"],
        Action::Sendfile { .. } => &["read", "write"],
        Action::Lock { .. } => &["set_lock"],
        Action::GetLock { .. } => &["get_lock"],
        Action::Stat { .. } | Action::Fstat { .. } | Action::Seek { .. } | Action::Chdir { .. } => {
            &[]
        }
        // These do not leave the client.
        Action::Umask { .. } | Action::Become { .. } | Action::Fork => &[],
        Action::Dup { .. } | Action::SetFlags { .. } | Action::SetCloexec { .. } => &[],
        // What they close reports its errors to nobody.
        Action::Dup2 { .. } | Action::CloseRange { .. } => &[],
        Action::Exec | Action::Exit => &[],
    }
}

/// What an action asks of the lower filesystem: what it is for, or on its way there; none for one
/// that does not leave the client.
fn asks_for(action: &Action, rng: &mut Rng) -> Option<&'static str> {
    let on_its_way: &[&str] = match action {
        Action::Open { .. } | Action::Mkdir { .. } => &["lookup"],
        Action::Seek { .. } | Action::Chdir { .. } => &["lookup"],
        Action::Stat { .. } | Action::Fstat { .. } => &["getattr", "lookup"],
        _ => &[],
    };
    let wanted = is_for(action);
    let place = rng.index(wanted.len() + on_its_way.len());
    wanted.iter().chain(on_its_way).nth(place).copied()
}

/// What the daemon does wrong; it refuses with what the manual page of the call has.
fn daemon_fault(rng: &mut Rng, action: &Action) -> DaemonFault {
    match *rng.pick(&FaultKind::DAEMON) {
        DaemonFault::Refuses { .. } => {
            let errnos = match action.paths().is_empty() {
                true => [Errno::ENOMEM, Errno::EINTR],
                false => [Errno::ENOMEM, Errno::EACCES],
            };
            DaemonFault::Refuses { errno: rng.pick(&errnos).0 }
        }
        other => other,
    }
}

fn draw_kind(rng: &mut Rng, action: &Action) -> FaultKind {
    match (rng.below(18), action) {
        (0..=3, Action::Read { .. }) => FaultKind::ShortRead { size: rng.below(9) as u32 },
        (0..=3, Action::Write { .. } | Action::Append { .. }) => {
            FaultKind::ShortWrite { size: 1 + rng.below(9) as u32 }
        }
        (12, _) => FaultKind::NoMemory,
        (13, _) => {
            let seconds = 1 << rng.below(31);
            FaultKind::ClockJump { seconds: if rng.chance(1, 3) { -seconds } else { seconds } }
        }
        (14, _) => FaultKind::Daemon { fault: daemon_fault(rng, action) },
        (15, _) => FaultKind::Signal,
        (16, _) if rng.chance(1, 4) => FaultKind::Killed,
        _ => {
            let Some(wanted) = asks_for(action, rng) else { return FaultKind::NoMemory };
            let row = LOWER.iter().find(|(op, _)| *op == wanted).unwrap_or(&LOWER[0]);
            FaultKind::Lower { op: row.0.to_owned(), errno: rng.pick(row.1).0 }
        }
    }
}
