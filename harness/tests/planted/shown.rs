//! A program for each mistake of a series that shows it: the judges reject what is wrong and accept
//! the twin. It says that a search could find the mistake, and nothing about whether one does.
//! Those of `later` are here.

use fuserig::prelude::*;
use fuserig::sim::Switch;

use super::program::clients;
use super::suite::{Planted, TREE, later};

/// Steps of a call before which the other client is let in.
const STEPS: u32 = 48;

/// Name, and the program over the common tree.
const FILTERS: [(&str, &str); 16] = [
    ("the two dots are hidden with the rest", "0: open . r; getdents #0 4096"),
    ("the end of a listing is asked for again", "0: open . r; getdents #0 4096; getdents #0 4096"),
    ("another value has the old length", "0: getxattr b user.a 0"),
    ("a mode is shown without its type", "0: stat b"),
    ("what was renamed is not known again", "0: mkdir x 755; rename x y; rmdir y"),
    ("what was asked for counts as read", "0: open b r; read #0 70000 at 0; read #0 1 at 0"),
    ("to read and append is to write", "0: open b r,append"),
    ("an owner that is not set is looked at", "1000: open e/x w,create 644; chmod e/x 600"),
    ("now is looked for at the other time", "0: touch b"),
    (
        "a NUL is counted as a letter",
        "0: mkdir nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\
         nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn 755",
    ),
    ("two dots in a name lead upwards", "0: symlink l -> a..b"),
    ("who may run nothing may not walk", "1000: stat d/a"),
    ("a seek back is before the start", "0: open b r; seek #0 -1 2"),
    ("space behind the end is growth", "0: open b rw; fallocate #0 0x1 0+8192"),
    ("a directory is opened as a file is", "1000: open d r"),
    ("by default nothing is flushed", "0: open b r; close #0"),
];

const LOWERS: [(&str, &str); 10] = [
    ("a directory takes the mode of its place", "0: mkdir x 700; rename x e; stat e"),
    (
        "setuid survives a write",
        "0: chmod b 4666 | 1000: open b rw; write #0 1 x 0x6e at 0; stat b",
    ),
    ("the end is where it was at the open", "0: open b rw; write #0 9 x 0x6e at 0; seek #0 0 2"),
    ("a link is nothing long", "0: lstat link"),
    (
        "a setgid directory gives no group",
        "0: chown e 0:7; chmod e 2777; open e/x w,create 644; stat e/x",
    ),
    ("a value that does not fit is cut", "0: setxattr b user.a value; getxattr b user.a 2"),
    (
        "offsets begin again at four gigabytes",
        "0: open b rw; write #0 1 x 0x6e at 4294967296; read #0 1 at 0",
    ),
    ("zeros behind the end do not move it", "0: open b rw; fallocate #0 0x10 0+9; stat b"),
    ("owners may do what others may", "1000: open e/x w,create 004; access e/x 4"),
    ("what was not there cannot be moved there", "0: stat x; rename b x; stat x"),
];

const DAEMONS: [(&str, &str); 4] = [
    ("sends numbers in the order of the network", "0: mkdir x 700; stat x"),
    ("serves only who came first", "0: mkdir x 755 | 1000: mkdir e/x 755"),
    ("applies the umask of its own process", "0: mkdir x 755; stat x"),
    ("answers an errno that the kernel keeps", "0: rmdir e"),
];

/// The other client is let in while the first one is in a call.
const RACES: [(&str, &str); 6] = [
    ("the opens of a user are taken for one", "0: open notes.txt r; open b w | 0: open b w"),
    ("a removal ends the rename of another", "0: rename d/a d/y | 0: unlink notes.txt; rename b c"),
    (
        "who fails restores what was before",
        "0: mkdir x 755; mkdir y 755; mkdir z 755; mkdir e/f 755; mkdir e/f/g 755; rmdir e/f; \
         rmdir y; rmdir z | 0: rmdir x",
    ),
    ("who is refused is never done", "0: mkdir e/x 755; mkdir y 755 | 0: mkdir d/x 755"),
    (
        "who asks first is answered first",
        "0: setxattr b user.b v; getxattr b user.a 9 | 0: getxattr b user.b 9",
    ),
    ("one of two closes and none is open", "0: open b r; unlink d/a | 0: open b r; close #0"),
];

const CRASHES: [(&str, &str); 4] = [
    ("a length that was set is not synced", "0: open b rw; ftruncate #0 9; fsync #0"),
    ("what was copied is not synced", "0: open notes.txt r; open b rw; copy #1 to #0 2; fsync #0"),
    ("what was overwritten is not synced", "0: open b rw; write #0 1 x 0x6e at 0; fsync #0"),
    (
        "as many names as before are not synced",
        "0: open d r,dir; mkdir d/x 755; unlink d/a; fsync #0",
    ),
];

/// What the judges of a mistake say to a subject.
fn found(planted: &Planted, subject: &Subject, case: &Case) -> Option<Violation> {
    let subject = subject.clone().over(TREE);
    let subject = match planted.crashes {
        Some(durability) => subject.crashing(CrashSearch::every(durability)),
        None => subject,
    };
    let campaign = Simulation::of_case(case.clone()).run(subject).check_all((planted.judges)());
    campaign.violation()
}

/// The case of a program, and for a race the same with a switch in each of its first steps.
fn cases(planted: &Planted, text: &str) -> Vec<Case> {
    let case = Case { tree: TREE.to_owned(), clients: clients(text), ..Case::default() };
    if planted.kind != "race" {
        return vec![case];
    }
    let calls = 0..case.clients[0].actions.len();
    let places = calls.flat_map(|action| (0..STEPS).map(move |step| (action, step)));
    let switched = |(action, step)| {
        let mut case = case.clone();
        case.schedule.switches = vec![Switch { client: 0, action, step, to: 1 }];
        case
    };
    places.map(switched).collect()
}

/// What the judges say to a mistake in its program, unless they say nothing or something to its
/// twin as well.
fn shown(planted: &Planted, text: &str) -> Result<Violation, String> {
    let (name, cases) = (planted.name, cases(planted, text));
    let alarm = cases.iter().find_map(|case| found(planted, &planted.right, case));
    if let Some(alarm) = alarm {
        return Err(format!("the twin of `{name}`: {alarm}"));
    }
    let violation = cases.iter().find_map(|case| found(planted, &planted.wrong, case));
    violation.ok_or_else(|| format!("`{name}` does not show"))
}

/// Each of a series is shown by its program.
#[expect(clippy::print_stdout, reason = "what each is shown by is for who reads the test")]
pub(crate) fn all_show(series: &[Planted], programs: &[(&str, &str)]) {
    assert_eq!(series.len(), programs.len(), "each has one program");
    let mut doubts = Vec::new();
    for mistake in series {
        let (kind, name) = (mistake.kind, mistake.name);
        let program = programs.iter().find(|(other, _)| *other == name);
        let said = program
            .map_or(Err(format!("`{name}` has no program")), |(_, text)| shown(mistake, text));
        match said {
            Ok(violation) => println!("{kind:<8}{name:<44}{violation}"),
            Err(doubt) => doubts.push(doubt),
        }
    }
    assert!(doubts.is_empty(), "{doubts:#?}");
}

#[test]
fn every_later_mistake_can_show() {
    all_show(&later(), &[&FILTERS[..], &LOWERS, &DAEMONS, &RACES, &CRASHES].concat());
}
