use cost::Shape;
use engine::ports::Cause;

use super::*;
use crate::fake::{Asked, Fake, environment, order, xml, xml_error};

const TAGS: &str = "<TagList><Tag><Key>ace-flow:environment</Key><Value>staging</Value></Tag></TagList>";

/// An instance as `DescribeDBInstances` in the RDS API Reference has it, shortened.
fn instance(id: &str, status: &str, more: &str) -> String {
    format!(
        "<DBInstance><DBInstanceIdentifier>{id}</DBInstanceIdentifier><DBInstanceClass>db.t4g.micro</DBInstanceClass>\
         <DBInstanceStatus>{status}</DBInstanceStatus><Endpoint><Address>{id}.x.rds.amazonaws.com</Address><Port>5432</Port>\
         </Endpoint><DBInstanceArn>arn:aws:rds:eu-west-1:1:db:{id}</DBInstanceArn>{more}{TAGS}</DBInstance>"
    )
}

fn cluster(id: &str, status: &str, more: &str) -> String {
    format!(
        "<DBCluster><DBClusterIdentifier>{id}</DBClusterIdentifier><Status>{status}</Status><Endpoint>{id}.x</Endpoint>\
         <Port>3306</Port><DBClusterArn>arn:aws:rds:eu-west-1:1:cluster:{id}</DBClusterArn>{more}{TAGS}</DBCluster>"
    )
}

fn instances(all: &str, marker: Option<String>) -> (u16, String) {
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    (200, xml("DescribeDBInstances", &format!("{marker}<DBInstances>{all}</DBInstances>")))
}

fn clusters(all: &str) -> (u16, String) {
    (200, xml("DescribeDBClusters", &format!("<DBClusters>{all}</DBClusters>")))
}

async fn seen(all: &[String], together: &[String]) -> Vec<Seen> {
    let (all, together) = (all.concat(), together.concat());
    let fake = Fake::new(move |asked| match asked.call.as_str() {
        "DescribeDBInstances" => instances(&all, None),
        _ => clusters(&together),
    });
    Databases::new(&fake.config()).see(&environment(), &[]).await.unwrap()
}

fn postgres(more: &str) -> String {
    instance("db", "available", &format!("<Engine>postgres</Engine>{more}"))
}

#[tokio::test]
async fn instances_and_clusters_are_seen_and_members_only_as_their_cluster() {
    let member = |id: &str, status| {
        instance(id, status, "<Engine>aurora-mysql</Engine><DBClusterIdentifier>shop</DBClusterIdentifier>")
    };
    let all = [
        postgres("<MultiAZ>true</MultiAZ>"),
        member("shop-1", "available"),
        member("shop-2", "starting"),
        instance("other", "available", "").replace("staging", "dev"),
        instance("old", "deleting", ""),
    ];
    let found = seen(&all, &[cluster("shop", "available", "<Engine>aurora-mysql</Engine>")]).await;
    let classes = |count| Some(Shape::Database { classes: vec!["db.t4g.micro".to_owned(); count] });
    let [one, other] = &found[..] else { panic!("{found:?}") };
    assert_eq!((one.kind, one.name.as_str(), &one.shape), (Kind::Database, "db", &classes(2)));
    assert_eq!(one.arn.as_str(), "arn:aws:rds:eu-west-1:1:db:db");
    assert_eq!(one.endpoint.as_deref(), Some("db.x.rds.amazonaws.com:5432"));
    assert_eq!((other.kind, other.name.as_str(), &other.shape), (Kind::Cluster, "shop", &classes(2)));
    assert_eq!(other.endpoint.as_deref(), Some("shop.x:3306"));
    assert!(found.iter().all(|one| one.state == State::Running && one.cannot.is_none()), "{found:?}");
    let found =
        seen(&[member("shop-1", "starting")], &[cluster("shop", "available", "<Engine>aurora</Engine>")])
            .await;
    assert_eq!(found[0].state, State::Starting, "none of its members is there yet");
}

