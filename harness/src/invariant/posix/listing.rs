//! Listings: every name that was there all the time comes once, and none that never was.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_abi::{FileKind, Ino};
use fuserig_sim_fs::MemFs;

use super::judged::Judged;
use super::path::Walked;
use crate::invariant::Seen;
use crate::invariant::descriptions::Description;
use crate::invariant::seen::listings_may_end_early;
use crate::pipeline::DirRecord;
use crate::sim::Action;
use crate::vfs::Output;

/// The listings that are under way, by what was opened.
#[derive(Clone, Debug, Default)]
pub(super) struct Listings {
    open: BTreeMap<Description, Listing>,
    /// Whether a name may have replaced another: it has the place of that one in tmpfs, and one of
    /// its own in the order of names.
    replaced: bool,
}

/// One listing, from the start of the directory.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    directory: Ino,
    /// What was there all the time, and whether that is everything that was there at first.
    always: BTreeMap<Vec<u8>, Ino>,
    is_whole: bool,
    /// Names that were there at any time.
    ever: BTreeSet<Vec<u8>>,
    given: BTreeSet<Vec<u8>>,
    /// The name at which it is to go on, and whether that went: tmpfs goes on at the next place
    /// then, which a name that replaced another does not have in the order of the listing.
    next: Option<(Vec<u8>, Ino)>,
    lost_its_place: bool,
}

/// The names that no directory loses.
fn is_dots(name: &[u8]) -> bool {
    name == b"." || name == b".."
}

impl Listing {
    pub(super) fn begin(fs: &MemFs, directory: Ino) -> Listing {
        let names = fs.names_in(directory).map(|(name, node)| (name.to_vec(), node));
        let dots = [b".".to_vec(), b"..".to_vec()].map(|name| (name, directory));
        let always: BTreeMap<Vec<u8>, Ino> = names.chain(dots).collect();
        let ever = always.keys().cloned().collect();
        Listing {
            directory,
            always,
            is_whole: true,
            ever,
            given: BTreeSet::new(),
            next: None,
            lost_its_place: false,
        }
    }

    /// The tree has changed. A name that leads elsewhere now was removed and made anew.
    pub(super) fn note(&mut self, fs: &MemFs) {
        let directory = self.directory;
        self.keep(|name, node| fs.leads_to(directory, name) == Some(node));
        self.ever.extend(fs.names_in(directory).map(|(name, _)| name.to_vec()));
        let went = |(name, node): &(Vec<u8>, Ino)| fs.leads_to(directory, name) != Some(*node);
        self.lost_its_place |= self.next.as_ref().is_some_and(went);
    }

    /// It has come to the end of a call, with that name as the last.
    pub(super) fn pause(&mut self, fs: &MemFs, last: &[u8]) {
        let mut names = fs.names_in(self.directory);
        if !is_dots(last) {
            names.by_ref().find(|(name, _)| *name == last);
        }
        self.next = names.next().map(|(name, node)| (name.to_vec(), node));
    }

    /// Calls under way may make or remove those names, and undo it before anybody looks.
    fn waver(&mut self, names: &BTreeSet<Vec<u8>>) {
        self.keep(|name, _| !names.contains(name));
        let next = self.next.as_ref();
        self.lost_its_place |= next.is_some_and(|(name, _)| names.contains(name));
        self.is_whole &= names.is_empty();
        self.ever.extend(names.iter().cloned());
    }

    fn keep(&mut self, stays: impl Fn(&[u8], Ino) -> bool) {
        let count = self.always.len();
        self.always.retain(|name, node| is_dots(name) || stays(name, *node));
        self.is_whole &= self.always.len() == count;
    }

