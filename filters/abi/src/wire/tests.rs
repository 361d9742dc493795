//! The structs and constants against the tables, in both directions.

use std::collections::BTreeMap;

use super::*;
use crate::description::{BUILT_IN, Description, Struct, built_in};

const STRUCTS: &[StructLayout] = &[
    FuseOpenIn::KERNEL_LAYOUT,
    FuseOpenOut::KERNEL_LAYOUT,
    FuseCreateIn::KERNEL_LAYOUT,
    FuseReleaseIn::KERNEL_LAYOUT,
    FuseFlushIn::KERNEL_LAYOUT,
    FuseLseekIn::KERNEL_LAYOUT,
    FuseLseekOut::KERNEL_LAYOUT,
    FuseCopyFileRangeIn::KERNEL_LAYOUT,
    FuseWriteOut::KERNEL_LAYOUT,
    FuseFsyncIn::KERNEL_LAYOUT,
    FuseGetxattrIn::KERNEL_LAYOUT,
    FuseGetxattrOut::KERNEL_LAYOUT,
    FuseSetxattrIn::KERNEL_LAYOUT,
    FuseReadIn::KERNEL_LAYOUT,
    FuseWriteIn::KERNEL_LAYOUT,
    FuseReadOut::KERNEL_LAYOUT,
    FuseReadIterOut::KERNEL_LAYOUT,
    FuseWriteIterOut::KERNEL_LAYOUT,
    FuseFallocateIn::KERNEL_LAYOUT,
    FuseAttr::KERNEL_LAYOUT,
    FuseEntryOut::KERNEL_LAYOUT,
    FuseAttrOut::KERNEL_LAYOUT,
    FuseMknodIn::KERNEL_LAYOUT,
    FuseMkdirIn::KERNEL_LAYOUT,
    FuseRename2In::KERNEL_LAYOUT,
    FuseRenameIn::KERNEL_LAYOUT,
    FuseLinkIn::KERNEL_LAYOUT,
    FuseGetattrIn::KERNEL_LAYOUT,
    FuseSetattrIn::KERNEL_LAYOUT,
    FuseKstatfs::KERNEL_LAYOUT,
    FuseStatfsOut::KERNEL_LAYOUT,
    FuseAccessIn::KERNEL_LAYOUT,
    FuseDirent::KERNEL_LAYOUT,
    FuseInHeader::KERNEL_LAYOUT,
    FuseOutHeader::KERNEL_LAYOUT,
    FuseExtHeader::KERNEL_LAYOUT,
    RawFuseBuffer::KERNEL_LAYOUT,
    BpfFuseMetaInfo::KERNEL_LAYOUT,
    RawBpfFuseArg::KERNEL_LAYOUT,
    RawBpfFuseArgs::KERNEL_LAYOUT,
    FuseBpfEntryOut::KERNEL_LAYOUT,
    FuseBpfInArg::KERNEL_LAYOUT,
    FuseBpfArg::KERNEL_LAYOUT,
    FuseBpfArgs::KERNEL_LAYOUT,
    FuseEntryBpfOut::KERNEL_LAYOUT,
    FuseInPostfilterHeader::KERNEL_LAYOUT,
];

/// Differences between a struct and its row; empty when they agree.
fn differences(layout: &StructLayout, row: &Struct) -> Vec<String> {
    let mut found = Vec::new();
    if (layout.size, layout.align) != (row.size as usize, row.align as usize) {
        found.push(format!("{}: size or alignment", row.name));
    }
    let ours: BTreeMap<&str, (usize, usize)> =
        layout.fields.iter().map(|field| (field.name, (field.offset, field.size))).collect();
    for field in &row.fields {
        // One Rust field serves both versions, and two kernel fields are views of others.
        let name = match (row.name.as_str(), field.name.as_str()) {
            ("fuse_open_out", "padding") => "backing_id",
            ("fuse_bpf_entry_out" | "fuse_dirent", "name") => continue,
            (_, name) => name,
        };
        if ours.get(name) != Some(&(field.offset as usize, field.size as usize)) {
            found.push(format!("{}.{}: {:?}", row.name, field.name, ours.get(name)));
        }
    }
    for field in layout.fields {
        let is_padding =
            field.name.strip_prefix("pad").is_some_and(|rest| rest.parse::<u8>().is_ok());
        let named = row.fields.iter().any(|other| {
            other.name == field.name || (other.name == "padding" && field.name == "backing_id")
        });
        if !named && !is_padding {
            found.push(format!("{}.{} is not in the table", row.name, field.name));
        }
    }
    found
}

