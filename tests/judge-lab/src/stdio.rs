//! The line protocol: plays a judge in another process, all runs of a cell in lock step, and is such a process.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Command, Stdio},
};

use crate::{
    play::{End, Rollout, Rules},
    protocol::{Action, HistoryLine, Judge, MinuteLine, Run, answer, history, minute},
    world::World,
};

/// How every run ended.
pub fn play(command: &str, mut worlds: Vec<World>, rules: Rules) -> Result<Vec<End>, String> {
    let mut parts = command.split_whitespace();
    let program = parts.next().ok_or("the command of --stdio is empty: name a program")?;
    let mut child = Command::new(program)
        .args(parts)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{command}` cannot be started: {error}"))?;
    let mut teller = BufWriter::new(child.stdin.take().ok_or("the judge has no standard input")?);
    let answers = child.stdout.take().ok_or("the judge has no standard output")?;
    let mut lines = BufReader::new(answers).lines();
    let gone = |error: std::io::Error| format!("`{command}` does not listen: {error}");

    for (run, world) in worlds.iter().enumerate() {
        writeln!(teller, "{}", HistoryLine(run, &world.history())).map_err(gone)?;
    }
    writeln!(teller, ".").and_then(|()| teller.flush()).map_err(gone)?;

    let mut rollouts: Vec<Rollout> = worlds.iter().map(|_| Rollout::new(rules)).collect();
    loop {
        let going: Vec<usize> = (0..rollouts.len()).filter(|run| rollouts[*run].end.is_none()).collect();
        if going.is_empty() {
            break;
        }
        let mut block = String::new();
        for run in &going {
            let minute = rollouts[*run].next(&mut worlds[*run]);
            let _ = writeln!(block, "{}", MinuteLine(*run, &minute));
        }
        block.push_str(".\n");
        // The judge may answer line by line: its answers are read while it is still being told.
        let answers = std::thread::scope(|scope| {
            let telling = scope.spawn(|| teller.write_all(block.as_bytes()).and_then(|()| teller.flush()));
            let mut answers = Vec::with_capacity(going.len());
            for line in lines.by_ref() {
                let line = line.map_err(gone)?;
                if line.trim() == "." {
                    break;
                }
                answers.push(answer(&line)?);
            }
            telling.join().map_err(|_| "the writer ended early".to_owned())?.map_err(gone)?;
            Ok::<_, String>(answers)
        })?;
        if answers.len() != going.len() {
            return Err(format!("`{command}` gave {} answers to {} minutes", answers.len(), going.len()));
        }
        let mut answered = vec![false; rollouts.len()];
        for (run, action) in answers {
            let rollout = rollouts.get_mut(run).filter(|rollout| rollout.end.is_none());
            let rollout =
                rollout.ok_or_else(|| format!("`{command}` answered for run {run}, which is not asked"))?;
            if std::mem::replace(&mut answered[run], true) {
                return Err(format!("`{command}` answered twice for run {run}"));
            }
            rollout.act(action);
        }
    }
    drop(teller);
    child.wait().map_err(|error| format!("`{command}` did not end: {error}"))?;
    Ok(rollouts.into_iter().filter_map(|rollout| rollout.end).collect())
}

/// Judges what `input` says in the line protocol, to its end.
pub fn serve(judge: &dyn Judge, input: impl BufRead, mut output: impl Write) -> Result<(), String> {
    let mut runs: BTreeMap<usize, Box<dyn Run>> = BTreeMap::new();
    let mut first = true;
    let mut block = String::new();
    for line in input.lines() {
        let line = line.map_err(|error| format!("standard input cannot be read: {error}"))?;
        if line == "." {
            if !std::mem::take(&mut first) {
                block.push_str(".\n");
                let written = output.write_all(block.as_bytes()).and_then(|()| output.flush());
                written.map_err(|error| format!("standard output cannot be written: {error}"))?;
                block.clear();
            }
        } else if first {
            let (run, history) = history(&line)?;
            runs.insert(run, judge.begin(&history));
        } else {
            let (run, minute) = minute(&line)?;
            let rollout =
                runs.get_mut(&run).ok_or_else(|| format!("`{line}` is of a run without history"))?;
            let action = match rollout.minute(&minute) {
                Action::Continue => "continue",
                Action::Hold => "hold",
                Action::Advance => "advance",
                Action::RollBack => "rollback",
            };
            let _ = writeln!(block, "{run},{action}");
        }
    }
    Ok(())
}
