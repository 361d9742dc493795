//! Names of flag bits and of numbered choices, with Linux's x86-64 values, in both directions.

/// Names for one kind of flags: a field of choices (maybe empty) and bits.
///
/// Formatting then parsing gives the number back, whatever the number: what has no name is shown
/// in hexadecimal.
///
/// ```
/// use fuserig_traces::calls::flags;
/// assert_eq!(flags::OPEN.format(0o100102), "O_RDWR|O_CREAT|0x8000");
/// assert_eq!(flags::OPEN.parse("O_RDWR|O_CREAT|0x8000"), Some(0o100102));
/// assert_eq!(flags::AT.format(0), "0");
/// assert_eq!(flags::AT.parse("AT_NONSENSE"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlagTable {
    /// Mask of the field whose values are choices, not bits. 0 for none.
    pub choice_mask: u64,
    /// Values under `choice_mask`, with their names.
    pub choices: &'static [(u64, &'static str)],
    /// Bits (or groups of bits that stand together, wider groups first) with their names.
    pub bits: &'static [(u64, &'static str)],
    /// Names that are read but never written.
    pub aliases: &'static [(u64, &'static str)],
}

impl FlagTable {
    /// Names joined by `|`, the rest in hexadecimal; `0` when there is nothing to name.
    pub fn format(&self, value: u64) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut rest = value & !self.choice_mask;
        let choice = value & self.choice_mask;
        if self.choice_mask != 0 {
            match self.choices.iter().find(|(known, _)| *known == choice) {
                Some((_, name)) => parts.push((*name).to_owned()),
                None => rest |= choice,
            }
        }
        for (bits, name) in self.bits {
            if rest & bits == *bits {
                parts.push((*name).to_owned());
                rest &= !bits;
            }
        }
        if rest != 0 || parts.is_empty() {
            parts.push(if rest == 0 { "0".to_owned() } else { format!("{rest:#x}") });
        }
        parts.join("|")
    }

    /// Reads what [`FlagTable::format`] writes, and what strace writes: names in any order,
    /// decimal, octal (leading 0) and hexadecimal numbers. `None` when a name is unknown.
    pub fn parse(&self, text: &str) -> Option<u64> {
        text.split('|').try_fold(0, |value, part| Some(value | self.parse_part(part.trim())?))
    }

    fn parse_part(&self, part: &str) -> Option<u64> {
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            return if let Some(digits) = part.strip_prefix("0x") {
                u64::from_str_radix(digits, 16).ok()
            } else if part.len() > 1 && part.starts_with('0') {
                u64::from_str_radix(part, 8).ok()
            } else {
                part.parse().ok()
            };
        }
        let known = self.choices.iter().chain(self.bits).chain(self.aliases);
        known.into_iter().find(|(_, name)| *name == part).map(|(value, _)| *value)
    }
}

const fn bits(bits: &'static [(u64, &'static str)]) -> FlagTable {
    FlagTable { choice_mask: 0, choices: &[], bits, aliases: &[] }
}

const fn choices(choices: &'static [(u64, &'static str)]) -> FlagTable {
    FlagTable { choice_mask: u64::MAX, choices, bits: &[], aliases: &[] }
}

/// open(2). `O_SYNC` contains `O_DSYNC`, `O_TMPFILE` contains `O_DIRECTORY`.
pub static OPEN: FlagTable = FlagTable {
    choice_mask: 3,
    choices: &[(0, "O_RDONLY"), (1, "O_WRONLY"), (2, "O_RDWR")],
    bits: &[
        (0o20200000, "O_TMPFILE"),
        (0o4010000, "O_SYNC"),
        (0o100, "O_CREAT"),
        (0o200, "O_EXCL"),
        (0o400, "O_NOCTTY"),
        (0o1000, "O_TRUNC"),
        (0o2000, "O_APPEND"),
        (0o4000, "O_NONBLOCK"),
        (0o10000, "O_DSYNC"),
        (0o20000, "O_ASYNC"),
        (0o40000, "O_DIRECT"),
        (0o200000, "O_DIRECTORY"),
        (0o400000, "O_NOFOLLOW"),
        (0o1000000, "O_NOATIME"),
        (0o2000000, "O_CLOEXEC"),
        (0o10000000, "O_PATH"),
    ],
    aliases: &[
        (3, "O_ACCMODE"),
        (0o20000, "FASYNC"),
        (0o4000, "O_NDELAY"),
        (0o100000, "O_LARGEFILE"),
        (0o4010000, "O_RSYNC"),
    ],
};

