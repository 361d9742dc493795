//! The recorded filter as a native one: every member records a call, looks for a rule, applies
//! it, and returns the rule's value or the default.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{AbiTable, Arena, Arg, CallArgs, Dynptr, FuseBuffer, Op, Phase, Slot};
use fuserig_filters::{Filter, FilterEnv};

use super::record::DefaultReturns;
use super::rule::{BufferAction, Rule};

/// Calls recorded per system call; further ones return 0 whatever the rules say.
const CALLS_MAX: usize = 1024;
/// Rules of one member that the recorder keeps.
const RULES_MAX: usize = 3;
/// Longest name that a rule of the recorder can match.
const NAME_MATCH_MAX: usize = 31;
/// The recorder's marker for "the current size".
const CURRENT_SIZE: u32 = u32::MAX;

/// What one call saw of a buffer, and what its rule did to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SeenBuffer {
    pub(super) name: String,
    pub(super) size: u32,
    pub(super) read: i32,
    pub(super) data: Vec<u8>,
    pub(super) action: Option<SeenAction>,
}

/// The outcome of a rule's work on a buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SeenAction {
    pub(super) size_after: u32,
    pub(super) write: i32,
    pub(super) dynptr_size: i32,
    pub(super) first_size: Option<i32>,
    pub(super) before_write: Option<Vec<u8>>,
}

/// One call: the arguments at entry, and what happened.
#[derive(Clone, Debug)]
pub(super) struct SeenCall {
    pub(super) slot: Slot,
    pub(super) args: CallArgs,
    pub(super) buffers: Vec<SeenBuffer>,
    pub(super) rule: Option<usize>,
    pub(super) ret: i32,
}

/// What the driver and the filter share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) calls: Vec<SeenCall>,
    pub(super) rules: Vec<Rule>,
    pub(super) defaults: DefaultReturns,
}

impl Shared {
    /// Adds a rule as the recorder does: a member has room for three, and a rule without a value
    /// of its own returns the default as it is now.
    pub(super) fn add(&mut self, mut rule: Rule) {
        if self.rules.iter().filter(|known| known.slot == rule.slot).count() >= RULES_MAX {
            return;
        }
        rule.ret = rule.ret.or(Some(self.default_of(rule.slot)));
        self.rules.push(rule);
    }

    /// What a member returns without a rule.
    fn default_of(&self, slot: Slot) -> i32 {
        match slot {
            Slot::Default => self.defaults.default,
            Slot::Member(_, Phase::Pre) => self.defaults.pre,
            Slot::Member(_, Phase::Post) => self.defaults.post,
        }
    }
}

/// The recorded filter.
#[derive(Debug)]
pub(super) struct RuleFilter {
    name: String,
    members: Members,
    table: &'static AbiTable,
    shared: Rc<RefCell<Shared>>,
}

/// Which members a registered table has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Members {
    All,
    NoDefault,
    DefaultOnly,
    PreOnly,
    PostOnly,
    LookupOpen,
    MkdirPre,
    MkdirPost,
    DirFsyncPre,
    ReleaseOnly,
    LookupPre,
}

impl Members {
    /// Every registered name and the members of its table.
    pub(super) const REGISTERED: &[(&str, Members)] = &[
        ("all", Members::All),
        ("nodef", Members::NoDefault),
        ("defonly", Members::DefaultOnly),
        ("preonly", Members::PreOnly),
        ("postonly", Members::PostOnly),
        ("lookupopen", Members::LookupOpen),
        ("mkpre", Members::MkdirPre),
        ("mkpost", Members::MkdirPost),
        ("dfs", Members::DirFsyncPre),
        ("relonly", Members::ReleaseOnly),
        ("abcdefghijklmn", Members::LookupPre),
        ("ALL", Members::LookupPre),
    ];

    /// The table registered under a name, or none for a name that is not registered.
    pub(super) fn registered(name: &str) -> Option<Members> {
        Members::REGISTERED.iter().find(|(known, _)| *known == name).map(|&(_, members)| members)
    }