#[test]
fn every_struct_of_every_table_has_the_same_layout_here() {
    for (version, text) in BUILT_IN {
        for row in Description::parse(text).expect("built in").structs {
            let layout = STRUCTS.iter().find(|layout| layout.name == row.name);
            let layout = layout.unwrap_or_else(|| panic!("{version}: {} is missing", row.name));
            assert_eq!(differences(layout, &row), Vec::<String>::new(), "{version}");
        }
    }
}

#[test]
fn every_struct_is_in_a_table() {
    let mut names = Vec::new();
    for (_, text) in BUILT_IN {
        let table = Description::parse(text).expect("built in");
        names.extend(table.structs.into_iter().map(|row| row.name));
    }
    for layout in STRUCTS {
        assert!(names.iter().any(|name| name == layout.name), "{}", layout.name);
    }
}

#[test]
fn a_field_that_moved_or_was_forgotten_is_noticed() {
    let table = Description::parse(built_in("v3").expect("built in")).expect("valid");
    let row = table.structs.iter().find(|row| row.name == "fuse_open_in").expect("there");
    let layout = FuseOpenIn::KERNEL_LAYOUT;
    assert!(differences(&layout, row).is_empty());
    let mut moved = row.clone();
    moved.fields[1].offset = 0;
    assert_eq!(differences(&layout, &moved).len(), 1);
    let mut more = row.clone();
    more.fields.push(crate::description::StructField {
        name: "new".to_owned(),
        offset: 0,
        ..row.fields[0].clone()
    });
    assert_eq!(differences(&layout, &more).len(), 1);
    let mut fewer = row.clone();
    fewer.fields.pop();
    assert_eq!(differences(&layout, &fewer).len(), 1);
    let longer = Struct { size: 16, ..row.clone() };
    assert_eq!(differences(&layout, &longer).len(), 1);
}

/// Constants that are flags of a bitflags type rather than plain numbers.
const BUFFER_FLAGS: [(&str, u64); 5] = [
    ("BPF_FUSE_IMMUTABLE", 1),
    ("BPF_FUSE_VARIABLE_SIZE", 2),
    ("BPF_FUSE_MUST_ALLOCATE", 4),
    ("BPF_FUSE_MODIFIED", 8),
    ("BPF_FUSE_ALLOCATED", 16),
];

#[test]
fn constants_have_the_values_of_the_tables() {
    for (version, text) in BUILT_IN {
        let table = Description::parse(text).expect("built in");
        let enums = table.enums.iter().filter(|set| set.name != "fuse_bpf_op");
        let values = enums.flat_map(|set| &set.values).map(|value| (&value.name, value.value));
        let constants = table.constants.iter().map(|constant| (&constant.name, constant.value));
        for (name, value) in constants.chain(values) {
            let ours = NAMED_CONSTANTS.iter().chain(&BUFFER_FLAGS).find(|ours| ours.0 == *name);
            assert_eq!(ours, Some(&(name.as_str(), value)), "{version}");
        }
    }
}

#[test]
fn buffer_flags_have_their_kernel_values() {
    for (name, value) in BUFFER_FLAGS {
        let short = name.strip_prefix("BPF_FUSE_").expect("all begin so");
        let flag = crate::BufferFlags::from_name(short).expect("named alike");
        assert_eq!(u64::from(flag.bits()), value, "{name}");
    }
}

#[test]
fn setattr_bits_are_numbered_as_in_section_3_6() {
    let bits = [
        FATTR_MODE,
        FATTR_UID,
        FATTR_GID,
        FATTR_SIZE,
        FATTR_ATIME,
        FATTR_MTIME,
        FATTR_FH,
        FATTR_ATIME_NOW,
        FATTR_MTIME_NOW,
        FATTR_LOCKOWNER,
        FATTR_CTIME,
        FATTR_KILL_SUIDGID,
    ];
    for (number, bit) in bits.into_iter().enumerate() {
        assert_eq!(bit, 1 << number);
    }
}
