//! The VFS model against the kernel of this machine: the same programs of system calls on a
//! recording mount and in the model, with the same server below. Every result and every request
//! must be the same, but for what `kernel_stream/line.rs` lists with its reason.

mod support;

#[path = "kernel_stream/family.rs"]
mod family;
#[path = "kernel_stream/host.rs"]
mod host;
#[path = "kernel_stream/kernel.rs"]
mod kernel;
#[path = "kernel_stream/lanes.rs"]
mod lanes;
#[path = "kernel_stream/line.rs"]
mod line;
#[path = "kernel_stream/model.rs"]
mod model;
#[path = "kernel_stream/scripts.rs"]
mod scripts;

use std::fmt::Write as _;

use fuserig::sim::{Action, Processes, Seed, WorkloadConfig};
use fuserig::vfs::{Call, CallResult, PathAt, Target};
use fuserig::wire_replay::Exchange;
use fuserig_abi::{Opcode, Pid, Timespec};
use fuserig_sim_fs::{Lock, LockKind, MemFs, OpenFlags};
use kernel::Act;
use line::{DATA_OF_FIFOS, MASKS, Masked, OTHER_USERS, WAITING_OPENS};
use model::Model;
use support::print_skip;

const TREE: &str = "/a 'hello'\n/d/ mode=0777\n/d/b 'world'\n/d/e/\n/notes.txt 'n'\n/l -> d\n\
    /suid 'x' mode=04777\n/open 'x' mode=0666\n";

/// The kernel hands over up to eight requests before a FORGET that waits as well, so that many
/// more requests bring every one out.
const MARKS_AT_THE_END: usize = 20;

/// Random programs for each setting.
const RANDOM: u64 = 200;

/// The user of every client that is not the superuser at first.
const USER: u32 = 1000;
const NONBLOCK: u32 = 0o4000;

/// How the mount answers.
#[derive(Clone, Copy, Debug)]
struct Setting {
    valid: Timespec,
    open_flags: u32,
}

const SETTINGS: [Setting; 3] = [
    Setting { valid: Timespec::ZERO, open_flags: 0 },
    Setting { valid: Timespec::from_secs(3600), open_flags: 0 },
    // FOPEN_DIRECT_IO: reads and writes pass the page cache.
    Setting { valid: Timespec::from_secs(3600), open_flags: 1 },
];

/// The first process of a user; those of children are far from it.
fn pid_of(uid: u32) -> Pid {
    Pid(if uid == 0 { 1 } else { 2 })
}

/// What a client does, as which user.
type Step = (u32, Action);

fn random(seed: u64, masked: &mut Masked) -> Vec<Step> {
    let tree = MemFs::from_tree(TREE).expect("the tree is good");
    let clients = if seed.is_multiple_of(3) { 2 } else { 1 };
    let few = WorkloadConfig { clients, operations: 40, ..WorkloadConfig::default() };
    let config = WorkloadConfig { waits: false, ..few };
    let programs = config.draw(&mut Seed(seed).rng(), &tree);
    let mut steps = Vec::new();
    for program in programs {
        masked.count(OTHER_USERS, program.uid > USER);
        for mut action in program.actions {
            if let Action::Open { flags, .. } = &mut action {
                masked.count(WAITING_OPENS, *flags & NONBLOCK == 0);
                *flags |= NONBLOCK;
            }
            steps.push((program.uid.min(USER), action));
        }
    }
    steps
}

/// One program in the model: what each call gave, and the requests.
struct Modelled {
    acts: Vec<Act>,
    texts: Vec<String>,
    results: Vec<CallResult>,
    /// Each with the call that caused it.
    requests: Vec<(usize, Exchange)>,
    /// Calls that neither side made, because they move data through a fifo.
    left_out: u64,
}

impl Modelled {
    fn perform(
        &mut self,
        model: &mut Model,
        (uid, pid): (u32, Pid),
        mut call: Call,
        text: String,
    ) -> CallResult {
        let result = model.call(pid, &call);
        if let (Call::Open { fd, .. } | Call::Dup { to: fd, .. }, Ok(value)) =
            (&mut call, result.value)
        {
            *fd = i32::try_from(value).ok();
        }
        let index = self.acts.len();
        self.requests.extend(model.take().into_iter().map(|exchange| (index, exchange)));
        self.acts.push(Act { pid, uid, call });
        self.texts.push(text);
        self.results.push(result.clone());
        result
    }

