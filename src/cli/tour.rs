//! `tour`: the tutorial, step by step, with every byte that goes back and forth.
//!
//! Each step has a goal, the exchanges themselves, what to notice in them, and the curl line to do it by hand.

use std::cell::RefCell;

use serde_json::value::RawValue;

use super::commands::grant;
use super::output::{Format, Output};
use super::session::Session;
use super::settings::Settings;
use super::{commands, network};
use crate::arm::{
    self,
    containers::Definition,
    operation::Started,
    roles::{DataRole, Grant},
};
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::{Across, Query};
use crate::cosmos::{self, Paging, items, query};
use crate::error::{Broken, Error};
use crate::exchange::Transport;
use crate::exchange::poll::Watch;
use crate::message::{Request, Response};
use crate::name::Name;
use crate::show::{self, Mask};

/// The item the tour writes.
const ITEM: &str = r#"{"id":"1","pk":"pkey","note":"hello","big":9007199254740993}"#;

/// A step: what it is for, what to see in it, and what it does.
struct Step {
    title: &'static str,
    goal: &'static str,
    notice: &'static str,
    /// What it would change, for asking first on a real account.
    change: &'static str,
    work: fn(&mut Tour) -> Result<(), Error>,
}

#[rustfmt::skip]
const STEPS: &[Step] = &[
    Step { title: "Who am I?", goal: "Ask the machine itself: the metadata service knows which machine it is on.",
        notice: "Plain HTTP to an address that never leaves the host; the header Metadata: true is the only ticket. Subscription and group need not be typed.", change: "", work: |tour| tour.who() },
    Step { title: "A token for ARM", goal: "Get a token for the management plane. There is no secret to keep: being on the machine is the proof.",
        notice: "resource= becomes the token's aud letter by letter. expires_in is what is left of a token the machine keeps for a day.", change: "", work: |tour| tour.arm_token() },
    Step { title: "Create a database", goal: "Databases are made by ARM: PUT says the name and what it is to be.",
        notice: "202 and not 201: the work has only been accepted. Whether to wait is told by the header azure-asyncoperation, not by the status.", change: "create a database", work: |tour| tour.create_database() },
    Step { title: "Follow the operation", goal: "Ask the URL in azure-asyncoperation until it says Succeeded, Failed or Canceled.",
        notice: "Every answer is 200: that says the status could be read. Unknown states such as Dequeued mean: go on asking. The URL is signed, so it is sent back letter by letter.", change: "", work: |tour| tour.follow() },
    Step { title: "Create a container", goal: "A container needs a partition key: the path to the member that decides where an item lives.",
        notice: "version 2 allows keys of 2 KB; without it keys end at 101 bytes. The partition key can never be changed.", change: "create a container", work: |tour| tour.create_container() },
    Step { title: "A second token, for the other plane", goal: "The data plane takes another audience.",
        notice: "https://cosmos.azure.com has no slash at its end: with one, the data plane answers 401/5008.", change: "", work: |tour| tour.data_token() },
    Step { title: "The wrong plane", goal: "Try to create a database on the data plane, to have seen the refusal once.",
        notice: "403/5300: a token cannot do this here, whatever its roles. It is neither your token nor your role: it is the plane. Go through ARM.", change: "ask the data plane for a database, which it refuses", work: |tour| tour.wrong_plane() },
    Step { title: "The missing role", goal: "Ask for the container on the data plane, as the owner of it all.",
        notice: "403/5301: Azure roles, even Owner, do not count here. The data plane has roles of its own, and nobody has one yet.", change: "", work: |tour| tour.missing_role() },
    Step { title: "Grant the data role", goal: "Through ARM, give our own object id the role Cosmos DB Built-in Data Contributor.",
        notice: "principalId is the token's oid, not its client id. The assignment's name is a GUID made from what is granted, so doing it twice changes nothing.", change: "grant a data role", work: |tour| tour.grant() },
    Step { title: "Create an item", goal: "POST the item to the container, on the data plane.",
        notice: "Not Bearer: type=aad&ver=1.0&sig=…, percent-encoded. The partition key goes along as a JSON array. x-ms-request-charge is what it cost.", change: "create an item", work: |tour| tour.create_item() },
    Step { title: "Read it", goal: "By id and partition key: the cheapest question there is.",
        notice: "1 RU for up to 1 KB. 9007199254740993 came back as it went in; a program that reads it as a double would show …992.", change: "", work: |tour| tour.read_item() },
    Step { title: "Query", goal: "SELECT * FROM c, over all partitions.",
        notice: "A POST that creates nothing: the content type application/query+json makes it a query. A page may be empty and still have a next one.", change: "", work: |tour| tour.query() },
    Step { title: "What it cost", goal: "Compare the point read with the query for the same item.",
        notice: "", change: "", work: |tour| tour.compare() },
    Step { title: "Clean up", goal: "Delete what the tour made: the database with everything in it, and the role.",
        notice: "DELETE is an operation to follow, like PUT.", change: "delete the tour's database and take its role back", work: |tour| tour.clean_up() },
];

