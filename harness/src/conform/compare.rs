//! Comparing what the model did with what was recorded (observations README, "Comparing").

use std::collections::BTreeMap;

use fuserig_abi::{AbiTable, FuseDirent, Slot};
use zerocopy::FromBytes;

use super::driver::Observed;
use super::filter::{SeenAction, SeenBuffer, SeenCall, field_path};
use super::record::{BufferRecord, CallRecord, EntryRecord, OpRecord, TreeRecord, bytes_of};
use super::rule::member_name;

/// Times at or above this are those of the day of the recording.
const WALL_CLOCK: i64 = 1_100_000_000;

/// The rules of comparison of one case, and what has been matched so far.
#[derive(Debug)]
pub(super) struct Comparison {
    ext4: bool,
    table: &'static AbiTable,
    /// Recorded inode numbers and ours, which must correspond one to one.
    inodes: BTreeMap<i64, i64>,
    back: BTreeMap<i64, i64>,
    /// Listings in progress on ext4, by descriptor: recorded and ours.
    listings: BTreeMap<String, (Vec<EntryRecord>, Vec<EntryRecord>)>,
    pub(super) differences: Vec<String>,
}

impl Comparison {
    pub(super) fn new(table: &'static AbiTable, ext4: bool) -> Comparison {
        Comparison {
            ext4,
            table,
            inodes: BTreeMap::new(),
            back: BTreeMap::new(),
            listings: BTreeMap::new(),
            differences: Vec::new(),
        }
    }

    pub(super) fn is_ext4(&self) -> bool {
        self.ext4
    }

    pub(super) fn note(
        &mut self,
        place: &str,
        what: &str,
        recorded: impl AsText,
        ours: impl AsText,
    ) {
        let (recorded, ours) = (recorded.text(), ours.text());
        self.differences.push(format!("{place}: {what}: recorded {recorded}, here {ours}"));
    }

    /// Whether two inode numbers can stand for the same file.
    pub(super) fn same_inode(&mut self, recorded: i64, ours: i64) -> bool {
        if self.ext4 && !self.back.contains_key(&ours) {
            // ext4 gives the numbers of deleted files to new ones.
            self.inodes.insert(recorded, ours);
        }
        let there = *self.inodes.entry(recorded).or_insert(ours);
        let back = *self.back.entry(ours).or_insert(recorded);
        there == ours && back == recorded
    }

    pub(super) fn same_time(recorded: i64, ours: i64) -> bool {
        recorded == ours || recorded >= WALL_CLOCK && ours >= WALL_CLOCK
    }

    /// Compares one system call and its filter calls.
    pub(super) fn op(&mut self, recorded: &OpRecord, ours: &Observed, calls: &[SeenCall]) {
        let place = format!("#{} {}", recorded.n, recorded.text);
        let listing = self.ext4 && recorded.ents.is_some();
        let both_positive = recorded.ret > 0 && ours.ret > 0;
        if recorded.ret != ours.ret && !(listing && both_positive) {
            self.note(&place, "result", recorded.ret, ours.ret);
        }
        if recorded.err != ours.err {
            self.note(&place, "errno", &recorded.err[..], &ours.err[..]);
        }
        if let Some(data) = &recorded.data {
            let data = bytes_of(data);
            let same = match &ours.data {
                Some(ours) if self.ext4 && recorded.text.starts_with("listxattr") => {
                    sorted_names(&data) == sorted_names(ours)
                }
                ours => ours.as_ref() == Some(&data),
            };
            if !same {
                let ours = ours.data.as_deref().unwrap_or(b"(none)");
                self.note(&place, "data", &data[..], ours);
            }
        }
        self.attributes(&place, recorded, ours);
        if let Some(entries) = &recorded.ents {
            self.listing(&place, recorded, entries, ours);
        }
        if recorded.at.is_some() != ours.failed_open {
            let text = |at_open: bool| if at_open { "open" } else { "reading" };
            self.note(&place, "failed at", text(recorded.at.is_some()), text(ours.failed_open));
        }
        if let Some(tree) = &recorded.tree {
            self.tree(&place, tree, ours.tree.as_deref().unwrap_or(&[]));
        }
        self.calls(&place, &recorded.calls, calls);
    }

