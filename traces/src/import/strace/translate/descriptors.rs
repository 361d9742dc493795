//! dup and relatives, fcntl, ioctl, flock: what is done to descriptors and not to files.

use super::super::args::signed;
use super::super::error::Trouble;
use super::super::report::LossKind;
use super::super::session::{Descriptor, Draft, Outcome, Scene, Session};
use super::super::syntax::{Annotation, integer};
use super::super::term::Term;
use super::Translate;
use crate::calls::{ArgKind, CallNr};
use crate::record::Value;

pub(super) const TRANSLATORS: &[(&str, Translate)] = &[
    ("dup", dup),
    ("dup2", dup_to),
    ("dup3", dup_to),
    ("fcntl", fcntl),
    ("fcntl64", fcntl),
    ("flock", flock),
    ("ioctl", ioctl),
];

fn dup(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let old = session.descriptor(scene, 0)?;
    duplicate(session, scene, old, false, |fd| {
        Draft::new(CallNr::DUP, [Value::Int(fd), Value::Int(-1)])
    })
}

fn dup_to(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let old = session.descriptor(scene, 0)?;
    let new = scene.call.int(1)?;
    // dup3 refuses what dup2 leaves alone; the row cannot tell them apart.
    if scene.call.name == "dup3" && scene.call.ret.errno == Some("EINVAL") {
        return Ok(Outcome::Quiet);
    }
    let cloexec = scene.call.args.get(2).is_some_and(|arg| arg.text == b"O_CLOEXEC");
    let outcome = duplicate(session, scene, old.clone(), cloexec, |fd| {
        Draft::new(CallNr::DUP, [Value::Int(fd), Value::Int(new)]).named_by(scene.call.name)
    })?;
    if cloexec && outcome == Outcome::Recorded && scene.call.succeeded() {
        let draft = Draft::new(CallNr::SET_CLOEXEC, [Value::Int(new), Value::UInt(1)]);
        session.imply(scene.pid, scene.line, scene.time_ns, draft);
    }
    Ok(outcome)
}

/// `old` has a copy under the number that the call returned.
fn duplicate(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    old: Descriptor,
    cloexec: bool,
    draft: impl FnOnce(i64) -> Draft,
) -> Result<Outcome, Trouble> {
    let new = scene.call.ret.value.filter(|_| scene.call.succeeded());
    match old {
        Descriptor::Inside(fd) => {
            let outcome = session.record(scene, draft(fd))?;
            let path = session.tasks.open(scene.pid, fd).map(|open| open.path.clone());
            match new {
                // dup2 of a descriptor to itself leaves even its flags alone.
                Some(new) if new != fd => {
                    session.opened(scene.pid, new, path.unwrap_or_default(), cloexec);
                }
                _ => {}
            }
            Ok(outcome)
        }
        Descriptor::Outside | Descriptor::Stranger => {
            // What was below the root under that number is closed by the call.
            if let Some(new) = new {
                session.close_implied(scene, new);
                session.tasks.remove(scene.pid, new);
            }
            let inside = scene.call.ret.annotation.as_ref().and_then(Annotation::path);
            match (old, inside) {
                (Descriptor::Stranger, Some(path)) => {
                    // Its loss is told already.
                    if let Some(new) = new {
                        session.tasks.note_stranger(scene.pid, new, path);
                    }
                    Ok(Outcome::Lost)
                }
                (Descriptor::Stranger, None) => Ok(Outcome::Lost),
                _ => Ok(Outcome::Outside),
            }
        }
    }
}

