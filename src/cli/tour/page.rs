//! The tour as one page that needs nothing else: a sequence diagram whose arrows unfold.
//!
//! No script and no address of anything else, and whatever a service said is text in it and never markup.

use serde_json::value::RawValue;

use super::markup::*;
use super::paper::{Outcome, Seen};
use super::{STEPS, Step};
use crate::cli::lesson;
use crate::cli::output::json;
use crate::error::Plane;
use crate::message::{Request, Response, Text};
use crate::show::{self, Mask};

/// A piece of the page.
pub struct Page<'a> {
    /// The markup.
    pub text: String,
    mask: &'a Mask,
}

impl Page<'_> {
    /// An empty piece.
    pub fn new(mask: &Mask) -> Page<'_> {
        let text = String::new();
        Page { text, mask }
    }

    /// Adds a template. Each `{}` in it stands for a text, which stays text: it is the only way in for one.
    fn put(&mut self, template: &str, texts: &[&str]) {
        let mut texts = texts.iter();
        for (n, part) in template.split("{}").enumerate() {
            if n > 0 {
                self.escaped(texts.next().copied().unwrap_or_default());
            }
            self.text.push_str(part);
        }
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.text.push_str("&amp;"),
                '<' => self.text.push_str("&lt;"),
                '>' => self.text.push_str("&gt;"),
                '"' => self.text.push_str("&quot;"),
                '\'' => self.text.push_str("&#39;"),
                c => self.text.push(c),
            }
        }
    }

    /// Everything before the first step; `only` one of them follows, or all.
    pub fn open(&mut self, place: &str, source: &str, only: Option<usize>) {
        self.put(HEAD, &[place]);
        self.steps(0, only, LINK);
        let imds = source == "imds";
        self.put(LANES, &[if imds { "metadata (IMDS)" } else { source }]);
    }

    /// The same of each step behind so many.
    fn steps(&mut self, skipped: usize, only: Option<usize>, template: &str) {
        for (number, step) in (1..).zip(STEPS).skip(skipped) {
            if only.is_none_or(|only| only == number) {
                self.step(number, step, template);
            }
        }
    }

    /// Its number, once more, its title, and what it is for.
    fn step(&mut self, number: usize, step: &Step, template: &str) {
        let number = number.to_string();
        self.put(template, &[&number, &number, step.title, step.goal]);
    }

    /// What a step is for.
    pub fn begin(&mut self, number: usize, step: &Step) {
        self.step(number, step, STEP);
    }

    /// What went back and forth in a step, and what to see in it.
    pub fn end(&mut self, notices: &[&str], seen: &[Seen]) {
        if !seen.is_empty() {
            self.put("<ol>\n", &[]);
            for (request, outcome) in seen {
                self.exchange(notices, request, outcome);
            }
            self.put("</ol>\n", &[]);
        }
        for notice in notices.iter().filter(|text| !text.is_empty()) {
            self.put(NOTICE, &[notice]);
        }
        self.put("</section>\n", &[]);
    }

    /// Why the tour ends here, and which steps it did not come to, and how what it had made was taken back.
    pub fn fail(&mut self, explained: &str, reached: usize, only: Option<usize>, undone: &[Seen]) {
        self.put(FAILURE, &[explained]);
        self.steps(reached, only, MISSED);
        if !undone.is_empty() {
            self.put(UNDONE, &[]);
            self.end(&[], undone);
        }
    }

    /// Everything after the last step.
    pub fn close(&mut self) {
        self.put(END, &[]);
    }

    fn exchange(&mut self, notices: &[&str], request: &Request, outcome: &Outcome) {
        let (lane, name) = lane(request.plane);
        let sent = show::request(request, self.mask);
        let (cut, target) = target(request.url.shown());
        self.put(ARROW, &[lane, name, request.method, cut, target]);
        match outcome {
            Ok(response) => self.answered(notices, response),
            Err(broken) => self.put(NO_ANSWER, &[&self.mask.text(&broken.what)]),
        }
        self.put(UNFOLDED, &[lesson::of_plane(request.plane)]);
        self.wire(request.plane, ">", &sent);
        if let Ok(response) = outcome {
            self.put("<h3>Answer</h3>\n", &[]);
            self.wire(request.plane, "<", &show::response(response, self.mask));
        }
        let signed = match request.url {
            Text::Secret(_) => ", with the signature from an answer of your own",
            Text::Plain(_) => "",
        };
        self.put(BY_HAND, &[signed, &show::curl(request, self.mask)]);
        if let Some(wait) = outcome.as_ref().ok().and_then(Response::retry_after) {
            self.put(WAIT, &[&wait.as_millis().to_string()]);
        }
        self.put("</li>\n", &[]);
    }

    /// The status, and what else is worth a look at once.
    fn answered(&mut self, notices: &[&str], response: &Response) {
        let (class, sign) = match response.status {
            202 => ("wait", "↻"),
            200..=299 if response.retry_after().is_some() => ("wait", "↻"),
            0..=399 => ("ok", "✓"),
            _ => ("bad", "✕"),
        };
        let status = response.status.to_string();
        let reason = show::reason(response.status);
        self.put(STATUS, &[class, sign, &status, reason]);
        self.facts(notices, response);
        self.put(BACK, &[]);
    }

    fn facts(&mut self, notices: &[&str], response: &Response) {
        let substatus = response.header("x-ms-substatus");
        let substatus = substatus.filter(|text| *text != "0");
        self.fact(" · substatus {}", substatus);
        // Where a refusal is what the step is about, the notice begins with it.
        let notice = notices.first().copied().unwrap_or_default();
        let code = format!("{}/{}:", response.status, substatus.unwrap_or_default());
        let expected = response.status >= 400 && notice.starts_with(&code);
        self.fact(" · {}", expected.then_some("refused, as expected"));
        let state = response.json::<&RawValue>().ok();
        let state = state.and_then(|body| json::string(json::find(body, "/status")?));
        self.fact(" · {}", state.as_deref().filter(|state| state.len() < 40));
        self.fact(" · {}\u{a0}RU", response.header("x-ms-request-charge"));
        let ms = response.elapsed.as_millis().to_string();
        self.fact(" · {}\u{a0}ms", Some(&ms));
    }

    fn fact(&mut self, template: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(template, &[&self.mask.text(text)]);
        }
    }

    /// HTTP text letter by letter. The reason of a header stands below it, and is not selected along with it.
    fn wire(&mut self, plane: Plane, sign: &str, text: &str) {
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        self.put("<pre>", &[]);
        for line in head.lines() {
            let Some((name, value)) = line.split_once(": ") else {
                self.put("{}\n", &[line]);
                continue;
            };
            self.put("<b>{}</b>: {}\n", &[name, value]);
            if let Some(why) = lesson::of_header(plane, sign, name) {
                self.put("<i>{}</i>", &[why]);
            }
        }
        let body = body.trim_end_matches('\n');
        let gap = if body.is_empty() { "" } else { "\n" };
        self.put("{}{}</pre>\n", &[gap, body]);
        if let Some(text) = indented(body) {
            self.put(INDENTED, &[&text]);
        }
    }
}

/// The lane of a plane, and its name on an arrow.
fn lane(plane: Plane) -> (&'static str, &'static str) {
    match plane {
        Plane::Identity => ("1", "Identity"),
        Plane::Entra => ("1", "Entra"),
        Plane::Arm => ("2", "ARM"),
        Plane::Data => ("3", "Cosmos DB"),
    }
}

/// What a request is about, short enough for an arrow: no query, and of a long path its end.
fn target(url: &str) -> (&str, &str) {
    let (_, target) = show::split_url(url);
    let path = target.split_once('?').map_or(target, |(path, _)| path);
    match end_of(path).filter(|_| path.len() > 48) {
        Some(end) => ("…", end),
        None => ("", path),
    }
}

/// The last two parts of a path.
fn end_of(path: &str) -> Option<&str> {
    let last = path.rfind('/')?;
    let before = path.get(..last)?.rfind('/')?;
    path.get(before..)
}

/// A body that is easier to read on several lines.
fn indented(body: &str) -> Option<String> {
    let value: &RawValue = serde_json::from_str(body).ok()?;
    (100..1 << 16)
        .contains(&body.len())
        .then(|| json::pretty(value, 0))
}
