//! What members answer, and what the kernel makes of it.

use std::collections::BTreeMap;

use fuserig_abi::{
    Abi, BPF_FUSE_POSTFILTER, BPF_FUSE_USER, BPF_FUSE_USER_POSTFILTER, BPF_FUSE_USER_PREFILTER, Op,
    Phase, Quirk, Slot,
};

use super::finding::VetClass;
use super::state::Numbers;

/// The answers of each member that is set.
pub(super) type Answers = BTreeMap<usize, (Slot, Numbers)>;

/// A finding without its filter: slot, class, quirk, text.
pub(super) type Found = (Slot, VetClass, Option<Quirk>, String);

/// Whether a member may answer a code; `false` when its answers are not known.
fn surely_may(numbers: &Numbers, code: u32) -> bool {
    numbers.as_ref().is_some_and(|set| set.contains(&i64::from(code)))
}

fn get(answers: &Answers, op: Op, phase: Phase) -> Option<&Numbers> {
    answers.get(&Slot::Member(op, phase).index()).map(|(_, numbers)| numbers)
}

/// Members that never run, and answers on a known crash path.
pub(super) fn judge(answers: &Answers, abi: Abi) -> Vec<Found> {
    let mut found = Vec::new();
    for (slot, numbers) in answers.values() {
        let Slot::Member(op, phase) = *slot else { continue };
        match phase {
            Phase::Pre => prefilter(answers, op, numbers, abi, &mut found),
            Phase::Post => postfilter(answers, op, numbers, abi, &mut found),
        }
    }
    found
}

fn prefilter(answers: &Answers, op: Op, numbers: &Numbers, abi: Abi, found: &mut Vec<Found>) {
    let slot = Slot::Member(op, Phase::Pre);
    let mut add =
        |class, quirk, text: &str| found.push((slot, class, Some(quirk), text.to_owned()));
    if op == Op::Release && abi == Abi::V4 {
        let text = "v4 sends every release to releasedir; set releasedir_prefilter";
        add(VetClass::Never, Quirk::DISP_3, text);
    }
    if op == Op::DirFsync {
        match get(answers, Op::Fsync, Phase::Pre) {
            None => add(
                VetClass::Crash,
                Quirk::DISP_1,
                "fsync of a directory calls fsync_prefilter, which is not set",
            ),
            Some(_) => add(
                VetClass::Never,
                Quirk::DISP_1,
                "fsync of a directory calls fsync_prefilter instead",
            ),
        }
    }
    let asks_post = surely_may(numbers, BPF_FUSE_POSTFILTER);
    if op == Op::Mkdir && asks_post && get(answers, op, Phase::Post).is_none() {
        let text = "it asks for mkdir_postfilter, which is not set, and the kernel calls it";
        add(VetClass::Crash, Quirk::DISP_2, text);
    }
    if op == Op::Statfs && surely_may(numbers, BPF_FUSE_USER_PREFILTER) {
        add(VetClass::Crash, Quirk::USER_1, "asking the daemon about statfs reads out of bounds");
    }
    if matches!(op, Op::Open | Op::Opendir) && surely_may(numbers, BPF_FUSE_USER) {
        let text = "a handle that the daemon opened crashes on the next read, flush or close";
        add(VetClass::Crash, Quirk::OPEN_2, text);
    }
}

fn postfilter(answers: &Answers, op: Op, numbers: &Numbers, abi: Abi, found: &mut Vec<Found>) {
    let slot = Slot::Member(op, Phase::Post);
    if op == Op::Release && abi == Abi::V4 {
        let text = "v4 sends every release to releasedir; set releasedir_postfilter";
        found.push((slot, VetClass::Never, Some(Quirk::DISP_3), text.to_owned()));
        return;
    }
    // In v4 a missing prefilter, or one that answers CALL_DEFAULT, asks default_filter, which
    // may answer POSTFILTER.
    let default = answers.get(&Slot::Default.index()).is_some();
    let prefilter = get(answers, op, Phase::Pre);
    let reason = match prefilter {
        None if !default => Some(format!("{} is not set, so nothing asks for it", pre_name(op))),
        Some(Some(set)) if !default && !set.contains(&i64::from(BPF_FUSE_POSTFILTER)) => {
            Some(format!("{} never answers POSTFILTER", pre_name(op)))
        }
        _ => None,
    };
    if let Some(reason) = reason {
        found.push((slot, VetClass::Never, None, reason));
    }
    if op == Op::Setxattr && surely_may(numbers, BPF_FUSE_USER_POSTFILTER) {
        let text = "asking the daemon after setxattr is a kernel BUG when it agrees".to_owned();
        found.push((slot, VetClass::Crash, Some(Quirk::USER_3), text));
    }
    if surely_may(numbers, BPF_FUSE_USER) {
        let text = "USER is ignored in a postfilter; there is no way back".to_owned();
        found.push((slot, VetClass::Ignored, Some(Quirk::PIPE_4), text));
    }
}

fn pre_name(op: Op) -> &'static str {
    Slot::Member(op, Phase::Pre).name()
}
