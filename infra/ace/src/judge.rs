//! `ace judge --stdio`: the decision loop on standard input and output.

mod protocol;
mod session;

use std::io::{BufRead, Write};

use analysis::decisions::Rules;
use foresight::{Plan, RuleKind};

use crate::Ending;
use crate::arguments::Judge;
use crate::error::AceError;
use crate::foresee::policies;
pub(crate) use protocol::LineError;
use session::Session;

/// Longer lines are no lines of the protocol; what is behind is read as another line.
const LONGEST_LINE: u64 = 4_096;

pub(crate) fn judge(arguments: &Judge) -> Result<Ending, AceError> {
    let rules = rules(arguments)?;
    let wrong = converse(Session::new(rules), std::io::stdin().lock(), std::io::stdout().lock())?;
    if wrong > 0 {
        return Err(AceError::LinesRefused { lines: wrong });
    }
    Ok(Ending::Good)
}

fn rules(arguments: &Judge) -> Result<Rules, AceError> {
    let plan: &Plan = &arguments.plan;
    let bakes = plan.steps().iter().map(|step| step.minutes).collect();
    let Some(file) = &arguments.policy else {
        return Ok(Rules::of(&analysis::Policy::default(), bakes, plan.minutes_beside()));
    };
    match policies::read(file)?.kind {
        RuleKind::Policy(policy) => Ok(Rules::of(&policy, bakes, plan.minutes_beside())),
        RuleKind::Peer(_) => Err(AceError::NotAPolicy {
            path: file.display().to_string(),
            reason: "it is a peer's rule, which only `ace backtest` plays".to_owned(),
        }),
    }
}

/// Answers until the input ends; the number of lines that were refused.
fn converse(mut session: Session, mut input: impl BufRead, mut output: impl Write) -> Result<u64, AceError> {
    let broken = |of: &str| {
        let path = of.to_owned();
        move |source| AceError::Unreadable { path, help: "is the other side still there?".to_owned(), source }
    };
    let mut wrong = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = std::io::Read::take(&mut input, LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(broken("standard input"))? == 0 {
            session.end()?;
            return Ok(wrong);
        }
        let heard = session.hear(&String::from_utf8_lossy(&line))?;
        if let Some(complaint) = heard.complaint {
            wrong += 1;
            eprintln!("{complaint}");
        }
        if let Some(block) = heard.answers {
            let told = output.write_all(block.as_bytes()).and_then(|()| output.flush());
            told.map_err(broken("standard output"))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(text: &str) -> (Result<u64, String>, String) {
        let mut output = Vec::new();
        let wrong = converse(Session::new(Rules::standard()), text.as_bytes(), &mut output);
        (wrong.map_err(|error| error.to_string()), String::from_utf8(output).unwrap())
    }

    const TWO: &str = "H,0,360,10800,108,3,60,60,0.3,0.3,3,3\nH,1,0,0,0,0,0,0,0,0,0,0\n.\n";

    #[test]
    fn each_minute_has_one_answer_in_its_order_and_a_block_ends_with_a_point() {
        let text = format!(
            "{TWO}M,0,0,0,10,30,0,270,3\nM,1,0,0,10,30,0,270,3\n.\nM,1,1,0,10,30,30,270,3\r\nM,0,1,0,10,30,0,270,2\r\n.\r\n"
        );
        assert_eq!(play(&text), (Ok(0), "0,continue\n1,continue\n.\n1,rollback\n0,continue\n.\n".to_owned()));
    }

    #[test]
    fn a_minute_that_cannot_be_is_answered_with_hold_and_told_of() {
        for (line, answer) in [
            ("M,0,1,0,10,NaN,0,270,3", "hold"),
            ("M,0,1,0,10,-30,0,270,3", "hold"),
            ("M,0,1,0,10,30,31,270,3", "hold"),
            ("M,0,1,0,10,30,0,270,271", "hold"),
            ("M,0,1,0,10,30.5,0,270,3", "hold"),
            ("M,0,1,0,10,30,0,270", "hold"),
            ("M,0,1,0,10,30,0,270,3,4", "hold"),
            ("M,0,0,0,10,30,0,270,3", "hold"),
            ("M,0,1,0,25,30,0,270,3", "hold"),
            ("M,0,1,0,101,30,0,270,3", "hold"),
            ("M,0,-1,0,10,30,0,270,3", "hold"),
            ("M,0,1,0,10,3000000000,0,270,3", "hold"),
            // A minute is missing: what came counts, but nothing goes on.
            ("M,0,3,0,10,30,0,270,3", "hold"),
            ("M,0,3,0,10,30,30,270,3", "rollback"),
        ] {
            let text = format!("{TWO}M,0,0,0,10,30,0,270,3\n.\n{line}\n.\n");
            let (wrong, answers) = play(&text);
            assert_eq!(
                (wrong, answers.as_str()),
                (Ok(1), format!("0,continue\n.\n0,{answer}\n.\n").as_str()),
                "{line}"
            );
        }
    }

    #[test]
    fn a_run_that_is_not_known_or_whose_history_was_refused_is_held() {
        for history in ["H,0,360,100,101,1,0,0,0,0,0,0", "H,0,360,100,1,1,0,0,NaN,0,0,0", "H,0,360"] {
            let text = format!("{history}\n.\nM,0,0,0,10,30,30,270,0\n.\n");
            assert_eq!(play(&text), (Ok(1), "0,hold\n.\n".to_owned()), "{history}");
        }
        let text = format!("{TWO}M,7,0,0,10,30,0,270,3\n.\n");
        assert_eq!(play(&text), (Ok(1), "7,hold\n.\n".to_owned()));
        let twice = "H,0,0,0,0,0,0,0,0,0,0,0\nH,0,0,0,0,0,0,0,0,0,0,0\n.\nM,0,0,0,10,30,0,270,3\n.\n";
        assert_eq!(play(twice), (Ok(1), "0,hold\n.\n".to_owned()));
    }

    #[test]
    fn a_run_that_was_rolled_back_stays_so() {
        let text = format!("{TWO}M,0,0,0,10,30,30,270,0\n.\nM,0,1,0,10,30,0,270,0\n.\n");
        assert_eq!(play(&text), (Ok(1), "0,rollback\n.\n0,rollback\n.\n".to_owned()));
    }

    #[test]
    fn what_is_of_no_run_ends_the_judge_with_its_line_and_the_remedy() {
        for (text, says) in [
            (format!("{TWO}hello\n.\n"), "line 4: \"hello\" is neither"),
            (format!("{TWO}M,x,0,0,10,30,0,270,3\n.\n"), "line 4: \"x\" is no run"),
            ("M,0,0,0,10,30,0,270,3\n.\n".to_owned(), "line 1: an M line in the first block"),
            (format!("{TWO}H,3,0,0,0,0,0,0,0,0,0,0\n"), "line 4: an H line after the first block"),
            (format!("{TWO}M,0,0,0,10,30,0,270,3\n"), "line 5: the input ends inside a block"),
            (format!("{TWO}{}", "7".repeat(10_000)), "line 4: \"7777"),
        ] {
            let (wrong, answers) = play(&text);
            let wrong = wrong.unwrap_err();
            assert!(wrong.contains(says) && answers.is_empty(), "{text}: {wrong}");
        }
        assert_eq!(play(""), (Ok(0), String::new()));
    }
}
