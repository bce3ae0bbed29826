use schedule::WrittenOverride;
use schemars::{Schema, schema_for};

use crate::{
    Acknowledge, AlertRouterReply, CleanUpDue, Command, CostOptimizerReply, Due, EndOverride,
    EnvironmentStatus, HealthCheckNext, LinkReply, LinkWanted, PromoteStepNext, Reply, ResourceTrouble,
    RollbackNext, SilenceOrder, StartDeployNext, Sweep, TryChannel, Turn, Unsilence,
};

/// The JSON Schemas of everything that crosses a boundary of ours, by file name (`shared/contract/schemas/<name>.json`,
/// which a test of the package e2e compares).
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("start-deploy.reply", schema_for!(Reply<StartDeployNext>)),
        ("health-check.request", schema_for!(Turn)),
        ("health-check.reply", schema_for!(Reply<HealthCheckNext>)),
        ("promote-step.request", schema_for!(Turn)),
        ("promote-step.clean-up", schema_for!(CleanUpDue)),
        ("promote-step.command", schema_for!(Command)),
        ("promote-step.sweep", schema_for!(Sweep)),
        ("promote-step.reply", schema_for!(Reply<PromoteStepNext>)),
        ("rollback.reply", schema_for!(Reply<RollbackNext>)),
        ("approve.link", schema_for!(LinkWanted)),
        ("approve.reply", schema_for!(LinkReply)),
        ("alert-router.due", schema_for!(Due)),
        ("alert-router.status", schema_for!(EnvironmentStatus)),
        ("alert-router.acknowledge", schema_for!(Acknowledge)),
        ("alert-router.silence", schema_for!(SilenceOrder)),
        ("alert-router.unsilence", schema_for!(Unsilence)),
        ("alert-router.try-channel", schema_for!(TryChannel)),
        ("alert-router.reply", schema_for!(AlertRouterReply)),
        ("cost-optimizer.override", schema_for!(WrittenOverride)),
        ("cost-optimizer.end-override", schema_for!(EndOverride)),
        ("cost-optimizer.trouble", schema_for!(ResourceTrouble)),
        ("cost-optimizer.reply", schema_for!(CostOptimizerReply)),
        ("configuration", environments::Environment::schema()),
    ]
}
