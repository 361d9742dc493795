//! What a step of a scenario caused, as the events say it.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{CallArgs, Slot};

use crate::pipeline::{Event, Sink, What};

/// One call of a member: what it saw and what it returned.
#[derive(Clone, Debug)]
pub(super) struct SeenCall {
    pub(super) slot: Slot,
    pub(super) args: CallArgs,
    pub(super) code: Option<i32>,
}

/// Everything since the last step.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) calls: Vec<SeenCall>,
    pub(super) prints: Vec<String>,
    pub(super) quirks: Vec<String>,
    pub(super) traps: Vec<String>,
}

/// Shared between the sink, which the world owns, and the run.
pub(super) type Shared = Rc<RefCell<Seen>>;

/// The sink of a scenario.
#[derive(Debug)]
pub(super) struct Watch(pub(super) Shared);

impl Sink for Watch {
    fn event(&mut self, event: &Event<'_>) {
        let mut seen = self.0.borrow_mut();
        match event.what {
            What::Call { slot, args } => {
                seen.calls.push(SeenCall { slot, args: args.clone(), code: None });
            }
            What::Return { code, .. } => {
                if let Some(call) = seen.calls.last_mut() {
                    call.code = Some(code);
                }
            }
            What::Print { line } => seen.prints.push(line.to_owned()),
            What::Quirk { quirk } | What::Crash { quirk } => {
                seen.quirks.push(quirk.id().to_owned());
            }
            What::Trap { trap } => seen.traps.push(trap.summary()),
            _ => {}
        }
    }
}
