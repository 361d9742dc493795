//! From the process's arguments to its exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;

use super::args::{Arguments, Command};
use super::exit::{Ended, Exit};
use super::output::{Style, Terminal};

/// Runs the program with the arguments of the process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are results; everything else is a usage error.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Agreed };
            let _ = error.print();
            return exit.into();
        }
    };
    let mut terminal = Terminal::new(arguments.common, no_color());
    let ended = catch_unwind(AssertUnwindSafe(|| dispatch(arguments, &mut terminal)));
    // However it ended, no line stays behind that says how far it is.
    terminal.progress_end();
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => {
            terminal.note(format!("fuserig: {}", failure.message));
            failure.exit.into()
        }
        Err(_) => bug(&terminal).into(),
    }
}

/// Says that something is wrong that no input may bring about.
pub(super) fn bug(terminal: &Terminal) -> Exit {
    let bug = terminal.styled(Style::Bad, "this is a bug of fuserig");
    terminal.note(format!("fuserig: {bug}; please report the command and the message"));
    Exit::Bug
}

fn dispatch(arguments: Arguments, terminal: &mut Terminal) -> Ended {
    match arguments.command {
        Command::Replay(args) => super::replay::replay(&args, terminal),
        Command::Run(args) => super::run::run_scenarios(&args, terminal),
        Command::Import(command) => super::import::import(&command, terminal),
        Command::Trace(command) => super::trace::trace(&command, terminal),
        Command::Conform(args) => super::conform::conform(&args, terminal),
        Command::Check(args) => super::check::check(&args, terminal),
        Command::Fuzz(args) => super::fuzz::fuzz(&args, terminal),
        Command::Filter(command) => super::filter::filter(&command, terminal),
        Command::Engine(command) => super::engine::engine(&command, terminal),
        Command::Abi(command) => super::abi::abi(&command, terminal),
        #[cfg(feature = "fuser")]
        Command::Mount(args) => super::mount::mount(&args, terminal),
        #[cfg(feature = "fuser")]
        Command::Record(args) => super::mount::record(&args, terminal),
        Command::Campaign(command) => super::campaign::campaign(&command, terminal),
        Command::Doctor => super::doctor::doctor(terminal),
        Command::Completions(args) => super::manual::completions(&args, terminal),
        Command::Man(args) => super::manual::man(&args, terminal),
    }
}

#[expect(clippy::disallowed_methods, reason = "NO_COLOR is a convention of the command line")]
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}
