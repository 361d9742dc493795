//! What a step of a scenario caused, as the events say it.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Abi, CallArgs, Slot};

use super::lex::show_code;
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
    /// All of it in the order it came, in the words of a scenario.
    pub(super) lines: Vec<String>,
}

/// Shared between the sink, which the world owns, and the run.
pub(super) type Shared = Rc<RefCell<Seen>>;

/// The sink of a scenario.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) seen: Shared,
    pub(super) abi: Abi,
}

impl Sink for Watch {
    fn event(&mut self, event: &Event<'_>) {
        let mut seen = self.seen.borrow_mut();
        match event.what {
            What::Call { slot, args } => {
                seen.calls.push(SeenCall { slot, args: args.clone(), code: None });
                let node = args.meta.nodeid;
                // Android's meta information is the window itself, whose fields scenarios lack.
                seen.lines.push(match self.abi {
                    Abi::Android => format!("filter {}", slot.name()),
                    _ => format!("filter {} nodeid={node}", slot.name()),
                });
            }
            What::Return { code, .. } => {
                if let Some(call) = seen.calls.last_mut() {
                    call.code = Some(code);
                }
                // What a member prints stands before its return.
                if let Some(call) = seen.lines.iter_mut().rfind(|line| line.starts_with("filter")) {
                    call.push_str(&format!(" -> {}", show_code(self.abi, code)));
                }
            }
            What::Print { line } => {
                // The quotes of a scenario know no escaped apostrophe.
                let text = line.as_bytes().escape_ascii().to_string().replace("\\'", "'");
                seen.lines.push(format!("print \"{text}\""));
                seen.prints.push(line.to_owned());
            }
            What::Quirk { quirk } | What::Crash { quirk } => {
                seen.lines.push(format!("quirk {}", quirk.id()));
                seen.quirks.push(quirk.id().to_owned());
            }
            What::Trap { trap } => seen.traps.push(trap.summary()),
            _ => {}
        }
    }
}
