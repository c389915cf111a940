//! `tour`: the tutorial, step by step, with every byte that goes back and forth.
//!
//! Each step has a goal, the exchanges themselves, what to notice in them, and the curl line to do it by hand.

mod elsewhere;
mod markup;
mod page;
mod paper;
mod work;

use std::sync::Mutex;

use super::session::Session;
use super::settings::Settings;
use super::{commands, network, told};
use crate::arm::{self, operation::Started, roles::Grant};
use crate::cosmos;
use crate::error::Error;
use crate::name::Name;
use crate::show::Mask;
use paper::{Paper, Recorder};

/// A step: what it is for, what to see in it, and what it does.
#[derive(Clone, Copy)]
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
    /// The session token of the write, so that the reads see it.
    written: Option<String>,
    remark: Option<String>,
}

/// `tour [--sandbox | --live] [--step N] [--format text|md|html]`
pub fn run(settings: &Settings, mask: &Mask, _: &[String]) -> Result<u8, Error> {
    if settings.on("dry-run") {
        return outline(settings, mask);
    }
    let configured = settings.find("account-name").is_some() || settings.find("endpoint").is_some();
    match (settings.on("live"), settings.on("sandbox")) {
        (true, true) => Err(Error::usage("--live and --sandbox exclude each other")),
        (true, false) => guide(settings, settings, mask, true),
        (false, false) if configured => Err(Error::usage(
            "an account is set: say --live to use it, or --sandbox to leave it alone",
        )),
        (false, _) => in_sandbox(settings, mask),
    }
}

#[cfg(feature = "sandbox")]
fn in_sandbox(settings: &Settings, mask: &Mask) -> Result<u8, Error> {
    let options = crate::sandbox::Options::default();
    let sandbox = crate::sandbox::start(options)
        .map_err(|e| Error::local(format!("cannot start the sandbox: {e}")))?;
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
    Err(Error::usage(
        "this binary was built without the sandbox; --live uses the real account",
    ))
}

/// What the tour would do, without doing it.
fn outline(settings: &Settings, mask: &Mask) -> Result<u8, Error> {
    let mut paper = Paper::new(settings, mask)?;
    paper.open("or rather would say: nothing was sent", "imds")?;
    for (index, step) in STEPS.iter().enumerate() {
        paper.begin(index + 1, step)?;
        let change = if step.change.is_empty() {
            "change nothing"
        } else {
            step.change
        };
        paper.plan(index + 1, change)?;
    }
    paper.close().map(|()| 0)
}

fn guide(said: &Settings, settings: &Settings, mask: &Mask, live: bool) -> Result<u8, Error> {
    let mut paper = Paper::new(said, mask)?;
    let network = network(settings)?;
    let recorder = Recorder {
        inner: &network,
        mask,
        seen: Mutex::default(),
    };
    let session = Session::new(settings, &recorder, None, mask)?;
    if session.has_key() {
        return Err(Error::usage(
            "the tour shows a managed identity: leave the key file out",
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
        written: None,
        remark: None,
    };
    if live {
        tour.refuse_what_exists()?;
    }
    let done = tour.walk(&mut paper, &recorder, live);
    if let Err(error) = &done {
        let explained = told(error, &session.context(), false, mask);
        tour.leave_nothing();
        // The error that ended the tour is the one to report.
        let _ = paper.break_off(&explained, &recorder.taken());
    }
    done.map(|()| 0)
}

impl Tour<'_> {
    fn walk(&mut self, paper: &mut Paper, recorder: &Recorder, live: bool) -> Result<(), Error> {
        // What finding the account needed is to be seen again, in its step.
        recorder.taken();
        self.session.client.forget_tokens();
        *self.session.machine.borrow_mut() = None;
        let place = match live {
            true => "on a real account",
            false => "in a sandbox: nothing left this machine",
        };
        paper.open(place, self.session.source())?;
        for (index, step) in STEPS.iter().enumerate() {
            let step = &elsewhere::fitting(index, *step, self.session.source());
            if live && !step.change.is_empty() {
                commands::confirm(self.session, step.change)?;
            }
            paper.begin(index + 1, step)?;
            let done = (step.work)(self);
            let remark = self.remark.take().unwrap_or_default();
            // What to see in a step is not there to be seen where it broke off.
            let notices: &[&str] = match done {
                Ok(()) => &[step.notice, &remark],
                Err(_) => &[],
            };
            let shown = paper.end(index + 1, notices, &recorder.taken());
            done.and(shown)?;
        }
        paper.close()
    }

    fn refuse_what_exists(&self) -> Result<(), Error> {
        match self
            .session
            .run(&arm::databases::show(&self.arm, &self.database))
        {
            Err(e) if e.is_status(404) => Ok(()),
            Err(e) => Err(e),
            Ok(_) => Err(Error::conflict(format!(
                "database {0} exists already, and the tour deletes what it makes: name another with --database-name, \
                 or, if a tour that was killed left it, rawcosmos database delete -n {0}",
                self.database
            ))),
        }
    }
}
