//! Which snapshots are of which cache.

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

/// Our snapshots of the cache with this id, oldest first; `members` are the nodes of a group.
pub(super) fn of(all: &[Made], id: &str, members: &[String]) -> Vec<Snapshot> {
    let mut found: Vec<((&str, u32), Snapshot)> = all
        .iter()
        .filter(|made| !is_failed(made) && is_from(made, id, members))
        .filter_map(|made| {
            let name = made.snapshot_name()?;
            // What is restored from one, or exported, is read from it only.
            let ready = matches!(made.snapshot_status(), Some("available" | "restoring" | "exporting"));
            Some((turn(name, id)?, Snapshot { name: name.to_owned(), ready }))
        })
        .collect();
    found.sort_by_key(|(one, _)| *one);
    found.into_iter().map(|(_, snapshot)| snapshot).collect()
}

/// Whether a snapshot was made of this cache. One of a group that is no cluster is made of one of its nodes, and may name
/// that alone.
fn is_from(made: &Made, id: &str, members: &[String]) -> bool {
    if let Some(group) = made.replication_group_id().filter(|group| !group.is_empty()) {
        return group == id;
    }
    let Some(node) = made.cache_cluster_id() else { return false };
    let number = node.strip_prefix(id).and_then(|rest| rest.strip_prefix('-'));
    let numbered = || number.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit() || c == '-'));
    node == id || members.iter().any(|member| member == node) || numbered()
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
