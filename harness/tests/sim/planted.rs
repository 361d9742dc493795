//! Filters that are wrong on purpose: how many the invariants find.
//!
//! Each is a mistake that somebody could make: a member forgotten, a wrong errno, a postfilter
//! where a prefilter is needed, a verdict that crashes the kernel.

use fuserig::prelude::*;

use super::common::TREE;

type Make = fn() -> Box<dyn Filter>;

fn secret(name: &[u8]) -> bool {
    name == b".secret"
}

fn no(hidden: bool) -> Verdict {
    if hidden { Verdict::Error(Errno::ENOENT) } else { Verdict::Continue }
}

/// The parts of a hide filter, so that one can be left out or done wrong.
fn hides_lookup(ops: FuseOps) -> FuseOps {
    ops.lookup_prefilter(|_, name| no(secret(name.name())))
}

fn hides_listing(ops: FuseOps) -> FuseOps {
    ops.readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(|cx, _, out, entries| {
        if cx.error_in().is_none() {
            let dropped = entries.retain(|entry| !secret(entry.name));
            out.again = u32::from(dropped > 0 && entries.is_empty());
        }
        Verdict::Continue
    })
}

fn new(name: &str) -> FuseOps {
    FuseOps::new(name)
}

/// Wrong ways to hide.
const HIDE: &[(&str, Make)] = &[
    ("forgets readdir", || Box::new(hides_lookup(new("a")))),
    ("forgets lookup", || Box::new(hides_listing(new("a")))),
    ("asks for no postfilter", || {
        Box::new(hides_lookup(new("a")).readdir_postfilter(|_, _, _, entries| {
            entries.retain(|entry| !secret(entry.name));
            Verdict::Continue
        }))
    }),
    ("hides a prefix too short", || {
        Box::new(hides_listing(new("a")).lookup_prefilter(|_, name| no(name.name() == b".sec")))
    }),
    ("hides by another case", || {
        Box::new(hides_listing(new("a")).lookup_prefilter(|_, name| no(name.name() == b".SECRET")))
    }),
    ("says EEXIST", || {
        Box::new(hides_listing(new("a")).lookup_prefilter(|_, name| {
            if secret(name.name()) { Verdict::Error(Errno::EEXIST) } else { Verdict::Continue }
        }))
    }),
    ("drops only the first record", || {
        Box::new(
            hides_lookup(new("a"))
                .readdir_prefilter(|_, _| Verdict::Postfilter)
                .readdir_postfilter(|cx, _, _, entries| {
                    let mut first = true;
                    if cx.error_in().is_none() {
                        entries.retain(|_| !core::mem::take(&mut first));
                    }
                    Verdict::Continue
                }),
        )
    }),
    ("hides for root only", || {
        Box::new(
            hides_listing(new("a"))
                .lookup_prefilter(|cx, name| no(cx.uid().0 != 0 && secret(name.name()))),
        )
    }),
    ("hides every other time", || {
        let mut count = 0;
        Box::new(hides_listing(new("a")).lookup_prefilter(move |_, name| {
            count += 1;
            no(count % 2 == 0 && secret(name.name()))
        }))
    }),
    ("forgets what it counted to", || {
        let mut left = 5;
        Box::new(hides_listing(new("a")).lookup_prefilter(move |_, name| {
            let hidden = secret(name.name()) && left > 0;
            left -= i32::from(hidden);
            no(hidden)
        }))
    }),
];

/// Wrong ways to be read-only: `access` and one member more are missing. With `access` the kernel
/// itself refuses to change a directory, and the other members of names are never reached.
macro_rules! readonly_without {
    ($($label:literal $member:ident;)*) => {
        &[$(($label, || Box::new(Except { inner: readonly(), slot: stringify!($member) }))),*]
    };
}

/// A filter without `access` and one more of its members.
#[derive(Debug)]
struct Except {
    inner: FuseOps,
    slot: &'static str,
}

impl Filter for Except {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn has(&self, slot: fuserig_abi::Slot) -> bool {
        ![self.slot, "access_prefilter"].contains(&slot.name()) && self.inner.has(slot)
    }

    fn call(
        &mut self,
        slot: fuserig_abi::Slot,
        args: &mut fuserig_abi::CallArgs,
        env: &mut FilterEnv<'_>,
    ) -> u32 {
        self.inner.call(slot, args, env)
    }
}

const READONLY: &[(&str, Make)] = readonly_without! {
    "read-only without create_open" create_open_prefilter;
    "read-only without mkdir" mkdir_prefilter;
    "read-only without mknod" mknod_prefilter;
    "read-only without symlink" symlink_prefilter;
    "read-only without link" link_prefilter;
    "read-only without rename" rename_prefilter;
    "read-only without rename2" rename2_prefilter;
    "read-only without unlink" unlink_prefilter;
    "read-only without rmdir" rmdir_prefilter;
    "read-only without setattr" setattr_prefilter;
    "read-only without setxattr" setxattr_prefilter;
    "read-only without removexattr" removexattr_prefilter;
};

