//! The whole check of a linked object.

use std::collections::BTreeSet;

use fuserig_abi::{Abi, AbiTable, Slot};

use super::answers::{Answers, judge};
use super::finding::{VetClass, VetFinding};
use super::flow::Walk;
use crate::engine::{Availability, Code, DecodeError};
use crate::program::{Linked, Program, ProgramKind, StructOpsMap};

/// Checks every filter of a linked object. The findings are in the order of filters, members and
/// lines; the same object gives the same findings.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::program::Linked;
/// use fuserig_filters::vet::vet;
/// assert!(vet(&Linked::default(), Abi::V4).is_empty());
/// ```
pub fn vet(linked: &Linked, abi: Abi) -> Vec<VetFinding> {
    let mut findings = everything(linked, abi);
    findings.retain(|finding| finding.class != VetClass::Unproven);
    findings
}

/// What the check could not follow: accesses through computed addresses, subprograms, walks that
/// are too long. Nothing need be wrong with it.
///
/// ```
/// use fuserig_abi::Abi;
/// use fuserig_filters::program::Linked;
/// use fuserig_filters::vet::unproven;
/// assert!(unproven(&Linked::default(), Abi::V4).is_empty());
/// ```
pub fn unproven(linked: &Linked, abi: Abi) -> Vec<VetFinding> {
    let mut findings = everything(linked, abi);
    findings.retain(|finding| finding.class == VetClass::Unproven);
    findings
}

fn everything(linked: &Linked, abi: Abi) -> Vec<VetFinding> {
    let mut findings = Vec::new();
    for filter in &linked.struct_ops {
        one_filter(linked, filter, abi, &mut findings);
    }
    let bound: BTreeSet<usize> =
        linked.struct_ops.iter().flat_map(|filter| filter.members.values().copied()).collect();
    for (index, program) in linked.programs.iter().enumerate() {
        if program.kind == ProgramKind::StructOps && !bound.contains(&index) {
            findings.push(VetFinding {
                filter: "object".to_owned(),
                member: program.name.clone(),
                line: first_line(program),
                class: VetClass::Never,
                quirk: None,
                text: "no variable in .struct_ops has it as a member".to_owned(),
            });
        }
    }
    findings.sort();
    findings
}

fn one_filter(linked: &Linked, filter: &StructOpsMap, abi: Abi, findings: &mut Vec<VetFinding>) {
    let mut answers = Answers::new();
    for (member, index) in &filter.members {
        let slot = Slot::from_name(member);
        let row = slot.and_then(|slot| AbiTable::of(abi).slot(slot));
        let (Some(row), Some(program)) = (row, linked.programs.get(*index)) else { continue };
        if let Err(error) = Code::decode(program, &linked.kfuncs, Availability::Abi(abi)) {
            findings.push(refused(filter, member, program, &error));
        }
        let walk = Walk {
            linked,
            program,
            row,
            filter: &filter.name,
            abi,
            found: BTreeSet::new(),
            answers: None,
        };
        let walked = walk.run();
        findings.extend(walked.findings);
        answers.insert(row.slot.index(), (row.slot, walked.answers));
    }
    for (slot, class, quirk, text) in judge(&answers, abi) {
        let member = slot.name().to_owned();
        let program = filter.members.get(&member).and_then(|index| linked.programs.get(*index));
        let line = program.and_then(first_line);
        let filter = filter.name.clone();
        findings.push(VetFinding { filter, member, line, class, quirk, text });
    }
}

/// What no engine and no kernel runs: an instruction, a helper, a kernel function.
fn refused(
    filter: &StructOpsMap,
    member: &str,
    program: &Program,
    error: &DecodeError,
) -> VetFinding {
    let line = program.line_of(error.insn as u32);
    VetFinding {
        filter: filter.name.clone(),
        member: member.to_owned(),
        line: line.map(|line| (line.file.clone(), line.line, line.text.clone())),
        class: VetClass::Refused,
        quirk: None,
        text: error.problem.to_string(),
    }
}

/// Where a program begins.
fn first_line(program: &Program) -> Option<(String, u32, String)> {
    program.lines.first().map(|line| (line.file.clone(), line.line, line.text.clone()))
}