    fn has(self, slot: Slot) -> bool {
        let pre = |ops: &[Op]| matches!(slot, Slot::Member(op, Phase::Pre) if ops.contains(&op));
        match self {
            Members::All => true,
            Members::NoDefault => slot != Slot::Default,
            Members::DefaultOnly => slot == Slot::Default,
            Members::PreOnly => !matches!(slot, Slot::Member(_, Phase::Post)),
            Members::PostOnly => matches!(slot, Slot::Member(_, Phase::Post)),
            Members::LookupOpen => pre(&[Op::Lookup, Op::Open, Op::CreateOpen]),
            Members::MkdirPre => slot == Slot::Default || pre(&[Op::Mkdir]),
            Members::MkdirPost => {
                slot == Slot::Default || slot == Slot::Member(Op::Mkdir, Phase::Post)
            }
            Members::DirFsyncPre => pre(&[Op::DirFsync]),
            Members::ReleaseOnly => matches!(slot, Slot::Member(Op::Release, _)),
            Members::LookupPre => pre(&[Op::Lookup]),
        }
    }
}

impl RuleFilter {
    pub(super) fn new(
        name: &str,
        members: Members,
        table: &'static AbiTable,
        shared: Rc<RefCell<Shared>>,
    ) -> RuleFilter {
        RuleFilter { name: name.to_owned(), members, table, shared }
    }
}

impl Filter for RuleFilter {
    fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, slot: Slot) -> bool {
        self.members.has(slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        let mut shared = self.shared.borrow_mut();
        if shared.calls.len() >= CALLS_MAX {
            return 0;
        }
        let default = shared.default_of(slot);
        let mut seen = SeenCall {
            slot,
            args: args.clone(),
            buffers: see_buffers(self.table, slot, args),
            rule: None,
            ret: default,
        };
        let mut chosen = None;
        let own = shared.rules.iter_mut().filter(|rule| rule.slot == slot);
        for (place, rule) in own.enumerate() {
            if chosen.is_none() && matches(rule, args, &seen) {
                chosen = Some(rule.clone());
                seen.rule = Some(place);
            }
        }
        if let Some(rule) = chosen {
            seen.ret = rule.ret.unwrap_or(default);
            apply(self.table, slot, &rule, args, &mut seen);
        }
        let ret = seen.ret;
        shared.calls.push(seen);
        ret as u32
    }
}

fn matches(rule: &mut Rule, args: &CallArgs, seen: &SeenCall) -> bool {
    if rule.node != 0 && rule.node != args.meta.nodeid {
        return false;
    }
    if let Some(name) = rule.name.as_ref().filter(|name| !name.is_empty()) {
        let Some(first) = seen.buffers.first() else { return false };
        // The recorder keeps 31 bytes of a name and compares 32, so that no longer one matches.
        if name.len() > NAME_MATCH_MAX
            || first.size as usize != name.len() + 1
            || first.data.get(..name.len()) != Some(&name[..])
        {
            return false;
        }
    }
    rule.hits += 1;
    rule.hits > rule.from && (rule.to == 0 || rule.hits <= rule.to)
}

/// The buffers of a call in the order of its arguments, in before out.
pub(super) fn buffer_names(table: &AbiTable, slot: Slot) -> Vec<String> {
    let Slot::Member(op, phase) = slot else { return Vec::new() };
    let row = table.operation(op);
    let outs: &[_] = if phase == Phase::Post { &row.out_args } else { &[] };
    row.in_args
        .iter()
        .chain(outs)
        .filter(|arg| arg.kind == fuserig_abi::ArgKind::Buffer)
        .map(|arg| arg.name.to_string())
        .collect()
}

fn buffer<'a>(table: &AbiTable, args: &'a CallArgs, name: &str) -> Option<&'a FuseBuffer> {
    args.arg_named(table, name).and_then(Arg::as_buffer)
}

