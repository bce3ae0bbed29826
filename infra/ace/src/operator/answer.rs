//! How an answer is shown.

use console::Style;
use serde_json::{Value, json};

use crate::Ending;
use crate::arguments::Output;

/// What an order came to.
pub(crate) struct Told {
    /// The order, as `ace` calls it.
    pub(crate) order: &'static str,
    /// Whether the stack did it.
    pub(crate) applied: bool,
    /// What the stack says, in words.
    pub(crate) says: String,
    /// What else is known, for programs.
    pub(crate) data: Value,
}

impl Told {
    /// Shows it, and gives the exit code.
    pub(crate) fn show(self, output: Output) -> Ending {
        let Self { order, applied, says, data } = self;
        if output == Output::Json {
            let mut line = json!({ "kind": "answer", "order": order, "applied": applied, "says": says });
            if let (Some(line), Value::Object(data)) = (line.as_object_mut(), data) {
                line.extend(data);
            }
            println!("{line}");
        } else if applied {
            println!("{} {order}: {says}", Style::new().green().apply_to("✓"));
        } else {
            println!("{} {order} was refused: {says}", Style::new().red().apply_to("✗"));
        }
        if applied { Ending::Good } else { Ending::Refused }
    }
}
