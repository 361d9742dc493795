//! Filters that the command line names, read once and made as often as they are needed.
//!
//! A specification is `none`, a built-in filter `NAME` or `NAME:PARAMETERS`, or an object `FILE.o`
//! or `FILE.o:NAME`. What a reader would get wrong: every run gets a filter of its own, so that no
//! map of one run is seen by the next, and the file is not read again.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use fuserig_abi::Abi;
use fuserig_filters::engine::{BpfFilter, CrossCheck, Crossed, Engine, FilterError, Limits};
use fuserig_filters::{Filter, builtin, builtins, present, twin_of_object};

use super::adapt;
use super::args::{EngineArgs, EngineName};
use super::exit::{Exit, Failure};
use super::files;
use super::meter::{Metered, SharedMeter};

/// What a specification names, as far as that does not depend on an ABI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FilterSpec {
    /// No filter.
    None,
    /// A built-in one, by a specification that was tried.
    Native(String),
    /// An object and which of its filters.
    Object { path: PathBuf, name: Option<String>, bytes: Vec<u8> },
}

/// Whether a specification is of no filter at all.
pub(super) fn names_no_filter(spec: &str) -> bool {
    spec == "none" || spec.is_empty()
}

impl FilterSpec {
    /// Reads what a specification names.
    pub(super) fn read(spec: &str) -> Result<FilterSpec, Failure> {
        if names_no_filter(spec) {
            return Ok(FilterSpec::None);
        }
        let (path, name) = split(spec);
        let native = if path.ends_with(".o") { None } else { Some(builtin(spec)) };
        match native {
            Some(Ok(_)) => Ok(FilterSpec::Native(spec.to_owned())),
            Some(Err(error)) if !Path::new(path).is_file() => {
                let names: Vec<&str> = builtins().iter().map(|filter| filter.name).collect();
                let known = names.join(", ");
                let message = format!(
                    "{error}; built in are {known} (see `fuserig filter list`); an object is \
                     FILE.o or FILE.o:NAME"
                );
                Err(Failure::new(Exit::Usage, message))
            }
            None | Some(Err(_)) => {
                let bytes = files::read_all(Path::new(path))?;
                Ok(FilterSpec::Object { path: path.into(), name: name.map(str::to_owned), bytes })
            }
        }
    }

    /// Loads it for an ABI.
    ///
    /// # Errors
    /// What a kernel of that ABI would refuse, or what is not supported.
    pub(super) fn maker(&self, abi: Abi) -> Result<Maker, FilterError> {
        Ok(match self {
            FilterSpec::None => Maker::None,
            FilterSpec::Native(spec) => Maker::Native(spec.clone(), abi),
            FilterSpec::Object { name, bytes, .. } => {
                let own = adapt::own_abi(bytes, abi)?;
                let filter = BpfFilter::load(bytes, name.as_deref(), own, Limits::default())?;
                let twin = twin_of_object(filter.name(), bytes);
                Maker::Object { filter: Box::new(filter), own, abi, twin }
            }
        })
    }

    /// A filter on an engine, and where a cross-check keeps what it finds.
    pub(super) fn on(&self, abi: Abi, args: EngineArgs) -> Result<Made, Failure> {
        let interp = self.maker_or_fail(abi)?;
        let engine = match args.engine {
            EngineName::Interp if args.cross_check => Engine::Rbpf,
            name => name.engine(),
        };
        if engine == Engine::Interp {
            return Ok((interp.make(), None));
        }
        let (FilterSpec::Object { path, name, bytes }, Maker::Object { filter, own, .. }) =
            (self, interp)
        else {
            let message = "--engine and --cross-check are for BPF filters, --filter FILE.o";
            return Err(Failure::new(Exit::Usage, message));
        };
        let limits = Limits::default();
        let other = BpfFilter::load_on(engine, bytes, name.as_deref(), own, limits);
        let other = other.map_err(|error| match error {
            FilterError::Engine { .. } => {
                Failure::new(Exit::Missing, format!("{}: {error}", path.display()))
            }
            error => Failure::input(path, &error),
        })?;
        if !args.cross_check {
            return Ok((Some(present(Box::new(other), own, abi)), None));
        }
        let both = CrossCheck::new(*filter, other);
        let findings = Findings { engine, crossed: Rc::clone(both.crossed()) };
        Ok((Some(present(Box::new(both), own, abi)), Some(findings)))
    }