    fn attributes(&mut self, place: &str, recorded: &OpRecord, ours: &Observed) {
        match (&recorded.stat, &ours.stat) {
            (Some(recorded), Some(ours)) => {
                let directory = recorded.mode.starts_with('4') && recorded.mode.len() == 5;
                if !self.same_inode(recorded.ino, ours.ino) {
                    self.note(place, "inode", recorded.ino, ours.ino);
                }
                if !Self::same_time(recorded.mtime, ours.mtime) {
                    self.note(place, "mtime", recorded.mtime, ours.mtime);
                }
                if recorded.size != ours.size && !(self.ext4 && directory) {
                    self.note(place, "size", recorded.size, ours.size);
                }
                let rest = [
                    ("mode", recorded.mode.clone(), ours.mode.clone()),
                    ("nlink", recorded.nlink.to_string(), ours.nlink.to_string()),
                    ("uid", recorded.uid.to_string(), ours.uid.to_string()),
                    ("gid", recorded.gid.to_string(), ours.gid.to_string()),
                    ("rdev", recorded.rdev.clone(), ours.rdev.clone()),
                ];
                for (what, recorded, ours) in rest {
                    if recorded != ours {
                        self.note(place, what, &recorded[..], &ours[..]);
                    }
                }
            }
            // A wild code is a success to libc and leaves the caller's struct alone (N3): the
            // record shows what lay in the recorder's memory.
            (Some(_), None) if ours.unfilled => {}
            (Some(_), None) => self.note(place, "stat", "present", "absent"),
            (None, _) => {}
        }
        match (&recorded.statfs, &ours.statfs) {
            (Some(recorded), Some(ours)) => {
                if recorded.kind != ours.kind || recorded.namelen != ours.namelen {
                    let text = |r: &super::record::StatFsRecord| format!("{r:?}");
                    self.note(place, "statfs", &text(recorded)[..], &text(ours)[..]);
                }
            }
            (Some(_), None) => self.note(place, "statfs", "present", "absent"),
            (None, _) => {}
        }
    }

    /// On tmpfs order and offsets count; on ext4 a listing is the union of its reads.
    fn listing(
        &mut self,
        place: &str,
        recorded_op: &OpRecord,
        recorded: &[EntryRecord],
        ours: &Observed,
    ) {
        let numbers = [
            ("records in all", recorded_op.nents, ours.ents.as_ref().map(|e| e.len() as i64)),
            ("getdents calls", recorded_op.getdents_calls, ours.getdents_calls),
        ];
        let ours = ours.ents.as_deref().unwrap_or(&[]);
        if !self.ext4 {
            for (what, recorded, ours) in numbers {
                if recorded.is_some() && recorded != ours {
                    self.note(place, what, recorded.unwrap_or(-1), ours.unwrap_or(-1));
                }
            }
            let limit = recorded.len().max(80);
            let shown = &ours[..ours.len().min(limit)];
            if recorded.len() != shown.len() {
                self.note(place, "records", recorded.len() as i64, shown.len() as i64);
            }
            for (recorded, ours) in recorded.iter().zip(shown) {
                let same = recorded.name == ours.name
                    && recorded.kind == ours.kind
                    && recorded.off == ours.off
                    && self.same_inode(recorded.ino, ours.ino);
                if !same {
                    let text = |e: &EntryRecord| format!("{e:?}");
                    self.note(place, "record", &text(recorded)[..], &text(ours)[..]);
                }
            }
            return;
        }
        let mut words = recorded_op.text.split(' ');
        let command = words.next().unwrap_or("");
        if command == "getdents" {
            let fd = words.next().unwrap_or("").to_owned();
            let (there, here) = self.listings.entry(fd).or_default();
            there.extend_from_slice(recorded);
            here.extend_from_slice(ours);
        } else {
            self.union(place, recorded, ours);
        }
    }