fn fcntl(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let descriptor = session.descriptor(scene, 0)?;
    let command = scene.call.arg(1)?;
    if let b"F_DUPFD" | b"F_DUPFD_CLOEXEC" = command.text {
        let cloexec = command.text == b"F_DUPFD_CLOEXEC";
        let least = scene.call.int(2)?;
        return duplicate(session, scene, descriptor, cloexec, |fd| {
            let args = [Value::Int(fd), Value::Int(least), Value::UInt(u64::from(cloexec))];
            Draft::new(CallNr::FCNTL_DUPFD, args)
        });
    }
    let fd = match descriptor {
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
        Descriptor::Inside(fd) => fd,
    };
    match command.text {
        b"F_SETFD" => {
            let on = scene.call.arg(2)?.text == b"FD_CLOEXEC";
            set_cloexec(session, scene, fd, on)
        }
        b"F_SETFL" => {
            let flags = scene.call.flags(2, ArgKind::OpenFlags)?;
            let args = [Value::Int(fd), Value::UInt(flags)];
            session.record(scene, Draft::new(CallNr::FCNTL_SETFL, args))
        }
        b"F_GETLK" | b"F_OFD_GETLK" | b"F_GETLK64" | b"F_SETLK" | b"F_SETLKW" | b"F_OFD_SETLK"
        | b"F_OFD_SETLKW" | b"F_SETLK64" | b"F_SETLKW64" => lock(session, scene, fd),
        b"F_GETFD"
        | b"F_GETFL"
        | b"F_GETPIPE_SZ"
        | b"F_SETPIPE_SZ"
        | b"F_GETOWN"
        | b"F_SETOWN"
        | b"F_GETOWN_EX"
        | b"F_SETOWN_EX"
        | b"F_GETSIG"
        | b"F_SETSIG"
        | b"F_GETLEASE"
        | b"F_SETLEASE"
        | b"F_NOTIFY"
        | b"F_GET_SEALS"
        | b"F_ADD_SEALS"
        | b"F_GET_RW_HINT"
        | b"F_SET_RW_HINT"
        | b"F_GET_FILE_RW_HINT"
        | b"F_SET_FILE_RW_HINT"
        | b"F_DUPFD_QUERY"
        | b"F_CREATED_QUERY" => Ok(Outcome::Quiet),
        _ if !scene.call.succeeded() => Ok(Outcome::Quiet),
        _ => Err(Trouble::new(command.at, "the command of fcntl is not known here")),
    }
}

fn set_cloexec(
    session: &mut Session<'_>,
    scene: &Scene<'_>,
    fd: i64,
    on: bool,
) -> Result<Outcome, Trouble> {
    if scene.call.succeeded()
        && let Some(open) = session.tasks.open(scene.pid, fd)
    {
        open.cloexec = on;
    }
    let args = [Value::Int(fd), Value::UInt(u64::from(on))];
    session.record(scene, Draft::new(CallNr::SET_CLOEXEC, args))
}

fn lock(session: &mut Session<'_>, scene: &Scene<'_>, fd: i64) -> Result<Outcome, Trouble> {
    let command = scene.call.arg(1)?;
    let request = scene.call.arg(2)?;
    let is_query = command.text.ends_with(b"_GETLK") || command.text.ends_with(b"_GETLK64");
    if is_query {
        // strace shows the answer in place of the question, and a question changes nothing.
        return Ok(Outcome::Quiet);
    }
    let term = Term::parse(request)?;
    let name = |field: &str| match term.field(field) {
        Some(Term::Name(name, None)) => core::str::from_utf8(name).ok(),
        _ => None,
    };
    let number = |field: &str| term.field(field).and_then(Term::int).and_then(signed);
    let wrong = |what: &str| Trouble::new(request.at, format!("expected `{what}` in the lock"));
    let parse = |kind: ArgKind, text: &str| kind.flags().and_then(|table| table.parse(text));
    let command_name =
        core::str::from_utf8(command.text).ok().map(|name| name.trim_end_matches("64"));
    let args = [
        Value::Int(fd),
        Value::UInt(
            command_name
                .and_then(|name| parse(ArgKind::LockCommand, name))
                .ok_or_else(|| Trouble::new(command.at, "expected a lock command"))?,
        ),
        Value::UInt(
            name("l_type")
                .and_then(|name| parse(ArgKind::LockType, name))
                .ok_or_else(|| wrong("l_type"))?,
        ),
        Value::Int(
            name("l_whence")
                .and_then(|name| parse(ArgKind::Whence, name))
                .and_then(|whence| i64::try_from(whence).ok())
                .ok_or_else(|| wrong("l_whence"))?,
        ),
        Value::Int(number("l_start").ok_or_else(|| wrong("l_start"))?),
        Value::Int(number("l_len").ok_or_else(|| wrong("l_len"))?),
    ];
    session.record(scene, Draft::new(CallNr::FCNTL_LOCK, args))
}

