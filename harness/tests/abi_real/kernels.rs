//! Real input: the kernels of Debian's releases, and the running one.
//!
//! Facts about released kernels are written down; what moves with the archive is compared with what
//! `bpftool` says about the same two kernels.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::debian::{Kernel, kernel};
use super::support::print_skip;

fn fuserig(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fuserig"))
        .args(arguments)
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("output is text");
    (output.status.code().expect("it ended by itself"), text)
}

/// The kernels of the suites, or the reason why one cannot be had.
fn kernels<const N: usize>(suites: [&'static str; N]) -> Option<[Kernel; N]> {
    let mut found = Vec::new();
    for suite in suites {
        match kernel(suite) {
            Ok(kernel) => found.push(kernel),
            Err(reason) => {
                print_skip(&format!("read the kernel of {suite}: {reason}"));
                return None;
            }
        }
    }
    found.try_into().ok()
}

fn path(kernel: &Kernel) -> &str {
    kernel.vmlinux.to_str().expect("a plain path")
}

/// Between 6.1 and 6.12, `cong_control` got two arguments in the middle, and nothing else of the
/// struct changed.
#[test]
fn tcp_congestion_ops_of_two_debian_releases_differ_by_two_arguments() {
    let Some([old, new]) = kernels(["bookworm", "trixie"]) else { return };
    assert!(old.release.starts_with("6.1.") && new.release.starts_with("6.12."));
    let root = ["--root", "tcp_congestion_ops", "--depth", "0"];
    let (code, text) = fuserig(&[&["abi", "diff", path(&old), path(&new)], &root[..]].concat());
    assert_eq!(code, 1, "{text}");
    let expected = "args-shifted:tcp_congestion_ops.cong_control\n  \
                    2 arguments were added in the middle\n  \
                    - void(struct sock *, const struct rate_sample *)\n  \
                    + void(struct sock *, u32, i32, const struct rate_sample *)\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains(": 1 change\n"), "{text}");
    if Path::new("/sys/kernel/btf/vmlinux").exists() {
        let all = [&["abi", "diff", path(&old), path(&new), "vmlinux"], &root[..]].concat();
        let (_, text) = fuserig(&all);
        assert!(text.contains("filter made for (row) on the kernel of (column)"), "{text}");
    }
}

/// Facts of the fuse protocol between 6.12 and what backports has, as `linux/fuse.h` has them. In
/// 6.1 fuse is a module, whose types are not in the image.
#[test]
fn the_fuse_structs_of_released_kernels_are_read_with_their_daemons() {
    let Some([old, new]) = kernels(["trixie", "trixie-backports"]) else { return };
    let roots = ["fuse_init_out", "fuse_attr_out", "fuse_open_in", "fuse_opcode"];
    let roots: Vec<&str> = roots.iter().flat_map(|root| ["--root", root]).collect();
    let (_, text) = fuserig(&[&["abi", "diff", path(&old), path(&new)], &roots[..]].concat());
    // 6.18 and later: a field of two bytes was taken from the unused ones.
    assert!(text.contains("field-added:fuse_init_out.request_timeout"), "{text}");
    assert!(text.contains("The daemon reads them by offset as well."), "{text}");
    assert!(text.contains("`unused` has elements of another type"), "{text}");
    assert!(text.contains("enumerator-added:fuse_opcode.FUSE_COPY_FILE_RANGE_64"), "{text}");
    assert!(!text.contains("fuse_open_in") && !text.contains("struct-grown"), "{text}");
}

/// A type that one kernel lacks does not make everything that it leads to new.
#[test]
fn what_a_new_type_leads_to_is_not_called_new_when_it_was_there() {
    let Some([old, new]) = kernels(["trixie", "trixie-backports"]) else { return };
    let root = ["--root", "sched_ext_ops"];
    let (code, text) = fuserig(&[&["abi", "diff", path(&old), path(&new)], &root[..]].concat());
    assert_eq!(code, 1);
    assert!(text.contains("ops-added:sched_ext_ops\n"), "{text}");
    assert!(text.contains("struct-added:scx_exit_info\n"), "{text}");
    assert!(!text.contains("struct-added:task_struct"), "{text}");
    assert!(!text.contains("struct-added:cpumask"), "{text}");
}

/// A struct as bpftool prints it: its length, and its members with their bits.
type Shape = (u64, BTreeMap<String, u64>);

fn shapes(vmlinux: &str, names: &[&str]) -> Option<BTreeMap<String, Shape>> {
    let output = Command::new("bpftool").args(["btf", "dump", "file", vmlinux]).output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        _ => {
            print_skip("compare with bpftool: it is not installed, or cannot read this kernel");
            return None;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    let mut inside: Option<String> = None;
    for line in text.lines() {
        let quoted = line.split('\'').nth(1).unwrap_or("");
        let number = |key: &str| {
            let rest = line.split_once(key).map(|(_, rest)| rest);
            rest.and_then(|rest| rest.split(' ').next()?.parse::<u64>().ok())
        };
        if line.starts_with('[') {
            inside =
                (line.contains("] STRUCT '") && names.contains(&quoted)).then(|| quoted.to_owned());
            if let (Some(name), Some(size)) = (&inside, number(" size=")) {
                shapes.insert(name.clone(), (size, BTreeMap::new()));
            }
        } else if let (Some(name), Some(bits)) = (&inside, number("bits_offset=")) {
            let shape = shapes.get_mut(name).expect("it was put in with its heading");
            shape.1.insert(quoted.to_owned(), bits);
        }
    }
    Some(shapes)
}

/// Two arms over the newest kernels of the archive: members and lengths as `abi diff` has them,
/// and as bpftool does.
#[test]
fn sched_ext_ops_of_two_releases_differ_as_bpftool_says() {
    let Some([old, new]) = kernels(["sid", "trixie-backports"]) else { return };
    let names = ["sched_ext_ops", "tcp_congestion_ops", "Qdisc_ops"];
    let Some(was) = shapes(path(&old), &names) else { return };
    let Some(is) = shapes(path(&new), &names) else { return };
    assert!(was.contains_key("sched_ext_ops") && is.contains_key("sched_ext_ops"));
    let roots: Vec<&str> = names.iter().flat_map(|root| ["--root", root]).collect();
    let arguments = ["abi", "diff", path(&old), path(&new), "--depth", "0", "--format", "json"];
    let (_, text) = fuserig(&[&arguments[..], &roots].concat());
    let value: Value = serde_json::from_str(&text).expect("one object");
    let changes = value["diffs"][0]["changes"].as_array().expect("a list");
    let has = |rule: &str, subject: &str| {
        let id = format!("{rule}:{subject}");
        changes.iter().any(|change| change["id"] == id.as_str())
    };
    for name in names {
        let (Some(was), Some(is)) = (was.get(name), is.get(name)) else { continue };
        assert_eq!(has("ops-size", name), was.0 != is.0, "{name}");
        let gone = was.1.keys().filter(|member| !is.1.contains_key(*member));
        for member in gone {
            let subject = format!("{name}.{member}");
            assert!(has("member-removed", &subject) || has("member-renamed", &subject));
        }
        for member in is.1.keys() {
            let subject = format!("{name}.{member}");
            let added = has("member-added", &subject) || has("member-inserted", &subject);
            // A renamed one is reported under the name it had.
            assert!(
                added
                    || was.1.contains_key(member)
                    || changes.iter().any(|change| {
                        change["rule"] == "member-renamed" && change["new"] == member.as_str()
                    })
            );
            assert!(!(added && was.1.contains_key(member)), "{subject}");
        }
        let moved = was.1.iter().any(|(member, at)| is.1.get(member).is_some_and(|to| to != at));
        assert_eq!(has("members-moved", name) || has("members-swapped", name), moved, "{name}");
    }
    println!("{} and {}: {} changes", old.release, new.release, changes.len());
}