    /// A position was reset or a file closed: what was listed so far must agree.
    pub(super) fn settle_listing(&mut self, place: &str, fd: &str) {
        if let Some((recorded, ours)) = self.listings.remove(fd) {
            self.union(place, &recorded, &ours);
        }
    }

    fn union(&mut self, place: &str, recorded: &[EntryRecord], ours: &[EntryRecord]) {
        let set = |entries: &[EntryRecord]| -> BTreeMap<String, (i64, i64)> {
            entries
                .iter()
                .filter(|entry| entry.name != "lost+found")
                .map(|entry| (entry.name.clone(), (entry.kind, entry.ino)))
                .collect()
        };
        let (recorded, ours) = (set(recorded), set(ours));
        let names =
            |set: &BTreeMap<String, (i64, i64)>| set.keys().cloned().collect::<Vec<_>>().join(" ");
        if names(&recorded) != names(&ours) {
            self.note(place, "names", &names(&recorded)[..], &names(&ours)[..]);
            return;
        }
        for (name, (kind, ino)) in &recorded {
            let (our_kind, our_ino) = ours[name];
            if *kind != our_kind || !self.same_inode(*ino, our_ino) {
                self.note(place, name, *kind, our_kind);
            }
        }
    }

    /// Compares the lower trees.
    pub(super) fn tree(&mut self, place: &str, recorded: &[TreeRecord], ours: &[TreeRecord]) {
        let index = |rows: &[TreeRecord]| -> BTreeMap<String, TreeRecord> {
            rows.iter()
                .filter(|row| row.path != "lost+found")
                .map(|row| (row.path.clone(), row.clone()))
                .collect()
        };
        let (recorded, ours) = (index(recorded), index(ours));
        for (path, row) in &recorded {
            let Some(our) = ours.get(path) else {
                self.note(place, path, "present", "absent");
                continue;
            };
            let mut row = row.clone();
            if self.ext4 && row.mode.len() == 5 && row.mode.starts_with('4') {
                row.size = our.size;
            }
            if row != *our {
                self.note(place, path, &format!("{row:?}")[..], &format!("{our:?}")[..]);
            }
        }
        for path in ours.keys().filter(|path| !recorded.contains_key(*path)) {
            self.note(place, path, "absent", "present");
        }
    }

    /// Compares the filter calls of the system call that did not come back. A task that is killed
    /// closes its files, and the filter sees that too.
    pub(super) fn lost(&mut self, place: &str, recorded: &[CallRecord], ours: &[SeenCall]) {
        let closing =
            |call: &CallRecord| call.cb.starts_with("flush_") || call.cb.starts_with("release");
        let common = recorded.len().min(ours.len());
        let (made, rest) = recorded.split_at(common);
        let made = if rest.iter().all(closing) { made } else { recorded };
        self.calls(place, made, ours);
    }

    fn calls(&mut self, place: &str, recorded: &[CallRecord], ours: &[SeenCall]) {
        let names = |calls: &mut dyn Iterator<Item = String>| calls.collect::<Vec<_>>().join(" ");
        let there = names(&mut recorded.iter().map(|call| call.cb.clone()));
        let here = names(&mut ours.iter().map(|call| member_name(call.slot)));
        if there != here {
            self.note(place, "filter calls", &there[..], &here[..]);
            return;
        }
        for (number, (recorded, ours)) in recorded.iter().zip(ours).enumerate() {
            let place = format!("{place}, call {number} {}", recorded.cb);
            self.call(&place, recorded, ours);
        }
    }

