//! Path arguments: which file a call means, and how the trace spells it.
//!
//! Decides for each path whether it is below the root, from the text, the annotations and the
//! links that the log has shown. What a reader would get wrong: `/proc/self/fd/3` is a path
//! outside whose file may be inside; such a path becomes the descriptor itself.

use super::super::words::decimal;
use super::error::Trouble;
use super::links::Links;
use super::report::Note;
use super::root::{Located, join};
use super::session::{Scene, Session};
use super::syntax::Annotation;
use super::term::Term;
use crate::record::Value;

/// `AT_FDCWD`.
pub(super) const AT_FDCWD: i64 = -100;
/// `AT_EMPTY_PATH`.
pub(super) const AT_EMPTY_PATH: u64 = 0x1000;
/// `AT_SYMLINK_NOFOLLOW`.
pub(super) const AT_SYMLINK_NOFOLLOW: u64 = 0x100;
/// `AT_SYMLINK_FOLLOW` of linkat(2).
pub(super) const AT_SYMLINK_FOLLOW: u64 = 0x400;

/// Where a path argument leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// Not below the root; the absolute path, where it is known.
    Outside(Option<Vec<u8>>),
    /// Below the root.
    Inside(Place),
}

/// A file below the root, as the trace names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Descriptor of the directory, or [`AT_FDCWD`].
    pub(super) dirfd: i64,
    /// As written, or from the root on; empty for the descriptor itself.
    pub(super) path: Vec<u8>,
    /// From the root on, normalised.
    pub(super) full: Vec<u8>,
    /// The log names the file in another way (`/proc/self/fd/3`, an absolute link).
    pub(super) rewritten: bool,
    /// The file is the descriptor `dirfd` itself, although the log does not say so.
    pub(super) is_descriptor: bool,
}

impl Place {
    /// A path from the root on.
    pub(super) fn at_root(full: Vec<u8>) -> Place {
        Place { dirfd: AT_FDCWD, path: full.clone(), full, rewritten: true, is_descriptor: false }
    }

    /// The two arguments of the trace.
    pub(super) fn values(&self) -> [Value; 2] {
        [Value::Int(self.dirfd), Value::Bytes(self.path.clone())]
    }

    /// Flags of the call, with `AT_EMPTY_PATH` where the path became a descriptor.
    pub(super) fn at_flags(&self, flags: u64) -> Value {
        let follow = AT_SYMLINK_NOFOLLOW | AT_SYMLINK_FOLLOW;
        Value::UInt(if self.is_descriptor { flags & !follow | AT_EMPTY_PATH } else { flags })
    }

    /// A path for calls that take no directory descriptor: from the root on unless it is relative
    /// to the working directory.
    pub(super) fn lone_path(&self) -> Value {
        let is_lone = self.dirfd == AT_FDCWD && !self.is_descriptor;
        Value::Bytes(if is_lone { self.path.clone() } else { self.full.clone() })
    }
}

/// The directory that a path starts from.
struct Base {
    /// The number, [`AT_FDCWD`], or `None` where the trace does not have the descriptor.
    dirfd: Option<i64>,
    path: Option<Vec<u8>>,
}

