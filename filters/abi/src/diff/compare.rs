//! Every rule over one pair of descriptions.

use super::{AbiDiff, Change, behaviour, kfuncs, ops, structs};
use crate::spec::{AbiSpec, Knowledge};

impl AbiDiff {
    /// Compares two descriptions.
    pub fn between(old: &AbiSpec, new: &AbiSpec) -> AbiDiff {
        let mut changes: Vec<Change> = Vec::new();
        ops::compare(old, new, &mut changes);
        structs::compare(old, new, &mut changes);
        behaviour::enums(old, new, &mut changes);
        kfuncs::compare(old, new, &mut changes);
        let mut not_compared = Vec::new();
        for knowledge in Knowledge::ALL {
            // Kernel functions are compared above, whoever describes them.
            let is_compared_above = knowledge == Knowledge::Kfuncs;
            if is_compared_above || !old.knows(knowledge) && !new.knows(knowledge) {
                continue;
            }
            if !old.knows(knowledge) || !new.knows(knowledge) {
                not_compared.push(knowledge.name().to_owned());
                continue;
            }
            match knowledge {
                Knowledge::Constants => {
                    ops::limits(old, new, &mut changes);
                    behaviour::constants(old, new, &mut changes);
                }
                Knowledge::Codes => behaviour::codes(old, new, &mut changes),
                Knowledge::Helpers => behaviour::helpers(old, new, &mut changes),
                Knowledge::KfuncFlags => kfuncs::flags(old, new, &mut changes),
                Knowledge::Behaviour => {
                    ops::defaults(old, new, &mut changes);
                    behaviour::rules(old, new, &mut changes);
                }
                Knowledge::Kfuncs => {}
            }
        }
        AbiDiff { old: old.name.clone(), new: new.name.clone(), changes, not_compared }
    }
}
