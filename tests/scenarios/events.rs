//! Every sample of `events/`, replayed through the stack with the end that it has to have.

use asl::Outcome;
use contract::{AlertRouter, CostOptimizer, FreezeOrder, PromoteStep, Rollback, StartDeploy, Trigger};
use e2e::files::{self, event};
use e2e::{Fault, Rates, Run, Setup, configuration};
use rollout::{Barred, Colour, GateName, Order, StepIndex};
use serde_json::{Value, json};

use crate::alerts;

/// The alarms of the samples, as guardrails.
const ALARMS: [&str; 4] = [
    "checkout-production-5xx",
    "checkout-production-error-rate",
    "checkout-production-guardrail",
    "checkout-production-latency-band",
];

async fn guarded() -> Run {
    let configuration = configuration(&format!("  guardrails: [{}]\n", ALARMS.join(", ")));
    let run = Run::new(Setup { configuration, ..Setup::default() }).await;
    for alarm in ALARMS {
        run.alarms.set(alarm.parse().unwrap(), false);
    }
    run
}

/// The second step needs an approval.
async fn with_approval() -> Run {
    let steps = "  canary:\n    steps:\n      - { weight: 10, bake: 5m }\n      - { weight: 100, bake: 2m, approval: true }\n";
    Run::new(Setup { configuration: configuration(steps), ..Setup::default() }).await
}

