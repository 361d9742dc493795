//! Things that are wrong on purpose, each with its correct twin and with what judges it.
//!
//! They were written before anybody looked at how the search does on them; those of `held_out`, of
//! `blind`, of `fresh` and of `unseen` came after the search was improved on those before them, and
//! are counted apart, as are those of `later`, of `unknown`, of `further`, of `beyond`, of
//! `outside` and of `elsewhere`, which came last. Each is a mistake that somebody could make in a
//! filter, in the filesystem below, in a daemon, between two clients, or in the order of what
//! becomes durable.

mod beyond;
mod blind;
mod bpf;
mod crashes;
mod daemons;
mod elsewhere;
mod fresh;
mod further;
mod held_out;
mod later;
mod lowers;
mod more;
pub(crate) mod mutants;
mod outside;
mod races;
mod unknown;
mod unseen;

use fuserig::prelude::*;
use fuserig::sim::{Class, Corpus};

/// The names that filters are about beside names to show.
pub(crate) const TREE: &str = "/notes.txt 'hi'\n/.secret 'no'\n/d/\n/d/a 'abc'\n/d/.secret 's'\n\
                               /d/x.jpg 'jpg'\n/e/ mode=0777\n/b mode=0666 'bbb' xattr.user.a='v'\n\
                               /link -> d/a";

/// A result, or what was found instead.
pub(crate) type Found<T> = Result<T, Box<Finding>>;

pub(crate) type Judges = Vec<Box<dyn Invariant>>;

/// One mistake.
pub(crate) struct Planted {
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) wrong: Subject,
    pub(crate) right: Subject,
    pub(crate) judges: Box<dyn Fn() -> Judges>,
    pub(crate) crashes: Option<Durability>,
}

/// An errno, or on with it.
fn refused(is: bool, errno: Errno) -> Verdict {
    if is { Verdict::Error(errno) } else { Verdict::Continue }
}

/// A filter without members.
fn nothing() -> FuseOps {
    FuseOps::new("nothing")
}

/// All that the search was improved on.
pub(crate) fn all() -> Vec<Planted> {
    let series =
        [lowers::all(), daemons::all(), races::all(), crashes::all(), bpf::all(), more::all()];
    series.into_iter().flatten().collect()
}

/// Those that the search was not improved on.
pub(crate) fn held_out() -> Vec<Planted> {
    held_out::all()
}

/// Those that were committed before the search was run on them.
pub(crate) fn blind() -> Vec<Planted> {
    blind::all()
}

/// Those that were committed before the search was run on them, after it was improved on `blind`.
pub(crate) fn fresh() -> Vec<Planted> {
    fresh::all()
}

/// Those that were written by somebody who did not know the search, and committed before it was
/// run on them.
pub(crate) fn unseen() -> Vec<Planted> {
    unseen::all()
}

/// Those that were written after `unseen` by somebody who did not know the search, each with a
/// program that shows it, and committed before it was run on them.
pub(crate) fn later() -> Vec<Planted> {
    later::all()
}

/// Those that were written after `later` in the same way, and committed before the search was run
/// on them.
pub(crate) fn unknown() -> Vec<Planted> {
    unknown::all()
}

/// Those that were written after `unknown` in the same way, and committed before the search was run
/// on them.
pub(crate) fn further() -> Vec<Planted> {
    further::all()
}

/// Those that were written after `further` in the same way, and committed before the search was run
/// on them.
pub(crate) fn beyond() -> Vec<Planted> {
    beyond::all()
}

/// Those that were written after `beyond` in the same way, as reviewers of stacked filesystems know
/// them, and committed before the search was run on them.
pub(crate) fn outside() -> Vec<Planted> {
    outside::all()
}

/// Those that were written after `outside` in the same way, as other systems have had them, and
/// committed before the search was run on them.
pub(crate) fn elsewhere() -> Vec<Planted> {
    elsewhere::all()
}

/// The word for a series, what it is called, and what is in it.
pub(crate) type Series = (&'static str, &'static str, fn() -> Vec<Planted>);

/// All of them, in the order in which they were written.
pub(crate) const SERIES: [Series; 11] = [
    ("kill", "planted", all),
    ("held-out", "held out", held_out),
    ("blind", "blind", blind),
    ("fresh", "fresh", fresh),
    ("unseen", "unseen", unseen),
    ("later", "later", later),
    ("unknown", "unknown", unknown),
    ("further", "further", further),
    ("beyond", "beyond", beyond),
    ("outside", "outside", outside),
    ("elsewhere", "elsewhere", elsewhere),
];

/// The mistakes of all series.
pub(crate) fn every() -> impl Iterator<Item = Planted> {
    SERIES.into_iter().flat_map(|(_, _, planted)| planted())
}

/// What holds for everything.
pub(crate) fn general() -> Judges {
    vec![
        Box::new(invariant::errno_envelope()),
        Box::new(invariant::no_leak()),
        Box::new(invariant::balance()),
    ]
}

impl Planted {
    fn search(
        &self,
        subject: &Subject,
        seed: u64,
        operations: u64,
        corpus: Option<Corpus>,
    ) -> Found<Summary> {
        let simulation = Simulation::new(Seed(seed)).name(".secret");
        let simulation = simulation.runs(u64::MAX).operations_max(operations);
        let simulation = match corpus {
            Some(corpus) => simulation.guided(corpus),
            None => simulation,
        };
        let simulation = match self.crashes {
            Some(durability) => simulation.crashes(durability),
            None => simulation,
        };
        let subject = subject.clone().over(TREE);
        simulation.run(subject).check_all((self.judges)()).result()
    }

    /// What a search with the settings of `fuzz`, which is guided, and so many operations finds.
    pub(crate) fn hunt(&self, seed: u64, operations: u64) -> Option<Box<Finding>> {
        self.search(&self.wrong, seed, operations, Some(Corpus::default())).err()
    }

    /// The same without guidance, as a test of a user's crate has it.
    pub(crate) fn hunt_unguided(&self, seed: u64, operations: u64) -> Option<Box<Finding>> {
        self.search(&self.wrong, seed, operations, None).err()
    }

    /// What a search finds in the correct twin, which should be nothing; the operations it took.
    /// Even seeds are guided, odd ones are not.
    pub(crate) fn false_alarm(&self, seed: u64, operations: u64) -> Found<u64> {
        let corpus = seed.is_multiple_of(2).then(Corpus::default);
        self.search(&self.right, seed, operations, corpus).map(|summary| summary.operations)
    }
}

/// The line of a kill list.
pub(crate) fn line(planted: &Planted, found: Option<&Finding>) -> String {
    let Planted { kind, name, .. } = planted;
    match found {
        None => format!("MISSED  {kind:<8}{name}"),
        Some(found) => {
            let (run, left) = (found.run + 1, found.case.operations());
            let how = &found.violation.invariant;
            let class = if found.class == Class::Crash { " (kernel crash)" } else { "" };
            format!("killed  {kind:<8}{name:<44}{how}{class}, run {run}, {left} operations")
        }
    }
}
