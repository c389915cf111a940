//! Every exchange as `>`, `<` and `*` lines, as curl lines, or as a rehearsal that sends nothing.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::lesson;
use crate::error::{Broken, Plane, Stage};
use crate::exchange::{Transport, locked};
use crate::message::{Request, Response};
use crate::show::{self, Mask};

/// How much of an exchange is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing.
    Nothing,
    /// Method, URL and status.
    Url,
    /// And the headers.
    Headers,
    /// And the bodies.
    Body,
    /// Everything, as a line of JSON an exchange.
    Json,
}

/// What is shown, and how.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// How much.
    pub detail: Detail,
    /// With the reason of each header.
    pub explain: bool,
    /// As a curl line instead.
    pub curl: bool,
    /// With remarks, also where no exchange is shown.
    pub remarks: bool,
    /// Nothing is sent, and what stands in for an answer is not shown as one.
    pub rehearsal: bool,
}

/// Shows what goes through it.
pub struct Tracer<'a> {
    inner: &'a dyn Transport,
    view: View,
    mask: &'a Mask,
    print: Box<dyn Fn(&str) + Sync + 'a>,
    identity: String,
    turn: Mutex<()>,
}

impl<'a> Tracer<'a> {
    /// Shows through `print`, a line or several at a time, what `inner` sends and gets.
    pub fn new(
        inner: &'a dyn Transport,
        view: View,
        mask: &'a Mask,
        print: Box<dyn Fn(&str) + Sync + 'a>,
    ) -> Tracer<'a> {
        Tracer {
            inner,
            view,
            mask,
            print,
            identity: String::new(),
            turn: Mutex::default(),
        }
    }

    /// With the options that a curl line asks for its token with.
    pub fn with_identity(self, identity: String) -> Tracer<'a> {
        Tracer { identity, ..self }
    }

    fn before(&self, request: &Request) {
        if self.view.curl {
            return (self.print)(&show::curl_as(&self.identity, request, self.mask));
        }
        if self.view.explain {
            self.starred(lesson::of_plane(request.plane));
        }
        match self.view.detail {
            Detail::Nothing | Detail::Json => {}
            Detail::Url => self.lines(">", &format!("{} {}", request.method, request.url.shown())),
            _ => self.head(request.plane, ">", &show::request_head(request, self.mask)),
        }
        if let (Detail::Body, Some(body)) = (self.view.detail, &request.body) {
            self.lines(">", &self.mask.text(body.shown()));
        }
    }

    fn after(&self, plane: Plane, response: &Response) {
        if self.view.curl {
            return;
        }
        let ms = response.elapsed.as_millis();
        match self.view.detail {
            Detail::Nothing | Detail::Json => {}
            Detail::Url => {
                let reason = show::reason(response.status);
                self.lines("<", &format!("{} {reason} ({ms} ms)", response.status));
            }
            _ => self.head(plane, "<", &show::response_head(response, self.mask)),
        }
        if self.view.detail == Detail::Body && !response.body.is_empty() {
            let text = String::from_utf8_lossy(&response.body);
            self.lines("<", &self.mask.text(&text));
        }
    }

    /// Start line and headers, each header followed by its reason where reasons are asked for.
    fn head(&self, plane: Plane, sign: &str, head: &str) {
        for line in head.lines() {
            self.lines(sign, line);
            let name = line.split(':').next().unwrap_or_default();
            let why = lesson::of_header(plane, sign, name);
            if let Some(why) = why.filter(|_| self.view.explain) {
                self.starred(why);
            }
        }
    }

    fn lines(&self, sign: &str, text: &str) {
        for line in text.lines() {
            (self.print)(format!("{sign} {line}").trim_end());
        }
    }

    /// A remark; between curl lines it is a comment, so that a shell takes all of it.
    fn starred(&self, text: &str) {
        self.lines(if self.view.curl { "#" } else { "*" }, text);
    }

    fn json(&self, request: &Request, outcome: &Result<Response, Broken>) {
        let answer = match outcome {
            _ if self.view.rehearsal => serde_json::Value::Null,
            Ok(response) => json!({
                "status": response.status,
                "elapsedMs": u64::try_from(response.elapsed.as_millis()).unwrap_or(u64::MAX),
                "text": show::response(response, self.mask),
            }),
            Err(broken) => json!({ "error": self.mask.text(&broken.to_string()) }),
        };
        let line = json!({ "request": described(request, self.mask), "response": answer });
        (self.print)(&line.to_string());
    }
}

/// A request as JSON, its secrets masked.
pub fn described(request: &Request, mask: &Mask) -> serde_json::Value {
    let headers = request.headers.iter();
    let headers: Vec<_> = headers
        .map(|(name, value)| json!([name, mask.text(value.shown())]))
        .collect();
    json!({
        "plane": match request.plane { Plane::Identity => "identity", Plane::Entra => "entra", Plane::Arm => "arm", Plane::Data => "data" },
        "method": request.method,
        "url": request.url.shown(),
        "headers": headers,
        "body": request.body.as_ref().map(|body| mask.text(body.shown())),
    })
}

impl Transport for Tracer<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.mask.learn_from(request);
        // What is shown of two exchanges must not be mixed: then one waits for the other.
        let shown = self.view.curl || self.view.explain || self.view.detail > Detail::Nothing;
        let _turn = shown.then(|| locked(&self.turn));
        self.before(request);
        let outcome = self.inner.send(request);
        match &outcome {
            _ if self.view.detail == Detail::Json => self.json(request, &outcome),
            _ if self.view.rehearsal && self.view.curl => {}
            _ if self.view.rehearsal => self.starred("not sent"),
            Ok(response) => self.after(request.plane, response),
            Err(broken) if self.view.detail > Detail::Nothing => {
                self.starred(&self.mask.text(&broken.to_string()));
            }
            Err(_) => {}
        }
        outcome
    }

    fn note(&self, text: &str) {
        let shown = [Detail::Url, Detail::Headers, Detail::Body];
        if self.view.remarks || shown.contains(&self.view.detail) {
            self.starred(&self.mask.text(text));
        }
        self.inner.note(text);
    }

    fn distrust(&self) {
        self.inner.distrust();
    }
}

/// A transport that sends nothing: it stands in for the metadata service, and ends at the first other request.
#[derive(Debug, Default)]
pub struct Rehearsal {
    ended: AtomicBool,
}

impl Rehearsal {
    /// Whether a request was reached whose answer nobody knows.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

impl Transport for Rehearsal {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        if request.plane.gives_tokens() {
            // A visible stand-in: it becomes part of what the next request would say.
            let body = br#"{"access_token":"the-token-of-the-answer-above","expires_in":"86399"}"#;
            return Ok(Response {
                status: 200,
                body: body.to_vec(),
                ..Response::default()
            });
        }
        self.ended.store(true, Ordering::Relaxed);
        Err(Broken {
            request: request.line(),
            stage: Stage::Tls,
            what: "this is a rehearsal: nothing was sent".into(),
            activity: None,
        })
    }
}
