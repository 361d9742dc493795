//! BPF filters in the pipeline: what they do is an event, and a trap is one too.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig::kernel::{World, WorldConfig};
use fuserig::pipeline::{Event, NoDaemon, Operation, Run, Sink, What};
use fuserig_abi::{Abi, Caller, Credentials, Errno, Pid, Timespec};
use fuserig_filters::engine::vectors::assemble;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::program::{Linked, Program, ProgramKind, StructOpsMap};
use fuserig_sim_fs::MemFs;

/// Keeps the events that this test is about, a line each.
#[derive(Debug, Default)]
struct Lines(Rc<RefCell<Vec<String>>>);

impl Sink for Lines {
    fn event(&mut self, event: &Event<'_>) {
        let line = match event.what {
            What::Return { code, .. } => format!("return {code}"),
            What::Lower { code } => format!("lower {code}"),
            What::Quirk { quirk } => format!("quirk {}", quirk.id()),
            What::Trap { trap } => {
                format!("trap {}", trap.to_string().lines().next().unwrap_or_default())
            }
            _ => return,
        };
        self.0.borrow_mut().push(line);
    }
}

/// A v4 filter with one member, of assembler text.
fn filter(member: &str, text: &str, limits: Limits) -> BpfFilter {
    let program = Program {
        name: member.to_owned(),
        section: "struct_ops/test".to_owned(),
        kind: ProgramKind::StructOps,
        insns: assemble(text).expect("assembler"),
        functions: Vec::new(),
        lines: Vec::new(),
    };
    let linked = Linked {
        programs: vec![program],
        struct_ops: vec![StructOpsMap {
            symbol: "test_ops".to_owned(),
            type_name: "fuse_ops".to_owned(),
            section: ".struct_ops".to_owned(),
            bytes: Vec::new(),
            name: "test".to_owned(),
            members: [(member.to_owned(), 0)].into(),
        }],
        license: "GPL".to_owned(),
        ..Linked::default()
    };
    BpfFilter::new(&linked, None, Abi::V4, limits).expect("a filter")
}

/// Runs a getattr of the root, and gives its error and the lines of events.
fn getattr(filter: BpfFilter) -> (i64, Vec<String>) {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let lower = Box::new(MemFs::from_tree("/notes.txt 'hi'\n").expect("a good tree"));
    let config = WorldConfig { abi: Abi::V4, ..WorldConfig::default() };
    let sink = Box::new(Lines(Rc::clone(&lines)));
    let mut world = World::new(&config, lower, Some(Box::new(filter)), Box::new(NoDaemon), sink)
        .expect("it mounts");
    lines.borrow_mut().clear();
    let caller = Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1));
    let dentry = world.mount.root;
    let operation = Operation::Getattr { dentry, flags: 0 };
    let outcome = Run::new(&mut world, operation, caller, 0).finish(&mut world);
    let seen = lines.borrow().clone();
    (outcome.error, seen)
}

#[test]
fn the_code_of_a_program_decides() {
    let deny = filter("getattr_prefilter", "mov %r0, -1\nexit", Limits::default());
    assert_eq!(getattr(deny), (-1, vec!["return -1".to_owned()]));
    let pass = filter("getattr_prefilter", "mov %r0, 0\nexit", Limits::default());
    assert_eq!(getattr(pass), (0, vec!["return 0".to_owned(), "lower 0".to_owned()]));
}

#[test]
fn a_runaway_filter_is_stopped_and_seen() {
    let limits = Limits { budget: 1000, ..Limits::default() };
    let forever = filter("getattr_prefilter", "again: ja again", limits);
    let (error, seen) = getattr(forever);
    assert_eq!(error, i64::from(Errno::EFAULT.negative()));
    let trap = "trap getattr_prefilter: the budget of 1000 instructions is spent";
    assert_eq!(seen, [trap, "return -14"]);
}

#[test]
fn a_store_through_const_is_done_and_seen_as_a_quirk() {
    let text = "ldxdw %r2, [%r1]\nstw [%r2+16], 1\nmov %r0, 0\nexit";
    let (error, seen) = getattr(filter("getattr_prefilter", text, Limits::default()));
    assert_eq!(error, 0);
    assert_eq!(seen, ["quirk VER-1", "quirk N23", "return 0", "lower 0"]);
}
