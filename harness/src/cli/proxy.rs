//! `fuserig record --attach-daemon`.

use fuserig_traces::{Fidelity, Header, PayloadMode, Source, SourceKind};

use super::args::RecordArgs;
use super::exit::{Ended, Exit, Failure};
use super::files;
use super::mount::{QUEUE, failed, report_recorded};
use super::output::{Style, Terminal};
use crate::mount::{Proxy, ProxyOptions, RecordingOptions, SignalWatch, missing};

/// Stands between the kernel and a daemon until the mount or the daemon is gone.
pub(super) fn attach(args: &RecordArgs, terminal: &mut Terminal) -> Ended {
    let Some(directory) = &args.mount else {
        return Err(Failure::new(Exit::Usage, "record: --attach-daemon needs --mount DIR"));
    };
    if let Some(reason) = missing() {
        return Err(Failure::new(Exit::Missing, format!("record: {reason}")));
    }
    let options = ProxyOptions {
        directory: directory.clone(),
        command: args.command.clone(),
        allow_other: rustix::process::geteuid().is_root() || args.served.allow_other,
        default_permissions: args.default_permissions,
        recording: RecordingOptions {
            output: Box::new(files::create(&args.output, args.force)?),
            payload: args.payload,
            queue: QUEUE,
            tree: None,
            header: header(args),
        },
    };
    let watch = SignalWatch::begin().map_err(|error| failed(&error))?;
    let mut proxy = Proxy::start(options).map_err(|error| failed(&error))?;
    let stop = proxy.stopper();
    watch.answer(move |_| stop());
    terminal.note(format!(
        "fuserig: {} serves {}; Ctrl-C or `umount` ends it",
        args.command[0].display(),
        directory.display()
    ));
    let summary = proxy.run().map_err(|error| failed(&error))?;
    if !summary.masked.is_empty() {
        let masked = summary.masked.join(", ");
        terminal.note(format!("fuserig: taken out of what the kernel offers: {masked}"));
    }
    if summary.refused > 0 {
        let refused = format!("{} messages of the daemon were refused", summary.refused);
        let refused = terminal.styled(Style::Bad, &refused);
        terminal.note(format!("fuserig: {refused} by the kernel; the trace says which"));
    }
    report_recorded(&args.output.display().to_string(), &summary.recorded, terminal);
    if summary.left {
        let daemon = summary.daemon;
        let left = terminal.styled(Style::Bad, "the daemon went away while it was mounted");
        terminal.note(format!("fuserig: {left} (exit code {daemon})"));
        return Ok(Exit::Command(daemon.max(1)));
    }
    Ok(Exit::Agreed)
}

fn header(args: &RecordArgs) -> Header {
    let command: Vec<_> = args.command.iter().map(|word| word.to_string_lossy()).collect();
    let mut mount_options = Vec::new();
    if args.default_permissions {
        mount_options.push("default_permissions".to_owned());
    }
    Header {
        tool: "fuserig".to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        mount_options,
        source: Some(Source {
            kind: SourceKind::Proxy,
            what: command.join(" "),
            root: String::new(),
            fidelity: Fidelity { data: args.payload == PayloadMode::Full, ..Fidelity::COMPLETE },
        }),
        ..Header::default()
    }
}
