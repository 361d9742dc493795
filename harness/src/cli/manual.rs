//! `fuserig completions` and `fuserig man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::args::Arguments;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::output::Terminal;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(super) shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page for every command into this directory; without it, fuserig(1) goes to
    /// standard output
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Replace pages that exist
    #[arg(long, requires = "output")]
    pub(super) force: bool,
}

pub(super) fn completions(args: &CompletionsArgs, terminal: &mut Terminal) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "fuserig", &mut script);
    terminal.text(&String::from_utf8_lossy(&script));
    Ok(Exit::Agreed)
}

pub(super) fn man(args: &ManArgs, terminal: &mut Terminal) -> Ended {
    let mut command = Arguments::command();
    command.build();
    let Some(directory) = &args.output else {
        terminal.text(&page(&command, "fuserig")?);
        return Ok(Exit::Agreed);
    };
    files::create_directory(directory)?;
    let mut pages = vec![("fuserig".to_owned(), command)];
    let mut count = 0;
    while let Some((name, command)) = pages.pop() {
        let path = directory.join(format!("{name}.1"));
        files::write_all(&path, args.force, page(&command, &name)?.as_bytes())?;
        count += 1;
        let inner = command.get_subcommands().filter(|command| command.get_name() != "help");
        pages.extend(inner.map(|sub| (format!("{name}-{}", sub.get_name()), sub.clone())));
    }
    terminal.line(format!("wrote {count} pages into {}", directory.display()));
    Ok(Exit::Agreed)
}

fn page(command: &clap::Command, name: &str) -> Result<String, Failure> {
    // The builder keeps names for ever; there is one a command.
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().name(name))
        .render(&mut page)
        .map_err(|error| Failure::new(Exit::Bug, format!("man: {error}")))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
