use std::fmt::Write;

use cost::Kind;

use super::*;
use crate::fake::{Asked, Fake, environment, order, xml};

/// An instance as `DescribeInstances` in the EC2 API Reference has it, shortened.
fn instance(id: &str, state: &str, kind: &str, more: &str, tags: &[(&str, &str)]) -> String {
    let own = [("ace-flow:environment", "staging"), ("Name", "worker & co")];
    let tags = own.iter().chain(tags).fold(String::new(), |tags, (key, value)| {
        tags + &format!("<item><key>{key}</key><value>{}</value></item>", value.replace('&', "&amp;"))
    });
    format!(
        "<item><instanceId>{id}</instanceId><imageId>ami-1</imageId><instanceState><code>16</code><name>{state}</name>\
         </instanceState><privateDnsName/><reason/><productCodes/><instanceType>{kind}</instanceType><placement>\
         <availabilityZone>eu-west-1a</availabilityZone><groupName/></placement><monitoring><state>disabled</state>\
         </monitoring><groupSet><item><groupId>sg-1</groupId></item></groupSet><rootDeviceType>ebs</rootDeviceType>\
         <blockDeviceMapping><item><deviceName>/dev/xvda</deviceName></item></blockDeviceMapping>{more}\
         <tagSet>{tags}</tagSet></item>"
    )
}

fn page(instances: &[String], next: Option<&str>) -> (u16, String) {
    let mut reservations = String::new();
    for one in instances {
        write!(
            reservations,
            "<item><reservationId>r-1</reservationId><ownerId>123456789012</ownerId><groupSet/><instancesSet>{one}\
             </instancesSet></item>"
        )
        .unwrap();
    }
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    let body = format!(
        "<?xml version=\"1.0\"?><DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>r-1</requestId><reservationSet>{reservations}</reservationSet>{next}</DescribeInstancesResponse>"
    );
    (200, body)
}

fn error(code: &str) -> (u16, String) {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>no</Message></Error></Errors></Response>"
    );
    (400, body)
}

async fn seen(instances: Vec<String>) -> Vec<Seen> {
    let fake = Fake::new(move |asked| {
        match asked.call.as_str() {
        "DescribeInstances" => page(&instances, None),
        "DescribeSpotInstanceRequests" => (
            200,
            "<DescribeSpotInstanceRequestsResponse><spotInstanceRequestSet><item><spotInstanceRequestId>sir-1\
             </spotInstanceRequestId><type>persistent</type></item><item><spotInstanceRequestId>sir-2\
             </spotInstanceRequestId><type>one-time</type></item></spotInstanceRequestSet>\
             </DescribeSpotInstanceRequestsResponse>"
                .to_owned(),
        ),
        "DescribeAutoScalingGroups" => (
            200,
            xml(
                "DescribeAutoScalingGroups",
                "<AutoScalingGroups><member><AutoScalingGroupName>tagged</AutoScalingGroupName><Tags><member>\
                 <Key>ace-flow:environment</Key><Value>staging</Value></member></Tags></member></AutoScalingGroups>",
            ),
        ),
        other => panic!("{other}"),
    }
    });
    Ec2Instances::new(&fake.config()).see(&environment(), &[]).await.unwrap()
}

#[tokio::test]
async fn an_instance_is_seen_with_its_type_and_its_tags() {
    let found = seen(vec![instance("i-1", "running", "m7g.large", "", &[("empty", "")])]).await;
    let one = &found[0];
    assert_eq!(one.arn.as_str(), "arn:aws:ec2:eu-west-1:123456789012:instance/i-1");
    assert_eq!((one.kind, one.name.as_str(), &one.state), (Kind::Instance, "worker & co", &State::Running));
    assert_eq!(one.shape, Some(Shape::Instance { instance_type: "m7g.large".to_owned() }));
    assert_eq!((one.tags["ace-flow:environment"].as_str(), one.tags["empty"].as_str()), ("staging", ""));
    assert_eq!(one.cannot, None);
    assert_eq!(seen(Vec::new()).await, []);
}