    /// As [`FilterSpec::maker`], with the words of the command line.
    pub(super) fn maker_or_fail(&self, abi: Abi) -> Result<Maker, Failure> {
        self.maker(abi).map_err(|error| match self {
            FilterSpec::Object { path, bytes, .. }
                if abi != Abi::Android && adapt::is_for_android(bytes) =>
            {
                let message = format!(
                    "{}: one program for all operations, a filter of android and not of {abi}; add \
                     --abi android",
                    path.display()
                );
                Failure::new(Exit::Usage, message)
            }
            FilterSpec::Object { path, .. } => Failure::input(path, &error),
            FilterSpec::None | FilterSpec::Native(_) => {
                Failure::new(Exit::Usage, error.to_string())
            }
        })
    }

    /// The bytes of an object.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match self {
            FilterSpec::Object { bytes, .. } => Some(bytes),
            FilterSpec::None | FilterSpec::Native(_) => None,
        }
    }
}

/// A filter, and what a cross-check of it finds.
pub(super) type Made = (Option<Box<dyn Filter>>, Option<Findings>);

/// What a cross-check finds while its filter runs.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    engine: Engine,
    crossed: Rc<RefCell<Crossed>>,
}

impl Findings {
    /// Whether the engines disagree.
    pub(super) fn differs(&self) -> bool {
        self.crossed.borrow().difference.is_some()
    }

    /// What came of it, the first line in short.
    pub(super) fn lines(&self) -> Vec<String> {
        let crossed = self.crossed.borrow();
        let Crossed { calls, skipped, difference } = &*crossed;
        let engine = self.engine;
        let head = match difference {
            None => format!("cross-check: interp and {engine} agree in {calls} calls of members"),
            Some(_) => format!("cross-check: interp and {engine} disagree"),
        };
        let not = match (skipped, difference) {
            (0, _) => String::new(),
            (count, Some(_)) => format!("; {count} later calls not compared"),
            (count, None) => format!("; {count} not compared, because a budget was spent"),
        };
        let mut lines = vec![format!("{head}{not}")];
        if let Some(difference) = difference {
            lines.extend(difference.to_string().lines().map(|line| format!("  {line}")));
        }
        lines
    }

    /// The same for machines.
    pub(super) fn json(&self) -> serde_json::Value {
        let crossed = self.crossed.borrow();
        serde_json::json!({
            "engines": ["interp", self.engine.name()],
            "calls": crossed.calls,
            "not_compared": crossed.skipped,
            "difference": crossed.difference.as_ref().map(ToString::to_string),
        })
    }
}

/// Makes a filter as it is before its first call, again and again.
#[derive(Clone, Debug)]
pub(super) enum Maker {
    /// No filter.
    None,
    /// A built-in one, shown as a filter of an ABI.
    Native(String, Abi),
    /// A loaded object that never ran, of the ABI that it is made for, shown as one of another, and
    /// the built-in filter that decides as it when it is one of the library's.
    Object { filter: Box<BpfFilter>, own: Abi, abi: Abi, twin: Option<String> },
    /// Another one, whose calls are noted.
    Metered { inner: Box<Maker>, meter: SharedMeter },
}

impl Maker {
    /// The same with every call noted.
    pub(super) fn metered(self, meter: &SharedMeter) -> Maker {
        Maker::Metered { inner: Box::new(self), meter: Rc::clone(meter) }
    }

    /// A filter with fresh state.
    pub(super) fn make(&self) -> Option<Box<dyn Filter>> {
        match self {
            Maker::None => None,
            Maker::Native(spec, abi) => {
                let filter = builtin(spec).expect("it was made once when it was read");
                Some(adapt::native(filter, *abi))
            }
            Maker::Object { filter, own, abi, .. } => Some(present(filter.clone(), *own, *abi)),
            Maker::Metered { inner, meter } => Some(Box::new(Metered::new(inner.make()?, meter))),
        }
    }
}

/// The file of a specification, and the name after it.
fn split(spec: &str) -> (&str, Option<&str>) {
    match spec.rsplit_once(".o:") {
        Some((stem, name)) => (&spec[..stem.len() + 2], Some(name)),
        None => (spec, None),
    }
}

#[cfg(test)]
mod tests {
    use super::{FilterSpec, split};

    #[test]
    fn a_name_after_the_object_chooses_among_its_filters() {
        assert_eq!(split("a/b.o:second"), ("a/b.o", Some("second")));
        assert_eq!(split("a/b.o"), ("a/b.o", None));
        assert_eq!(split("hide:*.o"), ("hide:*.o", None));
    }

    #[test]
    fn words_that_name_nothing_are_usage_and_a_missing_object_is_unreadable() {
        assert!(matches!(FilterSpec::read("none"), Ok(FilterSpec::None)));
        let error = FilterSpec::read("hdie:x").expect_err("no such filter");
        assert!(error.message.contains("an object is FILE.o"), "{}", error.message);
        assert!(FilterSpec::read("missing.o").is_err());
        assert!(FilterSpec::read("missing.o:second").is_err());
    }
}
