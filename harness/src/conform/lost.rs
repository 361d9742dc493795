//! The system call from which a recorded kernel did not come back.
//!
//! Its line was never written. What is written is the kernel's own trace, which names the system
//! call, and the filter calls made so far, which show its arguments; the descriptor is that of the
//! last open. It refuses to guess: a trace that names another call makes the case unplayable.

use super::record::{CallRecord, Case, LostRecord, bytes_of};

/// The recorder's text for the lost system call, or why it cannot be told.
pub(super) fn lost_call(case: &Case, lost: &LostRecord) -> Result<String, String> {
    let kmsg = case.end.as_ref().map_or("", |end| &end.kmsg[..]);
    let trace = if lost.stack.is_empty() { kmsg } else { &lost.stack };
    let name = system_call(trace)
        .or_else(|| system_call(kmsg))
        .ok_or("the record does not name the system call that did not come back")?;
    let lost = Lost { case, calls: &lost.calls };
    lost.text(name).ok_or_else(|| format!("the arguments of the lost {name} are not in the record"))
}

/// The filter calls of the lost system call, which show its arguments.
struct Lost<'a> {
    case: &'a Case,
    calls: &'a [CallRecord],
}

impl Lost<'_> {
    fn text(&self, name: &str) -> Option<String> {
        // A compound line of the recorder opens for itself.
        if let Some(text) = self.compound(name) {
            return Some(text);
        }
        self.on_descriptor(name).or_else(|| self.on_path(name)).or_else(|| self.on_attribute(name))
    }

    fn compound(&self, name: &str) -> Option<String> {
        let opened = self.call("open_pre").is_some() || self.call("opendir_pre").is_some();
        if !opened || name == "openat" {
            return None;
        }
        let path = path(self.calls)?;
        match name {
            "getdents64" => Some(format!("readdir {path}")),
            "close" if self.call("opendir_pre").is_some() => Some(format!("readdir {path}")),
            "read" => Some(format!("cat {path}")),
            "close" if self.call("read_iter_pre").is_some() => Some(format!("cat {path}")),
            _ => None,
        }
    }

    fn on_descriptor(&self, name: &str) -> Option<String> {
        let fd = last_open(self.case);
        Some(match name {
            "fsync" | "fdatasync" | "close" => format!("{name} {}", fd?),
            "read" => format!("read {} {}", fd?, self.input("read_iter_pre", "size")?),
            "pread64" => {
                let (size, offset) =
                    (self.input("read_iter_pre", "size")?, self.input("read_iter_pre", "offset")?);
                format!("pread {} {size} {offset}", fd?)
            }
            // What was to be written is not in the record; its length is.
            "write" => format!("write {} {}", fd?, self.filler()?),
            "pwrite64" => {
                let offset = self.input("write_iter_pre", "offset")?;
                format!("pwrite {} {} {offset}", fd?, self.filler()?)
            }
            "lseek" => {
                let (offset, whence) =
                    (self.input("lseek_pre", "offset")?, self.input("lseek_pre", "whence")?);
                format!("lseek {} {offset} {whence}", fd?)
            }
            "getdents64" => format!("getdents {} 4096", fd?),
            "fallocate" => {
                let field = |field: &str| self.input("file_fallocate_pre", field);
                let (mode, offset, length) = (field("mode")?, field("offset")?, field("length")?);
                format!("fallocate {} {mode} {offset} {length}", fd?)
            }
            "ftruncate" => format!("ftruncate {} {}", fd?, self.input("setattr_pre", "size")?),
            "fchmod" => format!("fchmod {} 0{:o}", fd?, self.mode("setattr_pre")?),
            "newfstat" => format!("fstat {}", fd?),
            _ => return None,
        })
    }

    fn on_path(&self, name: &str) -> Option<String> {
        let names = names(self.calls)?;
        let path = names.join("/");
        let two = || match &names[..] {
            [old, new] => Some(format!("{old} {new}")),
            _ => None,
        };
        Some(match name {
            _ if path.is_empty() => return None,
            "openat" => return create(self.calls).or_else(|| self.open(&path)),
            "newfstatat" | "newstat" | "statx" => format!("stat {path}"),
            "newlstat" => format!("lstat {path}"),
            "mkdir" | "mkdirat" => format!("mkdir {path} 0{:o}", self.mode("mkdir_pre")?),
            "mknod" | "mknodat" => {
                format!("mknod {path} 0{:o}", self.input("mknod_pre", "mode")?)
            }
            "rmdir" => format!("rmdir {path}"),
            "unlink" | "unlinkat" => format!("unlink {path}"),
            "rename" | "renameat" => format!("rename {}", two()?),
            "renameat2" => {
                format!("rename2 {} {}", two()?, self.input("rename2_pre", "flags")?)
            }
            "link" | "linkat" => format!("link {}", two()?),
            "symlink" | "symlinkat" => {
                let target = buffer(self.call("symlink_pre")?, "path")?;
                format!("symlink {target} {path}")
            }
            "readlink" | "readlinkat" => format!("readlink {path} 64"),
            "access" | "faccessat" | "faccessat2" => {
                let mask = self.calls.iter().rev().find(|call| call.cb == "access_pre")?;
                format!("access {path} {}", mask.input.get("mask")? & 7)
            }
            "statfs" => format!("statfs {path}"),
            "chdir" => format!("chdir {path}"),
            _ => return None,
        })
    }

    fn on_attribute(&self, name: &str) -> Option<String> {
        let path = path(self.calls)?;
        let set = |field: &str| self.input("setattr_pre", field);
        let attribute = |member: &str| buffer(self.call(member)?, "name");
        Some(match name {
            "getxattr" => {
                let size = self.input("getxattr_pre", "size")?;
                format!("getxattr {path} {} {size}", attribute("getxattr_pre")?)
            }
            "listxattr" => format!("listxattr {path} {}", self.input("listxattr_pre", "size")?),
            "setxattr" => {
                let value = buffer(self.call("setxattr_pre")?, "value")?;
                let flags = self.input("setxattr_pre", "flags")?;
                format!("setxattr {path} {} {value} {flags}", attribute("setxattr_pre")?)
            }
            "removexattr" => format!("removexattr {path} {}", attribute("removexattr_pre")?),
            "chmod" | "fchmodat" => format!("chmod {path} 0{:o}", self.mode("setattr_pre")?),
            "chown" | "fchownat" => format!("chown {path} {} {}", set("uid")?, set("gid")?),
            "truncate" => format!("truncate {path} {}", set("size")?),
            "utimensat" => format!("utime {path} {} {}", set("atime")?, set("mtime")?),
            _ => return None,
        })
    }

    fn open(&self, path: &str) -> Option<String> {
        let flags = self.input("open_pre", "flags").or_else(|| self.input("opendir_pre", "flags"));
        let flags = flags.unwrap_or(0);
        let access = ["R", "W", "RW"].get(usize::try_from(flags & 3).ok()?)?;
        let directory = if flags & 0o200_000 != 0 { "|D" } else { "" };
        Some(format!("open fd0 {path} {access}{directory}"))
    }

    fn call(&self, member: &str) -> Option<&CallRecord> {
        self.calls.iter().find(|call| call.cb == member)
    }

    fn input(&self, member: &str, field: &str) -> Option<i64> {
        self.call(member)?.input.get(field).copied()
    }

    fn mode(&self, member: &str) -> Option<i64> {
        Some(self.input(member, "mode")? & 0o7777)
    }

    fn filler(&self) -> Option<String> {
        let size = usize::try_from(self.input("write_iter_pre", "size")?).ok()?;
        Some("x".repeat(size.min(4096)))
    }
}

