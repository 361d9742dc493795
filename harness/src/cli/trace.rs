//! `fuserig trace`.

use std::io::Write;

use fuserig_abi::Slot;
use fuserig_traces::ops::OpSpec;
use fuserig_traces::record::RecordKind;
use fuserig_traces::text::{TextError, TextReader};
use fuserig_traces::tools::{DiffOptions, Histogram, Info, OpCount, diff_with, repair, verify};
use fuserig_traces::{Trace, text};

use super::anonymise;
use super::args::{DiffArgs, OneTrace, RepairArgs, ShowArgs, TextArgs, TraceCommand};
use super::exit::{Ended, Exit, Failure};
use super::export;
use super::files;
use super::output::{Style, Terminal};

pub(super) fn trace(command: &TraceCommand, terminal: &mut Terminal) -> Ended {
    match command {
        TraceCommand::Info(args) => info(args, terminal),
        TraceCommand::Show(args) => show(args, terminal),
        TraceCommand::Text(args) => text_twin(args, terminal),
        TraceCommand::Diff(args) => diff(args, terminal),
        TraceCommand::Verify(args) => verify_trace(args, terminal),
        TraceCommand::Repair(args) => repair_trace(args, terminal),
        TraceCommand::Anonymise(args) => anonymise::anonymise(args, terminal),
        TraceCommand::Export(args) => export::export(args, terminal),
    }
}

fn info(args: &OneTrace, terminal: &mut Terminal) -> Ended {
    let info = Info::of(files::open_watched(&args.trace, "reading", terminal)?)
        .map_err(|error| Failure::input(&args.trace, &error))?;
    terminal.progress_end();
    if terminal.json() {
        let counts: serde_json::Map<String, serde_json::Value> = RecordKind::ALL
            .iter()
            .map(|kind| (kind.name().to_owned(), info.counts[kind.index()].into()))
            .collect();
        let header: serde_json::Value =
            serde_json::from_str(&info.header.to_json()).unwrap_or_default();
        let value = serde_json::json!({
            "version": info.version.to_string(),
            "stream_id": info.stream_id.to_string(),
            "header": header,
            "records": counts,
            "raw_bytes": info.raw_bytes,
            "stored_bytes": info.stored_bytes,
            "in_flight": info.in_flight(),
            "lost": info.lost,
            "statistics": statistics(&info),
            "cannot_appear": info.header.cannot_appear(),
            "damaged_parts": info.damage.count(),
        });
        terminal.line(value.to_string());
    } else {
        terminal.line(info.to_string().trim_end());
    }
    Ok(if info.damage.is_empty() { Exit::Agreed } else { Exit::Finding })
}

/// Counts and durations of operations and calls, decisions, hot paths, and what does not occur.
fn statistics(info: &Info) -> serde_json::Value {
    let row = |name: String, count: &OpCount, times: Option<&Histogram>| {
        let took = times.filter(|times| times.largest() > 0).map(|times| {
            let [half, most, nearly] = [50, 90, 99].map(|percent| times.at_most(percent));
            serde_json::json!({
                "p50": half, "p90": most, "p99": nearly, "max": times.largest(),
                "histogram": times.buckets().collect::<Vec<_>>(),
            })
        });
        serde_json::json!({
            "name": name, "count": count.count, "failed": count.failed,
            "in_flight": count.in_flight, "took_ns": took,
        })
    };
    let ops = info.ops.iter().map(|(opcode, count)| {
        row(OpSpec::name_of(*opcode).to_string(), count, info.statistics.ops.get(opcode))
    });
    let calls = info
        .calls
        .iter()
        .map(|(nr, count)| row(nr.to_string(), count, info.statistics.calls.get(nr)));
    let decisions = info.statistics.decisions.iter().map(|((slot, code), count)| {
        let member = Slot::from_index(usize::from(*slot)).map_or("-", Slot::name);
        serde_json::json!({ "member": member, "code": code, "count": count })
    });
    let hot = info.statistics.hot_paths();
    let hot = hot.iter().map(|(path, count)| serde_json::json!({ "path": path, "count": count }));
    serde_json::json!({
        "operations": ops.collect::<Vec<_>>(), "calls": calls.collect::<Vec<_>>(),
        "decisions": decisions.collect::<Vec<_>>(), "hot_paths": hot.collect::<Vec<_>>(),
        "absent": info.absent(),
    })
}

