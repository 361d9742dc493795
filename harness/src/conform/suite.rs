//! Playing the cases of a record file.

use std::cell::RefCell;
use std::rc::Rc;

use fuserig_abi::{Abi, AbiTable, Credentials, Errno, Fidelity, Timespec};
use fuserig_filters::Filter;
use fuserig_sim_fs::{Lower, MemFs, MemFsOptions};

use super::compare::Comparison;
use super::driver::{CLIENT, Driver, Unable};
use super::filter::{Members, RuleFilter, Shared};
use super::lower::{Ext4Manners, InMemory, populate, tree};
use super::record::{Case, RecordError, read_cases};
use super::report::{CaseReport, Verdict};
use super::rule::{Rule, number};
use crate::kernel::{MountOptions, World, WorldConfig};
use crate::pipeline::{NoDaemon, NullSink};
use crate::vfs::{Call, Vfs, VfsConfig};

/// What the model stands for while it plays a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConformOptions {
    /// The recorded ABI version.
    pub abi: Abi,
}

/// Instant of the model's clock: after the epoch of the lower files, before no recorded time.
const NOW: Timespec = Timespec::from_secs(1_795_350_961);
/// `FUSE_SUPER_MAGIC` and the magic numbers of the lower filesystems, as `statfs` shows them.
const STATFS_TYPES: [(&str, &str); 3] =
    [("fuse", "65735546"), ("tmpfs", "1021994"), ("ext4", "ef53")];

/// Plays every case of a record file (uncompressed JSON lines).
///
/// # Errors
/// A file that is not a record of observations, with the line.
pub fn conform_text(
    text: &[u8],
    options: &ConformOptions,
) -> Result<Vec<CaseReport>, RecordError> {
    let cases = read_cases(text)?;
    Ok(cases.iter().map(|case| play(case, options)).collect())
}

fn play(case: &Case, options: &ConformOptions) -> CaseReport {
    let name = &case.head.case;
    if let Some(reason) = not_modelled(case) {
        return CaseReport::skipped(name, reason);
    }
    match Stage::set(case, options) {
        Ok(Some(stage)) => stage.play(case),
        Ok(None) => mount_refused(case),
        Err(reason) => CaseReport::skipped(name, reason),
    }
}

fn not_modelled(case: &Case) -> Option<String> {
    if let Some(how) = case.interrupted {
        return Some(format!("the recorded kernel did not come through ({how})"));
    }
    if case.head.opts.contains("root_dir") != (case.head.mode == "no_daemon") {
        return Some("a root without backing directory is not modelled yet".to_owned());
    }
    if case.head.mode == "daemon" {
        return Some("a conversation with a daemon is not modelled yet".to_owned());
    }
    if case.end.is_none() {
        return Some("the record has no end".to_owned());
    }
    None
}

/// A mount that the recorded kernel refused must be refused here.
fn mount_refused(case: &Case) -> CaseReport {
    let recorded_refused = case.head.mount_ret != 0;
    let differences = if recorded_refused {
        Vec::new()
    } else {
        vec![format!("mount: recorded success, here refused ({})", case.head.struct_ops)]
    };
    CaseReport {
        name: case.head.case.clone(),
        verdict: if recorded_refused { Verdict::Passed } else { Verdict::Failed },
        differences,
        calls: 0,
    }
}

/// A mount ready for the system calls of a case.
struct Stage {
    driver: Driver,
    shared: Rc<RefCell<Shared>>,
    comparison: Comparison,
}

