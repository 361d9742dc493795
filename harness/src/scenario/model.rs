//! A scenario as a value.

use fuserig_abi::{Abi, Fidelity, Gid, Opcode, Pid, Slot, Uid};
use fuserig_sim_fs::Durability;
use fuserig_traces::text::CallForm;

use crate::fault::FaultKind;

/// One scenario: what is there, what happens, and what must come of it.
///
/// ```
/// use fuserig::scenario::Scenario;
/// let scenario = Scenario::parse("lower\n  /a 'hi'\nrun\n  cat(\"/a\") = \"hi\"\n")?;
/// assert_eq!(scenario.steps.len(), 1);
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// What it shows, in a sentence; empty when the file does not say.
    pub title: String,
    /// The ABI versions it runs under, one run each.
    pub abis: Vec<Abi>,
    /// Whose mistakes are made.
    pub fidelity: Fidelity,
    /// What the lower filesystem promises about a loss of power.
    pub durability: Durability,
    /// The mount.
    pub mount: MountLine,
    /// Filters in the order of the file.
    pub filters: Vec<FilterLine>,
    /// The tree below as tree text, one line for each line of the file up to its end.
    pub lower: String,
    /// Clients in the order of the file; the first issues calls that name none.
    pub clients: Vec<ClientLine>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// The tree below at the end as tree text, when the file says.
    pub tree: Option<TreeBlock>,
}

/// How the mount is made.
///
/// ```
/// let mount = fuserig::scenario::MountLine::default();
/// assert!(mount.filter.is_none() && !mount.daemon);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MountLine {
    /// The label of the filter at the root, if any.
    pub filter: Option<String>,
    /// Whether a daemon serves the mount, scripted by the `daemon` lines.
    pub daemon: bool,
    /// What the root stands on.
    pub root_dir: RootDirLine,
    /// `root_bpf=`: the registered name of the filter at the root, in place of a label.
    pub root_bpf: Option<String>,
    /// Neither `fd=` nor `no_daemon` is given, which no kernel accepts.
    pub no_fd: bool,
    /// Advisory locks are the kernel's own, as no daemon asks for them.
    pub local_locks: bool,
    /// A server has the filter and what is below, and clients call an ordinary kernel in front of
    /// it, as with `fuserig mount`. Each call is then a millisecond later than the one before, so
    /// that the kernel in front asks again about what it was told long ago.
    pub served: bool,
    /// The words with which the mount must be refused; nothing runs then.
    pub refused: Option<String>,
    /// The line of the mount; 0 when there is none.
    pub line: usize,
    /// The flags of the daemon's INIT reply: what it speaks (`FUSE_DO_READDIRPLUS` is 0x2000).
    pub init_flags: u32,
}

/// What the option `root_dir` says.
///
/// ```
/// use fuserig::scenario::RootDirLine;
/// assert_eq!(RootDirLine::default(), RootDirLine::Path("/".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootDirLine {
    /// The root of the lower tree or a directory in it.
    Path(String),
    /// No backing directory, so that the daemon serves everything.
    Absent,
    /// A descriptor that is not open.
    Closed,
}

impl Default for RootDirLine {
    fn default() -> Self {
        RootDirLine::Path("/".to_owned())
    }
}

/// A filter of the scenario.
///
/// ```
/// use fuserig::scenario::{FilterLine, FilterSource};
/// let filter = FilterLine {
///     label: "mine".to_owned(),
///     source: FilterSource::Spec("readonly".to_owned()),
///     line: 3,
/// };
/// assert_eq!(filter.label, "mine");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterLine {
    /// How the file refers to it; rules are registered under it.
    pub label: String,
    /// Where it comes from.
    pub source: FilterSource,
    /// The line that says so.
    pub line: usize,
}

/// Where a filter comes from.
///
/// ```
/// use fuserig::scenario::FilterSource;
/// assert_ne!(FilterSource::Rules(Vec::new()), FilterSource::Spec(String::new()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterSource {
    /// A specification as on the command line: a built-in filter or the path of an object.
    Spec(String),
    /// Rules in the file itself.
    Rules(Vec<Rule>),
}

/// One rule: for calls of `slot` that meet every condition, the actions and the code. The first
/// rule that matches decides; without one the code is CONTINUE.
///
/// ```
/// use fuserig::scenario::{FilterSource, Scenario};
/// let text = "filter f rules\n  lookup_prefilter name=\"a\" -> ENOENT\nmount filter=f\n";
/// let scenario = Scenario::parse(text)?;
/// let FilterSource::Rules(rules) = &scenario.filters[0].source else { panic!("rules") };
/// assert_eq!(rules[0].code, -2);
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The member.
    pub slot: Slot,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Done in order before the return.
    pub actions: Vec<Action>,
    /// What the member returns.
    pub code: i32,
}