fn show(args: &ShowArgs, terminal: &mut Terminal) -> Ended {
    let mut trace = files::read_trace(&args.trace, terminal, &mut |note| terminal.note(note))?;
    trace.sort();
    let skip = usize::try_from(args.skip).unwrap_or(usize::MAX);
    let take = args.take.and_then(|take| usize::try_from(take).ok()).unwrap_or(usize::MAX);
    for record in trace.records.iter().skip(skip).take(take) {
        if terminal.is_closed() {
            break;
        }
        terminal.line(text::record_line(&record.as_ref()));
    }
    Ok(Exit::Agreed)
}

fn text_twin(args: &TextArgs, terminal: &mut Terminal) -> Ended {
    if args.parse {
        return parse_text(args, terminal);
    }
    let mut printed = Vec::new();
    let mut reader = files::open_trace(&args.input, "reading", terminal)?;
    match &args.output {
        Some(path) => {
            let mut output = files::create(path, args.force)?;
            text::write_text(&mut reader, &mut output)
                .and_then(|()| output.flush())
                .map_err(|error| Failure::output(path, &error))?;
        }
        None => {
            let mut bytes = Vec::new();
            text::write_text(&mut reader, &mut bytes)
                .map_err(|error| Failure::input(&args.input, &error))?;
            printed = bytes;
        }
    }
    let damaged = reader.damage().count();
    drop(reader);
    terminal.progress_end();
    terminal.text(&String::from_utf8_lossy(&printed));
    if damaged > 0 {
        terminal.note(format!("{damaged} damaged parts are left out"));
        return Ok(Exit::Finding);
    }
    Ok(Exit::Agreed)
}

fn parse_text(args: &TextArgs, terminal: &mut Terminal) -> Ended {
    let failed = |error: TextError| match error {
        TextError::Syntax { line, column, .. } => {
            // Only a text with a mistake is read once more, to show the line.
            let bytes = files::read_all(&args.input).unwrap_or_default();
            let place = (usize::try_from(line).unwrap_or(usize::MAX), column);
            Failure::at(&args.input, &String::from_utf8_lossy(&bytes), place, &error)
        }
        _ => Failure::input(&args.input, &error),
    };
    let mut reader =
        TextReader::open(files::open_log(&args.input, "parsing", terminal)?).map_err(failed)?;
    let mut trace = Trace { header: reader.header().clone(), records: Vec::new() };
    while let Some(record) = reader.next().transpose().map_err(failed)? {
        trace.records.push(record);
    }
    drop(reader);
    terminal.progress_end();
    let Some(path) = &args.output else {
        return Err(Failure::new(Exit::Usage, "trace text --parse: --output is missing"));
    };
    let output = files::create(path, args.force)?;
    let summary = trace.write(output).map_err(|error| Failure::output(path, &error))?;
    terminal.line(format!("wrote {}: stream id {}", path.display(), summary.stream_id));
    Ok(Exit::Agreed)
}