#[test]
fn a_status_tells_the_state() {
    assert_eq!(state("available"), State::Running);
    assert_eq!(state("stopped"), State::Stopped);
    assert_eq!(state("starting"), State::Starting);
    assert_eq!(state("stopping"), State::Stopping);
    assert_eq!(state("backing-up"), State::Busy("backing-up".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_stopped_says_what_to_change() {
    let replica = "<ReadReplicaDBInstanceIdentifiers><ReadReplicaDBInstanceIdentifier>db-2\
                   </ReadReplicaDBInstanceIdentifier></ReadReplicaDBInstanceIdentifiers>";
    let sql = "<Engine>sqlserver-se</Engine>";
    for (text, why) in [
        (
            postgres("<ReadReplicaSourceDBInstanceIdentifier>main</ReadReplicaSourceDBInstanceIdentifier>"),
            "read replica of main",
        ),
        (postgres(replica), "read replica db-2"),
        (instance("db", "available", &format!("{sql}<MultiAZ>true</MultiAZ>")), "turn Multi-AZ off"),
        (instance("db", "available", "<Engine>custom-oracle-ee</Engine>"), "RDS Custom"),
        (instance("db", "storage-optimization", "<Engine>mysql</Engine>"), "once that is done"),
    ] {
        let found = seen(&[text], &[]).await;
        assert!(found[0].cannot.as_ref().unwrap().contains(why), "{found:?}");
    }
    let can = [instance("db", "available", &format!("{sql}<MultiAZ>false</MultiAZ>")), postgres("")];
    assert!(seen(&can, &[]).await.iter().all(|one| one.cannot.is_none()));
}

#[tokio::test]
async fn what_cluster_cannot_be_stopped_says_what_to_change() {
    let aurora =
        |more: &str| cluster("shop", "available", &format!("<Engine>aurora-postgresql</Engine>{more}"));
    let replica = "<ReadReplicaIdentifiers><ReadReplicaIdentifier>arn:b</ReadReplicaIdentifier></ReadReplicaIdentifiers>";
    for (text, why) in [
        (aurora("<GlobalClusterIdentifier>world</GlobalClusterIdentifier>"), "global database world"),
        (aurora("<ReplicationSourceIdentifier>arn:a</ReplicationSourceIdentifier>"), "replica of arn:a"),
        (aurora(replica), "replica arn:b"),
        (aurora("<EngineMode>serverless</EngineMode>"), "Serverless v1"),
        (aurora("<EngineMode>multimaster</EngineMode>"), "multimaster"),
        (cluster("shop", "available", "<Engine>postgres</Engine>"), "Multi-AZ cluster"),
    ] {
        let found = seen(&[], &[text]).await;
        assert!(found[0].cannot.as_ref().unwrap().contains(why), "{found:?}");
    }
    assert_eq!(seen(&[], &[aurora("<EngineMode>provisioned</EngineMode>")]).await[0].cannot, None);
}

#[tokio::test]
async fn five_thousand_databases_are_fifty_one_calls() {
    let fake = Fake::new(|asked: &Asked| {
        if asked.call == "DescribeDBClusters" {
            return clusters("");
        }
        assert_eq!(asked.field("MaxRecords"), "100");
        let from: usize = asked.field("Marker").parse().unwrap_or_default();
        let some: Vec<String> =
            (from..from + 100).map(|n| instance(&format!("db-{n}"), "available", "")).collect();
        instances(&some.concat(), (from < 4900).then(|| (from + 100).to_string()))
    });
    let found = Databases::new(&fake.config()).see(&environment(), &[]).await.unwrap();
    assert_eq!(found.len(), 5000);
    let counts = fake.counts();
    assert_eq!((counts["DescribeDBInstances"], counts["DescribeDBClusters"]), (50, 1));
}

#[tokio::test]
async fn instances_and_clusters_have_calls_of_their_own() {
    let found = seen(&[postgres("")], &[cluster("shop", "available", "<Engine>aurora</Engine>")]).await;
    let fake = Fake::new(|asked| (200, xml(&asked.call, "")));
    let rds = Databases::new(&fake.config());
    let stops: Vec<Order> = found.iter().map(|seen| order(seen, Act::Stop)).collect();
    assert_eq!(rds.act(&stops).await, [Ok(()), Ok(())]);
    let mut asked = fake.asked();
    asked.sort_by(|one, other| one.call.cmp(&other.call));
    assert_eq!((asked[0].call.as_str(), asked[0].field("DBClusterIdentifier")), ("StopDBCluster", "shop"));
    assert_eq!((asked[1].call.as_str(), asked[1].field("DBInstanceIdentifier")), ("StopDBInstance", "db"));
    let starts: Vec<Order> = found
        .into_iter()
        .map(|seen| order(&Seen { state: State::Stopped, ..seen }, Act::Start(None)))
        .collect();
    assert_eq!(rds.act(&starts).await, [Ok(()), Ok(())]);
    let counts = fake.counts();
    assert_eq!((counts["StartDBCluster"], counts["StartDBInstance"], counts.len()), (1, 1, 2));
}

#[tokio::test]
async fn what_is_busy_refuses_and_what_is_done_already_does_not() {
    let found = seen(&[postgres("")], &[]).await;
    let outcome = async |status: &'static str| {
        let fake = Fake::new(move |asked| match asked.call.as_str() {
            "DescribeDBInstances" => {
                assert_eq!(asked.field("DBInstanceIdentifier"), "db");
                instances(&instance("db", status, ""), None)
            }
            _ => (400, xml_error("InvalidDBInstanceState", "Instance db is not in available state.")),
        });
        Databases::new(&fake.config()).act(&[order(&found[0], Act::Stop)]).await.remove(0)
    };
    assert_eq!(outcome("stopping").await, Ok(()));
    assert_eq!(outcome("stopped").await, Ok(()));
    let refused = outcome("backing-up").await.unwrap_err();
    assert!(refused.why.contains("InvalidDBInstanceState: Instance db is not in available"), "{refused:?}");
    assert_eq!(refused.cause, Cause::Other);
}

#[tokio::test]
async fn want_of_machines_is_told_apart() {
    let found = seen(&[instance("db", "stopped", "")], &[]).await;
    let fake = Fake::new(|_| (400, xml_error("InsufficientDBInstanceCapacity", "none")));
    let outcome = Databases::new(&fake.config()).act(&[order(&found[0], Act::Start(None))]).await;
    assert_eq!(outcome[0].as_ref().unwrap_err().cause, Cause::Capacity);
}
