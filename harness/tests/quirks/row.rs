//! One row: lines of the recorder's language, and what they show.

use fuserig::conform::Script;
use fuserig::pipeline::Stop;
use fuserig_abi::{Abi, Fidelity, Quirk};

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look {
    /// The result of the last call.
    Last,
    /// The members called by the last call.
    Members,
    /// What the daemon was asked.
    Asked,
    /// What the daemon was told to forget.
    Forgotten,
    /// Leaked handles, lower files, pages and buffers.
    Leaks,
    /// What the last call of this member saw.
    Saw(&'static str, &'static str),
}

/// What the same lines give when the kernel does what was meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meant {
    /// This, and no report of the quirk.
    Gives(&'static str),
    /// The same, for this reason: the behaviour is a missing ability or a consistent oddity, and
    /// nobody meant another. No report either.
    Same(&'static str),
    /// No report, which is the only trace here, for this reason.
    Unseen(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) abi: Abi,
    pub(crate) table: &'static str,
    pub(crate) daemon: bool,
    pub(crate) backed: bool,
    pub(crate) defaults: [i32; 3],
    pub(crate) rules: &'static [&'static str],
    pub(crate) calls: &'static [&'static str],
    pub(crate) look: Look,
    pub(crate) faithful: &'static str,
    pub(crate) intended: Meant,
    /// Whether the pipeline can know, and says, that it was stepped on.
    pub(crate) reported: bool,
}

/// A row of v4 with every member, without a daemon.
pub(crate) const PLAIN: Row = Row {
    id: "",
    abi: Abi::V4,
    table: "all",
    daemon: false,
    backed: true,
    defaults: [0, 0, 0],
    rules: &[],
    calls: &[],
    look: Look::Last,
    faithful: "",
    intended: Meant::Same(""),
    reported: true,
};

/// A row with a daemon.
pub(crate) const SERVED: Row = Row { daemon: true, ..PLAIN };

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) text: String,
    pub(crate) hits: Vec<Quirk>,
}

impl Row {
    pub(crate) fn play(&self, fidelity: Fidelity) -> Seen {
        self.play_on(self.abi, fidelity)
    }

    pub(crate) fn play_on(&self, abi: Abi, fidelity: Fidelity) -> Seen {
        let script = Script {
            abi,
            fidelity,
            table: self.table,
            daemon: self.daemon,
            backed: self.backed,
            defaults: self.defaults,
            rules: self.rules,
            calls: self.calls,
        };
        let played = script.play().unwrap_or_else(|why| panic!("{}: {why}", self.id));
        let text = match (played.stop, self.look) {
            (Some(Stop::Crash(quirk)), _) => format!("crash {quirk}"),
            (Some(Stop::Hang(quirk)), _) => format!("hang {quirk}"),
            (Some(Stop::Unanswered(opcode)), _) => format!("no answer to {opcode}"),
            (None, Look::Last) => played.results.last().cloned().unwrap_or_default(),
            (None, Look::Members) => played.members.last().cloned().unwrap_or_default(),
            (None, Look::Asked) => played.asked.join(" "),
            (None, Look::Forgotten) => format!("{:?}", played.forgotten),
            (None, Look::Saw(member, what)) => match played.saw(member, what) {
                Some(number) => number.to_string(),
                None => "no such call".to_owned(),
            },
            (None, Look::Leaks) => {
                let leaks = played.leaks;
                let list = [leaks.handles, leaks.lower_files, leaks.pages, leaks.buffers];
                format!("{list:?}")
            }
        };
        Seen { text, hits: played.hits }
    }

    /// A built-in version that has not got the quirk.
    pub(crate) fn version_without(&self) -> Option<Abi> {
        let quirk = Quirk::from_id(self.id)?;
        [Abi::V3, Abi::V4].into_iter().find(|&abi| !quirk.in_version(abi))
    }
}
