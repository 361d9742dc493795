//! Records that are complete in one line: registrations, the kernel's own selftests, programs at
//! load, and messages of debug kernels.
//!
//! It compares what the record holds the input of. A registration is made again by its name, a
//! selftest is the scenario of the same number, and whether a helper may be called is asked of the
//! table that programs are checked with. The instructions of other programs at load and the system
//! calls behind a message are not in these records: such lines are skipped, each program by its
//! name, the messages of a file in one.

use fuserig_abi::{Abi, CallArgs, Errno, Slot};
use fuserig_filters::engine::{Availability, functions};
use fuserig_filters::{Filter, FilterEnv, builtin};
use fuserig_sim_fs::{MemFs, MemFsOptions};

use super::record::{AttachRecord, Records, SelftestRecord, VerifierRecord};
use super::report::{CaseReport, Verdict};
use crate::kernel::{World, WorldConfig};
use crate::pipeline::{NoDaemon, NullSink};
use crate::scenario::{Scenario, run};

/// The recorder's maps whose registered name is not that of the map without `ops_`.
const NAMES: [(&str, &str); 6] = [
    ("ops_n14", "abcdefghijklmn"),
    ("ops_n15", "abcdefghijklmno"),
    ("ops_bad", "bad-name"),
    ("ops_dup", "all"),
    ("ops_empty", ""),
    ("ops_case", "ALL"),
];

macro_rules! scenarios {
    ($($file:literal,)*) => {
        &[$(include_str!(concat!("../../scenarios/selftests/", $file, ".scn")),)*]
    };
}

/// The scenarios of the selftests, by number from 1.
const SELFTESTS: &[&str] = scenarios![
    "01-basic",
    "02-real",
    "03-partial",
    "04-attrs",
    "05-readdir",
    "06-creat",
    "07-hidden-entries",
    "08-dir",
    "09-file-early-close",
    "10-file-late-close",
    "11-mknod",
    "12-largedir",
    "13-link",
    "14-symlink",
    "15-xattr",
    "16-redact-readdir",
    "17-set-backing",
    "18-set-backing-no-ioctl",
    "19-set-backing-folder",
    "20-remove-backing",
    "21-dir-rename",
    "22-file-rename",
    "23-alter-errcode-bpf",
    "24-alter-errcode-userspace",
    "25-mmap",
    "26-readdir-perms",
    "27-statfs",
    "28-lseek",
    "29-readdirplus-not-overriding",
    "30-no-readdirplus-without-nodeid",
    "31-revalidate-backing-fd",
    "32-lookup-postfilter",
    "33-flock",
];

/// One report a line, but one for all messages of the file.
pub(super) fn play(records: &Records, abi: Abi) -> Vec<CaseReport> {
    let mut reports = registrations(&records.attached, abi);
    reports.extend(records.selftests.iter().map(selftest));
    reports.extend(records.verified.iter().map(|record| verified(record, abi)));
    if records.messages > 0 {
        let reason = format!(
            "{} records of debug kernels hold no system calls; their cases stand in other files",
            records.messages
        );
        reports.push(CaseReport::skipped("kernel messages", reason));
    }
    reports
}

/// A program at load. One that only calls a helper is all that the record tells of it.
fn verified(record: &VerifierRecord, abi: Abi) -> CaseReport {
    let name = format!("verifier {}", record.prog);
    let helper = functions().find(|helper| helper.name == record.what && helper.number.is_some());
    if let (Some(helper), Abi::V4, false) = (helper, abi, record.load.is_empty()) {
        let word = |may: bool| if may { "may be called" } else { "may not be called" };
        let there = record.load == "ok";
        let here = helper.is_available(Availability::Abi(abi));
        let what = format!("{}: recorded {}, here {}", helper.name, word(there), word(here));
        return report(name, (there != here).then_some(what));
    }
    let reason = format!(
        "the record says what became of the program ({}: {}) and not its instructions",
        record.what,
        if record.load.is_empty() { "no outcome" } else { &record.load }
    );
    CaseReport::skipped(&name, reason)
}

