//! The files of a further environment, from templates.

use std::collections::BTreeMap;

use super::mistake::Notes;
use super::node::{Kind, Node, Value, read};
use super::template::{fill as fill_node, note_unfilled};
use super::write::{scalar, written};
use super::{File, Refused, Strictness, accepted};

/// What a further environment is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// The template of its config.yml.
    pub config: File,
    /// The template of its secrets.yml.
    pub secrets: Option<File>,
}

/// The texts of an environment's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Its config.yml.
    pub config: String,
    /// Its secrets.yml.
    pub secrets: Option<String>,
}

/// Fills the variables of templates: `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, and `$$` for a dollar. What
/// else is written in them stays as it is, comments too. The result is not checked; [`super::check_among`] does that.
///
/// # Errors
/// [`Refused`] with every variable of all templates that has no value.
pub fn fill(
    templates: &Templates,
    environment: &str,
    variables: &BTreeMap<String, String>,
) -> Result<Filled, Refused> {
    let mut notes = Notes::default();
    let mut one = |file: &File, kind: Kind| text(file, kind, environment, variables, &mut notes);
    let config = one(&templates.config, Kind::Template);
    let secrets = templates.secrets.as_ref().map(|file| one(file, Kind::Secret));
    accepted(notes.told(Strictness::Lenient))?;
    Ok(Filled { config, secrets })
}

fn text(
    file: &File,
    kind: Kind,
    environment: &str,
    variables: &BTreeMap<String, String>,
    notes: &mut Notes,
) -> String {
    let Some(before) = read(file, environment, kind, notes) else { return String::new() };
    let mut after = before.clone();
    fill_node(&mut after, variables, notes);
    note_unfilled(&after, notes);
    let mut changes = Vec::new();
    changed(&before, &after, &mut changes);
    let text = replaced(&file.text, &changes);
    // A value may be written in a way that another cannot take the place of: over several lines, say.
    let again = text.as_ref().and_then(|text| {
        let file = File { name: file.name.clone(), text: text.clone() };
        read(&file, environment, kind, &mut Notes::default())
    });
    match (text, again, &after.value) {
        (Some(text), Some(again), _) if same(&again.value, &after.value) => text,
        (_, _, Value::Map(entries)) => written(entries),
        _ => file.text.clone(),
    }
}

/// Where a value stood, and what stands there now.
type Change = (std::ops::Range<usize>, String);

fn changed(before: &Node, after: &Node, found: &mut Vec<Change>) {
    match (&before.value, &after.value) {
        (Value::Map(before), Value::Map(after)) => {
            for (before, after) in before.iter().zip(after) {
                changed(&before.node, &after.node, found);
            }
        }
        (Value::List(before), Value::List(after)) => {
            for (before, after) in before.iter().zip(after) {
                changed(before, after, found);
            }
        }
        (Value::Text(text), now) if text.contains('$') => found.push((before.at.range(), scalar(now))),
        _ => {}
    }
}

/// The text with its changes; `None` where they do not fit.
fn replaced(text: &str, changes: &[Change]) -> Option<String> {
    let mut out = String::new();
    let mut done = 0;
    for (range, now) in changes {
        out.push_str(text.get(done..range.start)?);
        out.push_str(now);
        done = range.end;
    }
    out.push_str(text.get(done..)?);
    Some(out)
}

/// Whether two values are the same, wherever they stand.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            let pairs = || a.iter().zip(b);
            a.len() == b.len() && pairs().all(|(a, b)| a.key == b.key && same(&a.node.value, &b.node.value))
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.value, &b.value))
        }
        (a, b) => scalar(a) == scalar(b),
    }
}
