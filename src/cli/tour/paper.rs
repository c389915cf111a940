//! Where the tour is written, and what it remembers for writing.

use std::sync::Mutex;

use super::page::Page;
use super::{STEPS, Step};
use crate::cli::output::{Format, Output};
use crate::cli::settings::Settings;
use crate::error::{Broken, Error};
use crate::exchange::{Transport, locked};
use crate::message::{Request, Response, Text};
use crate::show::{self, Mask};

/// An exchange that was seen.
pub type Seen = (Request, Outcome);

/// What came of a request.
pub type Outcome = Result<Response, Broken>;

/// Keeps what goes through it, for printing after the step.
pub struct Recorder<'a> {
    pub(super) inner: &'a dyn Transport,
    pub(super) mask: &'a Mask,
    pub(super) seen: Mutex<Vec<Seen>>,
}

impl Transport for Recorder<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.mask.learn_from(request);
        let outcome = self.inner.send(request);
        locked(&self.seen).push((request.clone(), outcome.clone()));
        outcome
    }
}

/// What it is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Markdown,
    Html,
}

/// Where the tour is written, and as what; one step of it, or all.
pub struct Paper<'a> {
    output: Output,
    mask: &'a Mask,
    form: Form,
    only: Option<usize>,
    /// The step that was begun last.
    reached: usize,
}

impl<'a> Paper<'a> {
    pub(super) fn new(settings: &Settings, mask: &'a Mask) -> Result<Paper<'a>, Error> {
        let form = match settings.text("format").as_deref() {
            None | Some("text") => Form::Text,
            Some("md") => Form::Markdown,
            Some("html") => Form::Html,
            Some(other) => {
                return Err(Error::usage(format!(
                    "--format {other} is not known: text, md or html"
                )));
            }
        };
        let only = settings.number("step")?;
        if only.is_some_and(|step| !(1..=STEPS.len()).contains(&step)) {
            return Err(Error::usage(format!(
                "the tour has steps 1 to {}",
                STEPS.len()
            )));
        }
        let output = Output::new(Format::Auto, None, false, Box::new(std::io::stdout()))?;
        Ok(Paper {
            output,
            mask,
            form,
            only,
            reached: 0,
        })
    }

    /// Before the first step: where the tour leads, and where its identity comes from.
    pub(super) fn open(&mut self, place: &str, source: &str) -> Result<(), Error> {
        let shown: Vec<usize> = (1..=STEPS.len()).filter(|n| !self.hides(*n)).collect();
        self.on_page(&|page| page.open(place, source, &shown))
    }

    /// Adds to the page, where it is one.
    fn on_page(&mut self, write: &dyn Fn(&mut Page)) -> Result<(), Error> {
        if self.form != Form::Html {
            return Ok(());
        }
        let mut page = Page::new(self.mask);
        write(&mut page);
        self.output.text(&page.text)
    }

    fn hides(&self, number: usize) -> bool {
        self.only.is_some_and(|only| only != number)
    }

    pub(super) fn begin(&mut self, number: usize, step: &Step) -> Result<(), Error> {
        self.reached = number;
        if self.hides(number) {
            return Ok(());
        }
        let (title, count) = (step.title, STEPS.len());
        let heading = match self.form {
            Form::Html => return self.on_page(&|page| page.begin(number)),
            Form::Markdown => format!("## {number}. {title}\n"),
            Form::Text => format!("── step {number} of {count}: {title}"),
        };
        self.output.text(&heading)?;
        self.output.text(step.goal)?;
        self.output.text("")
    }

    /// What a step would change.
    pub(super) fn plan(&mut self, number: usize, change: &str) -> Result<(), Error> {
        let text = format!("It would {change}.");
        match self.form {
            _ if self.hides(number) => Ok(()),
            Form::Html => self.on_page(&|page| page.end(&[&text], &[])),
            _ => self.output.text(&format!("{text}\n")),
        }
    }

    pub(super) fn end(
        &mut self,
        number: usize,
        notices: &[&str],
        seen: &[Seen],
    ) -> Result<(), Error> {
        if self.hides(number) {
            return Ok(());
        }
        if self.form == Form::Html {
            return self.on_page(&|page| page.end(notices, seen));
        }
        for exchange in seen {
            self.exchange(exchange)?;
        }
        let sign = self.either("notice: ", "**Notice:** ");
        for text in notices {
            self.output.text(&format!("{sign}{text}"))?;
        }
        if let Some(request) = deed(seen) {
            self.output.text("")?;
            let signed = if matches!(request.url, Text::Secret(_)) {
                ", with the signature from an answer of your own"
            } else {
                ""
            };
            let (before, after) = self.either(("do", ":"), ("**Do", ":**\n"));
            let yourself = format!("{before} it yourself{signed}{after}");
            self.output.text(&yourself)?;
            self.block("sh", &show::curl(request, self.mask))?;
        }
        self.output.text("")
    }

    fn exchange(&mut self, (request, outcome): &Seen) -> Result<(), Error> {
        let mask = self.mask;
        let answer = match outcome {
            Ok(response) => prefixed("<", &show::response(response, mask)),
            Err(broken) => format!("* {}", mask.text(&broken.to_string())),
        };
        let text = format!("{}\n{answer}", prefixed(">", &show::request(request, mask)));
        self.block("http", &text)?;
        self.output.text("")
    }

    fn block(&mut self, language: &str, text: &str) -> Result<(), Error> {
        match self.form {
            Form::Markdown => self.output.text(&format!("```{language}\n{text}\n```")),
            _ => self.output.text(text),
        }
    }

    fn either<T>(&self, text: T, markdown: T) -> T {
        if self.form == Form::Markdown {
            markdown
        } else {
            text
        }
    }

    /// After the last step.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.on_page(&|page| page.close())?;
        self.output.finish()
    }

    /// After an error: a page is whole all the same, and shows how what the tour had made was taken back.
    pub(super) fn break_off(&mut self, explained: &str, undone: &[Seen]) -> Result<(), Error> {
        let last = STEPS.len();
        let undone = Some(undone).filter(|seen| !seen.is_empty() && !self.hides(last));
        let mut missed: Vec<usize> = (self.reached + 1..=last).collect();
        missed.retain(|number| !self.hides(*number) && (*number < last || undone.is_none()));
        self.on_page(&|page| {
            page.fail(explained, &missed);
            if let Some(seen) = undone {
                page.begin(last);
                page.end(&[], seen);
            }
        })?;
        self.close()
    }
}

/// The request a step is about: the change, not the questions before and after it.
fn deed(seen: &[Seen]) -> Option<&Request> {
    let mut requests = seen.iter().rev().map(|(request, _)| request);
    let change = requests.clone().find(|request| request.method != "GET");
    change.or_else(|| requests.next())
}

fn prefixed(sign: &str, text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("{sign} {line}").trim_end().to_string())
        .collect();
    lines.join("\n")
}
