//! The filter that a file writes as rules.

use fuserig_abi::{AbiTable, CallArgs, Slot};
use fuserig_filters::{Filter, FilterEnv};

use super::matching::{path_of, unmet};
use super::model::{Action, Rule};

/// A filter whose members are those that rules name.
#[derive(Debug)]
pub(super) struct RuleFilter {
    name: String,
    table: &'static AbiTable,
    rules: Vec<Rule>,
}

impl RuleFilter {
    pub(super) fn new(name: &str, table: &'static AbiTable, rules: &[Rule]) -> RuleFilter {
        RuleFilter { name: name.to_owned(), table, rules: rules.to_vec() }
    }
}

impl Filter for RuleFilter {
    fn name(&self) -> &str {
        &self.name
    }

    fn has(&self, slot: Slot) -> bool {
        self.rules.iter().any(|rule| rule.slot == slot)
    }

    fn call(&mut self, slot: Slot, args: &mut CallArgs, env: &mut FilterEnv<'_>) -> u32 {
        let rule = self
            .rules
            .iter()
            .filter(|rule| rule.slot == slot)
            .find(|rule| unmet(self.table, args, &rule.conditions).is_none());
        let Some(rule) = rule else { return 0 };
        for action in &rule.actions {
            act(self.table, action, args, env);
        }
        rule.code as u32
    }
}

/// A field or buffer that the operation does not have is left alone: one rule may serve ABIs that
/// differ.
fn act(table: &AbiTable, action: &Action, args: &mut CallArgs, env: &mut FilterEnv<'_>) {
    let row = table.operation(args.op);
    match action {
        Action::Set { path, value } => {
            args.set_field(table, &path_of(path), *value);
        }
        Action::Resize { name, size, copy } => {
            let place = row.arg_position(name);
            if let Some((buffer, arena)) = place.and_then(|(dir, at)| args.buffer_mut(dir, at)) {
                let _ = buffer.get_rw_dynptr(arena, *size, *copy);
            }
        }
        Action::Write { name, bytes } => {
            let place = row.arg_position(name);
            if let Some((buffer, arena)) = place.and_then(|(dir, at)| args.buffer_mut(dir, at)) {
                let dynptr = buffer.get_rw_dynptr(arena, bytes.len() as u64, false);
                let _ = dynptr.write(arena, 0, bytes, 0);
            }
        }
        Action::Print(line) => env.print(line.clone()),
    }
}
