//! The reference: rules over subsets, and a map from paths to bytes.
//!
//! It shares nothing with the journal but which steps succeeded and the rules in words that the
//! documentation of `Durability` states.

use std::collections::{BTreeMap, BTreeSet};

use fuserig_sim_fs::Durability;

use super::alphabet::{Step, Trees, drive, filling, shown};

/// A file or directory; the numbers count up as things are made.
type Id = usize;

const PAGE: u64 = 4096;

/// What happened, in pieces that survive or do not.
#[derive(Clone, Debug)]
enum Atom {
    /// Names that lead somewhere else at once; with what they named and name.
    Names(Vec<(String, Option<Id>)>),
    /// Something that can have names is made.
    Made(Id, bool),
    Length(Id, u64),
    Mode(Id),
    /// Bytes within one page, and whether the page or the length is new.
    Bytes(Id, u64, Vec<u8>, bool),
}

impl Atom {
    fn is_metadata(&self) -> bool {
        !matches!(self, Atom::Bytes(..))
    }

    fn page(&self) -> Option<(Id, u64)> {
        match self {
            Atom::Bytes(id, offset, ..) => Some((*id, offset / PAGE)),
            _ => None,
        }
    }

    /// The node that an fsync of the node itself would write.
    fn node(&self) -> Option<Id> {
        match self {
            Atom::Made(id, _) | Atom::Length(id, _) | Atom::Mode(id) => Some(*id),
            Atom::Bytes(id, ..) => Some(*id),
            Atom::Names(_) => None,
        }
    }

    fn names(&self) -> &[(String, Option<Id>)] {
        match self {
            Atom::Names(names) => names,
            _ => &[],
        }
    }
}

/// The world as the program sees it, for knowing what steps mean.
#[derive(Clone, Debug, Default)]
struct Live {
    names: BTreeMap<String, Id>,
    directories: BTreeSet<Id>,
    files: BTreeMap<Id, (u32, Vec<u8>)>,
    next: Id,
}

impl Live {
    fn start() -> Live {
        let mut live = Live::default();
        for (path, contents) in [("/", None), ("/a", Some("")), ("/d", None), ("/e", None)] {
            live.place(path, contents);
        }
        live.place("/d/x", Some("x"));
        live
    }

    fn place(&mut self, path: &str, contents: Option<&str>) {
        let id = self.next;
        self.next += 1;
        self.names.insert(self.key(path), id);
        match contents {
            None => drop(self.directories.insert(id)),
            Some(bytes) => drop(self.files.insert(id, (0o644, bytes.as_bytes().to_vec()))),
        }
    }

    /// A path as its directory's number and a name, which stays right when directories move.
    fn key(&self, path: &str) -> String {
        if path == "/" {
            return path.to_owned();
        }
        let (directory, name) = path.rsplit_once('/').expect("a slash in front");
        format!("{}/{name}", self.find(directory).expect("the step succeeded"))
    }

    fn find(&self, path: &str) -> Option<Id> {
        if matches!(path, "" | "/") {
            return Some(0);
        }
        let (directory, name) = path.rsplit_once('/')?;
        let directory = self.find(directory)?;
        self.names.get(&format!("{directory}/{name}")).copied()
    }

