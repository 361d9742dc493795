//! Programs in the words of a report: `0: mkdir x 755; rmdir x | 1000: stat b` is one client of
//! the super-user and one of another user. Only `setxattr` differs, which names its value.

use fuserig::prelude::*;
use fuserig::sim::Stamp;
use fuserig_sim_fs::OpenFlags;

fn number<T: core::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
}

fn octal(word: &str) -> u32 {
    u32::from_str_radix(word, 8).unwrap_or_else(|_| panic!("{word} is no mode"))
}

fn hex(word: &str) -> u32 {
    let digits = word.strip_prefix("0x").unwrap_or_else(|| panic!("{word} lacks 0x"));
    u32::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("{word} is no number"))
}

fn file(word: &str) -> u8 {
    number(word.strip_prefix('#').unwrap_or_else(|| panic!("{word} is no file")))
}

fn flags(word: &str) -> u32 {
    number(word.strip_prefix("flags=").expect("flags come last"))
}

fn setxattr(path: &str, name: &str, value: &str, flags: u32) -> Action {
    Action::Setxattr { path: path.into(), name: name.into(), value: value.into(), flags }
}

fn open(path: &str, flags: &str, mode: u32) -> Action {
    let flag = |word| match word {
        "r" => 0,
        "w" => 1,
        "rw" => 2,
        "create" => OpenFlags::CREAT.bits(),
        "append" => OpenFlags::APPEND.bits(),
        "trunc" => OpenFlags::TRUNC.bits(),
        "dir" => OpenFlags::DIRECTORY.bits(),
        "cloexec" => OpenFlags::CLOEXEC.bits(),
        "sync" => (OpenFlags::DSYNC | OpenFlags::SYNC_METADATA).bits(),
        other => panic!("{other} is no flag"),
    };
    Action::Open { path: path.into(), flags: flags.split(',').map(flag).sum(), mode }
}

/// The calls on open files.
fn on_file(words: &[&str]) -> Option<Action> {
    Some(match *words {
        ["close", which] => Action::Close { file: file(which) },
        ["read", which, size, "at", at] => {
            Action::Read { file: file(which), size: number(size), offset: Some(number(at)) }
        }
        ["write", which, size, "x", fill, "at", at] => {
            let fill = u8::try_from(hex(fill)).expect("a byte");
            let offset = Some(number(at));
            Action::Write { file: file(which), size: number(size), fill, offset }
        }
        ["seek", which, offset, whence] => {
            Action::Seek { file: file(which), offset: number(offset), whence: number(whence) }
        }
        ["ftruncate", which, size] => Action::Ftruncate { file: file(which), size: number(size) },
        ["fallocate", which, mode, range] => {
            let (offset, length) = range.split_once('+').expect("a range is two numbers");
            let (offset, length) = (number(offset), number(length));
            Action::Fallocate { file: file(which), mode: hex(mode), offset, length }
        }
        ["fsync", which] => Action::Fsync { file: file(which), datasync: false },
        ["fstat", which] => Action::Fstat { file: file(which) },
        ["fdatasync", which] => Action::Fsync { file: file(which), datasync: true },
        ["getdents", which, space] => Action::List { file: file(which), space: number(space) },
        ["copy", from, "to", to, length] => {
            let (from, to, length) = (file(from), file(to), number(length));
            Action::Copy { from, to, length, from_at: 0, to_at: 0 }
        }
        ["copy", from, "at", from_at, "to", to, "at", to_at, length] => {
            let (from, to, length) = (file(from), file(to), number(length));
            Action::Copy { from, to, length, from_at: number(from_at), to_at: number(to_at) }
        }
        ["dup2", which, "onto", other] => Action::Dup2 { file: file(which), onto: file(other) },
        ["close_range", first, "to", last] => {
            Action::CloseRange { first: file(first), last: file(last) }
        }
        ["cloexec", which, "on"] => Action::SetCloexec { file: file(which), on: true },
        ["cloexec", which, "off"] => Action::SetCloexec { file: file(which), on: false },
        ["fork"] => Action::Fork,
        ["exec"] => Action::Exec,
        ["exit"] => Action::Exit,
        ["sendfile", from, "at", from_at, "to", to, length] => Action::Sendfile {
            from: file(from),
            to: file(to),
            length: number(length),
            from_at: number(from_at),
        },
        _ => return None,
    })
}

/// A time as reports show it.
fn stamp(text: &str) -> Stamp {
    match text.split_once('.') {
        Some((sec, nsec)) => Stamp::At { sec: number(sec), nsec: number(nsec) },
        None if text == "now" => Stamp::Now,
        None => Stamp::Omit,
    }
}

/// The calls on paths.
fn on_path(words: &[&str]) -> Option<Action> {
    Some(match *words {
        ["open", path, flags] => open(path, flags, 0),
        ["open", path, flags, mode] => open(path, flags, octal(mode)),
        ["stat", path] => Action::Stat { path: path.into(), follow: true },
        ["lstat", path] => Action::Stat { path: path.into(), follow: false },
        ["access", path, mode] => Action::Access { path: path.into(), mode: number(mode) },
        ["statfs", path] => Action::Statfs { path: path.into() },
        ["mkdir", path, mode] => Action::Mkdir { path: path.into(), mode: octal(mode) },
        ["mknod", path, mode] => Action::Mknod { path: path.into(), mode: octal(mode), device: 0 },
        ["link", source, path] => Action::Link { source: source.into(), path: path.into() },
        ["symlink", path, "->", to] => Action::Symlink { target: to.into(), path: path.into() },
        ["unlink", path] => Action::Unlink { path: path.into() },
        ["rmdir", path] => Action::Rmdir { path: path.into() },
        ["rename", old, new] => Action::Rename { old: old.into(), new: new.into(), flags: 0 },
        ["rename", old, new, last] => {
            Action::Rename { old: old.into(), new: new.into(), flags: flags(last) }
        }
        ["chmod", path, mode] => Action::Chmod { path: path.into(), mode: octal(mode) },
        ["chown", path, owner] => {
            let (uid, gid) = owner.split_once(':').expect("an owner and a group");
            Action::Chown { path: path.into(), uid: number(uid), gid: number(gid) }
        }
        ["touch", path] => Action::Touch { path: path.into() },
        ["times", path, atime, mtime] => {
            Action::Times { path: path.into(), atime: stamp(atime), mtime: stamp(mtime) }
        }
        ["truncate", path, size] => Action::Truncate { path: path.into(), size: number(size) },
        ["readlink", path] => Action::readlink(path),
        ["getxattr", path, name, size] => {
            Action::Getxattr { path: path.into(), name: name.into(), size: number(size) }
        }
        ["listxattr", path, size] => Action::Listxattr { path: path.into(), size: number(size) },
        ["setxattr", path, name, value] => setxattr(path, name, value, 0),
        ["setxattr", path, name, value, last] => setxattr(path, name, value, flags(last)),
        _ => return None,
    })
}

fn action(text: &str) -> Action {
    let words: Vec<&str> = text.split_whitespace().collect();
    let action = on_file(&words).or_else(|| on_path(&words));
    action.unwrap_or_else(|| panic!("`{text}` is no call"))
}

fn program(text: &str) -> Program {
    let (uid, actions) = text.split_once(':').expect("the user comes first");
    Program::of(number(uid.trim()), actions.split(';').map(action).collect())
}

/// The clients of a text.
pub(crate) fn clients(text: &str) -> Vec<Program> {
    text.split('|').map(program).collect()
}