/// Keeps what goes through it, for printing after the step.
struct Recorder<'a> {
    inner: &'a dyn Transport,
    mask: &'a Mask,
    seen: RefCell<Vec<(Request, Result<Response, Broken>)>>,
}

impl Transport for Recorder<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        self.mask.learn_from(request);
        let outcome = self.inner.send(request);
        self.seen
            .borrow_mut()
            .push((request.clone(), outcome.clone()));
        outcome
    }
}

struct Tour<'a> {
    session: &'a Session<'a>,
    account: cosmos::Account,
    arm: arm::Account,
    database: Name,
    container: Name,
    started: Option<Started>,
    made_database: bool,
    made_grant: Option<Grant>,
    charges: (Option<f64>, Option<f64>),
    remark: Option<String>,
}

/// `tour [--sandbox | --live] [--step N] [--format md]`
pub fn run(settings: &Settings, mask: &Mask, _: &[String]) -> Result<u8, Error> {
    let configured = settings.find("account-name").is_some() || settings.find("endpoint").is_some();
    match (settings.on("live"), settings.on("sandbox")) {
        (true, true) => Err(Error::Usage(
            "--live and --sandbox exclude each other".into(),
        )),
        (true, false) => guide(settings, settings, mask, true),
        (false, false) if configured => Err(Error::Usage(
            "an account is set: say --live to use it, or --sandbox to leave it alone".into(),
        )),
        (false, _) => in_sandbox(settings, mask),
    }
}

#[cfg(feature = "sandbox")]
fn in_sandbox(settings: &Settings, mask: &Mask) -> Result<u8, Error> {
    let options = crate::sandbox::Options::default();
    let sandbox = crate::sandbox::start(options)
        .map_err(|e| Error::Local(format!("cannot start the sandbox: {e}")))?;
    let variables = commands::sandbox::variables(&sandbox);
    let environment = move |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        Some(found.1.clone())
    };
    // Nothing of the machine's own environment may lead the tour out of the sandbox.
    let inside = Settings::new(settings.args().clone(), Box::new(environment));
    let done = guide(settings, &inside, mask, false);
    sandbox.stop();
    done
}

#[cfg(not(feature = "sandbox"))]
fn in_sandbox(_: &Settings, _: &Mask) -> Result<u8, Error> {
    Err(Error::Usage(
        "this binary was built without the sandbox; --live uses the real account".into(),
    ))
}

fn guide(said: &Settings, settings: &Settings, mask: &Mask, live: bool) -> Result<u8, Error> {
    let paper = Paper::new(said)?;
    let network = network(settings)?;
    let recorder = Recorder {
        inner: &network,
        mask,
        seen: RefCell::default(),
    };
    let session = Session::new(settings, &recorder, None, mask)?;
    if session.has_key() {
        return Err(Error::Usage(
            "the tour shows a managed identity: leave the key file out".into(),
        ));
    }
    let name = |option, usual: &str| Name::new(settings.text(option).unwrap_or(usual.into()));
    let mut tour = Tour {
        account: session.account()?,
        arm: session.arm_account()?,
        database: name(
            "database-name",
            if live { "tour-rawcosmos" } else { "mi-test" },
        )?,
        container: name("container-name", "container01")?,
        session: &session,
        started: None,
        made_database: false,
        made_grant: None,
        charges: (None, None),
        remark: None,
    };
    if live {
        tour.refuse_what_exists()?;
    }
    let done = tour.walk(paper, &recorder, live);
    if done.is_err() {
        tour.leave_nothing();
    }
    done.map(|()| 0)
}