    fn call(&mut self, place: &str, recorded: &CallRecord, ours: &SeenCall) {
        let meta = &ours.args.meta;
        let phase = match (meta.opcode & 0x1_0000 != 0, meta.opcode & 0x2_0000 != 0) {
            (true, true) => "pre|post",
            (true, false) => "pre",
            (false, true) => "post",
            (false, false) => "none",
        };
        if recorded.ph != phase {
            self.note(place, "phase", &recorded.ph[..], phase);
        }
        let numbers = [
            ("opcode", i64::from(recorded.op), i64::from(meta.opcode & 0xffff)),
            ("nodeid", recorded.node as i64, meta.nodeid as i64),
            ("error_in", recorded.error_in, i64::from(meta.error_in as i32)),
            ("error_out", recorded.error_out, i64::from(meta.error_out as i32)),
            ("returned", recorded.ret, i64::from(ours.ret)),
            ("rule", i64::from(recorded.rule.unwrap_or(-1)), our_rule(ours)),
        ];
        for (what, recorded, ours) in numbers {
            if recorded != ours {
                self.note(place, what, recorded, ours);
            }
        }
        for (field, &value) in &recorded.input {
            self.field(place, ours, &format!("in.{field}"), value);
        }
        for (field, &value) in &recorded.output {
            self.field(place, ours, &format!("out.{field}"), value);
        }
        for (name, buffer) in &recorded.buf {
            match ours.buffers.iter().find(|seen| &seen.name == name) {
                Some(seen) => {
                    let error_in = ours.args.meta.error_in;
                    self.buffer(place, (ours.slot, error_in), name, buffer, seen);
                }
                None => self.note(place, name, "present", "absent"),
            }
        }
    }

    fn field(&mut self, place: &str, ours: &SeenCall, field: &str, recorded: i64) {
        let path = field_path(ours.slot, field);
        let Some(value) = ours.args.field(self.table, &path) else {
            self.note(place, field, recorded, "absent");
            return;
        };
        let value = value as i64;
        let last = field.rsplit('.').next().unwrap_or("");
        let directory_figure = self.ext4
            && matches!(field, "out.attr.size" | "out.entry.attr.size")
            && is_directory(self.table, ours);
        let offset = self.ext4
            && matches!(ours.slot, Slot::Member(fuserig_abi::Op::Readdir, _))
            && last == "offset";
        let figures = field.starts_with("out.st.") && last != "namelen";
        let same = match last {
            "ino" => recorded == 0 && value == 0 || self.same_inode(recorded, value),
            "mtime" | "atime" | "ctime" => Self::same_time(recorded, value),
            "blocks" => true,
            _ if directory_figure || offset || figures => true,
            _ => recorded == value,
        };
        if !same {
            self.note(place, field, recorded, value);
        }
    }

    fn buffer(
        &mut self,
        place: &str,
        (slot, error_in): (Slot, u32),
        name: &str,
        recorded: &BufferRecord,
        ours: &SeenBuffer,
    ) {
        let records = matches!(slot, Slot::Member(fuserig_abi::Op::Readdir, _));
        let list = matches!(slot, Slot::Member(fuserig_abi::Op::Listxattr, _));
        if self.ext4 && records {
            return;
        }
        if recorded.size != ours.size {
            let what = format!("{name} size");
            self.note(place, &what, i64::from(recorded.size), i64::from(ours.size));
        }
        let read = recorded.rd.unwrap_or(0);
        if read != ours.read {
            let what = format!("{name} dynptr_read");
            self.note(place, &what, i64::from(read), i64::from(ours.read));
        }
        // A value buffer that the lower call did not fill shows what lay in the kernel's memory.
        let unfilled = list && error_in != 0;
        if let (Some(data), 0, false) = (&recorded.data, ours.read, unfilled) {
            let data = bytes_of(data);
            let same = if records {
                self.same_records(&data, &ours.data)
            } else if self.ext4 && list {
                sorted_names(&data) == sorted_names(&ours.data)
            } else {
                data == ours.data
            };
            if !same {
                self.note(place, &format!("{name} data"), &data[..], &ours.data[..]);
            }
        }
        self.action(place, name, records, recorded, ours);
    }

