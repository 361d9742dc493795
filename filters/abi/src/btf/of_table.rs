//! The BTF of a built-in ABI, made from its table.
//!
//! It holds what the kernel of that ABI would show to programs: the struct of callbacks with its
//! prototypes (parameters `const` as in the table, and without names, as in a kernel), argument
//! structs, enumerations, kernel functions. What a reader would get wrong: a table lists fields
//! by offset, and where two overlap they are members of an anonymous union here.

use std::collections::BTreeMap;

use super::build::BtfBuilder;
use super::kfuncs::GENERIC_KFUNCS;
use super::kind::{BtfKind, Composite, EnumValue, Enumerators, Linkage, Member, TypeId};
use super::task::{TaskTypes, add_task};
use super::{Btf, uapi};
use crate::AbiTable;
use crate::description::{Callback, CallbackArg, Description, Named, Struct, StructField};

impl Btf {
    /// The types of a table with a pipeline.
    pub fn of_table(table: &AbiTable) -> Btf {
        Btf::of_description(table.description())
    }

    /// The types of a description, also of the kinds without a pipeline (Android, grouped).
    ///
    /// Words that are no type become `void *`; validated tables have none.
    ///
    /// ```
    /// use fuserig_abi::btf::{Btf, KindTag};
    /// use fuserig_abi::description::{Description, built_in};
    /// let android = Description::parse(built_in("android").expect("built in"))?;
    /// let context = Btf::of_description(&android).find_kind("fuse_bpf_args", KindTag::Struct);
    /// assert!(context.is_some());
    /// # Ok::<(), fuserig_abi::TableError>(())
    /// ```
    pub fn of_description(description: &Description) -> Btf {
        let mut maker = Maker::new();
        for (name, values) in uapi::ENUMS {
            maker.enumeration(name, values.iter().map(|(name, value)| (*name, *value)));
        }
        let named = |values: &'_ [Named]| -> Vec<(String, u64)> {
            values.iter().map(|value| (value.name.clone(), value.value)).collect()
        };
        let opcodes = named(&description.opcodes);
        maker.enumeration("fuse_opcode", opcodes.iter().map(|(n, v)| (n.as_str(), *v)));
        for set in &description.enums {
            let values = named(&set.values);
            maker.enumeration(&set.name, values.iter().map(|(n, v)| (n.as_str(), *v)));
        }
        for structure in in_order(&description.structs) {
            maker.structure(structure);
        }
        if description.attach.kind == "struct_ops" {
            maker.callbacks(description);
        }
        for kfunc in &description.kfuncs {
            let params: Vec<(&str, &str)> = kfunc
                .params
                .iter()
                .map(|param| (param.r#type.as_str(), param.name.as_str()))
                .collect();
            maker.kfunc(&kfunc.name, &kfunc.ret, &params);
        }
        for kfunc in GENERIC_KFUNCS {
            if kfunc.versions.contains(&description.abi.as_str()) {
                maker.kfunc(kfunc.name, kfunc.ret, kfunc.params);
            }
        }
        maker.build.finish()
    }
}

/// Structs after those that they contain.
fn in_order(structs: &[Struct]) -> Vec<&Struct> {
    let mut ordered: Vec<&Struct> = Vec::new();
    let mut waiting: Vec<&Struct> = structs.iter().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        waiting.retain(|one| {
            let known = |name: &str| {
                ordered.iter().any(|done| done.name == name)
                    || structs.iter().all(|any| any.name != name)
            };
            let ready = one.fields.iter().all(|field| known(&field.r#type));
            if ready {
                ordered.push(one);
            }
            !ready
        });
        if waiting.len() == before {
            ordered.append(&mut waiting);
        }
    }
    ordered
}

struct Maker {
    build: BtfBuilder,
    named: BTreeMap<String, TypeId>,
    /// Types derived from others, by the C text.
    derived: BTreeMap<String, TypeId>,
}

impl Maker {
    fn new() -> Maker {
        let build = BtfBuilder::new();
        let mut maker = Maker { build, named: BTreeMap::new(), derived: BTreeMap::new() };
        for (name, size, encoding) in uapi::INTS {
            let id = maker.build.int(name, *size, *encoding);
            maker.named.insert((*name).to_owned(), id);
        }
        for (name, of) in uapi::TYPEDEFS {
            let id = maker.build.add(name, BtfKind::Typedef(maker.named[*of]));
            maker.named.insert((*name).to_owned(), id);
        }
        let types = TaskTypes {
            int: maker.named["int"],
            uint: maker.named["unsigned int"],
            ulong: maker.named["unsigned long"],
            char: maker.named["char"],
        };
        let task = add_task(&mut maker.build, &types);
        maker.named.insert("struct task_struct".to_owned(), task);
        for (name, size, members) in uapi::STRUCTS {
            let members: Vec<(&str, TypeId, u32)> = members
                .iter()
                .map(|(name, of, offset)| (*name, maker.c_type(of), *offset))
                .collect();
            let id = maker.build.structure(name, *size, &members);
            maker.named.insert(format!("struct {name}"), id);
        }
        maker
    }

    fn enumeration<'a>(&mut self, name: &str, values: impl Iterator<Item = (&'a str, u64)>) {
        let values = values
            .map(|(name, bits)| EnumValue { name: self.build.name(name), bits })
            .collect::<Vec<EnumValue>>();
        let id =
            self.build.add(name, BtfKind::Enum(Enumerators { size: 4, signed: false, values }));
        self.named.insert(format!("enum {name}"), id);
    }

