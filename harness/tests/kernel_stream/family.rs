//! Programs about processes: children, what they have and leave, and what closes when a program is
//! executed.

use fuserig::sim::Action::{self, Exec, Exit, Fork};

use super::scripts::{Script, close, fstat, open, read, stat, write};

const CLOEXEC: u32 = 0o2_000_000;

/// As the super-user and as another.
pub(crate) fn about_processes() -> Vec<Script> {
    let scripts = [("forks", shared()), ("programs", executed()), ("locks of children", locked())];
    let both = scripts
        .into_iter()
        .flat_map(|(name, steps)| [(name, 0, steps.clone()), (name, 1000, steps)]);
    both.collect()
}

fn stands(file: u8) -> Action {
    Action::Seek { file, offset: 0, whence: 1 }
}

fn chdir(path: &str) -> Action {
    Action::Chdir { path: path.into() }
}

fn marked(path: &str) -> Action {
    open(path, CLOEXEC | 2)
}

fn cloexec(file: u8, on: bool) -> Action {
    Action::SetCloexec { file, on }
}

fn flock(file: u8, kind: u32) -> Action {
    Action::Flock { file, kind, waits: false }
}

fn range(kind: u32, start: i64, length: i64) -> Action {
    Action::Lock { file: 0, kind, start, length, waits: false }
}

fn shared() -> Vec<Action> {
    vec![
        open("a", 2),
        read(2),
        open("d/b", 2),
        Fork,
        read(3),
        stands(1),
        close(),
        Action::Dup { file: 0 },
        Action::Umask { mask: 0o077 },
        chdir("d"),
        open("new", 0o102),
        Fork,
        write(3),
        chdir("e"),
        Exit,
        stands(0),
        stat("b"),
        Exit,
        stands(0),
        stands(1),
        stat("d/new"),
        open("d/other", 0o102),
        Fork,
        Fork,
        Fork,
        Fork,
        Action::Unlink { path: "d/other".into() },
        Exit,
        close(),
        Exit,
        write(5),
        Exit,
        Exit,
        fstat(),
    ]
}

fn executed() -> Vec<Action> {
    vec![
        marked("a"),
        open("d/b", 2),
        Action::Dup { file: 1 },
        marked("open"),
        Action::Dup2 { file: 1, onto: 0 },
        marked("suid"),
        cloexec(0, false),
        open("notes.txt", 0),
        cloexec(0, true),
        Fork,
        cloexec(1, true),
        Exec,
        fstat(),
        Exit,
        fstat(),
        Exec,
        fstat(),
        read(10),
        Exec,
    ]
}

fn locked() -> Vec<Action> {
    vec![
        open("a", 2),
        range(1, 0, 5),
        flock(0, 1),
        Fork,
        range(0, 0, 1),
        range(1, 5, 5),
        flock(0, 0),
        open("a", 2),
        flock(0, 1),
        close(),
        close(),
        Exit,
        Fork,
        range(1, 4, 1),
        range(1, 5, 1),
        open("a", 2),
        flock(0, 1),
        Exec,
        Exit,
        range(1, 5, 1),
        flock(0, 1),
    ]
}