fn system_call(trace: &str) -> Option<&str> {
    const PREFIX: &str = "__x64_sys_";
    let start = trace.find(PREFIX)? + PREFIX.len();
    let name = &trace[start..];
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    Some(&name[..end.unwrap_or(name.len())])
}

/// The descriptor of the last open that succeeded.
pub(super) fn last_open(case: &Case) -> Option<&str> {
    let open = case.ops.iter().rev().find(|op| op.text.starts_with("open ") && op.ret >= 0)?;
    open.text.split(' ').nth(1)
}

/// A string argument as it was at entry.
fn buffer(call: &CallRecord, name: &str) -> Option<String> {
    let bytes = bytes_of(call.buf.get(name)?.data.as_ref()?);
    let text = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    Some(super::lower::latin1(text))
}

/// The names that were looked up, in order.
fn names(calls: &[CallRecord]) -> Option<Vec<String>> {
    let lookups = calls.iter().filter(|call| call.cb == "lookup_pre");
    lookups.map(|call| buffer(call, "name")).collect()
}

/// The path as its lookups spell it.
fn path(calls: &[CallRecord]) -> Option<String> {
    Some(names(calls)?.join("/")).filter(|path| !path.is_empty())
}

fn create(calls: &[CallRecord]) -> Option<String> {
    let call = calls.iter().find(|call| call.cb == "create_open_pre")?;
    let (path, flags) = (path(calls)?, *call.input.get("flags")?);
    let mode = call.input.get("mode")? & 0o7777;
    let access = ["R", "W", "RW"].get(usize::try_from(flags & 3).ok()?)?;
    let truncate = if flags & 0o1000 != 0 { "|T" } else { "" };
    let append = if flags & 0o2000 != 0 { "|A" } else { "" };
    Some(format!("open fd0 {path} C|{access}{truncate}{append} 0{mode:o}"))
}

