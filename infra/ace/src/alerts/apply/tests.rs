use alerting::cloudwatch::{AlarmSpec, Existing, Step, tags};
use async_trait::async_trait;
use clap::Parser;
use environments::Environment;

use super::error::BookError;
use super::*;
use crate::arguments::Output;

const CONFIGURATION: &str = r#"
environment: { name: production, region: eu-west-1, stage: prod }
notifications: { people: { kind: webhook, url: "https://people.example.com", secret: a.b } }
alerts:
  environments: [staging, production]
  rules:
    - { name: Production Down, condition: "environment:production AND status:unhealthy", severity: critical, channels: [people] }
    - { name: Busy, condition: "environment:production AND (cpu > 90% OR deployment:failed) AND requests > 1k", severity: high, channels: [people] }
    - { name: Failed, condition: "deployment:failed", severity: high, channels: [people] }
"#;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    apply: Apply,
}

fn arguments(more: &[&str]) -> Apply {
    let all = ["apply", "--environment", "production"].iter().chain(more);
    Command::try_parse_from(all).unwrap().apply
}

fn wanted_of(configuration: &str) -> Wanted {
    let home: EnvironmentName = "production".parse().unwrap();
    let policy = Environment::from_yaml(configuration).unwrap().alerts(&home);
    let plan = wanted(&home, &policy, &Services::new(), None);
    Wanted { home, policy, plan }
}

/// Alarms in memory, and an answer of each further call.
#[derive(Default)]
struct Shelf {
    alarms: Vec<Existing>,
    calls: usize,
    refuses: Option<(usize, BookError)>,
}

#[async_trait]
impl Book for Shelf {
    async fn list(&mut self, home: &EnvironmentName) -> Result<Vec<Existing>, BookError> {
        assert_eq!(home.as_str(), "production");
        Ok(self.alarms.clone())
    }

    async fn perform(&mut self, step: &Step) -> Result<(), BookError> {
        self.calls += 1;
        if let Some((_, error)) = self.refuses.as_ref().filter(|(call, _)| *call == self.calls) {
            return Err(error.clone());
        }
        let names = step.names();
        self.alarms.retain(|known| !names.contains(&known.alarm.name.as_str()));
        if let Step::Put(alarm) = step {
            self.alarms.push(existing(alarm));
        }
        Ok(())
    }
}

fn existing(alarm: &AlarmSpec) -> Existing {
    Existing { alarm: alarm.clone(), arn: format!("arn:{}", alarm.name), further: [].into() }
}

fn never(_: &Changes) -> Result<bool, AlertsError> {
    panic!("it is not asked for")
}

#[tokio::test]
async fn the_second_time_there_is_nothing_to_do() {
    let (mut shelf, wanted) = (Shelf::default(), wanted_of(CONFIGURATION));
    let ending = with(&mut shelf, &wanted, &arguments(&["--yes"]), never).await.unwrap();
    assert_eq!((ending, shelf.calls, shelf.alarms.len()), (Ending::Good, 4, 4));
    let ending = with(&mut shelf, &wanted, &arguments(&[]), never).await.unwrap();
    assert_eq!((ending, shelf.calls), (Ending::Good, 4));
}

#[tokio::test]
async fn nothing_is_done_unless_somebody_agrees() {
    let (mut shelf, wanted) = (Shelf::default(), wanted_of(CONFIGURATION));
    assert_eq!(with(&mut shelf, &wanted, &arguments(&["--dry-run"]), never).await.unwrap(), Ending::Good);
    let declined = with(&mut shelf, &wanted, &arguments(&[]), |_| Ok(false)).await.unwrap();
    assert_eq!(declined, Ending::Refused);
    let alone = with(&mut shelf, &wanted, &arguments(&[]), |_| Err(AlertsError::NotConfirmed)).await;
    assert!(!alone.unwrap_err().is_ours());
    assert_eq!(shelf.calls, 0);
    assert_eq!(with(&mut shelf, &wanted, &arguments(&[]), |_| Ok(true)).await.unwrap(), Ending::Good);
    assert_eq!(shelf.calls, 4);
}

