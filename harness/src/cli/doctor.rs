//! `fuserig doctor`: what this machine can do, and what that enables.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::CommandFactory;

use super::args::Arguments;
use super::exit::{Ended, Exit};
use super::output::{Style, Terminal};

/// One thing that a machine has or lacks.
struct Finding {
    name: &'static str,
    /// What was found, or why it was not.
    state: Result<String, String>,
    enables: &'static str,
}

pub(super) fn doctor(terminal: &mut Terminal) -> Ended {
    let findings = examine();
    if terminal.json() {
        let rows: Vec<serde_json::Value> = findings
            .iter()
            .map(|finding| {
                serde_json::json!({
                    "name": finding.name,
                    "found": finding.state.is_ok(),
                    "detail": finding.state.as_ref().unwrap_or_else(|why| why),
                    "enables": finding.enables,
                })
            })
            .collect();
        terminal.line(serde_json::json!({ "machine": rows }).to_string());
        return Ok(Exit::Agreed);
    }
    terminal.line(format!("on any machine: {}", everywhere().join(", ")));
    terminal.line("");
    for finding in &findings {
        let (style, word, detail) = match &finding.state {
            Ok(detail) => (Style::Good, "yes", detail),
            Err(why) => (Style::Bad, "no ", why),
        };
        let word = terminal.styled(style, word);
        let enables = terminal.styled(Style::Dim, &format!("for {}", finding.enables));
        terminal.line(format!("{word}  {:<18} {detail}", finding.name));
        terminal.line(format!("     {:<18} {enables}", ""));
    }
    Ok(Exit::Agreed)
}

/// Commands that need nothing of what is examined.
fn everywhere() -> Vec<String> {
    const PARTICULAR: [&str; 6] = ["mount", "record", "doctor", "completions", "man", "help"];
    let commands = Arguments::command();
    let names = commands.get_subcommands().map(|command| command.get_name().to_owned());
    names.filter(|name| !PARTICULAR.contains(&name.as_str())).collect()
}

fn examine() -> Vec<Finding> {
    let row = |name, state, enables| Finding { name, state, enables };
    vec![
        row("/dev/fuse", fuse_device(), "mount, record, and tests against the real kernel"),
        row("fusermount3", program("fusermount3"), "mounting without root"),
        row("bpf()", bpf_rights(), "the kernel engine: programs in the running kernel"),
        row("kernel BTF", kernel_btf(), "abi commands on the running kernel"),
        row("fuse-bpf kernel", fuse_bpf(), "comparing with a kernel that has fuse-bpf itself"),
        row("clang", clang(), "compiling filters in C"),
        row("strace", program("strace"), "recording logs for import"),
        row("tshark", program("tshark"), "looking at trace export --to pcapng"),
    ]
}

fn fuse_device() -> Result<String, String> {
    match OpenOptions::new().read(true).write(true).open("/dev/fuse") {
        Ok(_) => Ok("can be opened".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Rights, not a trial: a call that loads something would change the machine.
fn bpf_rights() -> Result<String, String> {
    const CAP_SYS_ADMIN: u32 = 21;
    const CAP_BPF: u32 = 39;
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let digits = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let rights = digits.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    match rights.ok_or("no capabilities in /proc/self/status")? {
        rights if rights >> CAP_BPF & 1 == 1 => Ok("the process has CAP_BPF".to_owned()),
        rights if rights >> CAP_SYS_ADMIN & 1 == 1 => {
            Ok("the process has CAP_SYS_ADMIN".to_owned())
        }
        _ => Err("the process has neither CAP_BPF nor CAP_SYS_ADMIN; run as root".to_owned()),
    }
}

const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

fn kernel_btf() -> Result<String, String> {
    match fs::metadata(VMLINUX) {
        Ok(metadata) => Ok(format!("{VMLINUX}, {} bytes", metadata.len())),
        Err(error) => Err(format!("{VMLINUX}: {error}")),
    }
}

fn fuse_bpf() -> Result<String, String> {
    const MARK: &[u8] = b"\0bpf_fuse_args\0";
    let bytes = fs::read(VMLINUX).map_err(|error| format!("{VMLINUX}: {error}"))?;
    if bytes.windows(MARK.len()).any(|window| window == MARK) {
        Ok("its BTF has bpf_fuse_args".to_owned())
    } else {
        Err("its BTF has no bpf_fuse_args, as no mainline kernel has".to_owned())
    }
}

/// A program on the path.
fn program(name: &str) -> Result<String, String> {
    find(name).map(|path| path.display().to_string()).ok_or_else(|| "not installed".to_owned())
}

#[expect(clippy::disallowed_methods, reason = "where programs lie is the machine's affair")]
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| is_file(file))
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// clang under its plain name, or the newest that carries a version in it.
fn clang() -> Result<String, String> {
    const NEWEST: u32 = 30;
    const OLDEST: u32 = 12;
    let names = (OLDEST..=NEWEST).rev().map(|version| format!("clang-{version}"));
    let found = core::iter::once("clang".to_owned()).chain(names).find_map(|name| find(&name));
    let path = found.ok_or("not installed")?;
    let output = Command::new(&path)
        .args(["--target=bpf", "--version"])
        .output()
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().unwrap_or("a clang that says no version").to_owned();
    if output.status.success() { Ok(first) } else { Err(format!("{} fails", path.display())) }
}
