//! From a subcommand to its function.

use fuserig_abi::btf::Btf;
use fuserig_abi::description::{BUILT_IN, Description, built_in};
use fuserig_abi::{c_header, c_shim};

use super::args::{AbiCommand, BtfArgs, HeaderArgs, ShimArgs};
use super::built_in as print;
use super::{check, diff, gate, review};
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::files;
use crate::cli::output::Terminal;

/// Runs one subcommand.
pub(in crate::cli) fn abi(command: &AbiCommand, terminal: &mut Terminal) -> Ended {
    match command {
        AbiCommand::List => print::list(terminal),
        AbiCommand::Show(args) if args.text => diff::text(args, terminal),
        AbiCommand::Gate(args) => gate::gate(args, terminal),
        AbiCommand::Review(args) => review::review(args, terminal),
        AbiCommand::Check(args) => check::check(args, terminal),
        AbiCommand::Diff(args) => diff::diff(args, terminal),
        AbiCommand::Show(args) => {
            print::show(&description(&args.abi)?, args.name.as_deref(), terminal)
        }
        AbiCommand::Header(args) => header(args, terminal),
        AbiCommand::Btf(args) => btf(args),
        AbiCommand::Shim(args) => shim(args, terminal),
    }
}

/// A built-in description by name.
pub(super) fn description(name: &str) -> Result<Description, Failure> {
    let Some(text) = built_in(name) else {
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        let message = format!("unknown ABI {name}: {} (see `fuserig abi list`)", names.join(", "));
        return Err(Failure::new(Exit::Usage, message));
    };
    Ok(Description::parse(text).expect("a test reads every built-in table"))
}

fn header(args: &HeaderArgs, terminal: &mut Terminal) -> Ended {
    let text = c_header(&description(&args.abi)?);
    match &args.output {
        Some(path) => files::write_all(path, args.force, text.as_bytes())?,
        None => terminal.text(&text),
    }
    Ok(Exit::Agreed)
}

fn shim(args: &ShimArgs, terminal: &mut Terminal) -> Ended {
    let text = c_shim(&args.from, &args.to)
        .map_err(|error| Failure::new(Exit::Usage, format!("abi shim: {error}")))?;
    match &args.output {
        Some(path) => files::write_all(path, args.force, text.as_bytes())?,
        None => terminal.text(&text),
    }
    Ok(Exit::Agreed)
}

fn btf(args: &BtfArgs) -> Ended {
    let bytes = Btf::of_description(&description(&args.abi)?).to_bytes();
    files::write_all(&args.output, args.force, &bytes)?;
    Ok(Exit::Agreed)
}
