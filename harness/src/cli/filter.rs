//! `fuserig filter`.

use std::path::Path;

use fuserig_abi::Abi;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{Filter, builtin, builtins};

use super::args::{FilterCommand, ListArgs, ObjectArgs};
use super::exit::{Ended, Exit, Failure};
use super::output::{Style, Terminal};
use super::{adapt, coverage, files, inspect, vet};

pub(super) fn filter(command: &FilterCommand, terminal: &mut Terminal) -> Ended {
    match command {
        FilterCommand::List(ListArgs { object: Some(path), abi }) => {
            let args = ObjectArgs { object: path.clone(), abi: abi.clone() };
            inspect::list(&args, terminal)
        }
        FilterCommand::List(ListArgs { object: None, .. }) => Ok(list(terminal)),
        FilterCommand::Coverage(args) => coverage::coverage(args, terminal),
        FilterCommand::Info(args) => inspect::info(args, terminal),
        FilterCommand::Disasm(args) => inspect::disasm(args, terminal),
        FilterCommand::Vet(args) => vet::vet(args, terminal),
    }
}

/// The filters that are built in.
fn list(terminal: &mut Terminal) -> Exit {
    if terminal.json() {
        let rows: Vec<_> = builtins()
            .iter()
            .map(|filter| {
                serde_json::json!({
                    "name": filter.name,
                    "parameters": filter.parameters,
                    "about": filter.about,
                })
            })
            .collect();
        terminal.line(serde_json::json!({ "filters": rows }).to_string());
        return Exit::Agreed;
    }
    for filter in builtins() {
        let spec = match filter.parameters {
            "" => filter.name.to_owned(),
            parameters => format!("{}:{parameters}", filter.name),
        };
        let spec = terminal.styled(Style::Bold, &format!("{spec:<18}"));
        terminal.line(format!("{spec} {}", filter.about));
    }
    Exit::Agreed
}

/// The filter that a specification names; none for `none`.
pub(super) fn named(spec: &str) -> Result<Option<Box<dyn Filter>>, Failure> {
    if spec == "none" || spec.is_empty() {
        return Ok(None);
    }
    match builtin(spec) {
        Ok(filter) => Ok(Some(filter)),
        Err(error) => {
            let names: Vec<&str> = builtins().iter().map(|filter| filter.name).collect();
            let known = names.join(", ");
            Err(Failure::new(
                Exit::Usage,
                format!("{error}; built in are {known} (see `fuserig filter list`)"),
            ))
        }
    }
}

/// As [`named`], and an object by its path: `FILE.o`, or `FILE.o:NAME` where it holds several
/// filters.
pub(super) fn resolve(spec: &str, abi: Abi) -> Result<Option<Box<dyn Filter>>, Failure> {
    if split(spec).0.ends_with(".o") {
        let (path, name) = split(spec);
        let path = Path::new(path);
        let bytes = files::read_all(path)?;
        let filter = adapt::object(&bytes, name, abi);
        return filter.map(Some).map_err(|error| Failure::input(path, &error));
    }
    native(spec, abi)
}

/// As [`named`], as a filter of that ABI.
pub(super) fn native(spec: &str, abi: Abi) -> Result<Option<Box<dyn Filter>>, Failure> {
    Ok(named(spec)?.map(|filter| adapt::native(filter, abi)))
}

/// The file of a specification, and the name after it.
fn split(spec: &str) -> (&str, Option<&str>) {
    match spec.rsplit_once(".o:") {
        Some((stem, name)) => (&spec[..stem.len() + 2], Some(name)),
        None => (spec, None),
    }
}

/// Loads the object that a specification names.
pub(super) fn object(spec: &str, abi: Abi) -> Result<BpfFilter, Failure> {
    let (path, name) = split(spec);
    let path = Path::new(path);
    let bytes = files::read_all(path)?;
    BpfFilter::load(&bytes, name, abi, Limits::default())
        .map_err(|error| Failure::input(path, &error))
}
