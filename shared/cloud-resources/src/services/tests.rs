use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fake::{Asked, Fake, environment, order};

/// ECS with what is beside it: one service in a cluster, and whatever is set of it.
#[derive(Clone, Debug)]
struct World {
    service: Value,
    bounds: Option<(i64, i64)>,
}

fn arn(name: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:1:service/main/{name}")
}

/// A service as `DescribeServices` in the API Reference has it, shortened.
fn service(name: &str, desired: i64, running: i64) -> Value {
    json!({
        "serviceArn": arn(name), "serviceName": name, "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/main",
        "loadBalancers": [], "serviceRegistries": [], "status": "ACTIVE", "desiredCount": desired, "runningCount": running,
        "pendingCount": 0, "launchType": "FARGATE", "taskDefinition": "web:1", "schedulingStrategy": "REPLICA",
        "deployments": [], "events": [], "createdAt": 1_700_000_000.5,
    })
}

impl World {
    fn answer(&mut self, asked: &Asked) -> (u16, String) {
        let answer = match asked.call.as_str() {
            "GetResources" => {
                let arns = [arn("web"), "arn:aws:ecs:eu-west-1:1:service/old".to_owned()];
                let tags = json!([{ "Key": "ace-flow:environment", "Value": "staging" }]);
                json!({ "PaginationToken": "", "ResourceTagMappingList":
                    arns.map(|arn| json!({ "ResourceARN": arn, "Tags": tags })) })
            }
            "DescribeServices" => {
                assert_eq!(asked.json["services"], json!([arn("web")]));
                json!({ "services": [self.service], "failures": [] })
            }
            "DescribeScalableTargets" => {
                let targets: Vec<Value> =
                    self.bounds.iter().map(|(min, max)| target("web", *min, *max)).collect();
                json!({ "ScalableTargets": targets })
            }
            "RegisterScalableTarget" => {
                let field = |name: &str| asked.json[name].as_i64().unwrap();
                self.bounds = Some((field("MinCapacity"), field("MaxCapacity")));
                json!({})
            }
            "UpdateService" => {
                self.service["desiredCount"] = asked.json["desiredCount"].clone();
                json!({ "service": self.service })
            }
            other => panic!("{other}"),
        };
        (200, answer.to_string())
    }
}

fn target(name: &str, min: i64, max: i64) -> Value {
    json!({
        "ServiceNamespace": "ecs", "ResourceId": format!("service/main/{name}"),
        "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": min, "MaxCapacity": max,
        "RoleARN": "arn:aws:iam::1:role/r", "CreationTime": 1_700_000_000.0,
    })
}

fn world(service: Value, bounds: Option<(i64, i64)>) -> (EcsServices, Fake, Arc<Mutex<World>>) {
    let world = Arc::new(Mutex::new(World { service, bounds }));
    let shared = Arc::clone(&world);
    let fake = Fake::new(move |asked| shared.lock().unwrap().answer(asked));
    (EcsServices::new(&fake.config()), fake, world)
}

async fn see(ecs: &EcsServices) -> Seen {
    ecs.see(&environment(), &[]).await.unwrap().remove(0)
}

fn shape(desired: u32, scaling: ScaledBy) -> Shape {
    Shape::Service { desired, scaling }
}

#[tokio::test]
async fn a_service_is_stopped_by_its_count_and_its_bounds_and_brought_back() {
    let (ecs, fake, world) = world(service("web", 4, 4), Some((2, 6)));
    let before = see(&ecs).await;
    assert_eq!((&before.shape, &before.state), (&Some(shape(4, Some((2, 6)))), &State::Running));
    assert_eq!((before.name.as_str(), before.arn.as_str()), ("web", arn("web").as_str()));
    fake.asked();
    assert_eq!(ecs.act(&[order(&before, Act::Stop)]).await, [Ok(())]);
    let calls: Vec<String> = fake.asked().into_iter().map(|asked| asked.call).collect();
    assert_eq!(calls, ["RegisterScalableTarget", "UpdateService"], "its bounds first");
    let stopping = see(&ecs).await;
    assert_eq!((&stopping.shape, &stopping.state), (&Some(shape(0, Some((0, 0)))), &State::Stopping));
    world.lock().unwrap().service["runningCount"] = json!(0);
    let stopped = see(&ecs).await;
    assert_eq!(stopped.state, State::Stopped);
    fake.asked();
    assert_eq!(ecs.act(&[order(&stopped, Act::Stop)]).await, [Ok(())]);
    assert!(fake.asked().is_empty(), "what is done is not asked for");
    assert_eq!(ecs.act(&[order(&stopped, Act::Start(before.shape.clone()))]).await, [Ok(())]);
    let started = see(&ecs).await;
    assert_eq!((&started.shape, &started.state), (&before.shape, &State::Starting));
}