    fn apply(&mut self, atom: &Atom) {
        match atom {
            Atom::Made(id, true) => drop(self.directories.insert(*id)),
            Atom::Made(id, false) => drop(self.files.insert(*id, (0o644, Vec::new()))),
            Atom::Names(names) => {
                for (key, to) in names {
                    match to {
                        Some(id) => self.names.insert(key.clone(), *id),
                        None => self.names.remove(key),
                    };
                }
            }
            Atom::Length(id, size) => {
                self.files.get_mut(id).expect("made before").1.resize(*size as usize, 0);
            }
            Atom::Mode(id) => self.files.get_mut(id).expect("made before").0 = 0o600,
            Atom::Bytes(id, offset, bytes, _) => {
                let contents = &mut self.files.get_mut(id).expect("made before").1;
                let (from, to) = (*offset as usize, *offset as usize + bytes.len());
                contents.resize(contents.len().max(to), 0);
                contents[from..to].copy_from_slice(bytes);
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let mut reached = Vec::new();
        let mut links: BTreeMap<Id, usize> = BTreeMap::new();
        let mut pending = vec![(String::new(), 0)];
        while let Some((path, id)) = pending.pop() {
            *links.entry(id).or_default() += 1;
            if self.directories.contains(&id) {
                let prefix = format!("{id}/");
                for (key, child) in self.names.iter().filter(|(key, _)| key.starts_with(&prefix)) {
                    let child_path = format!("{path}/{}", &key[prefix.len()..]);
                    pending.push((child_path, *child));
                }
            }
            reached.push((if path.is_empty() { "/".to_owned() } else { path }, id));
        }
        reached.sort();
        let line = |(path, id): &(String, Id)| match self.files.get(id) {
            Some((mode, bytes)) => {
                let (nlink, size) = (links[id], bytes.len());
                format!("{path} {mode:o} nlink={nlink} {size} {}", shown(bytes))
            }
            None => {
                let prefix = format!("{id}/");
                let inside = self.names.iter().filter(|(key, _)| key.starts_with(&prefix));
                let below = inside.filter(|(_, child)| self.directories.contains(child)).count();
                format!("{path} dir nlink={}", 2 + below)
            }
        };
        reached.iter().map(line).collect()
    }
}

/// The atoms of a step that succeeded, in the groups that survive together but for `loose`.
fn atoms(live: &Live, number: usize, step: Step) -> Vec<Atom> {
    let id = |path: &str| live.find(path).expect("the step succeeded");
    let make = |path: &str, directory| {
        vec![Atom::Made(live.next, directory), Atom::Names(vec![(live.key(path), Some(live.next))])]
    };
    match step {
        Step::Create(path) => make(path, false),
        Step::Mkdir(path) => make(path, true),
        Step::Write(path, offset) => {
            let size = live.files[&id(path)].1.len() as u64;
            let piece = |at: u64| {
                let hole = at / PAGE >= size.div_ceil(PAGE);
                let byte = filling(number)[0];
                (at, byte, hole || at >= size)
            };
            let (first, second) = (piece(offset), piece(offset + 1));
            if first.0 / PAGE == second.0 / PAGE {
                let bytes = vec![first.1, second.1];
                return vec![Atom::Bytes(id(path), offset, bytes, first.2 || second.2)];
            }
            [first, second].map(|(at, byte, new)| Atom::Bytes(id(path), at, vec![byte], new)).into()
        }
        Step::Truncate(path, size) => vec![Atom::Length(id(path), size)],
        Step::Chmod(path) => vec![Atom::Mode(id(path))],
        Step::Link(old, new) => vec![Atom::Names(vec![(live.key(new), Some(id(old)))])],
        Step::Rename(old, new) if live.find(new) == Some(id(old)) => Vec::new(),
        Step::Rename(old, new) => {
            vec![Atom::Names(vec![(live.key(old), None), (live.key(new), Some(id(old)))])]
        }
        Step::Exchange(old, new) if id(new) == id(old) => Vec::new(),
        Step::Exchange(old, new) => {
            let names = vec![(live.key(old), Some(id(new))), (live.key(new), Some(id(old)))];
            vec![Atom::Names(names)]
        }
        Step::Unlink(path) | Step::Rmdir(path) => vec![Atom::Names(vec![(live.key(path), None)])],
        Step::Fsync(_) | Step::Fdatasync(_) => Vec::new(),
    }
}

/// One thing that happened: an atom with the step it is of, or a sync.
struct History {
    atoms: Vec<(usize, Atom, Live)>,
    /// When (how many atoms were there), of what, and whether of data alone.
    syncs: Vec<(usize, Id, bool)>,
}

fn history(program: &[Step], durability: Durability) -> History {
    let (_, done) = drive(program, durability);
    let mut live = Live::start();
    let mut history = History { atoms: Vec::new(), syncs: Vec::new() };
    for (number, step) in program.iter().enumerate().filter(|(number, _)| done[*number]) {
        let new = atoms(&live, number, *step);
        if let Step::Fsync(path) | Step::Fdatasync(path) = step {
            let id = live.find(path).expect("it succeeded");
            let data = matches!(step, Step::Fdatasync(_));
            history.syncs.push((history.atoms.len(), id, data));
        }
        for atom in new {
            let before = live.clone();
            live.apply(&atom);
            live.next += usize::from(matches!(atom, Atom::Names(_)) && new_name(&atom, &live));
            history.atoms.push((number, atom, before));
        }
    }
    history
}

/// Whether the newest node has just got its name, so that the next one is another.
fn new_name(atom: &Atom, live: &Live) -> bool {
    atom.names().iter().any(|(_, to)| *to == Some(live.next))
}

/// Every tree that may be found after a crash at the end of the program.
pub(super) fn legal(program: &[Step], durability: Durability) -> Trees {
    let history = history(program, durability);
    let count = history.atoms.len();
    let subsets = 0..1_u32 << count;
    let kept = |set: u32| (0..count).map(|at| set & 1 << at != 0).collect::<Vec<bool>>();
    subsets
        .map(kept)
        .filter(|kept| is_legal(&history, kept, durability))
        .map(|kept| {
            let mut live = Live::start();
            let atoms = history.atoms.iter().zip(kept).filter(|(_, kept)| *kept);
            atoms.for_each(|((_, atom, _), _)| live.apply(atom));
            live.lines()
        })
        .collect()
}

fn is_legal(history: &History, kept: &[bool], durability: Durability) -> bool {
    let count = kept.len();
    let pairs = || (0..count).flat_map(|late| (0..late).map(move |early| (early, late)));
    // A later thing is there and an earlier one that it needs is not.
    let orphan = pairs()
        .any(|(early, late)| kept[late] && !kept[early] && needs(history, early, late, durability));
    // In all but `loose` the metadata of one step is one thing.
    let torn = durability != Durability::Loose
        && pairs().any(|(early, late)| {
            let ((one, first, _), (other, second, _)) =
                (&history.atoms[early], &history.atoms[late]);
            one == other && first.is_metadata() && second.is_metadata() && kept[early] != kept[late]
        });
    !orphan && !torn && synced(history, durability).iter().all(|at| kept[*at])
}

fn needs(history: &History, early: usize, late: usize, durability: Durability) -> bool {
    let (first, second) = (&history.atoms[early].1, &history.atoms[late].1);
    let exists = |id: &Id| matches!(first, Atom::Made(made, _) if made == id);
    let by_nature = match second {
        Atom::Names(names) => names.iter().any(|(key, to)| {
            let directory: Id = key.split('/').next().and_then(|id| id.parse().ok()).unwrap_or(0);
            let gone = history.atoms[late].2.names.get(key);
            let empties = gone.filter(|gone| {
                let live = &history.atoms[late].2;
                let moves = names.iter().any(|(_, to)| to == &Some(**gone));
                live.directories.contains(gone) && !moves
            });
            exists(&directory)
                || to.as_ref().is_some_and(exists)
                || gone.is_some_and(exists)
                || first.names().iter().any(|(other, _)| other == key)
                || empties.is_some_and(|gone| {
                    first.names().iter().any(|(other, _)| other.starts_with(&format!("{gone}/")))
                })
        }),
        Atom::Bytes(id, ..) => {
            let lengths = matches!(first, Atom::Length(other, _) if other == id);
            exists(id) || lengths || first.page().is_some() && first.page() == second.page()
        }
        Atom::Length(id, _) => exists(id) || matches!(first, Atom::Length(other, _) if other == id),
        Atom::Mode(id) => exists(id) || matches!(first, Atom::Mode(other) if other == id),
        Atom::Made(..) => false,
    };
    let by_policy = match durability {
        Durability::Sync | Durability::Prefix => true,
        Durability::Ordered => {
            let takes_space = matches!(second, Atom::Bytes(.., true));
            first.is_metadata() && (second.is_metadata() || takes_space)
        }
        Durability::Loose => moves(history, early) && moves(history, late),
    };
    by_nature || by_policy
}

/// Whether an atom moves a directory from one name to another.
fn moves(history: &History, at: usize) -> bool {
    let (_, atom, live) = &history.atoms[at];
    let known: Vec<Id> = live.names.values().copied().collect();
    atom.names().len() == 2
        && atom
            .names()
            .iter()
            .filter_map(|(_, to)| *to)
            .any(|id| known.contains(&id) && live.directories.contains(&id))
}

/// What syncs have made durable, with what that needs.
fn synced(history: &History, durability: Durability) -> BTreeSet<usize> {
    let mut durable = BTreeSet::new();
    for (when, id, data) in &history.syncs {
        for at in 0..*when {
            let atom = &history.atoms[at].1;
            let own = atom.node() == Some(*id) && !(*data && matches!(atom, Atom::Mode(_)));
            let prefix = format!("{id}/");
            let named = atom.names().iter().any(|(key, _)| key.starts_with(&prefix));
            let wanted = match durability {
                Durability::Sync | Durability::Prefix => true,
                Durability::Ordered => own || !data && atom.is_metadata(),
                Durability::Loose => own || named,
            };
            if wanted {
                durable.insert(at);
            }
        }
    }
    if durability == Durability::Sync {
        durable.extend(0..history.atoms.len());
    }
    loop {
        let wanted = |early: &usize| {
            let one = |late: &usize| {
                let same = history.atoms[*early].0 == history.atoms[*late].0
                    && durability != Durability::Loose
                    && history.atoms[*early].1.is_metadata()
                    && history.atoms[*late].1.is_metadata();
                same || early < late && needs(history, *early, *late, durability)
            };
            !durable.contains(early) && durable.iter().any(one)
        };
        let more: Vec<usize> = (0..history.atoms.len()).filter(wanted).collect();
        if more.is_empty() {
            return durable;
        }
        durable.extend(more);
    }
}
