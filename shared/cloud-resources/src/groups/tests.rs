use super::*;
use crate::fake::{Asked, Fake, environment, order, xml, xml_error};

/// A group as `DescribeAutoScalingGroups` in the API Reference has it, shortened.
fn group(name: &str, sizes: (u32, u32, u32), instances: &[(&str, &str)], more: &str) -> String {
    let (min, max, desired) = sizes;
    let instances = instances.iter().enumerate().fold(String::new(), |all, (n, (kind, state))| {
        all + &format!(
            "<member><InstanceId>i-{n}</InstanceId><InstanceType>{kind}</InstanceType><AvailabilityZone>eu-west-1a\
             </AvailabilityZone><LifecycleState>{state}</LifecycleState><HealthStatus>Healthy</HealthStatus>\
             <ProtectedFromScaleIn>{}</ProtectedFromScaleIn></member>",
            *kind == "protected"
        )
    });
    format!(
        "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><AutoScalingGroupARN>arn:aws:autoscaling:eu-west-1:1:\
         autoScalingGroup:u:autoScalingGroupName/{name}</AutoScalingGroupARN><MinSize>{min}</MinSize><MaxSize>{max}\
         </MaxSize><DesiredCapacity>{desired}</DesiredCapacity><DefaultCooldown>300</DefaultCooldown><HealthCheckType>EC2\
         </HealthCheckType><CreatedTime>2026-01-02T03:04:05Z</CreatedTime><Instances>{instances}</Instances>{more}<Tags>\
         <member><Key>ace-flow:environment</Key><Value>staging</Value><PropagateAtLaunch>true</PropagateAtLaunch></member>\
         {}</Tags></member>",
        if name == "eks" { "<member><Key>eks:nodegroup-name</Key><Value>nodes</Value></member>" } else { "" }
    )
}

fn page(groups: &[String], next: Option<String>) -> (u16, String) {
    let next = next.map(|next| format!("<NextToken>{next}</NextToken>")).unwrap_or_default();
    let groups = groups.concat();
    (200, xml("DescribeAutoScalingGroups", &format!("<AutoScalingGroups>{groups}</AutoScalingGroups>{next}")))
}

async fn one(sizes: (u32, u32, u32), instances: &[(&str, &str)], more: &str) -> Seen {
    let group = group("web", sizes, instances, more);
    let fake = Fake::new(move |_| page(std::slice::from_ref(&group), None));
    ScalingGroups::new(&fake.config()).see(&environment(), &[]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_state_is_told_from_sizes_and_members() {
    let (on, pending, off) =
        (("m7g.large", "InService"), ("m7g.large", "Pending"), ("m7g.large", "Terminating"));
    for (sizes, instances, state) in [
        ((1, 4, 2), &[on, on][..], State::Running),
        ((1, 4, 2), &[on, pending], State::Starting),
        ((1, 4, 2), &[], State::Starting),
        ((0, 4, 0), &[], State::Running),
        ((0, 0, 0), &[on, off], State::Stopping),
        ((0, 0, 0), &[], State::Stopped),
    ] {
        assert_eq!(one(sizes, instances, "").await.state, state, "{sizes:?} {instances:?}");
    }
}

#[tokio::test]
async fn a_shape_has_the_sizes_and_the_type_if_it_is_one() {
    let seen = one((1, 4, 2), &[("m7g.large", "InService"), ("m7g.large", "Pending")], "").await;
    let shape = |instance_type: Option<&str>| {
        Some(Shape::Group { min: 1, max: 4, desired: 2, instance_type: instance_type.map(str::to_owned) })
    };
    assert_eq!(seen.shape, shape(Some("m7g.large")));
    assert_eq!((seen.name.as_str(), seen.kind), ("web", Kind::Group));
    let seen = one((1, 4, 2), &[("m7g.large", "InService"), ("m6g.large", "InService")], "").await;
    assert_eq!(seen.shape, shape(None));
}

#[tokio::test]
async fn what_cannot_be_stopped_says_what_to_change() {
    let suspended =
        "<SuspendedProcesses><member><ProcessName>Terminate</ProcessName></member></SuspendedProcesses>";
    let alarms = "<SuspendedProcesses><member><ProcessName>AlarmNotification</ProcessName></member></SuspendedProcesses>";
    let serving = [("m7g.large", "InService")];
    assert!(one((1, 1, 1), &serving, suspended).await.cannot.unwrap().contains("resume it"));
    assert_eq!(one((1, 1, 1), &serving, alarms).await.cannot, None);
    for staying in [("protected", "InService"), ("m7g.large", "Standby")] {
        assert!(one((1, 1, 1), &[staying], "").await.cannot.unwrap().contains("i-0"));
    }
    let nodes = group("eks", (1, 1, 1), &[], "");
    let leaving = group("web", (1, 1, 1), &[], "<Status>Delete in progress</Status>");
    let fake = Fake::new(move |_| page(&[nodes.clone(), leaving.clone()], None));
    let seen = ScalingGroups::new(&fake.config()).see(&environment(), &[]).await.unwrap();
    assert_eq!(seen.len(), 1, "what is being deleted is none");
    assert!(seen[0].cannot.as_ref().unwrap().contains("node group nodes of EKS"));
}

#[tokio::test]
async fn five_thousand_groups_are_fifty_calls() {
    let fake = Fake::new(|asked: &Asked| {
        let from: usize = asked.field("NextToken").parse().unwrap_or_default();
        let some: Vec<String> =
            (from..from + 100).map(|n| group(&format!("g-{n}"), (1, 1, 1), &[], "")).collect();
        page(&some, (from < 4900).then(|| (from + 100).to_string()))
    });
    let seen = ScalingGroups::new(&fake.config()).see(&environment(), &[]).await.unwrap();
    assert_eq!(seen.len(), 5000);
    let asked = fake.asked();
    assert_eq!(asked.len(), 50);
    assert_eq!(asked[0].field("Filters.member.1.Name"), "tag:ace-flow:environment");
    assert_eq!(asked[0].field("Filters.member.1.Values.member.1"), "staging");
    assert_eq!(asked[0].field("MaxRecords"), "100");
}

#[tokio::test]
async fn all_sizes_are_set_with_one_call() {
    let seen = one((1, 4, 2), &[("m7g.large", "InService")], "").await;
    let fake = Fake::new(|_| (200, "<UpdateAutoScalingGroupResponse/>".to_owned()));
    let groups = ScalingGroups::new(&fake.config());
    let back = Act::Start(seen.shape.clone());
    let orders = [order(&seen, Act::Stop), order(&seen, back)];
    for (one, sizes) in orders.iter().zip([["0", "0", "0"], ["1", "4", "2"]]) {
        assert_eq!(groups.act(std::slice::from_ref(one)).await, [Ok(())]);
        let asked = fake.asked();
        let fields = ["MinSize", "MaxSize", "DesiredCapacity"].map(|name| asked[0].field(name));
        assert_eq!((fields, asked.len(), asked[0].field("AutoScalingGroupName")), (sizes, 1, "web"));
    }
    assert!(groups.act(&[order(&seen, Act::Start(None))]).await[0].is_err());
}

#[tokio::test]
async fn a_refusal_is_in_awss_words() {
    let seen = one((1, 1, 1), &[], "").await;
    let fake = Fake::new(|_| (400, xml_error("ScalingActivityInProgress", "wait")));
    let outcome = ScalingGroups::new(&fake.config()).act(&[order(&seen, Act::Stop)]).await;
    let Err(refused) = &outcome[0] else { panic!() };
    assert!(refused.why.contains("ScalingActivityInProgress: wait"), "{refused:?}");
}