    fn run(setting: Setting, steps: &[Step]) -> Modelled {
        let mut model = Model::start(TREE, setting.valid, setting.open_flags);
        let (acts, texts) = (Vec::new(), Vec::new());
        let (results, requests) = (Vec::new(), Vec::new());
        let mut run = Modelled { acts, texts, results, requests, left_out: 0 };
        let root = || Target::follow("/");
        let mark = || Call::Statfs { target: root() };
        model.add_client(Pid(1), 0);
        model.add_client(pid_of(USER), USER);
        // After this both know the root, which the kernel looked at to let its client in.
        let first = (0, Pid(1));
        run.perform(&mut model, first, Call::Stat { target: root(), flags: 0 }, "begin".into());
        run.perform(&mut model, first, mark(), "begin".into());
        let (mut uid, mut processes) = (0, Processes::new(Pid(1)));
        for (who, action) in steps {
            if *who != uid {
                run.exit(&mut model, uid, &mut processes);
                uid = *who;
                processes = Processes::new(pid_of(uid));
                let home = Call::Chdir { target: root() };
                run.perform(&mut model, (uid, processes.pid()), home, format!("become {uid}"));
            }
            let (call, pid) = (processes.call(action), processes.pid());
            if model.carries(pid, &call) {
                run.left_out += 1;
                continue;
            }
            let result = run.perform(&mut model, (uid, pid), call, action.to_string());
            processes.note(action, result.value);
        }
        run.exit(&mut model, uid, &mut processes);
        for _ in 0..MARKS_AT_THE_END {
            run.perform(&mut model, first, mark(), "end".into());
        }
        run
    }

    /// Every child exits, the youngest first.
    fn exit(&mut self, model: &mut Model, uid: u32, processes: &mut Processes) {
        while processes.is_child() {
            let result =
                self.perform(model, (uid, processes.pid()), Call::Exit, "exit in the end".into());
            processes.note(&Action::Exit, result.value);
        }
    }
}

/// What lies between the first and the last STATFS, which the marks are.
fn between_marks(exchanges: &[Exchange]) -> core::ops::Range<usize> {
    let mut marks = (0..exchanges.len()).filter(|&at| exchanges[at].opcode == Opcode::STATFS);
    let first = marks.next().expect("the first mark");
    first + 1..marks.next_back().expect("the last mark")
}

/// Runs a program on both sides: nothing, or the first difference in words.
fn difference(setting: Setting, steps: &[Step], masked: &mut Masked) -> Option<String> {
    let modelled = Modelled::run(setting, steps);
    let Modelled { acts, texts, results, requests, left_out } = modelled;
    *masked.0.entry(DATA_OF_FIFOS).or_default() += left_out;
    let (own, requests): (Vec<usize>, Vec<Exchange>) = requests.into_iter().unzip();
    let (real_results, real) = kernel::record(TREE, setting.valid, setting.open_flags, &acts);
    let range = between_marks(&requests);
    let answered = |&at: &usize| requests[at].opcode != Opcode::FORGET;
    let own: Vec<usize> = range.clone().filter(answered).map(|at| own[at]).collect();
    let (model, forgotten) = masked.stream(&requests[range]);
    let (kernel, really_forgotten) = masked.stream(&real[between_marks(&real)]);
    let mut said = String::new();
    if let Some(at) = first_difference(&model, &kernel) {
        for before in at.saturating_sub(3)..at {
            writeln!(said, "    {}: {}", texts[own[before]], model[before]).expect("text");
        }
        let cause = own.get(at).map_or("end", |&call| &texts[call]);
        let shown = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        writeln!(said, "    {cause}:").expect("text");
        writeln!(said, "      model  {}", shown(&model)).expect("text");
        writeln!(said, "      kernel {}", shown(&kernel)).expect("text");
    } else if forgotten != really_forgotten {
        writeln!(said, "    FORGET: model {forgotten:?}, kernel {really_forgotten:?}")
            .expect("text");
    }
    for ((text, model), kernel) in texts.iter().zip(&results).zip(&real_results) {
        let kernel = kernel.as_ref().expect("every call can be made");
        let (model, kernel) = (masked.result(model), masked.result(kernel));
        if model != kernel {
            writeln!(said, "    {text} gives {model} in the model, {kernel} by the kernel")
                .expect("text");
            break;
        }
    }
    (!said.is_empty()).then_some(said)
}

