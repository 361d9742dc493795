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
    let text = match name {
        "fsync" | "close" => last_open(case).map(|fd| format!("{name} {fd}")),
        "getxattr" => getxattr(&lost.calls),
        "openat" => create(&lost.calls),
        _ => return Err(format!("the arguments of the lost {name} are not in the record")),
    };
    text.ok_or_else(|| format!("the arguments of the lost {name} are not in the record"))
}

fn system_call(trace: &str) -> Option<&str> {
    const PREFIX: &str = "__x64_sys_";
    let start = trace.find(PREFIX)? + PREFIX.len();
    let name = &trace[start..];
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    Some(&name[..end.unwrap_or(name.len())])
}

fn last_open(case: &Case) -> Option<&str> {
    let open = case.ops.iter().rev().find(|op| op.text.starts_with("open ") && op.ret >= 0)?;
    open.text.split(' ').nth(1)
}

fn name_in(call: &CallRecord) -> Option<String> {
    let bytes = bytes_of(call.buf.get("name")?.data.as_ref()?);
    let name = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    Some(super::lower::latin1(name))
}

/// The path as its lookups spell it.
fn path(calls: &[CallRecord]) -> Option<String> {
    let names: Option<Vec<String>> =
        calls.iter().filter(|call| call.cb == "lookup_pre").map(name_in).collect();
    Some(names?.join("/")).filter(|path| !path.is_empty())
}

fn getxattr(calls: &[CallRecord]) -> Option<String> {
    let call = calls.iter().find(|call| call.cb == "getxattr_pre")?;
    let (path, name, size) = (path(calls)?, name_in(call)?, call.input.get("size")?);
    Some(format!("getxattr {path} {name} {size}"))
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
    use super::system_call;

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