    /// A name is given once, unless something was removed: tmpfs starts over when the place is
    /// gone at which it was to go on, and no name is left behind it (seen on 6.18). `in_order` says
    /// whether it is known which names are behind it.
    pub(super) fn give(&mut self, name: &[u8], in_order: bool) -> Result<(), String> {
        let shown = name.escape_ascii();
        if !self.ever.contains(name) {
            return Err(format!("lists {shown}, which never was there"));
        }
        let again = !self.given.insert(name.to_vec());
        if again && self.is_whole && self.always.contains_key(name) {
            return Err(format!("lists {shown} twice"));
        }
        let left = || self.always.keys().find(|name| !self.given.contains(*name));
        match again && in_order && self.always.contains_key(name) {
            true => left().map_or(Ok(()), |left| {
                Err(format!("lists {shown} again, and has not come to {}", left.escape_ascii()))
            }),
            false => Ok(()),
        }
    }

    /// man 3 readdir: the type of a name that was there all the time, or none.
    pub(super) fn tell(&self, fs: &MemFs, record: &DirRecord) -> Result<(), String> {
        let node = self.always.get(&record.name).filter(|_| !is_dots(&record.name));
        let Some(stat) = node.and_then(|node| fs.stat(*node)) else { return Ok(()) };
        let kind = FileKind::from_dirent_type(record.kind);
        match record.kind == 0 || kind == Some(stat.kind) {
            true => Ok(()),
            false => {
                let name = record.name.escape_ascii();
                let shown = kind.map_or("nothing that is".to_owned(), |kind| format!("{kind:?}"));
                Err(format!("lists {name} as {shown}, and it is {:?}", stat.kind))
            }
        }
    }

    /// No more records come; `replaced` says whether places may be in another order than names.
    pub(super) fn end(&self, replaced: bool) -> Result<(), String> {
        match self.always.keys().find(|name| !self.given.contains(*name)) {
            _ if self.lost_its_place && replaced => Ok(()),
            Some(name) => Err(format!("ends without {}", name.escape_ascii())),
            None => Ok(()),
        }
    }
}

impl Listings {
    /// Something happened that is not judged.
    pub(super) fn give_up(&mut self) {
        self.open.clear();
        self.replaced = true;
    }

    /// Judges a call that may have had company: what others are about to change is neither missed
    /// nor strange in a listing.
    pub(super) fn judge(&mut self, seen: &Seen<'_>, judged: &Judged<'_>) -> Result<(), String> {
        self.begun(judged);
        self.replaced |= may_replace(seen, judged);
        if !self.open.is_empty() {
            self.noted(seen, judged);
        }
        let Some(file) = judged.file else { return Ok(()) };
        match seen.action {
            Action::Seek { .. } => {
                self.open.remove(&file.description);
                Ok(())
            }
            Action::List { .. } => {
                if let (Output::Records(records), Some(stands)) =
                    (&judged.result.output, file.positions.1)
                {
                    goes_on(records, stands)?;
                }
                self.listed(file.description, judged)
            }
            _ => Ok(()),
        }
    }

    /// A listing begins where a directory is read from its start.
    fn begun(&mut self, judged: &Judged<'_>) {
        let Some(file) = judged.file else { return };
        if matches!(judged.action, Action::List { .. }) && file.positions.0 == Some(0) {
            self.open.insert(file.description, Listing::begin(judged.before, file.node));
        }
    }

    /// What happened since a call returned last.
    fn noted(&mut self, seen: &Seen<'_>, judged: &Judged<'_>) {
        if judged.before.digest() != judged.after.digest() {
            self.open.values_mut().for_each(|listing| listing.note(judged.after));
        }
        if !seen.was_alone() {
            let names = changing(seen);
            self.open.values_mut().for_each(|listing| listing.waver(&names));
        }
    }

    /// POSIX readdir: records come until there are none.
    fn listed(&mut self, key: Description, judged: &Judged<'_>) -> Result<(), String> {
        let records: &[_] = match (&judged.result.output, judged.result.value) {
            (Output::Records(records), Ok(_)) => records,
            (_, Ok(0)) => &[],
            _ => {
                self.open.remove(&key);
                return Ok(());
            }
        };
        let Some(listing) = self.open.get_mut(&key) else { return Ok(()) };
        let in_order = !self.replaced && !listings_may_end_early(judged.abi, judged.fidelity);
        for record in records {
            listing.give(&record.name, in_order)?;
            listing.tell(judged.after, record)?;
        }
        if let Some(last) = records.last() {
            listing.pause(judged.after, &last.name);
        }
        if records.is_empty()
            && let Some(listing) = self.open.remove(&key)
            && !listings_may_end_early(judged.abi, judged.fidelity)
        {
            listing.end(self.replaced)?;
        }
        Ok(())
    }
}