    fn before_write(
        &mut self,
        place: &str,
        name: &str,
        records: bool,
        recorded: &BufferRecord,
        ours: &SeenAction,
    ) {
        let (Some(recorded), Some(ours)) = (&recorded.dynptr_before_write, &ours.before_write)
        else {
            return;
        };
        let recorded = bytes_of(recorded);
        let same = if records { self.same_records(&recorded, ours) } else { recorded == *ours };
        if !same {
            self.note(place, &format!("{name} before the write"), &recorded[..], &ours[..]);
        }
    }

    fn action(
        &mut self,
        place: &str,
        name: &str,
        records: bool,
        recorded: &BufferRecord,
        ours: &SeenBuffer,
    ) {
        let Some(size_after) = recorded.size_after else { return };
        let Some(action) = &ours.action else {
            self.note(place, name, "worked on", "untouched");
            return;
        };
        let numbers = [
            ("size after", i64::from(size_after), i64::from(action.size_after)),
            ("dynptr_write", i64::from(recorded.wr.unwrap_or(0)), i64::from(action.write)),
            (
                "dynptr size",
                i64::from(recorded.dynptr_size.unwrap_or(0)),
                i64::from(action.dynptr_size),
            ),
        ];
        for (what, recorded, ours) in numbers {
            if recorded != ours {
                self.note(place, &format!("{name} {what}"), recorded, ours);
            }
        }
        self.before_write(place, name, records, recorded, action);
        if let (Some(recorded), Some(ours)) = (recorded.first_dynptr_size, action.first_size)
            && recorded != ours
        {
            let what = format!("{name} first dynptr size");
            self.note(place, &what, i64::from(recorded), i64::from(ours));
        }
    }

    /// Directory records field by field, ignoring padding; the record's view is cut at 64 bytes.
    pub(super) fn same_records(&mut self, recorded: &[u8], ours: &[u8]) -> bool {
        const HEADER: usize = size_of::<FuseDirent>();
        let mut at = 0;
        while at + HEADER <= recorded.len().min(ours.len()) {
            let (Ok((there, _)), Ok((here, _))) = (
                FuseDirent::read_from_prefix(&recorded[at..]),
                FuseDirent::read_from_prefix(&ours[at..]),
            ) else {
                return false;
            };
            let same = there.off == here.off
                && there.namelen == here.namelen
                && there.r#type == here.r#type
                && self.same_inode(there.ino as i64, here.ino as i64);
            let end = at + HEADER + there.namelen as usize;
            let cut = end.min(recorded.len()).min(ours.len());
            if !same || recorded[at + HEADER..cut] != ours[at + HEADER..cut] {
                return false;
            }
            at = end.next_multiple_of(8);
        }
        recorded.len() == ours.len()
    }
}

fn our_rule(call: &SeenCall) -> i64 {
    call.rule.map_or(-1, |rule| i64::try_from(rule).unwrap_or(i64::MAX))
}

fn is_directory(table: &'static AbiTable, call: &SeenCall) -> bool {
    ["out.attr.mode", "entry_out.attr.mode"]
        .iter()
        .filter_map(|path| call.args.field(table, path))
        .any(|mode| mode & 0o170_000 == 0o040_000)
}

fn sorted_names(list: &[u8]) -> Vec<&[u8]> {
    let mut names: Vec<&[u8]> = list.split(|&byte| byte == 0).collect();
    names.sort_unstable();
    names
}

/// What a difference shows of a value.
pub(super) trait AsText {
    fn text(&self) -> String;
}

impl AsText for i64 {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl AsText for &str {
    fn text(&self) -> String {
        if self.is_empty() { "(none)".to_owned() } else { (*self).to_owned() }
    }
}

impl AsText for &[u8] {
    fn text(&self) -> String {
        format!("\"{}\"", self.escape_ascii())
    }
}