impl Session<'_> {
    /// Where the path at `path` leads from the directory at `dir` (`None`: the working directory).
    /// `follow` says whether the call follows a link in the last component.
    pub(super) fn spot(
        &mut self,
        scene: &Scene<'_>,
        dir: Option<usize>,
        path: usize,
        follow: bool,
    ) -> Result<Spot, Trouble> {
        let Some(text) = scene.call.whole(path)? else { return Ok(Spot::Outside(None)) };
        let is_absolute = text.first() == Some(&b'/');
        let base = match dir {
            Some(dir) if !is_absolute => self.base(scene, dir)?,
            _ => {
                let cwd = self.tasks.cwd(scene.pid).map(<[u8]>::to_vec);
                Base { dirfd: Some(AT_FDCWD), path: cwd }
            }
        };
        if is_absolute
            && follow
            && let Some(place) = self.magic(scene.pid, &text)
        {
            self.report.note(Note::PathRewritten);
            return Ok(Spot::Inside(place));
        }
        let absolute = join(base.path.as_deref(), &text);
        // An empty path is the descriptor itself, which may well be a link (`O_PATH`).
        let through = absolute
            .as_deref()
            .filter(|_| !text.is_empty())
            .and_then(|path| Links::resolve(&self.links, path, follow));
        if let Some(resolved) = through {
            return Ok(match self.root.strip(&resolved) {
                Some(full) => {
                    self.report.root_seen = true;
                    self.report.note(Note::PathRewritten);
                    Spot::Inside(Place::at_root(full))
                }
                None => {
                    self.report.note(Note::LeadsOut);
                    Spot::Outside(Some(resolved))
                }
            });
        }
        self.located(scene, &base, path, &text, absolute)
    }

    /// Where a path leads that no known link is on.
    fn located(
        &mut self,
        scene: &Scene<'_>,
        base: &Base,
        path: usize,
        text: &[u8],
        absolute: Option<Vec<u8>>,
    ) -> Result<Spot, Trouble> {
        match self.root.locate(base.path.as_deref(), text) {
            Located::Unknown => {
                let at = scene.call.args.get(path).map_or(0, |arg| arg.at);
                let why = "the path is relative to a directory that the log has not shown; \
                           record with `-y`, or give the directory of the start";
                Err(Trouble::new(at, why))
            }
            Located::Outside => Ok(Spot::Outside(absolute)),
            Located::Inside { full, written } => {
                self.report.root_seen = true;
                let is_absolute = written.first() == Some(&b'/');
                match base.dirfd {
                    Some(dirfd) if !is_absolute => Ok(Spot::Inside(Place {
                        dirfd,
                        path: written,
                        full,
                        rewritten: false,
                        is_descriptor: false,
                    })),
                    Some(_) => Ok(Spot::Inside(Place {
                        rewritten: false,
                        path: written,
                        ..Place::at_root(full)
                    })),
                    // The trace does not have the descriptor, but the log says where it is.
                    None => Ok(Spot::Inside(Place::at_root(full))),
                }
            }
        }
    }

    fn base(&mut self, scene: &Scene<'_>, dir: usize) -> Result<Base, Trouble> {
        let arg = scene.call.arg(dir)?;
        let (number, annotation) = match Term::parse(arg)? {
            Term::Name(b"AT_FDCWD", _) | Term::Int(-100) => {
                let cwd = self.tasks.cwd(scene.pid).map(<[u8]>::to_vec);
                return Ok(Base { dirfd: Some(AT_FDCWD), path: cwd });
            }
            Term::Fd(number, annotation) => (number, Some(annotation)),
            Term::Int(number) => (number, None),
            _ => return Err(Trouble::new(arg.at, "expected a directory descriptor")),
        };
        let fd = i64::try_from(number).unwrap_or(-1);
        let open = self.tasks.open(scene.pid, fd);
        let known = open.is_some();
        if annotation.as_ref().is_some_and(|found| found.deleted) && !known {
            // It has no name that the trace could use instead.
            return Ok(Base { dirfd: None, path: Some(b"/dev/null/unknown".to_vec()) });
        }
        let path = match annotation.as_ref().and_then(Annotation::path) {
            Some(path) => Some(path.to_vec()),
            None => open.map(|open| open.path.clone()),
        };
        if path.is_none() && annotation.is_none() {
            // Without -y, or not open at all: what the trace does not know is outside.
            return Ok(Base { dirfd: None, path: Some(b"/dev/null/unknown".to_vec()) });
        }
        // A pipe or socket as a directory: the call fails with ENOTDIR, outside.
        let path = path.unwrap_or_else(|| b"/dev/null/unknown".to_vec());
        Ok(Base { dirfd: known.then_some(fd), path: Some(path) })
    }

    /// `/proc/self/fd/3`, `/proc/17/fd/3`, `/dev/fd/3`, with or without a rest, when the
    /// descriptor is in the trace.
    fn magic(&mut self, pid: u32, path: &[u8]) -> Option<Place> {
        let rest = if let Some(rest) = path.strip_prefix(b"/dev/fd/") {
            rest
        } else {
            let rest = path.strip_prefix(b"/proc/")?;
            let slash = rest.iter().position(|byte| *byte == b'/')?;
            let (who, rest) = rest.split_at(slash);
            let number = decimal(who).and_then(|who| u32::try_from(who).ok());
            // The descriptors of another process are not those of this one.
            if who != b"self" && who != b"thread-self" && number != Some(pid) {
                return None;
            }
            rest.strip_prefix(b"/fd/")?
        };
        let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
        let fd = i64::try_from(decimal(&rest[..end])?).ok()?;
        let open = self.tasks.open(pid, fd)?;
        let rest = rest.get(end + 1..).unwrap_or_default().to_vec();
        let path = if rest.is_empty() {
            open.path.clone()
        } else {
            [&open.path[..], b"/", &rest].concat()
        };
        let full = self.root.strip(&path)?;
        let is_descriptor = rest.is_empty();
        Some(Place { dirfd: fd, path: rest, full, rewritten: true, is_descriptor })
    }
}