#[tokio::test]
async fn states_are_told_apart() {
    let states = ["pending", "running", "stopping", "stopped"];
    let found = seen(states.map(|state| instance("i-1", state, "t4g.nano", "", &[])).into()).await;
    let states: Vec<&State> = found.iter().map(|one| &one.state).collect();
    assert_eq!(states, [&State::Starting, &State::Running, &State::Stopping, &State::Stopped]);
}

#[tokio::test]
async fn only_instances_with_all_the_tags_are_asked_for_and_taken() {
    let other = instance("i-2", "running", "t4g.nano", "", &[])
        .replace("<value>staging</value>", "<value>stagingX</value>");
    let fake = Fake::new(move |_| page(std::slice::from_ref(&other), None));
    let tags = BTreeMap::from([("env".to_owned(), "a*".to_owned()), ("team".to_owned(), "x".to_owned())]);
    assert_eq!(Ec2Instances::new(&fake.config()).see(&tags, &[]).await.unwrap(), []);
    let asked = &fake.asked()[0];
    assert_eq!(asked.list("Filter.1.Value"), ["pending", "running", "stopping", "stopped"]);
    assert_eq!((asked.field("Filter.2.Name"), asked.field("Filter.2.Value.1")), ("tag:env", r"a\*"));
    assert_eq!((asked.field("Filter.3.Name"), asked.field("Filter.3.Value.1")), ("tag:team", "x"));
    assert_eq!(asked.field("MaxResults"), "1000");
}

#[tokio::test]
async fn what_cannot_be_stopped_says_what_to_change() {
    let spot = |request: &str| {
        format!(
            "<instanceLifecycle>spot</instanceLifecycle><spotInstanceRequestId>{request}</spotInstanceRequestId>"
        )
    };
    let group = |name| [("aws:autoscaling:groupName", name)];
    let store = instance("i-1", "running", "m3.large", "", &[])
        .replace("<rootDeviceType>ebs", "<rootDeviceType>instance-store");
    let found = seen(vec![
        store,
        instance("i-2", "running", "t4g.nano", &spot("sir-1"), &[]),
        instance("i-3", "running", "t4g.nano", &spot("sir-2"), &[]),
        instance("i-4", "running", "t4g.nano", "", &group("untagged")),
        instance("i-5", "running", "t4g.nano", "", &group("tagged")),
        instance("i-6", "running", "t4g.nano", "", &[("eks:nodegroup-name", "nodes"), group("x")[0]]),
        instance("i-7", "running", "t4g.nano", "", &[("karpenter.sh/nodepool", "pool")]),
    ])
    .await;
    let why: BTreeMap<&str, &str> =
        found.iter().map(|one| (id(one), one.cannot.as_deref().unwrap_or("can"))).collect();
    assert!(why["i-1"].contains("instance store"));
    assert_eq!(why["i-2"], "can");
    assert!(why["i-3"].contains("one-time"));
    assert!(why["i-4"].contains("give the group the tag"), "{}", why["i-4"]);
    assert_eq!(why.get("i-5"), None, "its group is stopped in its place");
    assert!(why["i-6"].contains("EKS"));
    assert!(why["i-7"].contains("Karpenter"));
}

/// 5,000 instances, a thousand a page.
#[tokio::test]
async fn five_thousand_instances_are_five_calls() {
    let fake = Fake::new(|asked: &Asked| {
        let from: usize = asked.field("NextToken").parse().unwrap_or_default();
        let some: Vec<String> = (from..from + 1000)
            .map(|n| instance(&format!("i-{n}"), "running", "t4g.nano", "", &[]))
            .collect();
        page(&some, (from < 4000).then(|| (from + 1000).to_string()).as_deref())
    });
    let found = Ec2Instances::new(&fake.config()).see(&environment(), &[]).await.unwrap();
    assert_eq!(found.len(), 5000);
    assert_eq!(fake.counts(), BTreeMap::from([("DescribeInstances".to_owned(), 5)]));
}

async fn orders(count: usize, state: &str, act: Act) -> Vec<Order> {
    let some = (0..count).map(|n| instance(&format!("i-{n}"), state, "m7g.large", "", &[]));
    seen(some.collect()).await.iter().map(|one| order(one, act.clone())).collect()
}