/// A report of something that was compared in one step.
fn report(name: String, difference: Option<String>) -> CaseReport {
    CaseReport {
        name,
        verdict: if difference.is_some() { Verdict::Failed } else { Verdict::Passed },
        differences: difference.into_iter().collect(),
        calls: 0,
        stop: None,
        quirks: Vec::new(),
    }
}

/// A table that only its name matters of.
#[derive(Debug)]
struct Named(String);

impl Filter for Named {
    fn name(&self) -> &str {
        &self.0
    }

    fn has(&self, _: Slot) -> bool {
        false
    }

    fn call(&mut self, _: Slot, _: &mut CallArgs, _: &mut FilterEnv<'_>) -> u32 {
        0
    }
}

/// Registers the maps in the order of the recording on one machine.
fn registrations(records: &[AttachRecord], abi: Abi) -> Vec<CaseReport> {
    if records.is_empty() {
        return Vec::new();
    }
    let lower = Box::new(MemFs::new(MemFsOptions::default()));
    let config = WorldConfig { abi, ..WorldConfig::default() };
    let world = World::new(&config, lower, None, Box::new(NoDaemon), Box::new(NullSink));
    let mut world = match world {
        Ok(world) => world,
        Err(errno) => return vec![CaseReport::skipped("attach", format!("mount: {errno}"))],
    };
    let mut one = |record: &AttachRecord| {
        let known = NAMES.iter().find(|(map, _)| *map == record.map).map(|(_, name)| *name);
        let name = known.or_else(|| record.map.strip_prefix("ops_")).unwrap_or(&record.map);
        let here = world.register(Box::new(Named(name.to_owned())));
        let word = |errno: Option<Errno>| errno.map_or("ok".to_owned(), |errno| errno.to_string());
        let here = word(here.err());
        let there = if record.ret == 0 { "ok" } else { &record.err };
        let differs = here != there;
        let what = format!("registration of {name:?}: recorded {there}, here {here}");
        report(format!("attach {}", record.map), differs.then_some(what))
    };
    records.iter().map(&mut one).collect()
}

/// Plays the scenario of a selftest on the recorded kernel's version.
fn selftest(record: &SelftestRecord) -> CaseReport {
    let name = format!("selftest {} {} {}", record.kernel, record.n, record.name);
    let text = record.n.checked_sub(1).and_then(|index| SELFTESTS.get(index));
    let (Some(text), Some(abi)) = (text, Abi::from_name(&record.kernel)) else {
        return CaseReport::skipped(&name, "no scenario has this number and version");
    };
    let played = Scenario::parse(text).map_err(|error| error.to_string()).and_then(|scenario| {
        let resolve = |spec: &str| builtin(spec).map_err(|error| error.to_string());
        run(&scenario, abi, &resolve).map_err(|error| error.to_string())
    });
    let failures = match played {
        Ok(played) => played.failures,
        Err(error) => return CaseReport::skipped(&name, format!("the scenario: {error}")),
    };
    let here = if failures.is_empty() { "ok" } else { "not ok" };
    let first = failures.first().map_or(String::new(), |failure| format!(" ({failure})"));
    let what = format!("recorded {}, here {here}{first}", record.result);
    report(name, (record.result != here).then_some(what))
}

#[cfg(test)]
mod tests {
    use fuserig_abi::Abi;

    use super::super::record::read_records;
    use super::super::report::Verdict;
    use super::play;

    fn verdicts(text: &str) -> Vec<(String, Verdict)> {
        let records = read_records(text.as_bytes()).expect("good records");
        let reports = play(&records, Abi::V4);
        reports.into_iter().map(|report| (report.name, report.verdict)).collect()
    }

