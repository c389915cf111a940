//! `api arm|data METHOD PATH`: any call, authorized for its plane.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::Trailer;
use super::input::{addressable, addressable_in};
use crate::arm;
use crate::cli::output::{Output, lookup};
use crate::cli::session::Session;
use crate::cli::settings::contents;
use crate::cosmos::raw;
use crate::error::Error;
use crate::exchange::pages::Flow;
use crate::message::{Call, Effect, Next, Page, Plane, Request, Response, Scope, USER_AGENT};
use crate::name::{Endpoint, Name};

/// What the methods do when they are sent twice; the data plane's own are not known to.
const METHODS: &[(&str, Effect)] = &[
    ("GET", Effect::Read),
    ("HEAD", Effect::Read),
    ("PUT", Effect::Idempotent),
    ("DELETE", Effect::Delete),
    ("POST", Effect::Once),
    ("PATCH", Effect::Once),
];

/// What may stand in a path in braces, and the option that says it; nothing for what ARM's id of the account says.
const PLACES: &[(&str, &str)] = &[
    ("subscription", ""),
    ("group", ""),
    ("account", ""),
    ("database", "database-name"),
    ("container", "container-name"),
];

/// Headers that are ours to say.
const OURS: &[&str] = &[
    "authorization",
    "x-ms-date",
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
];

/// `api arm|data METHOD PATH [-b BODY] [--header NAME=VALUE]… [--paginate]`
pub fn run(session: &Session, output: &mut Output, operands: &[String]) -> Result<(), Error> {
    let [plane, method, path] = operands else {
        return Err(Error::usage("for example: rawcosmos api data GET /dbs"));
    };
    let upper = method.to_ascii_uppercase();
    let row = METHODS.iter().find(|(known, _)| *known == upper);
    let (method, effect) =
        *row.ok_or_else(|| Error::usage(format!("{method:?} is not a method")))?;
    let (first, arm) = match plane.as_str() {
        "data" => (
            raw::call(&session.account()?, method, &filled(session, path)?)?,
            None,
        ),
        "arm" => {
            let endpoint = session.arm()?;
            let path = filled(session, path)?;
            raw::check(&path)?;
            (to_arm(&endpoint, method, effect, &path), Some(endpoint))
        }
        _ => {
            return Err(Error::usage(format!(
                "{plane:?} is not a plane: arm or data"
            )));
        }
    };
    let first = completed(session, first)?;
    let (request, scope, read) = (first.request.clone(), first.scope.clone(), first.read);
    let next = |next: &Next| match &arm {
        Some(endpoint) => Ok(Call {
            read: arm_page,
            ..arm::accounts::list_next(endpoint, next)?
        }),
        None => Ok(Call {
            request: raw::from(request.clone(), next),
            scope: scope.clone(),
            action: "",
            effect,
            read,
        }),
    };
    print(session, output, first, &next)
}

/// Prints the body as it came: of one answer, or with `--paginate` of one after the other.
fn print(
    session: &Session,
    output: &mut Output,
    first: Call<Page>,
    next: &dyn Fn(&Next) -> Result<Call<Page>, Error>,
) -> Result<(), Error> {
    let all = session.settings.on("paginate");
    let mut trailer = Trailer::default();
    let mut more = false;
    session.each_page(first, next, &mut |page| {
        trailer.add(1, &page);
        more = page.value.next.is_some();
        for body in &page.value.items {
            match all {
                true => output.row(body)?,
                false => output.one(body)?,
            }
        }
        Ok(if all { Flow::Continue } else { Flow::Stop })
    })?;
    trailer.say(session, output)?;
    if more {
        session.say("there is more: add --paginate");
    }
    Ok(())
}