#[tokio::test]
async fn what_is_refused_leaves_the_rest_to_be_done_and_what_is_denied_ends_it() {
    let refused = BookError::Refused { detail: "the limit of alarms is reached".to_owned() };
    let denied = BookError::Denied { detail: "not you".to_owned(), action: "cloudwatch:PutMetricAlarm" };
    let silent = BookError::Unavailable { detail: "no answer".to_owned() };
    // Of `Busy` the first part is put first, by the order of names.
    for (error, calls, alarms) in [(refused, 2, 1), (denied, 1, 0), (silent, 1, 0)] {
        let mut shelf = Shelf { refuses: Some((1, error)), ..Shelf::default() };
        let wanted = wanted_of(CONFIGURATION);
        let ending = with(&mut shelf, &wanted, &arguments(&["--yes"]), never).await.unwrap();
        assert_eq!((ending, shelf.calls, shelf.alarms.len()), (Ending::Unknown, calls, alarms));
        shelf.refuses = None;
        assert_eq!(with(&mut shelf, &wanted, &arguments(&["--yes"]), never).await.unwrap(), Ending::Good);
        assert_eq!(shelf.alarms.len(), 4);
    }
}

#[tokio::test]
async fn somebody_else_s_alarm_is_left_and_the_exit_code_says_so() {
    let wanted = wanted_of(CONFIGURATION);
    let mut theirs = existing(&wanted.plan.sets[0].alarms[0]);
    theirs.alarm.tags.clear();
    let mut shelf = Shelf { alarms: vec![theirs.clone()], ..Shelf::default() };
    let ending = with(&mut shelf, &wanted, &arguments(&["--yes"]), never).await.unwrap();
    assert_eq!((ending, shelf.alarms.len()), (Ending::Refused, 4));
    assert!(shelf.alarms.contains(&theirs));
}

/// One alarm of each sort: as it is, changed, new, too many, somebody else's.
#[test]
fn the_table_says_of_each_rule_what_is_done_and_why_not() {
    console::set_colors_enabled(false);
    let wanted = wanted_of(CONFIGURATION);
    let alarms: Vec<&AlarmSpec> = wanted.plan.alarms().collect();
    let mut other = existing(alarms[1]);
    other.alarm.description.clear();
    let mut gone = existing(alarms[0]);
    gone.alarm.name = "ace-flow/production/staging/Old".to_owned();
    let table = |existing: &[Existing]| {
        let changes = diff(&wanted.home, existing, &wanted.plan);
        let report = Report { wanted: &wanted, changes: &changes, output: Output::Human };
        (report.table(), report.lines(), report::counted(&changes))
    };
    let (text, lines, counted) = table(&[existing(alarms[0]), other, gone]);
    let description = &alarms[1].description;
    assert_eq!(
        text,
        format!(
            "alarms of production for 3 rules, in staging, production

Production Down: environment:production AND status:unhealthy
  = production  ACE-Flow/Environments EnvironmentHealth >= 1 (Maximum over 1 min, Environment=production, missing data: missing)
  · staging  no alarm: it is about other environments

Busy: environment:production AND (cpu > 90% OR deployment:failed) AND requests > 1k
  + production  #1 AND #2
  ~   #1  ACE-Flow/Environments CpuUtilization > 90 (Average over 1 min, Environment=production, missing data: missing)
        description:  -> {description}
  +   #2  ACE-Flow/Environments Requests > 1000 (Sum over 1 min, Environment=production, missing data: breaching)
    without `deployment:failed`: deployment is heard of as an event, CloudWatch has no metric of it
  · staging  no alarm: it is about other environments

Failed: deployment:failed
  · staging, production  no alarm: `deployment:failed`: deployment is heard of as an event, CloudWatch has no metric of it

made by it before, and not needed any more
  - ace-flow/production/staging/Old

"
        )
    );
    assert_eq!(counted, "create 2 alarms, update 1 alarm, delete 1 alarm");
    let told: Vec<String> = lines.iter().map(|line| format!("{} {}", line["kind"], line["change"])).collect();
    assert_eq!(
        told.join("; ").replace('"', ""),
        "alarm none; alarm update; alarm create; alarm create; alarm delete; no_alarm null; \
         no_alarm null; no_alarm null; no_alarm null"
    );

    let mut theirs = existing(alarms[2]);
    theirs.alarm.tags.remove(tags::HOME);
    let (text, ..) = table(&[theirs]);
    assert!(text.contains("  ! production  #1 AND #2 (left as it is)"), "{text}");
    assert!(text.contains("Busy #2 is somebody else's: rename or delete it"), "{text}");
}