enum End {
    /// The execution ends in this state.
    Execution(&'static str),
    /// Of a rollout that runs when rollback gets it, after so many minutes: whether it is rolled back.
    Alarm { at: &'static str, rolls_back: bool },
    /// A rollout whose execution has failed is rolled back.
    Watchdog,
    /// The rollout is rolled back.
    RollBack,
    /// The first step's bake ends.
    Advance,
    /// The second step may be taken.
    Approve,
    /// The rollout is held until a person resumes it.
    Hold,
    /// No rollout starts from then on, or they start again.
    Line { stop: bool },
    /// No rollout starts from then on, or they start again.
    Freeze { thaws: bool },
    /// The execution ends promoted, though the environment is frozen.
    Overrides,
    /// A version that was rolled back may come back.
    Unhold,
    /// A rollout that nothing drives any more is rolled back, and what a promoted one owes is done.
    Sweep,
    /// The old colour is looked at.
    CleanUp,
    /// Whoever has to know is told, as [`alerts`] has it.
    Alerts,
    /// Something is stopped or started, as the engine's own tests have it.
    Costs,
}

const ENDS: [(&str, End); 48] = [
    ("alarm-event-composite", End::Alerts),
    ("alarm-event-deleted", End::Alerts),
    ("alarm-event-insufficient-data", End::Alerts),
    ("alarm-event-math", End::Alerts),
    ("alarm-event-metric", End::Alerts),
    ("alert-acknowledge", End::Alerts),
    ("alert-due", End::Alerts),
    ("alert-silence", End::Alerts),
    ("alert-try-channel", End::Alerts),
    ("alert-unsilence", End::Alerts),
    ("clean-up", End::CleanUp),
    ("codepipeline-action-succeeded", End::Execution("Ignored")),
    ("codepipeline-failed", End::Execution("Ignored")),
    ("codepipeline-stage-succeeded", End::Execution("Ignored")),
    ("codepipeline-started", End::Execution("Ignored")),
    ("codepipeline-succeeded-blue-green", End::Execution("Promoted")),
    ("codepipeline-succeeded-canary", End::Execution("Promoted")),
    ("codepipeline-superseded", End::Execution("Ignored")),
    ("cost-end-override", End::Costs),
    ("cost-override", End::Costs),
    ("cost-tick", End::Costs),
    ("freeze", End::Freeze { thaws: false }),
    ("line-resume", End::Line { stop: false }),
    ("line-stop", End::Line { stop: true }),
    ("manual-request-override", End::Overrides),
    ("manual-request", End::Execution("Promoted")),
    ("order-advance", End::Advance),
    ("order-approve", End::Approve),
    ("order-hold", End::Hold),
    ("outcome-promoted", End::Alerts),
    ("outcome-rolled-back", End::Alerts),
    ("rds-cluster-woken", End::Costs),
    ("rds-woken", End::Costs),
    ("roll-back-request", End::RollBack),
    ("sns-alarm-anomaly", End::Alarm { at: "8:08", rolls_back: true }),
    ("sns-alarm-composite", End::Alarm { at: "7:09", rolls_back: true }),
    ("sns-alarm-insufficient-data", End::Alarm { at: "7:09", rolls_back: false }),
    ("sns-alarm-math", End::Alarm { at: "7:09", rolls_back: true }),
    ("sns-alarm-metric", End::Alarm { at: "7:09", rolls_back: true }),
    ("sns-alarm-ok", End::Alarm { at: "16:24", rolls_back: false }),
    ("status-healthy", End::Alerts),
    ("status-unhealthy", End::Alerts),
    ("sweep", End::Sweep),
    ("thaw", End::Freeze { thaws: true }),
    ("trouble-over", End::Alerts),
    ("trouble-stuck", End::Alerts),
    ("unhold", End::Unhold),
    ("watchdog", End::Watchdog),
];

#[test]
fn every_sample_has_an_end() {
    let samples: Vec<String> = files::names("events")
        .into_iter()
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect();
    let known: Vec<&str> = ENDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(samples, known);
    let alerts = ENDS.iter().filter(|(_, end)| matches!(end, End::Alerts)).map(|(name, _)| *name);
    assert_eq!(alerts.collect::<Vec<_>>(), alerts::SAMPLES);
}

fn is_of_cost_optimizer(name: &str, sample: Value) {
    let request: CostOptimizer = serde_json::from_value(sample).unwrap();
    let fits = match (name, &request) {
        ("cost-tick", CostOptimizer::Tick) => true,
        ("cost-override", CostOptimizer::Override(over)) => over.by == "dana@example.com",
        ("cost-end-override", CostOptimizer::EndOverride(order)) => order.by == "dana@example.com",
        ("rds-woken", CostOptimizer::Woken(arn)) => arn.as_str().ends_with(":db:orders-db"),
        ("rds-cluster-woken", CostOptimizer::Woken(arn)) => arn.as_str().ends_with(":cluster:billing"),
        _ => false,
    };
    assert!(fits, "{name}: {request:?}");
}

#[test]
fn every_sample_is_a_request_of_the_function_it_is_for() {
    for (name, end) in ENDS {
        let sample = event(name);
        match end {
            End::Execution(_) => {
                let input =
                    json!({ "event": sample, "execution_arn": "arn:aws:states:us-east-1:1:execution:m:n" });
                let request: StartDeploy = serde_json::from_value(input).unwrap();
                let fits = match (name, &request.trigger) {
                    ("manual-request", Trigger::Requested { by, .. }) => by == "dana@example.com",
                    ("codepipeline-action-succeeded", Trigger::Other { detail_type }) => {
                        detail_type == "CodePipeline Action Execution State Change"
                    }
                    ("codepipeline-stage-succeeded", Trigger::Other { detail_type }) => {
                        detail_type == "CodePipeline Stage Execution State Change"
                    }
                    (_, Trigger::Pipeline { state, attempt: 1, origin, .. }) => {
                        origin.account == "123456789012"
                            && name.starts_with(&format!("codepipeline-{}", state.to_lowercase()))
                    }
                    _ => false,
                };
                assert!(fits, "{name}: {:?}", request.trigger);
            }
            End::Overrides => {
                let input =
                    json!({ "event": sample, "execution_arn": "arn:aws:states:us-east-1:1:execution:m:n" });
                let request: StartDeploy = serde_json::from_value(input).unwrap();
                let Trigger::Requested { overridden: Some(overridden), by, .. } = request.trigger else {
                    panic!("{name}: {:?}", request.trigger)
                };
                assert_eq!((overridden.gates.len(), &overridden.by), (2, &by));
            }
            End::Freeze { thaws } => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                let Rollback::Freeze { order, .. } = request else { panic!("{name}: {request:?}") };
                assert_eq!(order == FreezeOrder::Thaw, thaws);
            }
            End::Unhold => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, Rollback::Unhold { by, .. } if by == "dana@example.com"));
            }
            End::CleanUp => {
                let request: PromoteStep = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, PromoteStep::CleanUp(due) if due.attempt == 1));
            }
            End::Alarm { rolls_back, .. } => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                let Rollback::Alarms(alarms) = request else { panic!("{name}: {request:?}") };
                assert_eq!(alarms.len(), 1);
                assert_eq!(alarms[0].state == "ALARM", rolls_back, "{name}");
                assert!(ALARMS.contains(&alarms[0].name.as_str()), "{name}");
                assert_eq!(alarms[0].account, "123456789012");
            }
            End::Watchdog => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, Rollback::Watchdog { status, .. } if status == "FAILED"));
            }
            End::Advance => {
                let request: PromoteStep = serde_json::from_value(sample).unwrap();
                let step = StepIndex(0);
                assert!(
                    matches!(request, PromoteStep::Order(command) if command.order == Order::Advance { step })
                );
            }
            End::Approve => {
                let request: PromoteStep = serde_json::from_value(sample).unwrap();
                let step = StepIndex(1);
                assert!(
                    matches!(request, PromoteStep::Order(command) if command.order == Order::Approve { step })
                );
            }
            End::Hold => {
                let request: PromoteStep = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, PromoteStep::Order(command) if command.order == Order::Hold));
            }
            End::Line { stop } => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, Rollback::Line { stop: found, .. } if found == stop));
            }
            End::Sweep => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                assert_eq!(request, Rollback::Sweep);
                let request: PromoteStep = serde_json::from_value(event(name)).unwrap();
                assert_eq!(request, PromoteStep::Sweep);
                let request: AlertRouter = serde_json::from_value(event(name)).unwrap();
                assert_eq!(request, AlertRouter::Sweep);
            }
            // There: they have schemas as well.
            End::Alerts => {}
            End::Costs => is_of_cost_optimizer(name, sample),
            End::RollBack => {
                let request: Rollback = serde_json::from_value(sample).unwrap();
                assert!(matches!(request, Rollback::Requested { by, .. } if by == "dana@example.com"));
            }
        }
    }
}

