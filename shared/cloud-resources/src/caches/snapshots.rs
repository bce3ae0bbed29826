//! Which snapshots are of which cache.

use std::collections::BTreeMap;

use aws_sdk_elasticache::types::Snapshot as Made;
use cost::Snapshot;

/// What the names of ours begin with.
pub(super) const OURS: &str = "ace-";
/// How long the time in a name is: `20261130-1900`.
const TIME: usize = 13;

/// One that failed is listed, and is of no use.
pub(super) fn is_failed(snapshot: &Made) -> bool {
    matches!(snapshot.snapshot_status(), Some("failed" | "deleting"))
}

/// All snapshots, by what they were made of.
pub(super) struct Snapshots<'a> {
    groups: BTreeMap<&'a str, Vec<&'a Made>>,
    /// Those that name a node alone: a single cluster, or one of a group without shards.
    nodes: BTreeMap<&'a str, Vec<&'a Made>>,
}

impl<'a> Snapshots<'a> {
    pub(super) fn new(all: &'a [Made]) -> Self {
        let mut snapshots = Self { groups: BTreeMap::new(), nodes: BTreeMap::new() };
        for made in all.iter().filter(|made| !is_failed(made)) {
            let group = made.replication_group_id().filter(|group| !group.is_empty());
            match (group, made.cache_cluster_id()) {
                (Some(group), _) => snapshots.groups.entry(group).or_default().push(made),
                (None, Some(node)) => snapshots.nodes.entry(node).or_default().push(made),
                (None, None) => {}
            }
        }
        snapshots
    }

    /// Our snapshots of the cache with this id, oldest first; `members` are the nodes of a group, which are called as they
    /// were when it was made, and `<id>-<number>` ever since.
    pub(super) fn of(&self, id: &str, members: &[String]) -> Vec<Snapshot> {
        let first = format!("{id}-");
        let numbered = |node: &str| {
            node.strip_prefix(&first).is_some_and(|n| n.chars().all(|c| c.is_ascii_digit() || c == '-'))
        };
        let like = self.nodes.range(first.as_str()..).take_while(|(node, _)| node.starts_with(&first));
        let like = like.filter(|(node, _)| numbered(node)).map(|(_, made)| made);
        let named = members.iter().filter_map(|member| self.nodes.get(member.as_str()));
        let own = self.groups.get(id).into_iter().chain(self.nodes.get(id));
        let all = own.chain(like).chain(named).flatten();
        let found: BTreeMap<(&str, u32), Snapshot> = all
            .filter_map(|made| {
                let name = made.snapshot_name()?;
                // What is restored from one, or exported, is read from it only.
                let ready = matches!(made.snapshot_status(), Some("available" | "restoring" | "exporting"));
                Some((turn(name, id)?, Snapshot { name: name.to_owned(), ready }))
            })
            .collect();
        found.into_values().collect()
    }
}

/// When a snapshot of ours was made, by its name: `ace-<time>-<id>`, then `ace-<time>-<id>-last`, then
/// `ace-<time>-<id>-last-<n>`.
fn turn<'a>(name: &'a str, id: &str) -> Option<(&'a str, u32)> {
    let rest = name.strip_prefix(OURS)?;
    let (time, rest) = rest.split_at_checked(TIME)?;
    let turn = match rest.strip_prefix('-')?.strip_prefix(id)? {
        "" => 0,
        "-last" => 1,
        rest => rest.strip_prefix("-last-")?.parse::<u32>().ok()?.saturating_add(1),
    };
    Some((time, turn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, group: Option<&str>, node: Option<&str>, status: &str) -> Made {
        Made::builder()
            .snapshot_name(name)
            .set_replication_group_id(group.map(str::to_owned))
            .set_cache_cluster_id(node.map(str::to_owned))
            .snapshot_status(status)
            .build()
    }

    fn of(all: &[Made], id: &str, members: &[String]) -> Vec<Snapshot> {
        Snapshots::new(all).of(id, members)
    }

    fn names(all: &[Made], id: &str) -> Vec<String> {
        of(all, id, &[]).into_iter().map(|snapshot| snapshot.name).collect()
    }

    #[test]
    fn they_come_in_the_order_in_which_they_were_made() {
        let group = Some("orders");
        let all = [
            made("ace-20261130-1900-orders-last-10", group, None, "available"),
            made("ace-20261201-1900-orders", group, None, "creating"),
            made("ace-20261130-1900-orders-last", group, None, "available"),
            made("ace-20261130-1900-orders-last-2", group, None, "available"),
            made("ace-20261130-1900-orders", group, None, "available"),
        ];
        let ends: Vec<String> = names(&all, "orders").iter().map(|name| name[8..].to_owned()).collect();
        assert_eq!(
            ends,
            [
                "1130-1900-orders",
                "1130-1900-orders-last",
                "1130-1900-orders-last-2",
                "1130-1900-orders-last-10",
                "1201-1900-orders"
            ]
        );
        assert!(of(&all, "orders", &[])[..4].iter().all(|one| one.ready));
        assert!(!of(&all, "orders", &[])[4].ready);
    }

    #[test]
    fn those_of_others_and_those_that_failed_are_left_out() {
        let all = [
            made("ace-20261130-1900-orders-last", None, Some("orders-last-001"), "available"),
            made("ace-20261130-1901-orders", None, Some("orders-002"), "available"),
            made("ace-20261130-1902-orders", None, Some("other"), "available"),
            made("ace-20261130-1903-orders", Some("orders"), None, "failed"),
            made("before-the-upgrade", Some("orders"), None, "available"),
            made("ace-20261130-1904-my-orders", Some("my-orders"), None, "available"),
        ];
        assert_eq!(names(&all, "orders"), ["ace-20261130-1901-orders"]);
        assert_eq!(names(&all, "orders-last"), ["ace-20261130-1900-orders-last"]);
        assert_eq!(of(&all, "orders", &["other".to_owned()]).len(), 2, "a group's node may have any name");
    }
}