    #[test]
    fn registrations_are_made_again_in_their_order() {
        let line = |map: &str, ret: i64, err: &str| {
            format!("{{\"t\":\"attach\",\"map\":\"{map}\",\"ret\":{ret},\"err\":\"{err}\"}}\n")
        };
        let good = [
            line("ops_all", 0, ""),
            line("ops_n14", 0, ""),
            line("ops_n15", -1, "EINVAL"),
            line("ops_bad", -1, "EINVAL"),
            line("ops_dup", -1, "EEXIST"),
            line("ops_empty", -1, "EINVAL"),
            line("ops_case", 0, ""),
        ];
        for (name, verdict) in verdicts(&good.concat()) {
            assert_eq!(verdict, Verdict::Passed, "{name}");
        }
        let wrong = [line("ops_all", 0, ""), line("ops_dup", 0, ""), line("ops_n15", -1, "EPERM")];
        let wrong: Vec<Verdict> =
            verdicts(&wrong.concat()).into_iter().map(|(_, verdict)| verdict).collect();
        assert_eq!(wrong, [Verdict::Passed, Verdict::Failed, Verdict::Failed]);
    }

    #[test]
    fn a_selftest_is_the_scenario_of_its_number() {
        let line = |kernel: &str, n: usize, result: &str| {
            format!(
                "{{\"t\":\"selftest\",\"kernel\":\"{kernel}\",\"n\":{n},\"name\":\"x\",\
                 \"result\":\"{result}\"}}\n"
            )
        };
        let lines = [
            line("v4", 2, "ok"),
            line("v4", 2, "not ok"),
            // Locks of files are passed on by v4 alone.
            line("v4", 33, "ok"),
            line("v3", 33, "not ok"),
        ];
        let seen: Vec<Verdict> =
            verdicts(&lines.concat()).into_iter().map(|(_, verdict)| verdict).collect();
        use Verdict::{Failed, Passed};
        assert_eq!(seen, [Passed, Failed, Passed, Passed]);
        let unknown = verdicts(&line("v9", 2, "ok"));
        assert!(matches!(unknown[0].1, Verdict::Skipped(_)));
    }

    #[test]
    fn a_program_that_calls_a_helper_is_judged_by_the_table_of_helpers() {
        let line = |what: &str, load: &str| {
            format!(
                "{{\"t\":\"verifier\",\"prog\":\"p\",\"what\":\"{what}\",\"load\":\"{load}\"}}\n"
            )
        };
        let lines = [
            line("bpf_get_current_pid_tgid", "ok"),
            line("bpf_get_current_uid_gid", "EINVAL"),
            line("bpf_get_current_uid_gid", "ok"),
            line("bpf_get_current_task", "EINVAL"),
        ];
        let seen: Vec<Verdict> =
            verdicts(&lines.concat()).into_iter().map(|(_, verdict)| verdict).collect();
        use Verdict::{Failed, Passed};
        assert_eq!(seen, [Passed, Passed, Failed, Failed]);
        let other = [line("bpf_d_path", "EINVAL"), line("a store", "ok"), line("bpf_loop", "")];
        for (name, verdict) in verdicts(&other.concat()) {
            assert!(matches!(verdict, Verdict::Skipped(_)), "{name}");
        }
    }

    #[test]
    fn what_holds_no_input_is_skipped_by_name() {
        let text = "{\"t\":\"verifier\",\"prog\":\"p\",\"what\":\"a store\",\"load\":\"ok\"}\n\
                    {\"t\":\"kmsg\",\"kernel\":\"debug\",\"case\":\"c\",\"kmsg\":[]}\n\
                    {\"t\":\"died\",\"kernel\":\"kasan\",\"case\":\"c\"}\n";
        let seen = verdicts(text);
        assert_eq!(seen.len(), 2, "one program, and the messages together");
        assert_eq!((&seen[0].0[..], &seen[1].0[..]), ("verifier p", "kernel messages"));
        for (name, verdict) in seen {
            assert!(matches!(verdict, Verdict::Skipped(_)), "{name}");
        }
    }
}
