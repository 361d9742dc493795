//! From a table of schema `fuse-bpf-abi/1` to a description.

use std::collections::BTreeSet;

use super::{
    AbiSpec, CodeSpec, ConstantSpec, EnumSpec, FUSE_OPS_HELPERS, FieldSpec, KfuncSpec, Knowledge,
    Param, Prototype, QuirkSpec, RuleSpec, STRUCT_OPS_MEMBERS_BASE, SpecError, StructSpec, Tag,
    TypeRef, callbacks,
};
use crate::description::{self, Description, Quantity};

impl AbiSpec {
    /// A built-in description: `v3`, `v4`, `android` or `v3-grouped`.
    pub fn built_in(name: &str) -> Option<AbiSpec> {
        let text = description::built_in(name)?;
        Some(AbiSpec::from_json(text).expect("a test reads every built-in table"))
    }

    /// The description that a table holds, with the facts about helpers that it does not hold.
    ///
    /// # Errors
    /// A C type that cannot be read; the message names it.
    pub fn from_description(table: &Description) -> Result<AbiSpec, SpecError> {
        let opcodes = table.opcodes.iter().map(|opcode| ConstantSpec {
            name: opcode.name.clone(),
            value: i128::from(opcode.value),
            group: "opcode".to_owned(),
        });
        let constants = table.constants.iter().map(|constant| ConstantSpec {
            name: constant.name.clone(),
            value: i128::from(constant.value),
            group: constant.group.clone(),
        });
        // v3 26/37 and v4 25/36 raise the limit, because fuse_ops needs it.
        let members = table.attach.members.unwrap_or(0);
        let limit = (members > u64::from(STRUCT_OPS_MEMBERS_BASE)).then(|| ConstantSpec {
            name: "BPF_STRUCT_OPS_MAX_NR_MEMBERS".to_owned(),
            value: 128,
            group: "limit".to_owned(),
        });
        // The pipeline is about fuse_ops; the program type of android has a list of its own.
        let helpers: BTreeSet<String> = match table.attach.kind.as_str() {
            "struct_ops" => FUSE_OPS_HELPERS.into_iter().map(str::to_owned).collect(),
            _ => table.helpers.iter().cloned().collect(),
        };
        Ok(AbiSpec {
            name: table.abi.clone(),
            title: table.title.clone(),
            knows: Knowledge::ALL.into_iter().collect(),
            ops: vec![callbacks::ops(table)?],
            structs: structs(table)?,
            enums: table.enums.iter().map(enumeration).collect(),
            constants: constants.chain(opcodes).chain(limit).collect(),
            codes: table.return_codes.iter().map(code).collect(),
            kfuncs: table.kfuncs.iter().map(kfunc).collect::<Result<_, _>>()?,
            helpers,
            rules: rules(table),
            quirks: table.quirks.iter().map(quirk).collect(),
        })
    }
}