/// A field or buffer and the value it must have.
///
/// ```
/// use fuserig::scenario::Condition;
/// let condition = Condition::Field { path: "meta.nodeid".to_owned(), value: 1 };
/// assert_ne!(condition, Condition::Bytes { name: "name".to_owned(), value: b"a".to_vec() });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A field of a struct, by its path.
    Field {
        /// `in.flags`, `out.attr.mode`, `meta.nodeid`.
        path: String,
        /// Its value.
        value: u64,
    },
    /// The bytes of a buffer; a NUL at the end of either side does not count.
    Bytes {
        /// The name of the argument.
        name: String,
        /// Its bytes.
        value: Vec<u8>,
    },
}

/// What a rule does.
///
/// ```
/// use fuserig::scenario::Action;
/// assert_ne!(Action::Print("a".to_owned()), Action::Print("b".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Sets a field of a struct or of meta.
    Set {
        /// Its path.
        path: String,
        /// The new value.
        value: u64,
    },
    /// `bpf_fuse_get_rw_dynptr(buffer, size, copy)` and nothing else.
    Resize {
        /// The buffer.
        name: String,
        /// Bytes asked for.
        size: u64,
        /// Whether the old bytes are kept.
        copy: bool,
    },
    /// Makes a buffer writable at its new length and writes these bytes from its start.
    Write {
        /// The buffer.
        name: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Leaves a line in the trace.
    Print(String),
}

/// A client: a process with credentials.
///
/// ```
/// use fuserig::scenario::ClientLine;
/// assert_eq!(ClientLine::root().name, "root");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLine {
    /// How the file refers to it.
    pub name: String,
    /// Its pid.
    pub pid: Pid,
    /// Its user.
    pub uid: Uid,
    /// Its group.
    pub gid: Gid,
    /// Its supplementary groups.
    pub groups: Vec<Gid>,
    /// Its umask.
    pub umask: u32,
}

impl ClientLine {
    /// The client of files that name none: pid 1, root, umask 022.
    pub fn root() -> ClientLine {
        ClientLine {
            name: "root".to_owned(),
            pid: Pid(1),
            uid: Uid::ROOT,
            gid: Gid::ROOT,
            groups: Vec::new(),
            umask: 0o022,
        }
    }
}

/// One thing that happens, and what must come of it.
///
/// ```
/// use fuserig::scenario::Scenario;
/// let scenario = Scenario::parse("run\n  unlink(\"/a\") = ENOENT\n    print \"x\"\n")?;
/// assert_eq!((scenario.steps[0].line, scenario.steps[0].consequences.len()), (2, 1));
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The line of the file.
    pub line: usize,
    /// Who does it, as an index into the clients.
    pub client: usize,
    /// What is done.
    pub act: Act,
    /// What must come of it beside the result.
    pub consequences: Vec<Consequence>,
    /// The requests that the daemon must get, in order, and its replies.
    pub daemon: Vec<DaemonLine>,
    /// What goes wrong below and around the call, each of which must happen.
    pub faults: Vec<FaultKind>,
}

/// What a step does.
///
/// ```
/// use fuserig::scenario::Act;
/// assert_ne!(Act::Cat { path: b"/a".to_vec(), text: None }, Act::Lower {
///     path: b"/a".to_vec(),
///     is: fuserig::scenario::Below::Absent,
/// });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// One system call.
    Call(CallForm),
    /// Opens a directory, reads it to its end and closes it.
    List {
        /// The directory.
        path: Vec<u8>,
        /// The names it must give in any order, each once; or what must fail.
        names: Result<Vec<Vec<u8>>, i32>,
    },
    /// Opens a file, reads it to its end and closes it.
    Cat {
        /// The file.
        path: Vec<u8>,
        /// The bytes it must give, if the file says.
        text: Option<Vec<u8>>,
    },
    /// Opens a file for writing, made or emptied, writes the bytes and closes it.
    Put {
        /// The file.
        path: Vec<u8>,
        /// The bytes.
        bytes: Vec<u8>,
        /// The code of the errno it must fail with, if it must.
        fails: Option<i32>,
    },
    /// Looks at the tree below, without the mount.
    Lower {
        /// The path below.
        path: Vec<u8>,
        /// What must be there.
        is: Below,
    },
    /// Power is lost, and what is left is mounted afresh.
    Power(PowerLine),
    /// A call is begun and held, so that other clients go on first.
    Held {
        /// How many of its steps it performs before it is held.
        steps: u32,
        /// The call, and what it must return in the end.
        call: CallForm,
    },
    /// The call that the client has under way goes on.
    GoesOn {
        /// How many steps it performs before it is held again; to its end when the file does not
        /// say, and then its result is judged.
        steps: Option<u32>,
    },
    /// A signal ends the wait for an advisory lock of the call that the client has under way.
    Signal,
}