/// `AT_*` of the *at calls, as far as they concern files (linux/fcntl.h).
pub static AT: FlagTable = FlagTable {
    choice_mask: 0,
    choices: &[],
    bits: &[
        (0x100, "AT_SYMLINK_NOFOLLOW"),
        (0x200, "AT_REMOVEDIR"),
        (0x400, "AT_SYMLINK_FOLLOW"),
        (0x800, "AT_NO_AUTOMOUNT"),
        (0x1000, "AT_EMPTY_PATH"),
        (0x2000, "AT_STATX_FORCE_SYNC"),
        (0x4000, "AT_STATX_DONT_SYNC"),
        (0x8000, "AT_RECURSIVE"),
    ],
    aliases: &[(0x200, "AT_EACCESS"), (0, "AT_STATX_SYNC_AS_STAT")],
};

/// renameat2(2).
pub static RENAME: FlagTable =
    bits(&[(1, "RENAME_NOREPLACE"), (2, "RENAME_EXCHANGE"), (4, "RENAME_WHITEOUT")]);

/// fallocate(2).
pub static FALLOCATE: FlagTable = bits(&[
    (1, "FALLOC_FL_KEEP_SIZE"),
    (2, "FALLOC_FL_PUNCH_HOLE"),
    (4, "FALLOC_FL_NO_HIDE_STALE"),
    (8, "FALLOC_FL_COLLAPSE_RANGE"),
    (0x10, "FALLOC_FL_ZERO_RANGE"),
    (0x20, "FALLOC_FL_INSERT_RANGE"),
    (0x40, "FALLOC_FL_UNSHARE_RANGE"),
]);

/// access(2).
pub static ACCESS: FlagTable = FlagTable {
    choice_mask: 0,
    choices: &[],
    bits: &[(4, "R_OK"), (2, "W_OK"), (1, "X_OK")],
    aliases: &[(0, "F_OK")],
};

/// lseek(2).
pub static WHENCE: FlagTable = choices(&[
    (0, "SEEK_SET"),
    (1, "SEEK_CUR"),
    (2, "SEEK_END"),
    (3, "SEEK_DATA"),
    (4, "SEEK_HOLE"),
]);

/// statx(2).
pub static STATX: FlagTable = FlagTable {
    choice_mask: 0,
    choices: &[],
    bits: &[
        (0xfff, "STATX_ALL"),
        (0x7ff, "STATX_BASIC_STATS"),
        (1, "STATX_TYPE"),
        (2, "STATX_MODE"),
        (4, "STATX_NLINK"),
        (8, "STATX_UID"),
        (0x10, "STATX_GID"),
        (0x20, "STATX_ATIME"),
        (0x40, "STATX_MTIME"),
        (0x80, "STATX_CTIME"),
        (0x100, "STATX_INO"),
        (0x200, "STATX_SIZE"),
        (0x400, "STATX_BLOCKS"),
        (0x800, "STATX_BTIME"),
        (0x1000, "STATX_MNT_ID"),
        (0x2000, "STATX_DIOALIGN"),
        (0x4000, "STATX_MNT_ID_UNIQUE"),
        (0x8000, "STATX_SUBVOL"),
        (0x10000, "STATX_WRITE_ATOMIC"),
        (0x20000, "STATX_DIO_READ_ALIGN"),
    ],
    aliases: &[],
};

