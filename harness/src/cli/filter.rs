//! `fuserig filter`.

use fuserig_abi::Abi;
use fuserig_filters::engine::{BpfFilter, Limits};
use fuserig_filters::{Filter, builtins};

use super::args::{FilterCommand, ListArgs, ObjectArgs};
use super::exit::{Ended, Exit, Failure};
use super::maker::FilterSpec;
use super::output::{Style, Terminal};
use super::{coverage, inspect, vet};

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

/// The filter that a specification names, made once; none for `none`.
pub(super) fn resolve(spec: &str, abi: Abi) -> Result<Option<Box<dyn Filter>>, Failure> {
    Ok(FilterSpec::read(spec)?.maker_or_fail(abi)?.make())
}

/// Loads the object that a specification names, for the ABI itself.
pub(super) fn object(spec: &str, abi: Abi) -> Result<BpfFilter, Failure> {
    let FilterSpec::Object { path, name, bytes } = FilterSpec::read(spec)? else {
        let message = format!("{spec} is no object; name a file that clang made");
        return Err(Failure::new(Exit::Usage, message));
    };
    BpfFilter::load(&bytes, name.as_deref(), abi, Limits::default())
        .map_err(|error| Failure::input(&path, &error))
}