fn flock(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match session.descriptor(scene, 0)? {
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
        Descriptor::Inside(fd) => fd,
    };
    let operation = scene.call.flags(1, ArgKind::FlockOp)?;
    session.record(scene, Draft::new(CallNr::FLOCK, [Value::Int(fd), Value::UInt(operation)]))
}

/// Requests on files, with the numbers of x86-64 (linux/fs.h, asm-generic/ioctls.h).
const REQUESTS: &[(&str, u64)] = &[
    ("FIBMAP", 0x1),
    ("FIGETBSZ", 0x2),
    ("TCGETS", 0x5401),
    ("TCSETS", 0x5402),
    ("TCSETSW", 0x5403),
    ("TCSETSF", 0x5404),
    ("TCGETA", 0x5405),
    ("TIOCGPGRP", 0x540f),
    ("TIOCSPGRP", 0x5410),
    ("TIOCGWINSZ", 0x5413),
    ("FIONREAD", 0x541b),
    ("FIONBIO", 0x5421),
    ("TIOCGSID", 0x5429),
    ("TCGETS2", 0x802c_542a),
    ("FIONCLEX", 0x5450),
    ("FIOCLEX", 0x5451),
    ("FIOASYNC", 0x5452),
    ("FIOQSIZE", 0x5460),
    ("FS_IOC_GETFLAGS", 0x8008_6601),
    ("FS_IOC_SETFLAGS", 0x4008_6602),
    ("FS_IOC32_GETFLAGS", 0x8004_6601),
    ("FS_IOC32_SETFLAGS", 0x4004_6602),
    ("FS_IOC_GETVERSION", 0x8008_7601),
    ("FS_IOC_SETVERSION", 0x4008_7602),
    ("FS_IOC_FSGETXATTR", 0x801c_581f),
    ("FS_IOC_FSSETXATTR", 0x401c_5820),
    ("FS_IOC_FIEMAP", 0xc020_660b),
    ("FS_IOC_GETFSLABEL", 0x8100_9431),
    ("FS_IOC_SETFSLABEL", 0x4100_9432),
    ("FICLONE", 0x4004_9409),
    ("BTRFS_IOC_CLONE", 0x4004_9409),
    ("FICLONERANGE", 0x4020_940d),
    ("BTRFS_IOC_CLONE_RANGE", 0x4020_940d),
    ("FIDEDUPERANGE", 0xc018_9436),
    ("BTRFS_IOC_FILE_EXTENT_SAME", 0xc018_9436),
    ("BTRFS_IOC_GET_SUBVOL_INFO", 0x81f8_943c),
    ("BTRFS_IOC_INO_LOOKUP", 0xd000_9412),
    ("BTRFS_IOC_SUBVOL_GETFLAGS", 0x8008_9419),
    ("BTRFS_IOC_TREE_SEARCH", 0xd000_9411),
    ("FIFREEZE", 0xc004_5877),
    ("FITHAW", 0xc004_5878),
    ("FITRIM", 0xc018_5879),
    ("FS_IOC_GET_ENCRYPTION_POLICY", 0x400c_6615),
    ("FS_IOC_GET_ENCRYPTION_POLICY_EX", 0xc009_6616),
    ("FS_IOC_MEASURE_VERITY", 0xc004_6686),
    ("FAT_IOCTL_GET_ATTRIBUTES", 0x8004_7210),
    ("VFAT_IOCTL_READDIR_BOTH", 0x8230_7201),
    ("MTIOCTOP", 0x4008_6d01),
    ("MTIOCGET", 0x8030_6d02),
    ("BLKGETSIZE64", 0x8008_1272),
    ("BLKSSZGET", 0x1268),
    ("BLKDISCARD", 0x1277),
];