impl Stage {
    /// Mounts what the case mounts; none when the mount is refused.
    fn set(case: &Case, options: &ConformOptions) -> Result<Option<Stage>, String> {
        let native = case.head.mode == "native";
        let ext4 = case.head.lower == "ext4";
        let table = AbiTable::of(options.abi);
        let shared = Rc::new(RefCell::new(Shared {
            defaults: case.head.default_ret,
            ..Shared::default()
        }));
        for rule in case.head.rules.iter().filter(|rule| rule.starts_with("rule ")) {
            shared.borrow_mut().rules.push(Rule::parse(rule)?);
        }
        let Some(filter) = attach(case, table, &shared)? else { return Ok(None) };
        let mut lower: Box<dyn Lower> = Box::new(MemFs::new(MemFsOptions::default()));
        populate(&mut *lower, NOW, ext4).map_err(|errno| format!("lower tree: {errno}"))?;
        let in_memory = InMemory::default();
        if ext4 && !native {
            lower = Box::new(Ext4Manners::over(lower, Rc::clone(&in_memory)));
        }
        let config = WorldConfig {
            abi: options.abi,
            fidelity: if native { Fidelity::Intended } else { Fidelity::Faithful },
            options: MountOptions {
                allow_other: native || case.head.opts.contains("allow_other"),
                local_locks: native,
                ..MountOptions::default()
            },
            start: NOW,
        };
        let setup = |errno: Errno| format!("mount: {errno}");
        let world = World::new(&config, lower, filter, Box::new(NoDaemon), Box::new(NullSink))
            .map_err(setup)?;
        let vfs = Vfs::new(world, &VfsConfig::default());
        vfs.add_client(CLIENT, Credentials::root(), 0o022);
        let seen_type = if native { &case.head.lower[..] } else { "fuse" };
        let statfs_type =
            STATFS_TYPES.iter().find(|(name, _)| *name == seen_type).map_or("0", |(_, v)| v);
        let driver = Driver::new(vfs, statfs_type, in_memory).map_err(setup)?;
        let comparison = Comparison::new(table, ext4);
        Ok(Some(Stage { driver, shared, comparison }))
    }

    fn play(mut self, case: &Case) -> CaseReport {
        let mut calls = 0;
        for op in &case.ops {
            self.shared.borrow_mut().calls.clear();
            let settled = op.text.split(' ').collect::<Vec<_>>();
            if let ["close" | "lseek", fd, ..] = settled[..] {
                self.comparison.settle_listing(&op.text, fd);
            }
            let seen = match self.driver.perform(&op.text) {
                Ok(seen) => seen,
                Err(Unable::Rules) => match self.change_rules(&op.text) {
                    Ok(()) => super::driver::Observed::default(),
                    Err(reason) => return CaseReport::skipped(&case.head.case, reason),
                },
                Err(Unable::NotModelled(reason) | Unable::Bad(reason)) => {
                    return CaseReport::skipped(&case.head.case, reason);
                }
            };
            let filter_calls = core::mem::take(&mut self.shared.borrow_mut().calls);
            self.comparison.op(op, &seen, &filter_calls);
            calls += 1;
        }
        self.finish(case, calls)
    }

    fn finish(mut self, case: &Case, calls: usize) -> CaseReport {
        let vfs = &self.driver.vfs;
        vfs.call(CLIENT, &Call::Exit);
        let busy = vfs.world().mount.leaks.lower_files > 0;
        let now = vfs.world().now;
        let ours = tree(&mut *vfs.world_mut().lower, now);
        if let Some(end) = &case.end {
            match ours {
                Ok(rows) => self.comparison.tree("lower tree at the end", &end.lower_tree, &rows),
                Err(errno) => self
                    .comparison
                    .differences
                    .push(format!("lower tree at the end: cannot be read: {errno}")),
            }
            let here = if busy { "EBUSY" } else { "ok" };
            if case.head.mode != "native" && end.lower_umount != here {
                self.comparison.differences.push(format!(
                    "lower umount: recorded {}, here {here}",
                    end.lower_umount
                ));
            }
        }
        let differences = self.comparison.differences;
        CaseReport {
            name: case.head.case.clone(),
            verdict: if differences.is_empty() { Verdict::Passed } else { Verdict::Failed },
            differences,
            calls,
        }
    }

    /// `rule`, `clearrules` and `dflt` in the middle of a case.
    fn change_rules(&self, text: &str) -> Result<(), String> {
        let mut shared = self.shared.borrow_mut();
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["clearrules", ..] => shared.rules.clear(),
            ["dflt", pre, post, default] => {
                shared.defaults.pre = number(pre)? as i32;
                shared.defaults.post = number(post)? as i32;
                shared.defaults.default = number(default)? as i32;
            }
            ["rule", ..] => shared.rules.push(Rule::parse(text)?),
            _ => return Err(format!("cannot be read: {text}")),
        }
        Ok(())
    }
}

/// The filter of the root: none, one, or (outer none) a name that is not registered.
#[expect(clippy::type_complexity, reason = "three outcomes that only this caller tells apart")]
fn attach(
    case: &Case,
    table: &'static AbiTable,
    shared: &Rc<RefCell<Shared>>,
) -> Result<Option<Option<Box<dyn Filter>>>, String> {
    let name = &case.head.struct_ops[..];
    if name == "-" || case.head.mode == "native" {
        return Ok(Some(None));
    }
    let Some(members) = Members::registered(name) else { return Ok(None) };
    let filter = RuleFilter::new(name, members, table, Rc::clone(shared));
    Ok(Some(Some(Box::new(filter))))
}