    /// A type by its C text: a name, `struct NAME`, and pointers to and arrays of those.
    fn c_type(&mut self, text: &str) -> TypeId {
        let text = text.trim();
        if let Some(id) = self.named.get(text).or_else(|| self.derived.get(text)) {
            return *id;
        }
        let kind = if let Some(target) = text.strip_suffix('*') {
            let target = target.trim();
            BtfKind::Ptr(if target == "void" { TypeId::VOID } else { self.c_type(target) })
        } else if let Some((element, len)) =
            text.strip_suffix(']').and_then(|text| text.split_once('['))
        {
            let (element, index) = (self.c_type(element), self.named["unsigned int"]);
            BtfKind::Array { element, index, len: len.parse().unwrap_or(0) }
        } else if let Some(target) = text.strip_prefix("const ") {
            let target = target.trim();
            BtfKind::Const(if target == "void" { TypeId::VOID } else { self.c_type(target) })
        } else if let Some(name) = text.strip_prefix("struct ") {
            let id = self.build.add(name, BtfKind::Fwd { is_union: false });
            self.derived.insert(text.to_owned(), id);
            return id;
        } else if text == "void" {
            return TypeId::VOID;
        } else {
            BtfKind::Ptr(TypeId::VOID)
        };
        let id = self.build.add("", kind);
        self.derived.insert(text.to_owned(), id);
        id
    }