fn diff(args: &DiffArgs, terminal: &mut Terminal) -> Ended {
    let options = DiffOptions { ignore_times: args.ignore_times, ..DiffOptions::default() };
    let left = files::open_watched(&args.left, "comparing", terminal)?;
    let report = diff_with(left, files::open(&args.right)?, options)
        .map_err(|error| Failure::input(&args.left, &error))?;
    terminal.progress_end();
    if terminal.json() {
        let totals: serde_json::Map<String, serde_json::Value> = RecordKind::ALL
            .iter()
            .map(|kind| {
                let totals = report.totals[kind.index()];
                let value = serde_json::json!({
                    "equal": totals.equal, "differing": totals.differing,
                    "left_only": totals.left_only, "right_only": totals.right_only,
                });
                (kind.name().to_owned(), value)
            })
            .collect();
        let first = report.divergence.as_ref().map(|first| {
            serde_json::json!({
                "kind": first.kind.name(), "index": first.index, "seq": first.seq,
                "left": first.left, "right": first.right,
            })
        });
        let value =
            serde_json::json!({ "agree": report.agree(), "first": first, "totals": totals });
        terminal.line(value.to_string());
    } else {
        match &report.divergence {
            Some(first) => {
                terminal.line(terminal.styled(Style::Bad, "the traces differ; first at"));
                terminal.line(first.to_string());
            }
            None => terminal.line(terminal.styled(Style::Good, "the traces agree")),
        }
        for kind in RecordKind::ALL {
            let t = report.totals[kind.index()];
            if t.equal + t.differing + t.left_only + t.right_only > 0 {
                terminal.line(format!(
                    "{:<8} {:>8} equal {:>8} differing {:>8} left only {:>8} right only",
                    kind.name(),
                    t.equal,
                    t.differing,
                    t.left_only,
                    t.right_only
                ));
            }
        }
    }
    Ok(if report.agree() { Exit::Agreed } else { Exit::Finding })
}

fn verify_trace(args: &OneTrace, terminal: &mut Terminal) -> Ended {
    let report = verify(files::open_watched(&args.trace, "checking", terminal)?)
        .map_err(|error| Failure::input(&args.trace, &error))?;
    terminal.progress_end();
    if terminal.json() {
        let value = serde_json::json!({
            "whole": report.is_whole(),
            "stream_id": report.stream_id.to_string(),
            "records": report.counts.iter().sum::<u64>(),
            "damaged_parts": report.damage.count(),
            "problems": report.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        terminal.line(value.to_string());
    } else {
        for damage in report.damage.listed() {
            terminal.line(damage.to_string());
        }
        for problem in &report.problems {
            terminal.line(problem.to_string());
        }
        let records = report.counts.iter().sum::<u64>();
        let (style, word) = match report.is_whole() {
            true => (Style::Good, "whole"),
            false => (Style::Bad, "damaged; `fuserig trace repair` saves what is left"),
        };
        let word = terminal.styled(style, word);
        terminal.line(format!("{records} records, stream id {}: {word}", report.stream_id));
    }
    Ok(if report.is_whole() { Exit::Agreed } else { Exit::Finding })
}

fn repair_trace(args: &RepairArgs, terminal: &mut Terminal) -> Ended {
    let input = files::open_watched(&args.trace, "reading", terminal)?;
    let output = files::create(&args.output, args.force)?;
    let (report, _) = repair(input, output).map_err(|error| Failure::input(&args.trace, &error))?;
    terminal.progress_end();
    let saved = report.summary.records();
    let lost = report.damage.count();
    if terminal.json() {
        let value = serde_json::json!({
            "records": saved, "damaged_parts": lost,
            "lost_bytes": report.damage.lost_bytes(), "header_lost": report.header_lost,
            "stream_id": report.summary.stream_id.to_string(),
        });
        terminal.line(value.to_string());
    } else {
        for damage in report.damage.listed() {
            terminal.line(damage.to_string());
        }
        let header = if report.header_lost { ", the header is lost" } else { "" };
        let notes = if report.records_lost { " (with a note of what was lost)" } else { "" };
        terminal.line(format!(
            "saved {saved} records into {}{notes}; {lost} damaged parts, {} bytes left out{header}",
            args.output.display(),
            report.damage.lost_bytes()
        ));
    }
    Ok(if lost == 0 && !report.header_lost { Exit::Agreed } else { Exit::Finding })
}