/// Filters that claim to change nothing.
const PASS: &[(&str, Make)] = &[
    ("mode without a bit", || {
        Box::new(new("a").mkdir_prefilter(|_, arg, _| {
            arg.mode &= !0o100;
            Verdict::Continue
        }))
    }),
    ("size in getattr", || {
        Box::new(new("a").getattr_prefilter(|_, _| Verdict::Postfilter).getattr_postfilter(
            |_, _, out| {
                out.attr.size += 1;
                Verdict::Continue
            },
        ))
    }),
    ("error of access", || Box::new(new("a").access_prefilter(|_, _| Errno::EACCES))),
    ("error of statfs", || Box::new(new("a").statfs_prefilter(|_| Errno::EPERM))),
    ("wild code", || Box::new(new("a").getattr_prefilter(|_, _| -70_000))),
    ("impossible errno", || Box::new(new("a").unlink_prefilter(|_, _| Errno::EDOM))),
    ("user without a daemon", || Box::new(new("a").read_iter_prefilter(|_, _| Verdict::User))),
    ("user on open", || Box::new(new("a").open_prefilter(|_, _| Verdict::User))),
    ("user on readdir", || Box::new(new("a").readdir_prefilter(|_, _| Verdict::User))),
    ("user prefilter of statfs", || {
        Box::new(new("a").statfs_prefilter(|_| Verdict::UserPrefilter))
    }),
    ("user prefilter of symlink", || {
        Box::new(new("a").symlink_prefilter(|_, _, _| Verdict::UserPrefilter))
    }),
    ("open refused too late", || {
        Box::new(
            new("a")
                .open_prefilter(|_, _| Verdict::Postfilter)
                .open_postfilter(|_, _, _| Errno::EACCES),
        )
    }),
    ("mkdir refused too late", || {
        Box::new(
            new("a")
                .mkdir_prefilter(|_, _, _| Verdict::Postfilter)
                .mkdir_postfilter(|_, _, _| Errno::EACCES),
        )
    }),
    ("write reports more", || {
        Box::new(new("a").write_iter_prefilter(|_, _| Verdict::Postfilter).write_iter_postfilter(
            |_, _, out| {
                out.ret += 1;
                Verdict::Continue
            },
        ))
    }),
    ("write refused in silence", || Box::new(new("a").write_iter_prefilter(|_, _| Errno::EIO))),
    ("read refused too late", || {
        Box::new(
            new("a")
                .read_iter_prefilter(|_, _| Verdict::Postfilter)
                .read_iter_postfilter(|_, _, _| Errno::EIO),
        )
    }),
    ("open flags lost", || {
        Box::new(new("a").open_prefilter(|_, arg| {
            arg.flags &= !3;
            Verdict::Continue
        }))
    }),
    ("lseek off by one", || {
        Box::new(new("a").lseek_prefilter(|_, arg| {
            arg.offset = arg.offset.wrapping_add(1);
            Verdict::Continue
        }))
    }),
    ("rename flags lost", || {
        Box::new(new("a").rename2_prefilter(|_, arg, _, _| {
            arg.flags = 0;
            Verdict::Continue
        }))
    }),
    ("listing cut", || {
        Box::new(new("a").readdir_prefilter(|_, _| Verdict::Postfilter).readdir_postfilter(
            |cx, _, _, entries| {
                if cx.error_in().is_none() {
                    entries.retain(|entry| entry.name.len() < 6);
                }
                Verdict::Continue
            },
        ))
    }),
];

/// The invariants that fit, found or not within the budget of operations.
fn is_found(make: Make, kind: &str) -> Option<Box<Finding>> {
    let subject = Subject::boxed(Abi::V4, move || Some(make())).over(TREE);
    let campaign = Simulation::new(Seed(1))
        .name(".secret")
        .runs(312)
        .run(subject)
        .check(invariant::errno_envelope())
        .check(invariant::no_leak())
        .check(invariant::balance());
    let campaign = match kind {
        "hide" => campaign.check(invariant::never_visible(".secret")),
        "readonly" => campaign.check(invariant::read_only()),
        _ => campaign.check(invariant::transparent()).check(invariant::no_data_lost()),
    };
    campaign.result().err()
}

#[test]
fn planted_bugs_are_found_within_twenty_thousand_operations_each() {
    let mut missed = Vec::new();
    let mut planted = 0;
    for (kind, list) in [("hide", HIDE), ("readonly", READONLY), ("pass", PASS)] {
        for (name, make) in list {
            planted += 1;
            match is_found(*make, kind) {
                Some(finding) => println!(
                    "{name}: {} ({} operations)",
                    finding.violation,
                    finding.case.operations()
                ),
                None => missed.push(*name),
            }
        }
    }
    assert!(planted >= 40, "{planted} planted bugs");
    println!("killed {} of {planted}; missed {missed:?}", planted - missed.len());
    // 95 %.
    assert!(missed.len() * 20 <= planted, "missed {missed:?}");
}
