//! The states.

use serde_json::Value;

use super::{query_language, recovery, rules};
use crate::definition_error::{DefinitionError, Place};
use crate::fields::{Fields, expected};
use crate::machine::{Choice, Fail, Io, Limit, Pass, State, Task, Text, Transition, Until, Wait};
use crate::path::{RefPath, ValuePath};
use crate::resource::{Resource, ResourceKind, kind_of};
use crate::template::{Scope, Template};

pub(super) fn state(place: Place, value: Value) -> Result<State, DefinitionError> {
    let mut fields = Fields::open(place, value)?;
    let kind = fields.require_text("Type")?;
    fields.text("Comment")?;
    query_language(&mut fields)?;
    let state = match kind.as_str() {
        "Task" => State::Task(Box::new(task(&mut fields)?)),
        "Wait" => State::Wait(wait(&mut fields)?),
        "Choice" => State::Choice(choice(&mut fields)?),
        "Pass" => State::Pass(pass(&mut fields)?),
        "Succeed" => State::Succeed(io(&mut fields)?),
        "Fail" => State::Fail(fail(&mut fields)?),
        _ => return Err(DefinitionError::StateType { place: fields.at("Type"), found: kind }),
    };
    fields.finish()?;
    Ok(state)
}

fn io(fields: &mut Fields) -> Result<Io, DefinitionError> {
    let input = fields.path("InputPath")?.unwrap_or(ValuePath::root());
    let output = fields.path("OutputPath")?.unwrap_or(ValuePath::root());
    Ok(Io { input, output })
}

fn then(fields: &mut Fields) -> Result<Transition, DefinitionError> {
    fields.at_most_one(&["Next", "End"])?;
    if let Some(next) = fields.text("Next")? {
        return Ok(Transition::Next(next));
    }
    match fields.flag("End")? {
        Some(true) => Ok(Transition::End),
        Some(false) => Err(expected(fields.at("End"), "true, or Next instead")),
        None => Err(DefinitionError::Missing { place: fields.at("Next") }),
    }
}

fn template(fields: &mut Fields, field: &str) -> Result<Option<Template>, DefinitionError> {
    let place = fields.at(field);
    let Some(value) = fields.object(field)? else { return Ok(None) };
    Template::parse(value, &place, Scope::Plain).map(Some)
}

fn task(fields: &mut Fields) -> Result<Task, DefinitionError> {
    let found = fields.require_text("Resource")?;
    let Some(kind) = kind_of(&found) else {
        return Err(DefinitionError::Resource { place: fields.at("Resource"), found });
    };
    let (function, payload) = match kind {
        ResourceKind::Function => (found, template(fields, "Parameters")?.unwrap_or(Template::input())),
        ResourceKind::Invoke => integration(fields, Scope::Plain)?,
        ResourceKind::InvokeWithToken => integration(fields, Scope::WithToken)?,
    };
    if kind == ResourceKind::InvokeWithToken && !payload.holds_token() {
        return Err(DefinitionError::TokenNotPassed { place: fields.at("Parameters").member("Payload") });
    }

    fields.at_most_one(&["TimeoutSeconds", "TimeoutSecondsPath"])?;
    let timeout = match fields.seconds("TimeoutSeconds", 1)? {
        Some(seconds) => Some(Limit::Fixed(seconds)),
        None => fields.path("TimeoutSecondsPath")?.map(Limit::Path),
    };
    let heartbeat = fields.seconds("HeartbeatSeconds", 1)?;
    if let Some(heartbeat) = heartbeat {
        let place = fields.at("HeartbeatSeconds");
        if kind != ResourceKind::InvokeWithToken {
            return Err(expected(
                place,
                "a .waitForTaskToken resource beside it, as others send no heartbeat",
            ));
        }
        if matches!(timeout, Some(Limit::Fixed(timeout)) if heartbeat >= timeout) {
            return Err(expected(place, "fewer seconds than TimeoutSeconds"));
        }
    }

    Ok(Task {
        io: io(fields)?,
        resource: Resource::new(kind, function),
        payload,
        result_selector: template(fields, "ResultSelector")?,
        result_path: fields.reference("ResultPath")?.unwrap_or(RefPath::root()),
        timeout,
        heartbeat,
        retry: recovery::retry(fields)?,
        catch: recovery::catch(fields)?,
        then: then(fields)?,
    })
}

/// The `Parameters` of `lambda:invoke`: the function's name and the payload.
fn integration(fields: &mut Fields, scope: Scope) -> Result<(String, Template), DefinitionError> {
    let place = fields.at("Parameters");
    let mut fields = Fields::open(place, fields.require("Parameters")?)?;
    let function = fields.require_text("FunctionName")?;
    if function.is_empty() {
        return Err(expected(fields.at("FunctionName"), "a function's name or ARN"));
    }
    fields.at_most_one(&["Payload", "Payload.$"])?;
    let payload = match fields.any("Payload.$") {
        Some(path) => Template::parse_path(&path, fields.at("Payload.$"), scope)?,
        None => Template::parse(fields.require("Payload")?, &fields.at("Payload"), scope)?,
    };
    fields.finish()?;
    Ok((function, payload))
}

fn wait(fields: &mut Fields) -> Result<Wait, DefinitionError> {
    let io = io(fields)?;
    fields.at_most_one(&["Seconds", "SecondsPath", "Timestamp", "TimestampPath"])?;
    let until = if let Some(seconds) = fields.seconds("Seconds", 0)? {
        Until::Seconds(seconds)
    } else if let Some(path) = fields.path("SecondsPath")? {
        Until::SecondsPath(path)
    } else if let Some(text) = fields.text("Timestamp")? {
        let time =
            text.parse().map_err(|_| expected(fields.at("Timestamp"), "an RFC 3339 time with offset"))?;
        Until::Timestamp(time)
    } else if let Some(path) = fields.path("TimestampPath")? {
        Until::TimestampPath(path)
    } else {
        return Err(DefinitionError::Missing { place: fields.at("Seconds") });
    };
    Ok(Wait { io, until, then: then(fields)? })
}

fn choice(fields: &mut Fields) -> Result<Choice, DefinitionError> {
    let io = io(fields)?;
    let place = fields.at("Choices");
    let branches = fields
        .require_list("Choices")?
        .into_iter()
        .enumerate()
        .map(|(index, value)| rules::branch(place.element(index), value))
        .collect::<Result<_, _>>()?;
    Ok(Choice { io, branches, default: fields.text("Default")? })
}

fn pass(fields: &mut Fields) -> Result<Pass, DefinitionError> {
    Ok(Pass {
        io: io(fields)?,
        parameters: template(fields, "Parameters")?,
        result: fields.any("Result"),
        result_path: fields.reference("ResultPath")?.unwrap_or(RefPath::root()),
        then: then(fields)?,
    })
}

fn fail(fields: &mut Fields) -> Result<Fail, DefinitionError> {
    Ok(Fail { error: text(fields, "Error", "ErrorPath")?, cause: text(fields, "Cause", "CausePath")? })
}

fn text(fields: &mut Fields, fixed: &str, path: &str) -> Result<Option<Text>, DefinitionError> {
    fields.at_most_one(&[fixed, path])?;
    if let Some(text) = fields.text(fixed)? {
        return Ok(Some(Text::Fixed(text)));
    }
    Ok(fields.path(path)?.map(Text::Path))
}