async fn advanced(run: &Run, sample: &str) {
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("1:09").await;
    assert_eq!(run.call("promote-step", event(sample)).await.unwrap()["next"], "wait");
    run.until("2:09").await;
    assert_eq!(run.world.share(rollout::Colour::Green), 25);
    execution.finished().await;
    run.verified().await.promoted(run);
}

async fn approved(run: &Run, sample: &str) {
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("12:09").await;
    assert_eq!(run.world.share(rollout::Colour::Green), 10);
    assert_eq!(run.call("promote-step", event(sample)).await.unwrap()["next"], "wait");
    execution.finished().await;
    run.verified().await.promoted(run);
}

async fn held(run: &Run, sample: &str) {
    let execution = run.play("first", event("codepipeline-succeeded-canary"));
    run.until("3:09").await;
    let reply = run.call("promote-step", event(sample)).await.unwrap();
    assert!(reply["reason"].as_str().unwrap().contains("held by dana@example.com"), "{reply}");
    run.until("60:00").await;
    assert_eq!(run.world.share(rollout::Colour::Green), 10);
    run.order("resume").await.unwrap();
    execution.finished().await;
    run.verified().await.promoted(run);
}

async fn frozen(run: &Run, sample: &str, thaws: bool) {
    run.call("rollback", event("freeze")).await.unwrap();
    run.call("rollback", event(sample)).await.unwrap();
    run.canary().await;
    let verified = run.verified().await;
    if thaws {
        verified.promoted(run);
    } else {
        let says = engine::describe(verified.only());
        let expected = "frozen until 2026-12-01T11:00:00Z by dana@example.com since 2026-08-03T09:15:07Z: \
                        the week of the sale";
        assert!(says.contains(expected), "{says}");
    }
}

async fn overrides(run: &Run, sample: &str) {
    run.call("rollback", event("freeze")).await.unwrap();
    let outcome = run.play("first", event(sample)).finished().await;
    assert!(matches!(&outcome, Outcome::Succeeded { state, .. } if state == "Promoted"), "{outcome:?}");
    let verified = run.verified().await;
    let overridden = verified.promoted(run).only().overridden.clone().unwrap();
    assert!(overridden.passes(GateName::Freeze) && overridden.passes(GateName::Promotion));
}

async fn unheld(run: &Run, sample: &str) {
    let rates = Rates { errors: 50_000, ..Rates::USUAL };
    run.world.fault(Fault { colour: Colour::Green, from: 10, rates });
    run.canary().await;
    assert!(matches!(run.target(&"checkout".parse().unwrap()).await.unwrap().barred, Barred::Version { .. }));
    run.world.fault(Fault { colour: Colour::Green, from: u8::MAX, rates: Rates::USUAL });
    run.world.outage(Rates::USUAL);
    for says in ["may come back: dana@example.com", "no version of service checkout is barred"] {
        let reply = run.call("rollback", event(sample)).await.unwrap();
        assert!(reply["reason"].as_str().unwrap().contains(says), "{reply}");
    }
    // Once the old colour's minutes of before look as they did.
    run.until("10:00").await;
    let mut again = event("codepipeline-succeeded-canary");
    again["detail"]["execution-id"] = "5b7f8a34-2c1d-4e0f-9a86-7d5c3b2a1f01".into();
    let outcome = run.play("second", again).finished().await;
    assert!(matches!(&outcome, Outcome::Succeeded { state, .. } if state == "Promoted"), "{outcome:?}");
    run.verified().await;
}

