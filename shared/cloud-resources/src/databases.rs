//! RDS instances and clusters.

mod see;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_client::{Fault, SdkConfig};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbCluster, DbInstance};
use cost::{Act, Family, Kind, Record, Seen, State};
use engine::ports::{Order, PortResult, Refused, Resources};

use self::see::state;
use crate::common::{has_all, no_such_order, patient, several};
use crate::fault::{port, refusal};

const SERVICE: &str = "RDS";

/// The most that a page holds (`DescribeDBInstances`, RDS API Reference).
const PAGE: i32 = 100;

/// RDS instances and clusters, those of Neptune and `DocumentDB` among them, which have the same API.
///
/// RDS cannot be asked for tags: all instances and all clusters of the region are looked at.
#[derive(Clone, Debug)]
pub struct Databases(Client);

impl Databases {
    /// With a client of this configuration. Makes no call.
    pub fn new(config: &SdkConfig) -> Self {
        Self(Client::new(&patient(config)))
    }

    async fn instances(&self, only: Option<&str>) -> Result<Vec<DbInstance>, Fault> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .0
                .describe_db_instances()
                .set_db_instance_identifier(only.map(str::to_owned))
                .max_records(PAGE)
                .set_marker(next)
                .send()
                .await
                .map_err(|error| Fault::new("rds:DescribeDBInstances", &error))?;
            found.extend(page.db_instances.unwrap_or_default());
            next = page.marker.filter(|marker| !marker.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn clusters(&self, only: Option<&str>) -> Result<Vec<DbCluster>, Fault> {
        let mut found = Vec::new();
        let mut next = None;
        loop {
            let page = self
                .0
                .describe_db_clusters()
                .set_db_cluster_identifier(only.map(str::to_owned))
                .max_records(PAGE)
                .set_marker(next)
                .send()
                .await
                .map_err(|error| Fault::new("rds:DescribeDBClusters", &error))?;
            found.extend(page.db_clusters.unwrap_or_default());
            next = page.marker.filter(|marker| !marker.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn stop(&self, kind: Kind, id: &str) -> Result<(), Fault> {
        if kind == Kind::Cluster {
            let stopped = self.0.stop_db_cluster().db_cluster_identifier(id).send().await;
            stopped.map(drop).map_err(|error| Fault::new("rds:StopDBCluster", &error))
        } else {
            let stopped = self.0.stop_db_instance().db_instance_identifier(id).send().await;
            stopped.map(drop).map_err(|error| Fault::new("rds:StopDBInstance", &error))
        }
    }

    async fn start(&self, kind: Kind, id: &str) -> Result<(), Fault> {
        if kind == Kind::Cluster {
            let started = self.0.start_db_cluster().db_cluster_identifier(id).send().await;
            started.map(drop).map_err(|error| Fault::new("rds:StartDBCluster", &error))
        } else {
            let started = self.0.start_db_instance().db_instance_identifier(id).send().await;
            started.map(drop).map_err(|error| Fault::new("rds:StartDBInstance", &error))
        }
    }

    /// How it is now, of one that takes no orders: RDS does not say whether that is for having taken the same before.
    async fn state_now(&self, kind: Kind, id: &str) -> Option<State> {
        let status = if kind == Kind::Cluster {
            self.clusters(Some(id)).await.ok()?.into_iter().next()?.status
        } else {
            self.instances(Some(id)).await.ok()?.into_iter().next()?.db_instance_status
        };
        status.map(|status| state(&status))
    }

    async fn order(&self, order: &Order) -> Result<(), Refused> {
        let Order { seen, act } = order;
        let there = |state: &State| match act {
            Act::Stop => matches!(state, State::Stopping | State::Stopped),
            _ => matches!(state, State::Starting | State::Running),
        };
        if matches!(act, Act::Stop | Act::Start(None)) && there(&seen.state) {
            return Ok(());
        }
        let done = match act {
            Act::Stop => self.stop(seen.kind, &seen.name).await,
            Act::Start(None) => self.start(seen.kind, &seen.name).await,
            _ => return Err(no_such_order(order)),
        };
        let Err(fault) = done else { return Ok(()) };
        let takes_none = ["InvalidDBInstanceState", "InvalidDBClusterStateFault"];
        if fault.code.as_deref().is_some_and(|code| takes_none.contains(&code))
            && self.state_now(seen.kind, &seen.name).await.is_some_and(|state| there(&state))
        {
            return Ok(());
        }
        Err(refusal(&fault))
    }
}

#[async_trait]
impl Resources for Databases {
    fn family(&self) -> Family {
        Family::Rds
    }

    async fn see(&self, tags: &BTreeMap<String, String>, _known: &[Record]) -> PortResult<Vec<Seen>> {
        let instances = self.instances(None).await.map_err(|fault| port(SERVICE, &fault))?;
        let clusters = self.clusters(None).await.map_err(|fault| port(SERVICE, &fault))?;
        let alone = instances.iter().filter_map(see::instance);
        let mut members: BTreeMap<&str, Vec<&DbInstance>> = BTreeMap::new();
        for instance in &instances {
            if let Some(cluster) = instance.db_cluster_identifier() {
                members.entry(cluster).or_default().push(instance);
            }
        }
        let together = clusters.iter().filter_map(|cluster| see::cluster(cluster, &members));
        Ok(alone.chain(together).filter(|seen| has_all(&seen.tags, tags)).collect())
    }

    async fn act(&self, orders: &[Order]) -> Vec<Result<(), Refused>> {
        several(orders.iter().map(|order| self.order(order)).collect()).await
    }
}