/// A loss of power. Filters, daemon, kernel and clients forget everything; of what is below, that
/// is left which the durability of the scenario lets a crash leave.
///
/// ```
/// use fuserig::scenario::{Act, PowerLine, Scenario};
/// let scenario = Scenario::parse("run\n  mkdir(\"/d\")\n  power lost 1\n")?;
/// assert_eq!(scenario.steps[1].act, Act::Power(PowerLine { lost: vec![1], during: None }));
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PowerLine {
    /// Which of the changes that are not durable yet are lost, counted from 0, which is the
    /// oldest; what needs a lost one is lost as well.
    pub lost: Vec<u32>,
    /// The call that is under way, and after how many of its steps; none when every call has
    /// returned.
    pub during: Option<(u32, CallForm)>,
}

/// What stands below at a path.
///
/// ```
/// use fuserig::scenario::Below;
/// assert_ne!(Below::Absent, Below::Directory);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Below {
    /// Nothing.
    Absent,
    /// Anything that is no directory.
    File,
    /// A directory.
    Directory,
    /// A file with these bytes.
    Text(Vec<u8>),
}

/// Something that a step must cause.
///
/// ```
/// use fuserig::scenario::Consequence;
/// assert_ne!(Consequence::Print("a".to_owned()), Consequence::Print("b".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// A member was called, met the conditions at its entry, and returned the code.
    Filter {
        /// The member.
        slot: Slot,
        /// What it saw.
        conditions: Vec<Condition>,
        /// What it returned; any code when the file does not say.
        code: Option<i32>,
    },
    /// No member of that name was called; none at all when no member is named.
    NoFilter {
        /// The member.
        slot: Option<Slot>,
    },
    /// A line that contains the text was left.
    Print(String),
    /// The quirk was hit.
    Quirk(String),
}

/// Tree text and where it stands in the file.
///
/// ```
/// let block = fuserig::scenario::TreeBlock { line: 9, text: "/a 'hi'\n".to_owned() };
/// assert_eq!(block.line, 9);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeBlock {
    /// The line of its keyword.
    pub line: usize,
    /// The text.
    pub text: String,
}

/// A request that the daemon must get next, and its reply.
///
/// ```
/// use fuserig::scenario::Scenario;
/// let text = "mount daemon\nrun\n  unlink(\"/a\") = ?\n    daemon LOOKUP 1 -> ENOENT\n";
/// let scenario = Scenario::parse(text)?;
/// assert_eq!(scenario.steps[0].daemon[0].nodeid, Some(1));
/// # Ok::<(), fuserig::scenario::ScenarioError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonLine {
    /// The line of the file.
    pub line: usize,
    /// The opcode with its phase bit.
    pub opcode: Opcode,
    /// The node, when the file says.
    pub nodeid: Option<u64>,
    /// What the request must hold.
    pub conditions: Vec<Condition>,
    /// What is answered.
    pub answer: DaemonAnswer,
    /// Whether the kernel must refuse the reply.
    pub refused: bool,
}

/// What a scripted daemon answers.
///
/// ```
/// use fuserig::scenario::DaemonAnswer;
/// assert_ne!(DaemonAnswer::Code(-2), DaemonAnswer::Nothing);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DaemonAnswer {
    /// A header with this error, negative or not.
    Code(i32),
    /// The arguments a reply carries: those of the request for filter requests, zeros otherwise,
    /// changed as the file says.
    Success(SuccessLine),
    /// These bytes behind a header without error.
    Body(Vec<u8>),
    /// No reply, ever.
    Nothing,
}

/// What a reply without error holds beside what it echoes.
///
/// ```
/// let echo = fuserig::scenario::SuccessLine::default();
/// assert!(echo.changes.is_empty() && !echo.ioctl);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuccessLine {
    /// Fields and buffers, in the order of the file.
    pub changes: Vec<Condition>,
    /// Entries behind a lookup's reply.
    pub entries: Vec<EntryLine>,
    /// The names of directory records that stay, when the file says.
    pub only: Option<Vec<Vec<u8>>>,
    /// Directory records behind those.
    pub records: Vec<RecordLine>,
    /// Whether the reply goes through the response ioctl, as entries must.
    pub ioctl: bool,
}

/// One directory record that a daemon adds.
///
/// ```
/// use fuserig::scenario::RecordLine;
/// let fake = RecordLine { name: b"fake".to_vec(), ino: 100, off: 5, kind: 8 };
/// assert_eq!(fake.off, 5);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordLine {
    /// Its name.
    pub name: Vec<u8>,
    /// Its inode number.
    pub ino: u64,
    /// The position behind it.
    pub off: u64,
    /// `DT_*`.
    pub kind: u32,
}

/// One lookup entry of a reply.
///
/// ```
/// use fuserig::scenario::EntryLine;
/// assert_ne!(EntryLine::RemoveBpf, EntryLine::RemoveBacking);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryLine {
    /// The filter registered under this name.
    Bpf(String),
    /// The lower file or directory at this path.
    Backing(Vec<u8>),
    /// No filter any more.
    RemoveBpf,
    /// No backing any more.
    RemoveBacking,
}