/// Requests that make a file share the contents of another.
const CLONES: &[u64] = &[0x4004_9409, 0x4020_940d, 0xc018_9436];

/// Requests that change files below the root in a way no row of the table says.
const CHANGING: &[u64] =
    &[0x4004_9409, 0x4020_940d, 0xc018_9436, 0x4008_6602, 0x4004_6602, 0x401c_5820, 0x4008_7602];

fn ioctl(session: &mut Session<'_>, scene: &Scene<'_>) -> Result<Outcome, Trouble> {
    let fd = match session.descriptor(scene, 0)? {
        Descriptor::Outside => return Ok(Outcome::Outside),
        Descriptor::Stranger => return Ok(Outcome::Lost),
        Descriptor::Inside(fd) => fd,
    };
    let arg = scene.call.arg(1)?;
    let request = match request(arg.text) {
        Some(0x5451) => return set_cloexec(session, scene, fd, true),
        Some(0x5450) => return set_cloexec(session, scene, fd, false),
        Some(request) => request,
        // What failed changed nothing, whatever it is called.
        None if !scene.call.succeeded() => return Ok(Outcome::Quiet),
        None => return Err(Trouble::new(arg.at, "the request of ioctl is not known here")),
    };
    // The source of a clone is on another filesystem, so outside: the two met and parted.
    if CLONES.contains(&request) && scene.call.ret.errno == Some("EXDEV") {
        return Ok(Outcome::Quiet);
    }
    if scene.call.succeeded() && CHANGING.contains(&request) {
        let what = String::from_utf8_lossy(arg.text).into_owned();
        return session.lost(scene, LossKind::NoRecord, what);
    }
    let args = [Value::Int(fd), Value::UInt(request)];
    session.record(scene, Draft::new(CallNr::IOCTL, args))
}

/// `TCGETS`, `BTRFS_IOC_CLONE or FICLONE`, `_IOC(_IOC_READ, 0x66, 0x1, 0x8)`, `0x5401`.
fn request(text: &[u8]) -> Option<u64> {
    if let Some(number) = integer(text) {
        return u64::try_from(number).ok();
    }
    let text = core::str::from_utf8(text).ok()?;
    if let Some(parts) = text.strip_prefix("_IOC(").and_then(|rest| rest.strip_suffix(")")) {
        let parts: Vec<&str> = parts.split(", ").collect();
        let [direction, kind, number, size] = parts[..] else { return None };
        let direction = direction.split('|').try_fold(0_u64, |bits, part| {
            Some(
                bits | match part {
                    "_IOC_NONE" | "0" => 0,
                    "_IOC_WRITE" => 1,
                    "_IOC_READ" => 2,
                    _ => return None,
                },
            )
        })?;
        let field = |text: &str, max: u64| {
            u64::try_from(integer(text.as_bytes())?).ok().filter(|value| *value <= max)
        };
        let (kind, number) = (field(kind, 0xff)?, field(number, 0xff)?);
        let size = field(size, 0x3fff)?;
        return Some(direction << 30 | size << 16 | kind << 8 | number);
    }
    text.split(" or ").find_map(|name| {
        REQUESTS.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    })
}

#[cfg(test)]
mod tests {
    use super::request;

    #[test]
    fn requests_are_numbers_of_x86_64() {
        assert_eq!(request(b"TCGETS"), Some(0x5401));
        assert_eq!(request(b"BTRFS_IOC_CLONE or FICLONE"), Some(0x4004_9409));
        assert_eq!(request(b"_IOC(_IOC_READ, 0x66, 0x1, 0x8)"), Some(0x8008_6601));
        assert_eq!(request(b"_IOC(_IOC_READ|_IOC_WRITE, 0x66, 0xb, 0x20)"), Some(0xc020_660b));
        assert_eq!(request(b"0x1234"), Some(0x1234));
        assert_eq!(request(b"BOGUS"), None);
        assert_eq!(request(b"_IOC(_IOC_READ, 0x666, 0x1, 0x8)"), None);
    }
}
