//! Both arms of every quirk that is shown: what came of it on the kernel as it is and on the kernel
//! as it was meant, whichever table it stands in, and what must hold of the two.

use fuserig_abi::{Fidelity, Quirk, QuirkClass};

use super::both::{self, Both, Instead};
use super::own::{self, Own};
use super::row::{Meant, Row};
use super::{buffers, daemon, operations};

/// What came of a quirk in one fidelity, and whether it was reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arm {
    pub(crate) text: String,
    pub(crate) hit: bool,
}

/// How the kernel as it was meant differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// In what came of it.
    Differs,
    /// In the report alone: a missing ability or a consistent oddity that nobody meant otherwise.
    Kept(&'static str),
    /// In the report alone, which is the only trace.
    Unseen(&'static str),
}

/// A quirk that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Arms {
    pub(crate) quirk: Quirk,
    pub(crate) faithful: Arm,
    pub(crate) intended: Arm,
    pub(crate) absence: Absence,
    /// Whether the pipeline can know, and says, that it was stepped on.
    pub(crate) reported: bool,
}

fn quirk(id: &str) -> Quirk {
    Quirk::from_id(id).unwrap_or_else(|| panic!("{id} stands in no table"))
}

fn absence(meant: Meant) -> Absence {
    match meant {
        Meant::Gives(_) => Absence::Differs,
        Meant::Same(reason) => Absence::Kept(reason),
        Meant::Unseen(reason) => Absence::Unseen(reason),
    }
}

pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [daemon::ROWS, operations::ROWS, buffers::ROWS].into_iter().flatten()
}

/// Plays everything, and notes what is not as the tables say.
pub(crate) fn play(wrong: &mut Vec<String>) -> Vec<Arms> {
    let mut arms: Vec<Arms> = rows().map(|row| of_row(row, wrong)).collect();
    arms.extend(both::TABLE.iter().map(|both| of_both(both, wrong)));
    arms.extend(own::TABLE.iter().map(|own| of_own(own, wrong)));
    arms
}

fn compare(id: &str, expected: [&str; 2], seen: [&Arm; 2], wrong: &mut Vec<String>) {
    for ((expected, seen), fidelity) in expected.into_iter().zip(seen).zip(Fidelity::ALL) {
        if seen.text != expected {
            wrong.push(format!("{id} {fidelity}: {:?} and not {expected:?}", seen.text));
        }
    }
}

fn expected(faithful: &'static str, meant: Meant) -> [&'static str; 2] {
    match meant {
        Meant::Gives(text) => [faithful, text],
        Meant::Same(_) | Meant::Unseen(_) => [faithful, faithful],
    }
}

fn of_row(row: &Row, wrong: &mut Vec<String>) -> Arms {
    let [faithful, intended] = Fidelity::ALL.map(|fidelity| {
        let seen = row.play(fidelity);
        Arm { text: seen.text, hit: seen.hits.contains(&quirk(row.id)) }
    });
    compare(row.id, expected(row.faithful, row.intended), [&faithful, &intended], wrong);
    let absence = absence(row.intended);
    Arms { quirk: quirk(row.id), faithful, intended, absence, reported: row.reported }
}

/// What comes of a scenario is what it says, once nothing fails.
fn of_both(both: &Both, wrong: &mut Vec<String>) -> Arms {
    let [faithful, intended] = Fidelity::ALL.map(|fidelity| {
        let report = both.play(fidelity);
        let failures = report.failures.iter();
        wrong.extend(failures.map(|failure| format!("{} {fidelity}: {failure}", both.id)));
        let hit = report.quirks.contains_key(both.id);
        Arm { text: both.expected(fidelity), hit }
    });
    let absence = match both.instead {
        Instead::Otherwise => Absence::Differs,
        Instead::Same(reason) => Absence::Kept(reason),
        Instead::Unseen(reason) => Absence::Unseen(reason),
    };
    Arms { quirk: quirk(both.id), faithful, intended, absence, reported: true }
}

fn of_own(own: &Own, wrong: &mut Vec<String>) -> Arms {
    let [faithful, intended] = Fidelity::ALL.map(|fidelity| {
        let shown = (own.show)(fidelity);
        Arm { text: shown.text, hit: shown.hit }
    });
    compare(own.id, expected(own.faithful, own.intended), [&faithful, &intended], wrong);
    let absence = absence(own.intended);
    Arms { quirk: quirk(own.id), faithful, intended, absence, reported: true }
}

impl Arms {
    /// What is missing of the two arms.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut say = |what: &str| missing.push(format!("{} {what}", self.quirk));
        if self.faithful.hit != self.reported {
            say("is not reported as its row says");
        }
        if self.intended.hit {
            say("is reported by the kernel as it was meant");
        }
        let differs = self.faithful.text != self.intended.text;
        match self.absence {
            Absence::Differs if !differs => say("shows no difference between the fidelities"),
            Absence::Differs => {}
            Absence::Kept(_) | Absence::Unseen(_) if differs => say("is said to be the same"),
            Absence::Kept(reason) | Absence::Unseen(reason) if reason.len() <= 16 => {
                say("has no sentence as reason");
            }
            Absence::Unseen(_) if !self.faithful.hit => say("has no trace at all"),
            Absence::Kept(_)
                if matches!(self.quirk.klass(), QuirkClass::Crash | QuirkClass::Bug) =>
            {
                say("is a mistake, which the kernel as it was meant has not");
            }
            Absence::Kept(_) | Absence::Unseen(_) => {}
        }
        missing
    }
}