impl Tour<'_> {
    fn walk(&mut self, mut paper: Paper, recorder: &Recorder, live: bool) -> Result<(), Error> {
        recorder.seen.borrow_mut().clear();
        for (index, step) in STEPS.iter().enumerate() {
            if live && !step.change.is_empty() {
                commands::confirm(self.session, step.change)?;
            }
            paper.begin(index + 1, step)?;
            (step.work)(self)?;
            let seen = std::mem::take(&mut *recorder.seen.borrow_mut());
            let remark = self.remark.take();
            paper.end(index + 1, step, &seen, remark.as_deref(), recorder.mask)?;
        }
        paper.output.finish()
    }

    fn refuse_what_exists(&self) -> Result<(), Error> {
        match self
            .session
            .run(&arm::databases::show(&self.arm, &self.database))
        {
            Err(e) if e.is_status(404) => Ok(()),
            Err(e) => Err(e),
            Ok(_) => Err(Error::Conflict(format!(
                "database {} exists already, and the tour deletes what it makes: name another with --database-name",
                self.database
            ))),
        }
    }

    fn who(&mut self) -> Result<(), Error> {
        self.session.machine().map(|_| ())
    }

    fn arm_token(&mut self) -> Result<(), Error> {
        let audience = &self.session.client.audiences().arm;
        self.session.client.token(audience).map(|_| ())
    }

    fn data_token(&mut self) -> Result<(), Error> {
        let audience = &self.session.client.audiences().data;
        self.session.client.token(audience).map(|_| ())
    }

    fn create_database(&mut self) -> Result<(), Error> {
        let call = arm::databases::create(&self.arm, &self.database, None);
        self.made_database = true;
        self.started = Some(self.session.run(&call)?.value);
        Ok(())
    }

    fn follow(&mut self) -> Result<(), Error> {
        let Some(started) = self.started.take() else {
            return Ok(());
        };
        let show = arm::databases::show(&self.arm, &self.database);
        self.wait(
            &started,
            &|| self.session.run(&show).map(|_| true),
            "the database",
        )
    }

    fn create_container(&mut self) -> Result<(), Error> {
        let definition = Definition {
            paths: vec!["/pk".into()],
            ..Definition::default()
        };
        let (database, name) = (&self.database, &self.container);
        let call = arm::containers::create(&self.arm, database, name, &definition, None);
        let started = self.session.run(&call)?.value;
        let show = arm::containers::show(&self.arm, database, name);
        self.wait(
            &started,
            &|| self.session.run(&show).map(|_| true),
            "the container",
        )
    }

    fn wrong_plane(&mut self) -> Result<(), Error> {
        let name = Name::new(format!("{}-refused", self.database))?;
        let call = cosmos::databases::create(&self.account, &name, None);
        self.expect_refusal(self.session.run(&call).map(|_| ()))
    }

    fn missing_role(&mut self) -> Result<(), Error> {
        let call = cosmos::containers::read(&self.place());
        self.expect_refusal(self.session.run(&call).map(|_| ()))
    }

    /// The step is about being refused; an account that allows it is no failure of the tour.
    fn expect_refusal(&mut self, outcome: Result<(), Error>) -> Result<(), Error> {
        match outcome {
            Err(e) if e.is_status(403) => Ok(()),
            Err(e) => Err(e),
            Ok(()) => {
                self.remark =
                    Some("This account allowed it: it knows an older or a wider role.".into());
                Ok(())
            }
        }
    }

    fn grant(&mut self) -> Result<(), Error> {
        let grant = Grant {
            role: DataRole::Contributor,
            principal: self.session.own_object_id()?,
            scope: format!("/dbs/{}", self.database),
        };
        let show = arm::roles::show(&self.arm, &grant.guid(&self.arm))?;
        match self.session.run(&show) {
            Err(e) if e.is_status(404) => self.made_grant = Some(grant.clone()),
            Err(e) => return Err(e),
            Ok(_) => {}
        }
        grant::give(self.session, &self.arm, &grant)?;
        grant::verify(self.session, &grant)
    }

    fn create_item(&mut self) -> Result<(), Error> {
        let item = RawValue::from_string(ITEM.into()).map_err(|e| Error::Local(e.to_string()))?;
        let call = items::create(&self.place(), &PartitionKey::from_text("pkey"), &item);
        self.session.run(&call).map(|_| ())
    }

    fn read_item(&mut self) -> Result<(), Error> {
        let id = Name::new("1")?;
        let call = items::read(
            &self.place(),
            &id,
            &PartitionKey::from_text("pkey"),
            &items::Options::default(),
        );
        self.charges.0 = self.session.run(&call)?.charge;
        Ok(())
    }

    fn query(&mut self) -> Result<(), Error> {
        let text = Query::new("SELECT * FROM c");
        let call = query::items(&self.place(), &text, &Across::All, &Paging::default());
        self.charges.1 = self.session.run(&call)?.charge;
        Ok(())
    }

    fn compare(&mut self) -> Result<(), Error> {
        self.remark = match self.charges {
            (Some(read), Some(query)) => Some(format!(
                "The read cost {read:.2} RU, the query {query:.2} RU: whoever knows id and key should read."
            )),
            _ => Some("This service does not say what requests cost.".into()),
        };
        Ok(())
    }

    fn clean_up(&mut self) -> Result<(), Error> {
        if let Some(grant) = self.made_grant.take() {
            let started = self
                .session
                .run(&arm::roles::revoke(&self.arm, &grant))?
                .value;
            let show = arm::roles::show(&self.arm, &grant.guid(&self.arm))?;
            self.wait(
                &started,
                &|| gone(self.session.run(&show)),
                "the revocation",
            )?;
        }
        if self.made_database {
            let started = self
                .session
                .run(&arm::databases::delete(&self.arm, &self.database))?
                .value;
            let show = arm::databases::show(&self.arm, &self.database);
            self.wait(&started, &|| gone(self.session.run(&show)), "the deletion")?;
            self.made_database = false;
        }
        Ok(())
    }

    /// After a failure: what was made goes, and what cannot be deleted is named.
    fn leave_nothing(&mut self) {
        if let Err(e) = self.clean_up() {
            let database = &self.database;
            self.session.say(&format!(
                "note: the tour could not delete its database {database}: {e}"
            ));
        }
    }

    fn place(&self) -> cosmos::Container {
        self.account
            .database(&self.database)
            .container(&self.container)
    }

    fn wait(
        &self,
        started: &Started,
        settled: &dyn Fn() -> Result<bool, Error>,
        what: &str,
    ) -> Result<(), Error> {
        let limit = commands::database::PATIENCE;
        let endpoint = self.arm.endpoint();
        let watch = Watch {
            endpoint,
            settled,
            limit,
            what,
        };
        self.session.client.finish(started, &watch)
    }
}