/// man 2 getdents: the last record says where the next one is, which is where the listing stands.
fn goes_on(records: &[DirRecord], stands: i64) -> Result<(), String> {
    match records.last() {
        Some(last) if last.next != stands => {
            Err(format!("says that it goes on at {}, and stands at {stands}", last.next))
        }
        _ => Ok(()),
    }
}

/// Whether a rename among this call and those beside it finds something at its new name.
fn may_replace(seen: &Seen<'_>, judged: &Judged<'_>) -> bool {
    let is_rename = |action: &Action| matches!(action, Action::Rename { .. });
    let is_free = |path: &Walked| path.node.is_none();
    match seen.was_alone() {
        true => is_rename(seen.action) && !judged.paths[1].as_ref().is_some_and(is_free),
        false => seen.overlapping().any(is_rename),
    }
}

/// The names that this call and those beside it may make or remove. Whatever removes a name says
/// it last in a path of its own.
fn changing(seen: &Seen<'_>) -> BTreeSet<Vec<u8>> {
    let changes = seen.overlapping().filter(|action| action.changes_names());
    let paths = changes.flat_map(|action| action.named_paths().into_iter().flatten());
    let names = paths.filter_map(|path| {
        path.0.split(|byte| *byte == b'/').rfind(|name| !name.is_empty()).map(<[u8]>::to_vec)
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, ROOT, right, unlink, wrong};
    use super::*;

    #[test]
    fn a_listing_may_skip_names_when_the_next_one_is_gone_and_names_were_replaced() {
        let fs = MemFs::from_tree("/a ''\n/b ''").expect("a tree");
        let paused = |replaced: bool, change: fn(&mut MemFs)| {
            let mut listing = Listing::begin(&fs, ROOT);
            for name in [&b"."[..], b".."] {
                listing.give(name, true)?;
                listing.pause(&fs, name);
            }
            let mut after = fs.clone();
            change(&mut after);
            listing.note(&after);
            listing.end(replaced)
        };
        right(paused(true, |fs| unlink(NOW, "/", b"b")(fs)));
        wrong(paused(true, |fs| unlink(NOW, "/", b"a")(fs)), "ends without b");
        wrong(paused(true, |_| {}), "ends without a");
        wrong(paused(false, |fs| unlink(NOW, "/", b"b")(fs)), "ends without a");
    }

    #[test]
    fn the_last_record_says_where_the_listing_stands() {
        let record = |next| DirRecord { ino: 1, next, kind: 8, name: b"a".to_vec() };
        right(goes_on(&[], 3));
        right(goes_on(&[record(0), record(3)], 3));
        wrong(goes_on(&[record(3), record(0)], 3), "goes on at 0, and stands at 3");
    }

    #[test]
    fn a_listing_starts_over_when_nothing_is_left_behind_its_place() {
        let fs = MemFs::from_tree("/a ''\n/b ''\n/c ''").expect("a tree");
        let again = |gone: &'static [u8], in_order| {
            let mut listing = Listing::begin(&fs, ROOT);
            [&b"."[..], b"..", b"c"].iter().try_for_each(|name| listing.give(name, in_order))?;
            if gone == b"a" {
                listing.give(b"b", in_order)?;
            }
            let mut after = fs.clone();
            unlink(NOW, "/", gone)(&mut after);
            listing.note(&after);
            listing.give(b"c", in_order)
        };
        right(again(b"a", true));
        right(again(b"b", false));
        wrong(again(b"b", true), "lists c again, and has not come to a");
    }
}