fn first_difference(model: &[String], kernel: &[String]) -> Option<usize> {
    let both = model.len().min(kernel.len());
    let differs = (0..both).find(|&at| model[at] != kernel[at]);
    differs.or((model.len() != kernel.len()).then_some(both))
}

/// What the kernel asks for changes from version to version; the model is that of one.
fn other_kernel() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let reason = format!("the model is compared with Linux 6.18, and this is {}", release.trim());
    (!release.starts_with("6.18.")).then_some(reason)
}

fn runnable() -> bool {
    let reason = fuserig::mount::missing().or_else(other_kernel).or_else(|| {
        let root = rustix::process::geteuid().is_root();
        (!root).then(|| "a mount for other users, and chroot, need root".to_owned())
    });
    if let Some(reason) = &reason {
        print_skip(reason);
    }
    reason.is_none()
}

#[test]
fn the_model_sends_what_the_kernel_sends() {
    if !runnable() {
        return;
    }
    let mut programs: Vec<(String, Vec<Step>)> = scripts::all();
    let (mut masked, mut said, mut compared) = (Masked::default(), String::new(), 0);
    programs.extend((0..RANDOM).map(|seed| (format!("seed {seed}"), random(seed, &mut masked))));
    for setting in SETTINGS {
        for (name, steps) in &programs {
            compared += 1;
            if let Some(found) = difference(setting, steps, &mut masked) {
                writeln!(said, "  {name} with {setting:?}:\n{found}").expect("text");
            }
        }
    }
    for (name, reason) in MASKS {
        let count = masked.0.get(name).copied().unwrap_or(0);
        println!("left out {count} times: {name}: {reason}");
    }
    let random = RANDOM as usize * SETTINGS.len();
    println!("{compared} programs compared, {random} of them random");
    assert!(compared >= 200, "only {compared} programs");
    assert!(said.is_empty(), "of {compared} programs these differ:\n{said}");
}

/// Three processes and their locks of both kinds, of a file, a directory and a fifo, and what each
/// is told of those of the others.
fn about_locks() -> Vec<(u32, Call)> {
    use LockKind::{Read, Unlock, Write};
    let open = |path: &str, flags| {
        let (path, flags) = (PathAt::cwd(path), OpenFlags::from_bits_retain(flags));
        Call::Open { path, flags, mode: 0, fd: None }
    };
    let lock = |kind, start: i64, length: i64| Lock {
        kind,
        owner: 0,
        start: start.cast_unsigned(),
        end: length.cast_unsigned(),
    };
    let set =
        |fd, kind, start, length| Call::SetLock { fd, lock: lock(kind, start, length), whence: 0 };
    let from_end = |kind, start| Call::SetLock { fd: 0, lock: lock(kind, start, 2), whence: 2 };
    let get = |fd, start, length| Call::GetLock { fd, lock: lock(Write, start, length), whence: 0 };
    let flock = |fd, kind| Call::Flock { fd, kind };
    let mode = 0o010_666;
    let fifo = Call::Mknod { path: PathAt::cwd("p"), mode, rdev: fuserig_abi::Device::default() };
    let mut calls = vec![(0, fifo)];
    for client in 0..3 {
        calls.extend([open("a", 2), open("d", 0), open("p", 2), open("a", 0)].map(|c| (client, c)));
    }
    calls.extend([
        (0, set(0, Write, 10, 10)),
        (1, set(0, Read, 19, 1)),
        (1, set(0, Read, 50, 5)),
        (2, set(0, Read, 0, 5)),
        (1, set(0, Read, 70, 0)),
        (0, set(0, Read, 52, 4)),
        (0, set(0, Unlock, 12, 3)),
        (2, get(0, 0, 0)),
        (2, get(0, 30, 0)),
        (2, get(0, 12, 3)),
        (2, get(0, 60, -20)),
        (0, get(3, 5, 60)),
        (1, get(0, 0, 0)),
        (1, set(3, Write, 0, 1)),
        (1, set(3, Read, 0, 1)),
        (1, set(0, Read, -1, 1)),
        (1, set(0, Read, i64::MAX, 2)),
        (1, set(0, Read, 3, -4)),
        (1, Call::GetLock { fd: 0, lock: lock(Unlock, 0, 0), whence: 0 }),
        (1, Call::SetLock { fd: 0, lock: lock(Read, 0, 0), whence: 7 }),
        (1, set(40, Read, 0, 0)),
        (2, from_end(Write, -2)),
        (0, get(0, 0, 5)),
        (0, flock(0, Write)),
        (1, flock(0, Read)),
        (0, flock(3, Read)),
        (0, flock(0, Read)),
        (1, flock(0, Read)),
        (0, flock(0, Write)),
        (1, flock(0, Write)),
        (1, flock(3, Write)),
        (1, Call::Close { fd: 0 }),
        (1, flock(3, Write)),
        (2, get(0, 50, 0)),
    ]);
    calls.extend([1, 2].into_iter().flat_map(about_locks_of_no_file));
    calls
}

