//! Where the tour is written, and what it remembers for writing.

use std::sync::Mutex;

use super::{STEPS, Step};
use crate::cli::output::{Format, Output};
use crate::cli::settings::Settings;
use crate::error::{Broken, Error};
use crate::exchange::{Transport, locked};
use crate::message::{Request, Response, Text};
use crate::show::{self, Mask};

/// Keeps what goes through it, for printing after the step.
pub struct Recorder<'a> {
    pub(super) inner: &'a dyn Transport,
    pub(super) mask: &'a Mask,
    pub(super) seen: Mutex<Vec<(Request, Result<Response, Broken>)>>,
}

impl Transport for Recorder<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.mask.learn_from(request);
        let outcome = self.inner.send(request);
        locked(&self.seen).push((request.clone(), outcome.clone()));
        outcome
    }
}

/// Where the tour is written: as plain text or as Markdown; one step of it, or all.
pub struct Paper {
    pub(super) output: Output,
    markdown: bool,
    only: Option<usize>,
}

impl Paper {
    pub(super) fn new(settings: &Settings) -> Result<Paper, Error> {
        let markdown = match settings.text("format").as_deref() {
            None | Some("text") => false,
            Some("md") => true,
            Some(other) => {
                return Err(Error::usage(format!(
                    "--format {other} is not known: text or md"
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
            markdown,
            only,
        })
    }

    pub(super) fn hides(&self, number: usize) -> bool {
        self.only.is_some_and(|only| only != number)
    }

    pub(super) fn begin(&mut self, number: usize, step: &Step) -> Result<(), Error> {
        if self.hides(number) {
            return Ok(());
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

    pub(super) fn end(
        &mut self,
        number: usize,
        step: &Step,
        seen: &[(Request, Result<Response, Broken>)],
        remark: Option<&str>,
        mask: &Mask,
    ) -> Result<(), Error> {
        if self.hides(number) {
            return Ok(());
        }
        for (request, outcome) in seen {
            self.exchange(request, outcome, mask)?;
        }
        for text in [Some(step.notice), remark].into_iter().flatten() {
            if !text.is_empty() {
                let sign = if self.markdown {
                    "**Notice:** "
                } else {
                    "notice: "
                };
                self.output.text(&format!("{sign}{text}"))?;
            }
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
            self.block("sh", &show::curl(request, mask))?;
        }
        self.output.text("")
    }

    fn exchange(
        &mut self,
        request: &Request,
        outcome: &Result<Response, Broken>,
        mask: &Mask,
    ) -> Result<(), Error> {
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
}

/// The request a step is about: the change, not the questions before and after it.
fn deed(seen: &[(Request, Result<Response, Broken>)]) -> Option<&Request> {
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
