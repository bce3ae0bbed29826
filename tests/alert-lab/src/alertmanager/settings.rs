//! Alertmanager's configuration: alert-router's, as far as it can be said.

use crate::alertmanager::prometheus::ROLLBACK;
use crate::scenario::{Help, Time, s};

/// A span as Alertmanager reads it, so many times shorter.
fn span(time: Time, factor: i32) -> String {
    format!("{}ms", (time / factor).as_millis())
}

/// With these receivers for pager and chat.
pub fn yaml(pager: &str, chat: &str, factor: i32, help: Help) -> String {
    let (wait, interval, repeat) = (span(s(30), factor), span(s(300), factor), span(s(4 * 3_600), factor));
    let inhibition = if help == Help::RollbackAlert {
        format!(
            "  - source_matchers: ['alertname=\"{ROLLBACK}\"']\n    target_matchers: ['severity=\"high\"']\n    \
             equal: [environment, service]\n"
        )
    } else {
        String::new()
    };
    format!(
        r#"route:
  receiver: chat
  group_by: [environment, service]
  group_wait: {wait}
  group_interval: {interval}
  repeat_interval: {repeat}
  routes:
    - matchers: ['severity="critical"']
      receiver: pager-and-chat
      group_wait: 0s
    - matchers: ['severity="high"']
      receiver: pager-and-chat
    - matchers: ['severity="paged"']
      receiver: pager
    - matchers: ['severity="none"']
      receiver: nobody
inhibit_rules:
  - source_matchers: ['alertname="EnvironmentDown"']
    target_matchers: ['severity="high"']
    equal: [environment]
{inhibition}receivers:
  - name: pager-and-chat
    webhook_configs:
      - {{ url: "{pager}", send_resolved: true }}
      - {{ url: "{chat}", send_resolved: true }}
  - name: pager
    webhook_configs:
      - {{ url: "{pager}", send_resolved: true }}
  - name: chat
    webhook_configs:
      - {{ url: "{chat}", send_resolved: true }}
  - name: nobody
"#
    )
}