#[tokio::test(start_paused = true)]
async fn every_sample_ends_as_it_has_to() {
    for (name, end) in ENDS {
        let run = guarded().await;
        match end {
            End::Execution(expected) => {
                let outcome = run.play("first", event(name)).finished().await;
                let Outcome::Succeeded { state, .. } = outcome else { panic!("{name}: {outcome:?}") };
                assert_eq!(state, expected, "{name}");
                let verified = run.verified().await;
                match expected {
                    "Promoted" => drop(verified.promoted(&run)),
                    _ => assert!(verified.rollouts.is_empty(), "{name}"),
                }
            }
            End::Alarm { at, rolls_back } => {
                let execution = run.play("first", event("codepipeline-succeeded-canary"));
                run.until(at).await;
                let reply = run.call("rollback", event(name)).await.unwrap();
                execution.finished().await;
                let verified = run.verified().await;
                if rolls_back {
                    assert_eq!(reply["next"], "settle", "{name}");
                    verified.rolled_back(&run, "guardrail");
                } else {
                    assert_eq!(reply["next"], "nothing", "{name}");
                    verified.promoted(&run);
                }
            }
            End::Watchdog => {
                let sample = event(name);
                let arn = sample["detail"]["executionArn"].clone();
                // The sample carries the input of the execution that failed.
                let input: Value = serde_json::from_str(sample["detail"]["input"].as_str().unwrap()).unwrap();
                let started = json!({ "event": input, "execution_arn": arn });
                assert_eq!(run.call("start-deploy", started).await.unwrap()["next"], "started");
                assert_eq!(run.deliver("rollback", sample).await.unwrap()["next"], "rolled_back");
                run.verified().await.rolled_back(&run, "failure");
            }
            End::RollBack => {
                let execution = run.play("first", event("codepipeline-succeeded-canary"));
                run.until("7:09").await;
                assert_eq!(run.call("rollback", event(name)).await.unwrap()["next"], "settle");
                execution.finished().await;
                run.verified().await.rolled_back(&run, "requested");
            }
            End::Advance => advanced(&run, name).await,
            End::Approve => approved(&with_approval().await, name).await,
            End::Hold => held(&run, name).await,
            End::Line { stop } => {
                if !stop {
                    run.call("rollback", event("line-stop")).await.unwrap();
                }
                run.call("rollback", event(name)).await.unwrap();
                run.canary().await;
                let verified = run.verified().await;
                if stop {
                    let says = engine::describe(verified.only());
                    assert!(
                        says.contains("by dana@example.com (incident with the payment provider"),
                        "{says}"
                    );
                } else {
                    verified.promoted(&run);
                }
            }
            End::Freeze { thaws } => frozen(&run, name, thaws).await,
            End::Overrides => overrides(&run, name).await,
            End::Unhold => unheld(&run, name).await,
            End::Sweep => {
                let execution = run.play("first", event("codepipeline-succeeded-canary"));
                run.until("8:03").await;
                execution.stop(None, None);
                execution.finished().await;
                for at in ["40:00", "45:00"] {
                    run.until(at).await;
                    assert_eq!(run.call("rollback", event(name)).await.unwrap()["next"], "nothing");
                    assert_eq!(run.call("promote-step", event(name)).await.unwrap()["next"], "ended");
                }
                run.verified().await.rolled_back(&run, "failure");
            }
            End::CleanUp => {
                run.canary().await;
                // The Scheduler calls an hour later; a call that comes early is answered like one on time.
                run.until("40:00").await;
                assert_eq!(run.call("promote-step", event(name)).await.unwrap()["next"], "promoted");
                assert_eq!(run.world.version(rollout::Colour::Blue), None, "quiet for five minutes");
                run.until("100:00").await;
                run.verified().await.promoted(&run);
            }
            // There.
            End::Alerts | End::Costs => {}
        }
    }
}