fn to_arm(endpoint: &Endpoint, method: &'static str, effect: Effect, path: &str) -> Call<Page> {
    let version = match (path.contains("api-version="), path.contains('?')) {
        (true, _) => String::new(),
        (false, true) => format!("&api-version={}", arm::VERSION),
        (false, false) => format!("?api-version={}", arm::VERSION),
    };
    let url = format!("{endpoint}{path}{version}");
    Call {
        request: Request::new(Plane::Arm, method, url)
            .header("user-agent", USER_AGENT)
            .header("accept", "application/json"),
        scope: Scope::Arm,
        action: "",
        effect,
        read: arm_page,
    }
}

/// The whole body, and the link to the next page, if it has one.
fn arm_page(response: &Response) -> Result<Page, Error> {
    if response.body.is_empty() {
        return Ok(Page::default());
    }
    let body = response.raw()?;
    let link = lookup(&body, "/nextLink");
    let link = link.and_then(|link| serde_json::from_str::<String>(link.get()).ok());
    let next = link.filter(|link| !link.is_empty());
    Ok(Page {
        next: next.map(|link| Next::resume(&link)).transpose()?,
        items: vec![body],
    })
}

/// The path with the settings in the places that are kept for them, each as one segment.
fn filled(session: &Session, path: &str) -> Result<String, Error> {
    let mut path = path.to_string();
    for (place, option) in PLACES {
        let place = format!("{{{place}}}");
        if path.contains(&place) {
            let name = match *option {
                "" => part_of_account(session, &place)?,
                option => session.settings.name(option)?,
            };
            path = path.replace(&place, &name.segment());
        }
    }
    Ok(path)
}

/// What ARM's id of the account says: `/subscriptions/ID/resourceGroups/GROUP/…/NAME`.
fn part_of_account(session: &Session, place: &str) -> Result<Name, Error> {
    let account = session.arm_account()?;
    let at = match place {
        "{subscription}" => 2,
        "{group}" => 4,
        _ => 8,
    };
    Name::new(account.id().split('/').nth(at).unwrap_or_default())
}

/// Whether the body of a request is an item, or a batch of them.
fn writes_items(request: &Request) -> bool {
    request.plane == Plane::Data
        && ["POST", "PUT"].contains(&request.method)
        && request.url.expose().contains("/docs")
}

/// Ids that have no place in a path are refused here as everywhere. What is no JSON is for the service to refuse.
fn check_ids(session: &Session, body: &str) -> Result<(), Error> {
    if let Ok(operations) = serde_json::from_str::<Vec<&RawValue>>(body) {
        return operations
            .into_iter()
            .try_for_each(|operation| addressable_in(session, operation));
    }
    match serde_json::from_str::<&RawValue>(body) {
        Ok(item) if lookup(item, "/id").is_some() => addressable(session, item),
        _ => Ok(()),
    }
}

/// Adds the headers and the body that were given, and a length where a method wants one.
fn completed(session: &Session, mut call: Call<Page>) -> Result<Call<Page>, Error> {
    let args = session.settings.args();
    for pair in args.values("header") {
        let wrong = |why: &str| Error::usage(format!("--header {pair}: {why}"));
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| wrong("it must be NAME=VALUE"))?;
        let name = name.trim().to_ascii_lowercase();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(wrong("that is not the name of a header"));
        }
        if OURS.contains(&name.as_str()) {
            return Err(wrong("this header is always ours"));
        }
        call.request.headers.retain(|(known, _)| *known != name);
        // It lives as long as the program, which ends after this call.
        call.request = call.request.header(name.leak(), value);
    }
    let body = session
        .settings
        .text("body")
        .map(|body| contents(&body))
        .transpose()?;
    if let Some(body) = body.as_deref().filter(|_| writes_items(&call.request)) {
        check_ids(session, body)?;
    }
    let typed = call
        .request
        .headers
        .iter()
        .any(|(name, _)| *name == "content-type");
    if body.is_some() && !typed {
        call.request = call.request.header("content-type", "application/json");
    }
    call.request.body = match call.request.method {
        "POST" | "PUT" | "PATCH" => Some(Arc::new(body.unwrap_or_default().into())),
        _ => body.map(|body| Arc::new(body.into())),
    };
    Ok(call)
}
