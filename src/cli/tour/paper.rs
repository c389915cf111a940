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

impl Recorder<'_> {
    /// What it has kept; from now on it begins anew.
    pub(super) fn taken(&self) -> Vec<Seen> {
        std::mem::take(&mut *locked(&self.seen))
    }
}

impl Transport for Recorder<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.mask.learn_from(request);
        let outcome = self.inner.send(request);
        locked(&self.seen).push((request.clone(), outcome.clone()));
        outcome
    }
}

/// Where the tour is written, and as what; one step of it, or all.
pub struct Paper<'a> {
    output: Output,
    mask: &'a Mask,
    markdown: bool,
    /// Where it is a page: what is to be written next.
    page: Option<Page<'a>>,
    only: Option<usize>,
    /// The step that was begun last.
    reached: usize,
}

impl<'a> Paper<'a> {
    pub(super) fn new(settings: &Settings, mask: &'a Mask) -> Result<Paper<'a>, Error> {
        let form = settings.text("format");
        let form = form.as_deref().unwrap_or("text");
        if !["text", "md", "html"].contains(&form) {
            return Err(Error::usage(format!(
                "--format {form} is not known: text, md or html"
            )));
        }
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
            markdown: form == "md",
            page: (form == "html").then(|| Page::new(mask)),
            only,
            reached: 0,
        })
    }

    /// Before the first step: where the tour leads, and where its identity comes from.
    pub(super) fn open(&mut self, place: &str, source: &str) -> Result<(), Error> {
        if let Some(page) = &mut self.page {
            page.open(place, source, self.only);
        }
        self.flush()
    }

    /// Writes what was added to the page, where it is one.
    fn flush(&mut self) -> Result<(), Error> {
        match &mut self.page {
            Some(page) => self.output.text(&std::mem::take(&mut page.text)),
            None => Ok(()),
        }
    }

    fn hides(&self, number: usize) -> bool {
        self.only.is_some_and(|only| only != number)
    }

    pub(super) fn begin(&mut self, number: usize, step: &Step) -> Result<(), Error> {
        self.reached = number;
        if self.hides(number) {
            return Ok(());
        }
        if let Some(page) = &mut self.page {
            page.begin(number, step);
            return self.flush();
        }
        let (title, count) = (step.title, STEPS.len());
        let heading = match self.markdown {
            true => format!("## {number}. {title}\n"),
            false => format!("── step {number} of {count}: {title}"),
        };
        self.output.text(&heading)?;
        self.output.text(step.goal)?;
        self.output.text("")
    }

    /// What a step would change.
    pub(super) fn plan(&mut self, number: usize, change: &str) -> Result<(), Error> {
        let text = format!("It would {change}.");
        if self.page.is_some() {
            return self.end(number, &[&text], &[]);
        }
        match self.hides(number) {
            true => Ok(()),
            false => self.output.text(&format!("{text}\n")),
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
        if let Some(page) = &mut self.page {
            page.end(notices, seen);
            return self.flush();
        }
        for exchange in seen {
            self.exchange(exchange)?;
        }
        let sign = match self.markdown {
            true => "**Notice:** ",
            false => "notice: ",
        };
        for text in notices.iter().filter(|text| !text.is_empty()) {
            self.output.text(&format!("{sign}{text}"))?;
        }
        if let Some(request) = deed(seen) {
            self.output.text("")?;
            let signed = if matches!(request.url, Text::Secret(_)) {
                ", with the signature from an answer of your own"
            } else {
                ""
            };
            let yourself = match self.markdown {
                true => format!("**Do it yourself{signed}:**\n"),
                false => format!("do it yourself{signed}:"),
            };
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
        match self.markdown {
            true => self.output.text(&format!("```{language}\n{text}\n```")),
            false => self.output.text(text),
        }
    }

    /// After the last step.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        if let Some(page) = &mut self.page {
            page.close();
        }
        self.flush()?;
        self.output.finish()
    }

    /// After an error: a page is whole all the same, and shows how what the tour had made was taken back.
    pub(super) fn break_off(&mut self, explained: &str, undone: &[Seen]) -> Result<(), Error> {
        if let Some(page) = &mut self.page {
            page.fail(explained, self.reached, self.only, undone);
        }
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