/// setxattr(2).
pub static XATTR: FlagTable = bits(&[(1, "XATTR_CREATE"), (2, "XATTR_REPLACE")]);

/// flock(2).
pub static FLOCK: FlagTable =
    bits(&[(1, "LOCK_SH"), (2, "LOCK_EX"), (4, "LOCK_NB"), (8, "LOCK_UN")]);

/// Record-lock commands of fcntl(2).
pub static LOCK_COMMAND: FlagTable = choices(&[
    (5, "F_GETLK"),
    (6, "F_SETLK"),
    (7, "F_SETLKW"),
    (36, "F_OFD_GETLK"),
    (37, "F_OFD_SETLK"),
    (38, "F_OFD_SETLKW"),
]);

/// Types of record locks.
pub static LOCK_TYPE: FlagTable = choices(&[(0, "F_RDLCK"), (1, "F_WRLCK"), (2, "F_UNLCK")]);

/// Protection of mmap(2).
pub static MAP_PROTECTION: FlagTable = FlagTable {
    choice_mask: 0,
    choices: &[],
    bits: &[(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC")],
    aliases: &[(0, "PROT_NONE")],
};

/// Flags of mmap(2).
pub static MAP: FlagTable = FlagTable {
    choice_mask: 0xf,
    choices: &[(1, "MAP_SHARED"), (2, "MAP_PRIVATE"), (3, "MAP_SHARED_VALIDATE")],
    bits: &[
        (0x10, "MAP_FIXED"),
        (0x20, "MAP_ANONYMOUS"),
        (0x40, "MAP_32BIT"),
        (0x80, "MAP_ABOVE4G"),
        (0x100, "MAP_GROWSDOWN"),
        (0x800, "MAP_DENYWRITE"),
        (0x1000, "MAP_EXECUTABLE"),
        (0x2000, "MAP_LOCKED"),
        (0x4000, "MAP_NORESERVE"),
        (0x8000, "MAP_POPULATE"),
        (0x10000, "MAP_NONBLOCK"),
        (0x20000, "MAP_STACK"),
        (0x40000, "MAP_HUGETLB"),
        (0x80000, "MAP_SYNC"),
        (0x100000, "MAP_FIXED_NOREPLACE"),
    ],
    aliases: &[(0, "MAP_FILE")],
};

/// What a new client shares with its parent: of clone(2), only what concerns files.
pub static CLONE: FlagTable = bits(&[
    (0x100, "CLONE_VM"),
    (0x200, "CLONE_FS"),
    (0x400, "CLONE_FILES"),
    (0x10000, "CLONE_THREAD"),
]);

/// posix_fadvise(2).
pub static ADVICE: FlagTable = choices(&[
    (0, "POSIX_FADV_NORMAL"),
    (1, "POSIX_FADV_RANDOM"),
    (2, "POSIX_FADV_SEQUENTIAL"),
    (3, "POSIX_FADV_WILLNEED"),
    (4, "POSIX_FADV_DONTNEED"),
    (5, "POSIX_FADV_NOREUSE"),
]);

/// preadv2(2) and pwritev2(2).
pub static RW: FlagTable = bits(&[
    (1, "RWF_HIPRI"),
    (2, "RWF_DSYNC"),
    (4, "RWF_SYNC"),
    (8, "RWF_NOWAIT"),
    (0x10, "RWF_APPEND"),
    (0x20, "RWF_NOAPPEND"),
    (0x40, "RWF_ATOMIC"),
    (0x80, "RWF_DONTCACHE"),
]);

/// openat2(2).
pub static RESOLVE: FlagTable = bits(&[
    (1, "RESOLVE_NO_XDEV"),
    (2, "RESOLVE_NO_MAGICLINKS"),
    (4, "RESOLVE_NO_SYMLINKS"),
    (8, "RESOLVE_BENEATH"),
    (0x10, "RESOLVE_IN_ROOT"),
    (0x20, "RESOLVE_CACHED"),
]);