fn structs(table: &Description) -> Result<Vec<StructSpec>, SpecError> {
    let names: BTreeSet<&str> = table.structs.iter().map(|row| row.name.as_str()).collect();
    let ty = |text: &str| -> Result<TypeRef, SpecError> {
        match text {
            "ptr" => Ok(TypeRef::Void.pointer()),
            name if names.contains(name) => Ok(TypeRef::Named(Tag::Struct, name.to_owned())),
            text => parsed(text),
        }
    };
    let mut structs = Vec::new();
    for row in &table.structs {
        let mut fields = Vec::new();
        for field in &row.fields {
            let element = ty(&field.r#type)?;
            fields.push(FieldSpec {
                name: field.name.clone(),
                offset: field.offset,
                size: field.size,
                bits: None,
                ty: match field.len {
                    Some(len) => TypeRef::Array(Box::new(element), len),
                    None => element,
                },
            });
        }
        structs.push(StructSpec {
            name: row.name.clone(),
            union: false,
            size: row.size,
            wire: row.origin.starts_with("uapi/"),
            fields,
        });
    }
    Ok(structs)
}

fn enumeration(row: &description::Enumeration) -> EnumSpec {
    let values = row.values.iter().map(|named| (named.name.clone(), i128::from(named.value)));
    EnumSpec { name: row.name.clone(), size: 4, values: values.collect() }
}

fn code(row: &description::ReturnCode) -> CodeSpec {
    CodeSpec {
        name: row.name.clone(),
        value: row.value.map(i128::from),
        range: row.range.clone().unwrap_or_default(),
        pre: row.prefilter.clone(),
        post: row.postfilter.clone(),
    }
}

fn kfunc(row: &description::Kfunc) -> Result<KfuncSpec, SpecError> {
    let mut params = Vec::new();
    for param in &row.params {
        params.push(Param { name: param.name.clone(), ty: parsed(&param.r#type)? });
    }
    Ok(KfuncSpec {
        name: row.name.clone(),
        prototype: Prototype { ret: parsed(&row.ret)?, params, variadic: false },
        flags: row.kfunc_flags.iter().cloned().collect(),
        prog_types: row.prog_types.iter().cloned().collect(),
        semantics: row.semantics.clone(),
    })
}

fn quirk(row: &description::QuirkRecord) -> QuirkSpec {
    QuirkSpec { id: row.id.clone(), class: row.klass.clone(), text: row.text.clone() }
}

/// A C type that a table spells; the error names it, because it has no line of its own.
pub(super) fn parsed(text: &str) -> Result<TypeRef, SpecError> {
    text.parse().map_err(|error: SpecError| {
        SpecError::new(error.line, error.column, format!("type `{text}`: {}", error.message))
    })
}

/// Everything that is behaviour in words, one rule a fact.
fn rules(table: &Description) -> Vec<RuleSpec> {
    let mut rules = Rules::default();
    for row in &table.get_writeable {
        let text = format!(
            "when {}: data {}; size {}; flags {}; dynptr {}",
            row.when, row.data, row.size, row.flags, row.dynptr_size
        );
        rules.push(format!("get_writeable.{}", row.row), text);
    }
    for row in &table.access_rules {
        let text = format!("{}; rw {}", row.state, row.rw);
        rules.push(format!("access.{}.{}", row.phase, words(&row.slot)), text);
    }
    for row in &table.pipeline {
        let name = format!("pipeline.{}.{}", words(&row.stage), words(&row.on));
        rules.push(name, format!("on {}: {}", row.on, row.then));
    }
    for row in &table.operations {
        operation(&mut rules, row);
    }
    if let Some(longest) = table.attach.name_effective_max {
        rules.push("attach.name.longest".to_owned(), longest.to_string());
    }
    rules.list
}

fn operation(rules: &mut Rules, row: &description::Operation) {
    let mut put = |fact: &str, text: &str| {
        rules.push(format!("operation.{}.{fact}", row.op), text.to_owned());
    };
    put("pipeline_inode", &row.pipeline_inode);
    put("meta_nodeid", &row.meta_nodeid);
    put("lower_call", &row.lower_call);
    put("lower_uses", &row.lower_uses_filtered.join(", "));
    put("lower_ignores", &row.lower_ignores_filtered.join(", "));
    put("out_filled_by_lower", &row.out_filled_by_lower);
    put("finalize", &row.finalize);
    put("error_in", &row.error_in_rule);
    put("user_prefilter", &row.user_prefilter);
    put("user_postfilter", &row.user_postfilter);
    put("user", row.user_fallthrough.as_deref().unwrap_or("as usual"));
    for (step, flags) in &row.request_flags {
        put(&format!("request_flags.{step}"), &flags.join(", "));
    }
    for buffer in &row.buffers {
        let text = format!(
            "{}; flags {}; size {}; alloc {}; max {}; {}{}",
            buffer.dir,
            buffer.initial_flags.join("+"),
            quantity(&buffer.size),
            quantity(&buffer.alloc_size),
            quantity(&buffer.max_size),
            buffer.data,
            buffer.present_when.as_ref().map(|when| format!("; when {when}")).unwrap_or_default()
        );
        put(&format!("buffer.{}", buffer.arg), &text);
    }
}

fn quantity(quantity: &Quantity) -> String {
    match quantity {
        Quantity::Number(number) => number.to_string(),
        Quantity::Words(words) => words.clone(),
    }
}

/// Words as a part of a name.
fn words(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let joined: String = plain.collect();
    let parts: Vec<&str> = joined.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

/// Rules whose names are kept apart.
#[derive(Default)]
struct Rules {
    list: Vec<RuleSpec>,
}

impl Rules {
    fn push(&mut self, name: String, text: String) {
        if text.is_empty() {
            return;
        }
        let same = self.list.iter().filter(|rule| rule.name.split('#').next() == Some(&*name));
        let name = match same.count() {
            0 => name,
            times => format!("{name}#{}", times + 1),
        };
        self.list.push(RuleSpec { name, text });
    }
}