#[tokio::test]
async fn what_is_not_scaled_has_no_bounds_to_set() {
    let (ecs, fake, world) = world(service("web", 4, 4), None);
    let seen = see(&ecs).await;
    assert_eq!(seen.shape, Some(shape(4, None)));
    fake.asked();
    assert_eq!(ecs.act(&[order(&seen, Act::Stop)]).await, [Ok(())]);
    assert_eq!(fake.counts(), BTreeMap::from([("UpdateService".to_owned(), 1)]));
    world.lock().unwrap().service["runningCount"] = json!(0);
    let stopped = see(&ecs).await;
    fake.asked();
    // Somebody has deregistered it meanwhile: to register it would be something new.
    let back = Act::Start(Some(shape(4, Some((2, 6)))));
    assert_eq!(ecs.act(&[order(&stopped, back)]).await, [Ok(())]);
    assert_eq!(fake.counts(), BTreeMap::from([("UpdateService".to_owned(), 1)]));
}

#[tokio::test]
async fn half_a_stop_is_asked_again_or_turned_round() {
    let (ecs, ..) = world(service("web", 4, 4), Some((0, 0)));
    let state = async |ours: Option<Ours>| {
        let record =
            ours.map(|ours| Record { ours, ..Record::new(Arn(arn("web")), Kind::Service, "web".to_owned()) });
        ecs.see(&environment(), record.as_slice()).await.unwrap()[0].state.clone()
    };
    let at = Timestamp::UNIX_EPOCH;
    assert_eq!(state(Some(Ours::Stop { at })).await, State::Running);
    assert_eq!(state(Some(Ours::Start { at })).await, State::Stopping);
    assert_eq!(state(None).await, State::Stopping);
    assert_eq!(state(Some(Ours::Stopped { at })).await, State::Running, "somebody has set its count");
}

#[tokio::test]
async fn what_cannot_be_stopped_says_what_to_change() {
    let daemon = json!({ "schedulingStrategy": "DAEMON" });
    let outside = json!({ "launchType": "EXTERNAL" });
    for (change, why) in [(daemon, "daemon"), (outside, "outside of AWS")] {
        let mut service = service("web", 1, 1);
        service.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (ecs, ..) = world(service, None);
        assert!(see(&ecs).await.cannot.unwrap().contains(why));
    }
    let (ecs, ..) = world(service("web", 1, 1), None);
    assert_eq!(see(&ecs).await.cannot, None);
}

#[tokio::test]
async fn what_is_deleted_is_no_service() {
    let mut gone = service("web", 0, 0);
    gone["status"] = json!("INACTIVE");
    let (ecs, ..) = world(gone, None);
    assert_eq!(ecs.see(&environment(), &[]).await.unwrap(), []);
}

#[tokio::test]
async fn bounds_that_are_refused_leave_the_count() {
    let (ecs, ..) = world(service("web", 4, 4), Some((2, 6)));
    let seen = see(&ecs).await;
    let fake = Fake::new(|asked| {
        assert_eq!(asked.call, "RegisterScalableTarget");
        (400, json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string())
    });
    let outcome = EcsServices::new(&fake.config()).act(&[order(&seen, Act::Stop)]).await;
    let Err(refused) = &outcome[0] else { panic!() };
    assert!(refused.why.contains("application-autoscaling:RegisterScalableTarget"), "{refused:?}");
    assert!(refused.why.contains("allow the action"), "{refused:?}");
}

/// A hundred a page to find them, ten a call to describe them, and fifty a call for their bounds: AWS's own limits.
#[tokio::test]
async fn five_thousand_services_are_as_many_calls_as_aws_leaves() {
    let fake = Fake::new(|asked| {
        let answer = match asked.call.as_str() {
            "GetResources" => {
                let from: usize =
                    asked.json["PaginationToken"].as_str().unwrap_or("0").parse().unwrap_or_default();
                let found: Vec<Value> = (from..from + 100)
                    .map(|n| {
                        json!({ "ResourceARN": arn(&format!("s-{n}")),
                        "Tags": [{ "Key": "ace-flow:environment", "Value": "staging" }] })
                    })
                    .collect();
                let next = if from < 4900 { (from + 100).to_string() } else { String::new() };
                json!({ "ResourceTagMappingList": found, "PaginationToken": next })
            }
            "DescribeServices" => {
                let arns = asked.json["services"].as_array().unwrap();
                assert!(arns.len() <= 10);
                let name = |arn: &Value| arn.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                json!({ "services": arns.iter().map(|arn| service(&name(arn), 1, 1)).collect::<Vec<_>>() })
            }
            "DescribeScalableTargets" => {
                assert!(asked.json["ResourceIds"].as_array().unwrap().len() <= 50);
                json!({ "ScalableTargets": [] })
            }
            other => panic!("{other}"),
        };
        (200, answer.to_string())
    });
    let seen = EcsServices::new(&fake.config()).see(&environment(), &[]).await.unwrap();
    assert_eq!(seen.len(), 5000);
    let counts = fake.counts();
    assert_eq!(counts["GetResources"], 50);
    assert_eq!(counts["DescribeServices"], 500);
    assert_eq!(counts["DescribeScalableTargets"], 100);
}
