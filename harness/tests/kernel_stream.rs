//! The VFS model against the kernel of this machine: the same programs of system calls on a
//! recording mount and in the model, with the same server below. Every result and every request
//! must be the same, but for what `kernel_stream/line.rs` lists with its reason.

mod support;

#[path = "kernel_stream/host.rs"]
mod host;
#[path = "kernel_stream/kernel.rs"]
mod kernel;
#[path = "kernel_stream/line.rs"]
mod line;
#[path = "kernel_stream/model.rs"]
mod model;
#[path = "kernel_stream/scripts.rs"]
mod scripts;

use std::fmt::Write as _;

use fuserig::sim::{Action, Seed, WorkloadConfig};
use fuserig::vfs::{Call, CallResult, Target};
use fuserig::wire_replay::Exchange;
use fuserig_abi::{Opcode, Pid, Timespec};
use fuserig_sim_fs::MemFs;
use kernel::Act;
use line::{DATA_OF_FIFOS, MASKS, Masked};
use model::Model;
use support::print_skip;

const TREE: &str = "/a 'hello'\n/d/ mode=0777\n/d/b 'world'\n/d/e/\n/notes.txt 'n'\n/l -> d\n\
    /suid 'x' mode=04777\n/open 'x' mode=0666\n";

/// The kernel hands over up to eight requests before a FORGET that waits as well, so that many
/// more requests bring every one out.
const MARKS_AT_THE_END: usize = 20;

/// Random programs for each setting.
const RANDOM: u64 = 200;

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

/// What a client does, as which user.
type Step = (u32, Action);

fn random(seed: u64) -> Vec<Step> {
    let tree = MemFs::from_tree(TREE).expect("the tree is good");
    let clients = if seed.is_multiple_of(3) { 2 } else { 1 };
    let config = WorkloadConfig { clients, operations: 40, ..WorkloadConfig::default() };
    let programs = config.draw(&mut Seed(seed).rng(), &tree);
    let steps = programs
        .into_iter()
        // The mount has one user besides root.
        .map(|program| (program.uid.min(1000), program.actions))
        .flat_map(|(uid, actions)| actions.into_iter().map(move |action| (uid, action)));
    // rustix has no truncate(2); ftruncate and O_TRUNC stand for it.
    // Locks stay in the kernel, so that no request tells of them, and in the model below it, where
    // this server is not.
    // Whose step it is says who does it, so that nobody becomes another on the way.
    let left_out = |action: &Action| {
        let locks = matches!(action, Action::Flock { .. } | Action::Lock { .. });
        locks || matches!(action, Action::Truncate { .. } | Action::Become { .. })
    };
    let steps = steps.filter(|(_, action)| !left_out(action));
    steps.map(|(uid, action)| (uid, without_waiting(action))).collect()
}

/// Nobody comes to the other end of a fifo, so that an open of one must not wait.
fn without_waiting(action: Action) -> Action {
    const NONBLOCK: u32 = 0o4000;
    match action {
        Action::Open { path, flags, mode } => Action::Open { path, flags: flags | NONBLOCK, mode },
        other => other,
    }
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
    fn perform(&mut self, model: &mut Model, uid: u32, mut call: Call, text: String) -> CallResult {
        let pid = Pid(1 + uid);
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
        model.add_client(Pid(1001), 1000);
        // After this both know the root, which the kernel looked at to let its client in.
        run.perform(&mut model, 0, Call::Stat { target: root(), flags: 0 }, "begin".into());
        run.perform(&mut model, 0, mark(), "begin".into());
        let (mut uid, mut files) = (0, Vec::new());
        for (who, action) in steps {
            if *who != uid {
                uid = *who;
                files.clear();
                let home = Call::Chdir { target: root() };
                run.perform(&mut model, uid, home, format!("become {uid}"));
            }
            let call = action.call(&files);
            if model.carries(Pid(1 + uid), &call) {
                run.left_out += 1;
                continue;
            }
            let result = run.perform(&mut model, uid, call.clone(), action.to_string());
            match (&call, &result.value) {
                (Call::Open { .. } | Call::Dup { .. }, Ok(fd)) => files.push(*fd as i32),
                (Call::Close { fd }, Ok(_)) => files.retain(|open| open != fd),
                _ => {}
            }
        }
        for _ in 0..MARKS_AT_THE_END {
            run.perform(&mut model, 0, mark(), "end".into());
        }
        run
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
    let (real_results, real) = kernel::record(TREE, setting.valid, setting.open_flags, acts);
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
        let (model, kernel) = (line::result(model), line::result(kernel));
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
    programs.extend((0..RANDOM).map(|seed| (format!("seed {seed}"), random(seed))));
    let (mut masked, mut said, mut compared) = (Masked::default(), String::new(), 0);
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

#[test]
fn a_model_that_forgets_an_invalidation_is_noticed() {
    if !runnable() {
        return;
    }
    // With the settings of the one arm on the other, the streams cannot be the same.
    let steps = vec![(0, Action::Stat { path: "a".into(), follow: true }); 2];
    let model = Modelled::run(SETTINGS[0], &steps);
    let (_, real) = kernel::record(TREE, SETTINGS[1].valid, 0, model.acts);
    let requests: Vec<Exchange> = model.requests.into_iter().map(|(_, request)| request).collect();
    let mut masked = Masked::default();
    let (modelled, _) = masked.stream(&requests[between_marks(&requests)]);
    let (kernel, _) = masked.stream(&real[between_marks(&real)]);
    assert!(first_difference(&modelled, &kernel).is_some());
}