    /// The type of a field of a table.
    fn field_type(&mut self, field: &StructField, is_uapi: bool) -> TypeId {
        let text = match field.r#type.as_str() {
            "u8" if is_uapi => "uint8_t".to_owned(),
            "u16" if is_uapi => "uint16_t".to_owned(),
            "u32" if is_uapi => "uint32_t".to_owned(),
            "u64" if is_uapi => "uint64_t".to_owned(),
            "i32" if is_uapi => "int32_t".to_owned(),
            "i32" => "int".to_owned(),
            "ptr" => "void *".to_owned(),
            word if self.named.contains_key(word) => word.to_owned(),
            word => format!("struct {word}"),
        };
        match field.len {
            Some(len) => self.c_type(&format!("{text}[{len}]")),
            None => self.c_type(&text),
        }
    }

    fn structure(&mut self, structure: &Struct) {
        let is_uapi = structure.origin.starts_with("uapi");
        let mut members: Vec<Member> = Vec::new();
        let mut rest: &[StructField] = &structure.fields;
        while !rest.is_empty() {
            let (group, after) = rest.split_at(overlapping(rest));
            rest = after;
            if let [field] = group {
                let of = self.field_type(field, is_uapi);
                members.push(self.build.member(&field.name, of, field.offset));
            } else {
                members.push(self.union_of(group, is_uapi));
            }
        }
        let composite = Composite { size: structure.size, bit_fields: false, members };
        let id = self.build.add(&structure.name, BtfKind::Struct(composite));
        self.named.insert(format!("struct {}", structure.name), id);
    }

    /// An anonymous union of runs of fields; a run of more than one is an anonymous struct.
    fn union_of(&mut self, fields: &[StructField], is_uapi: bool) -> Member {
        let start = fields.iter().map(|field| field.offset).min().unwrap_or(0);
        let end = fields.iter().map(|field| field.offset + field.size).max().unwrap_or(start);
        let mut arms: Vec<Vec<(&StructField, TypeId)>> = Vec::new();
        let mut reached = u32::MAX;
        for field in fields {
            let of = self.field_type(field, is_uapi);
            match arms.last_mut() {
                Some(arm) if field.offset >= reached => arm.push((field, of)),
                _ => arms.push(vec![(field, of)]),
            }
            reached = field.offset + field.size;
        }
        let mut members = Vec::new();
        for arm in arms {
            if let [(field, of)] = arm[..] {
                members.push(self.build.member(&field.name, of, field.offset - start));
                continue;
            }
            let inner: Vec<(&str, TypeId, u32)> = arm
                .iter()
                .map(|(field, of)| (field.name.as_str(), *of, field.offset - start))
                .collect();
            let of = self.build.structure("", end - start, &inner);
            members.push(self.build.member("", of, 0));
        }
        let composite = Composite { size: end - start, bit_fields: false, members };
        let of = self.build.add("", BtfKind::Union(composite));
        self.build.member("", of, start)
    }

    fn callbacks(&mut self, description: &Description) {
        let attach = &description.attach;
        let mut members = Vec::new();
        for callback in &description.ops {
            let Callback { member: Some(name), offset: Some(offset), .. } = callback else {
                continue;
            };
            let proto = self.prototype(callback);
            let of = self.build.add("", BtfKind::Ptr(proto));
            members.push(self.build.member(name, of, *offset as u32));
        }
        if let (Some(name), Some(offset), Some(len)) =
            (&attach.name_member, attach.name_offset, attach.name_len)
        {
            let of = self.c_type(&format!("char[{len}]"));
            members.push(self.build.member(name, of, offset as u32));
        }
        let composite = Composite { size: attach.size as u32, bit_fields: false, members };
        let id = self.build.add(&attach.r#struct, BtfKind::Struct(composite));
        self.named.insert(format!("struct {}", attach.r#struct), id);
    }

    fn prototype(&mut self, callback: &Callback) -> TypeId {
        let params: Vec<TypeId> = callback.args.iter().map(|arg| self.argument(arg)).collect();
        let params: Vec<(&str, TypeId)> = params.into_iter().map(|of| ("", of)).collect();
        let ret = self.c_type(&callback.ret);
        self.build.proto(ret, &params)
    }

    fn argument(&mut self, arg: &CallbackArg) -> TypeId {
        if arg.kind == "scalar" {
            return self.c_type(&arg.r#type);
        }
        let constness = if arg.r#const { "const " } else { "" };
        self.c_type(&format!("{constness}struct {} *", arg.r#type))
    }

    fn kfunc(&mut self, name: &str, ret: &str, params: &[(&str, &str)]) {
        let params: Vec<(&str, TypeId)> =
            params.iter().map(|(of, name)| (*name, self.c_type(of))).collect();
        let ret = self.c_type(ret);
        let proto = self.build.proto(ret, &params);
        let func = self.build.add(name, BtfKind::Func { proto, linkage: Linkage::Static });
        let tag = BtfKind::DeclTag { of: func, component: -1, attribute: false };
        self.build.add("bpf_kfunc", tag);
    }
}

/// How many fields from the first belong together because they overlap.
fn overlapping(fields: &[StructField]) -> usize {
    let mut count = 1;
    for (index, field) in fields.iter().enumerate().skip(1) {
        let first = fields[..index].iter().position(|before| {
            before.offset + before.size > field.offset && field.offset >= before.offset
        });
        if first == Some(0) {
            count = index + 1;
        }
    }
    count
}