fn see_buffers(table: &AbiTable, slot: Slot, args: &CallArgs) -> Vec<SeenBuffer> {
    buffer_names(table, slot)
        .into_iter()
        .map(|name| {
            let buffer = buffer(table, args, &name).copied().unwrap_or_default();
            let size = buffer.return_len();
            let mut data = vec![0; size.clamp(1, 64) as usize];
            let read = buffer.get_ro_dynptr(&args.arena).read(&args.arena, &mut data, 0, 0);
            data.truncate(size as usize);
            let read = read.code;
            SeenBuffer { name, size, read, data, action: None }
        })
        .collect()
}

fn apply(
    table: &'static AbiTable,
    slot: Slot,
    rule: &Rule,
    args: &mut CallArgs,
    seen: &mut SeenCall,
) {
    for (field, value) in &rule.fields {
        args.set_field(table, &field_path(slot, field), *value);
    }
    for (name, action) in &rule.buffers {
        if action.op == 0 {
            continue;
        }
        let Some((dir, index)) = table.operation(args.op).arg_position(name) else { continue };
        let Some((buffer, arena)) = args.buffer_mut(dir, index) else { continue };
        let known = seen.buffers.iter_mut().find(|seen| &seen.name == name);
        let Some(known) = known else { continue };
        known.action = Some(work(action, buffer, arena, known.size));
    }
    for (field, value) in &rule.meta {
        args.set_field(table, &format!("meta.{field}"), *value);
    }
}

/// The table's path of a recorded field: create_open's two out structs have names of their own.
pub(super) fn field_path(slot: Slot, field: &str) -> String {
    let create = matches!(slot, Slot::Member(Op::CreateOpen, _));
    match field.split_once('.') {
        Some(("out", rest)) if create => match rest.split_once('.') {
            Some(("entry", rest)) => format!("entry_out.{rest}"),
            Some(("open", rest)) => format!("out.{rest}"),
            _ => field.to_owned(),
        },
        _ => field.to_owned(),
    }
}

/// The recorder's work on a buffer, by its `op` (observations README, "The filter used").
fn work(
    action: &BufferAction,
    buffer: &mut FuseBuffer,
    arena: &mut Arena,
    current: u32,
) -> SeenAction {
    let size = if action.size == CURRENT_SIZE { current } else { action.size };
    let size = u64::from(size);
    let size2 = u64::from(action.size2);
    let mut seen = SeenAction::default();
    let write = |dynptr: &Dynptr, arena: &mut Arena| {
        if action.data.is_empty() {
            return 0;
        }
        dynptr.write(arena, action.offset, &action.data, 0).code
    };
    match action.op {
        6 => {
            let dynptr = buffer.get_ro_dynptr(arena);
            seen.dynptr_size = dynptr.size() as i32;
            seen.write = write(&dynptr, arena);
        }
        4 => {
            let first = buffer.get_rw_dynptr(arena, size, action.copy);
            seen.first_size = Some(first.size() as i32);
            let second = buffer.get_rw_dynptr(arena, size2, action.copy2);
            seen.dynptr_size = second.size() as i32;
            seen.write = write(&first, arena);
        }
        op => {
            if matches!(op, 2 | 3 | 5) {
                let copy = op == 2 || action.copy;
                let first = buffer.get_rw_dynptr(arena, size, copy);
                seen.first_size = Some(first.size() as i32);
            }
            let (size, copy) = match op {
                5 => (size2, action.copy2),
                2 => (size, false),
                _ => (size, action.copy),
            };
            let dynptr = buffer.get_rw_dynptr(arena, size, copy);
            seen.dynptr_size = dynptr.size() as i32;
            let mut before = vec![0; dynptr.size().clamp(1, 32) as usize];
            if dynptr.read(arena, &mut before, 0, 0).code == 0 {
                before.truncate(dynptr.size() as usize);
                seen.before_write = Some(before);
            }
            seen.write = write(&dynptr, arena);
        }
    }
    seen.size_after = buffer.return_len();
    seen
}
