//! Plays a judge in another process through the line protocol: all runs of a cell in lock step.

use std::{
    io::{BufRead, BufReader, BufWriter, Write},
    process::{Command, Stdio},
};

use crate::{
    play::{End, Rollout, Rules},
    protocol::{HistoryLine, MinuteLine, answer},
    world::World,
};

/// How every run ended.
pub fn play(command: &str, mut worlds: Vec<World>, rules: Rules) -> Result<Vec<End>, String> {
    let mut words = command.split_whitespace();
    let program = words.next().ok_or("the command of --stdio is empty: name a program")?;
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{command}` cannot be started: {error}"))?;
    let input = child.stdin.take().ok_or("the judge has no standard input")?;
    let output = child.stdout.take().ok_or("the judge has no standard output")?;
    let mut input = BufWriter::new(input);
    let mut lines = BufReader::new(output).lines();
    let gone = |error: std::io::Error| format!("`{command}` does not listen: {error}");

    for (run, world) in worlds.iter().enumerate() {
        writeln!(input, "{}", HistoryLine(run, &world.history())).map_err(gone)?;
    }
    writeln!(input, ".").and_then(|()| input.flush()).map_err(gone)?;

    let mut rollouts: Vec<Rollout> = worlds.iter().map(|_| Rollout::new(rules)).collect();
    loop {
        let going: Vec<usize> = (0..rollouts.len()).filter(|run| rollouts[*run].end.is_none()).collect();
        if going.is_empty() {
            break;
        }
        let mut block = String::new();
        for run in &going {
            let minute = rollouts[*run].next(&mut worlds[*run]);
            block.push_str(&format!("{}\n", MinuteLine(*run, &minute)));
        }
        block.push_str(".\n");
        // The judge may answer line by line: its answers are read while it is still being told.
        let answers = std::thread::scope(|scope| {
            let teller = scope.spawn(|| input.write_all(block.as_bytes()).and_then(|()| input.flush()));
            let mut answers = Vec::with_capacity(going.len());
            for line in lines.by_ref() {
                let line = line.map_err(gone)?;
                if line.trim() == "." {
                    break;
                }
                answers.push(answer(&line)?);
            }
            teller.join().map_err(|_| "the writer ended early".to_owned())?.map_err(gone)?;
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
    drop(input);
    child.wait().map_err(|error| format!("`{command}` did not end: {error}"))?;
    Ok(rollouts.into_iter().filter_map(|rollout| rollout.end).collect())
}