/// The same of what holds no data: nobody else is asked, whatever INIT agreed on.
fn about_locks_of_no_file(fd: i32) -> Vec<(u32, Call)> {
    use LockKind::{Read, Write};
    let all = |kind| Lock { kind, owner: 0, start: 0, end: 0 };
    let set = |kind| Call::SetLock { fd, lock: all(kind), whence: 0 };
    let get = || Call::GetLock { fd, lock: all(Write), whence: 0 };
    let flock = |kind| Call::Flock { fd, kind };
    vec![
        (0, flock(Write)),
        (1, flock(Read)),
        (0, set(Read)),
        (1, set(Read)),
        (2, set(Write)),
        (2, get()),
        (0, Call::Close { fd }),
        (1, flock(Read)),
        (2, get()),
    ]
}

#[test]
fn the_model_keeps_the_locks_that_the_kernel_keeps() {
    if !runnable() {
        return;
    }
    let Setting { valid, open_flags } = SETTINGS[1];
    let mut model = Model::start(TREE, valid, open_flags);
    let clients = [Pid(1), Pid(2), Pid(3)];
    clients.into_iter().for_each(|pid| model.add_client(pid, 0));
    let acts: Vec<Act> = about_locks()
        .into_iter()
        .map(|(client, call)| Act { pid: clients[client as usize], uid: 0, call })
        .collect();
    let mut masked = Masked::default();
    let modelled: Vec<String> =
        acts.iter().map(|act| masked.result(&model.call(act.pid, &act.call))).collect();
    let (results, _) = kernel::record(TREE, valid, open_flags, &acts);
    let told = modelled.iter().filter(|said| said.contains(" from ")).count();
    assert!(told > 8, "somebody is told of somebody: {modelled:?}");
    for ((call, modelled), kernel) in about_locks().iter().zip(&modelled).zip(&results) {
        let kernel = masked.result(kernel.as_ref().expect("every call can be made"));
        assert_eq!((call, modelled), (call, &kernel));
    }
}

#[test]
fn a_model_that_forgets_an_invalidation_is_noticed() {
    if !runnable() {
        return;
    }
    // With the settings of the one arm on the other, the streams cannot be the same.
    let steps = vec![(0, Action::Stat { path: "a".into(), follow: true }); 2];
    let model = Modelled::run(SETTINGS[0], &steps);
    let (_, real) = kernel::record(TREE, SETTINGS[1].valid, 0, &model.acts);
    let requests: Vec<Exchange> = model.requests.into_iter().map(|(_, request)| request).collect();
    let mut masked = Masked::default();
    let (modelled, _) = masked.stream(&requests[between_marks(&requests)]);
    let (kernel, _) = masked.stream(&real[between_marks(&real)]);
    assert!(first_difference(&modelled, &kernel).is_some());
}