#[cfg(test)]
mod tests {
    use super::{CallRecord, Lost, system_call};

    fn call(member: &str, json: &str) -> CallRecord {
        let text =
            format!("{{\"cb\":\"{member}\",\"op\":1,\"ph\":\"pre\",\"node\":1,\"ret\":0,{json}}}");
        serde_json::from_str(&text).expect("a good record")
    }

    #[test]
    fn the_filter_calls_spell_the_arguments() {
        let name =
            |name: &str| format!("\"buf\":{{\"name\":{{\"size\":3,\"data\":\"{name}\\u0000\"}}}}");
        let lookups = || vec![call("lookup_pre", &name("d1")), call("lookup_pre", &name("x"))];
        let with = |member: &str, json: &str| {
            let mut calls = lookups();
            calls.push(call(member, json));
            calls
        };
        let table = [
            ("newfstatat", lookups(), Some("stat d1/x")),
            ("rename", lookups(), Some("rename d1 x")),
            ("chmod", with("setattr_pre", "\"in\":{\"mode\":33188}"), Some("chmod d1/x 0644")),
            ("read", with("open_pre", "\"in\":{\"flags\":0}"), Some("cat d1/x")),
            (
                "removexattr",
                with("removexattr_pre", &name("user.a")),
                Some("removexattr d1/x user.a"),
            ),
            ("getpid", lookups(), None),
        ];
        let text = b"{\"t\":\"case\",\"case\":\"c\",\"struct_ops\":\"all\",\"mode\":\"no_daemon\",\
            \"lower\":\"tmpfs\",\"mount_ret\":0}";
        let records = crate::conform::record::read_records(text).expect("a good case");
        let cases = records.cases;
        for (name, calls, expected) in table {
            let lost = Lost { case: &cases[0], calls: &calls };
            assert_eq!(lost.text(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn the_trace_names_the_system_call() {
        let table = [
            ("? do_fsync+0x3b\n __x64_sys_fsync+0x12/0x20", Some("fsync")),
            ("__x64_sys_openat", Some("openat")),
            ("entry_SYSCALL_64", None),
        ];
        for (trace, expected) in table {
            assert_eq!(system_call(trace), expected, "{trace}");
        }
    }
}
