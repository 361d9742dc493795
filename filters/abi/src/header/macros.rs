//! What is a macro in the kernel's own headers, and so in no BTF.

use core::fmt::Write as _;

use crate::description::Description;
use crate::{Errno, NAMED_CONSTANTS};

/// File types of `sys/stat.h`.
const FILE_TYPES: &[(&str, u32)] = &[
    ("S_IFMT", 0o170_000),
    ("S_IFSOCK", 0o140_000),
    ("S_IFLNK", 0o120_000),
    ("S_IFREG", 0o100_000),
    ("S_IFBLK", 0o060_000),
    ("S_IFDIR", 0o040_000),
    ("S_IFCHR", 0o020_000),
    ("S_IFIFO", 0o010_000),
    ("S_ISUID", 0o004_000),
    ("S_ISGID", 0o002_000),
    ("S_ISVTX", 0o001_000),
];

/// Access modes and flags of `open(2)` on every architecture that BPF runs on but for alpha, mips,
/// parisc and sparc.
const OPEN_FLAGS: &[(&str, u32)] = &[
    ("O_ACCMODE", 0o3),
    ("O_RDONLY", 0o0),
    ("O_WRONLY", 0o1),
    ("O_RDWR", 0o2),
    ("O_CREAT", 0o100),
    ("O_EXCL", 0o200),
    ("O_TRUNC", 0o1000),
    ("O_APPEND", 0o2000),
];

/// Bits of `fuse_access_in.mask`.
const MASKS: &[(&str, u32)] = &[("MAY_EXEC", 1), ("MAY_WRITE", 2), ("MAY_READ", 4)];

pub(super) fn print(text: &mut String, description: &Description) {
    for code in &description.return_codes {
        if let Some(value) = code.value {
            define(text, &code.name, &value.to_string());
        }
    }
    for constant in &description.constants {
        let value = match constant.group.as_str() {
            "opcode" | "statfs" => format!("{:#x}", constant.value),
            _ => constant.value.to_string(),
        };
        define(text, &constant.name, &value);
    }
    for (name, value) in NAMED_CONSTANTS.iter().filter(|(name, _)| name.starts_with("FATTR_")) {
        define(text, name, &format!("{value:#x}"));
    }
    for (name, value) in FILE_TYPES.iter().chain(OPEN_FLAGS).chain(MASKS) {
        define(text, name, &format!("{value:#o}").replace("0o", "0"));
    }
    for errno in (1..=133).map(Errno) {
        if let Some(name) = errno.name() {
            define(text, name, &errno.0.to_string());
        }
    }
}

/// A constant that another header may have defined already.
fn define(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "#ifndef {name}\n#define {name} {value}\n#endif");
}
