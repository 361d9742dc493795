//! The callbacks of a table as members of an ops type.

use super::build::parsed;
use super::{
    AttachKind, MemberKind, MemberSpec, OpsSpec, Param, Prototype, SpecError, Tag, TypeRef,
};
use crate::description::{Callback, CallbackArg, Description};

/// Length of a pointer in bytes on every kernel that is described.
const POINTER_BYTES: u32 = 8;

/// The ops type of a table.
pub(super) fn ops(table: &Description) -> Result<OpsSpec, SpecError> {
    let attach = AttachKind::from_name(&table.attach.kind)
        .ok_or_else(|| SpecError::new(1, 1, format!("attach kind `{}`", table.attach.kind)))?;
    let mut members = Vec::new();
    for callback in &table.ops {
        members.push(member(callback)?);
    }
    let attach_row = &table.attach;
    if let (Some(name), Some(offset), Some(len)) =
        (&attach_row.name_member, attach_row.name_offset, attach_row.name_len)
    {
        members.push(MemberSpec {
            name: name.clone(),
            offset: Some(fitting(offset)?),
            size: fitting(len)?,
            kind: MemberKind::Data(TypeRef::Array(Box::new(TypeRef::Char), fitting(len)?)),
            missing: None,
            opcode: None,
        });
    }
    Ok(OpsSpec {
        name: table.attach.r#struct.clone(),
        attach,
        size: fitting(attach_row.size)?,
        members,
    })
}

fn member(callback: &Callback) -> Result<MemberSpec, SpecError> {
    let case = || {
        let op = callback.op.as_deref().unwrap_or("any");
        format!("{op}/{}", callback.phase)
    };
    Ok(MemberSpec {
        name: callback.member.clone().unwrap_or_else(case),
        offset: callback.offset.map(fitting).transpose()?,
        size: POINTER_BYTES,
        kind: MemberKind::Callback(prototype(callback)?),
        missing: Some(callback.if_missing.clone()),
        opcode: callback.meta_opcode.map(fitting).transpose()?,
    })
}

fn prototype(callback: &Callback) -> Result<Prototype, SpecError> {
    let mut params = Vec::new();
    for arg in &callback.args {
        // In android an argument may be reached at two places; each is one.
        let name = match &arg.slot {
            Some(slot) => format!("{}.{}", arg.name, slot.replace(['[', ']'], "")),
            None => arg.name.clone(),
        };
        params.push(Param { name, ty: arg_type(arg)? });
    }
    Ok(Prototype { ret: parsed(&callback.ret)?, params, variadic: false })
}

fn arg_type(arg: &CallbackArg) -> Result<TypeRef, SpecError> {
    let pointee = match arg.kind.as_str() {
        // A scalar is passed by value, and const says nothing about it.
        "scalar" => return parsed(&arg.r#type),
        "bytes" => TypeRef::Void,
        _ => TypeRef::Named(Tag::Struct, arg.r#type.clone()),
    };
    Ok(if arg.r#const { pointee.constant().pointer() } else { pointee.pointer() })
}

fn fitting(number: u64) -> Result<u32, SpecError> {
    u32::try_from(number)
        .map_err(|_large| SpecError::new(1, 1, format!("{number} does not fit 32 bits")))
}