#[tokio::test]
async fn many_are_stopped_with_one_call() {
    let fake = Fake::new(|_| (200, "<StopInstancesResponse/>".to_owned()));
    let ec2 = Ec2Instances::new(&fake.config());
    let outcomes = ec2.act(&orders(250, "running", Act::Stop).await).await;
    assert!(outcomes.len() == 250 && outcomes.iter().all(Result::is_ok));
    let asked = fake.asked();
    let sizes: Vec<usize> = asked.iter().map(|asked| asked.list("InstanceId").len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(ec2.act(&orders(2, "stopped", Act::Stop).await).await, [Ok(()), Ok(())]);
    assert_eq!(ec2.act(&orders(2, "running", Act::Start(None)).await).await, [Ok(()), Ok(())]);
    assert!(fake.asked().is_empty(), "what is done is not asked for");
}

#[tokio::test]
async fn one_that_is_refused_holds_up_no_other() {
    let fake = Fake::new(|asked| {
        if asked.list("InstanceId").contains(&"i-7") {
            error("OperationNotPermitted")
        } else {
            (200, String::new())
        }
    });
    let outcomes = Ec2Instances::new(&fake.config()).act(&orders(20, "running", Act::Stop).await).await;
    let refused: Vec<usize> = (0..20).filter(|n| outcomes[*n].is_err()).collect();
    assert_eq!(refused, [7]);
    let Err(refused) = &outcomes[7] else { panic!() };
    assert!(
        refused.why.contains("OperationNotPermitted: no") && refused.cause == Cause::Other,
        "{refused:?}"
    );
    assert_eq!(fake.counts()["StopInstances"], 21);
}

/// Where nothing is answered, asking for each alone would only be more of the same.
#[tokio::test]
async fn a_batch_that_is_throttled_is_not_taken_apart() {
    let fake = Fake::new(|_| error("RequestLimitExceeded"));
    let outcomes = Ec2Instances::new(&fake.config()).act(&orders(20, "running", Act::Stop).await).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(fake.counts()["StopInstances"], 1);
}

#[tokio::test]
async fn want_of_machines_is_told_apart_and_another_type_is_given_first() {
    let fake = Fake::new(|asked| match asked.call.as_str() {
        "StartInstances" if asked.list("InstanceId").contains(&"i-0") => {
            (500, error("InsufficientInstanceCapacity").1)
        }
        "ModifyInstanceAttribute" if asked.field("InstanceId") == "i-2" => {
            error("InvalidInstanceAttributeValue")
        }
        _ => (200, String::new()),
    });
    let ec2 = Ec2Instances::new(&fake.config());
    let mut all = orders(4, "stopped", Act::Start(None)).await;
    let other = |kind: &str| Act::Start(Some(Shape::Instance { instance_type: kind.to_owned() }));
    all[1].act = other("m6g.large");
    all[2].act = other("p5.48xlarge");
    all[3].act = other("m7g.large");
    let outcomes = ec2.act(&all).await;
    let told: Vec<Option<bool>> =
        outcomes.iter().map(|outcome| outcome.as_ref().err().map(|r| r.cause == Cause::Capacity)).collect();
    assert_eq!(told, [Some(true), None, Some(false), None]);
    let asked = fake.asked();
    let changed: Vec<(&str, &str)> = asked
        .iter()
        .filter(|asked| asked.call == "ModifyInstanceAttribute")
        .map(|asked| (asked.field("InstanceId"), asked.field("InstanceType.Value")))
        .collect();
    assert_eq!(changed, [("i-1", "m6g.large"), ("i-2", "p5.48xlarge")], "one has its type already");
}

#[tokio::test]
async fn what_is_no_order_for_an_instance_is_refused() {
    let fake = Fake::new(|_| panic!("nothing is asked"));
    let outcomes =
        Ec2Instances::new(&fake.config()).act(&orders(1, "running", Act::Delete("x".to_owned())).await).await;
    assert!(outcomes[0].is_err());
}

#[tokio::test]
async fn a_look_that_is_denied_names_the_action() {
    let fake = Fake::new(|_| error("UnauthorizedOperation"));
    let denied = Ec2Instances::new(&fake.config()).see(&environment(), &[]).await.unwrap_err();
    let text = denied.to_string();
    assert!(text.contains("ec2:DescribeInstances") && text.contains("allow the action"), "{text}");
}