fn gone<T>(outcome: Result<T, Error>) -> Result<bool, Error> {
    match outcome {
        Ok(_) => Ok(false),
        Err(e) if e.is_status(404) => Ok(true),
        Err(e) => Err(e),
    }
}

/// Where the tour is written: as plain text or as Markdown; one step of it, or all.
struct Paper {
    output: Output,
    markdown: bool,
    only: Option<usize>,
}

impl Paper {
    fn new(settings: &Settings) -> Result<Paper, Error> {
        let markdown = match settings.text("format").as_deref() {
            None | Some("text") => false,
            Some("md") => true,
            Some(other) => {
                return Err(Error::Usage(format!(
                    "--format {other} is not known: text or md"
                )));
            }
        };
        let only = settings.number("step")?;
        if only.is_some_and(|step| !(1..=STEPS.len()).contains(&step)) {
            return Err(Error::Usage(format!(
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

    fn hides(&self, number: usize) -> bool {
        self.only.is_some_and(|only| only != number)
    }

    fn begin(&mut self, number: usize, step: &Step) -> Result<(), Error> {
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

    fn end(
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
        if let Some((request, _)) = seen.last() {
            self.output.text("")?;
            let yourself = if self.markdown {
                "**Do it yourself:**\n"
            } else {
                "do it yourself:"
            };
            self.output.text(yourself)?;
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

fn prefixed(sign: &str, text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| format!("{sign} {line}").trim_end().to_string())
        .collect();
    lines.join("\n")
}
