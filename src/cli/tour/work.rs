//! What each step of the tour does.

use serde_json::value::RawValue;

use super::Tour;
use crate::arm;
use crate::arm::containers::Definition;
use crate::arm::roles::{DataRole, Grant};
use crate::cli::args::Args;
use crate::cli::commands::{container, database, grant};
use crate::cli::credential;
use crate::cli::place::is_undescribed;
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::{Across, Query};
use crate::cosmos::{self, Paging, items, query};
use crate::error::Error;
use crate::name::Name;
use crate::show::quote;

/// The options that say which account is meant and who asks.
fn commands_options(args: &Args) -> String {
    let names = [
        "account-name",
        "resource-group",
        "subscription",
        "endpoint",
        "arm-endpoint",
    ];
    let given = names.into_iter().filter_map(|name| {
        let value = args.value(name)?;
        Some(format!(" --{name} {}", quote(value)))
    });
    given.collect::<String>() + &credential::options(args)
}

/// The item the tour writes.
const ITEM: &str = r#"{"id":"1","pk":"pkey","note":"hello","big":9007199254740993}"#;

impl Tour<'_> {
    pub(super) fn who(&mut self) -> Result<(), Error> {
        match self.session.machine() {
            Err(e) if is_undescribed(&e) => {
                let said = "Not here: what answers gives tokens alone, so both were given.";
                self.remark = Some(said.into());
                Ok(())
            }
            asked => asked.map(|_| ()),
        }
    }

    pub(super) fn arm_token(&mut self) -> Result<(), Error> {
        let audience = &self.session.client.audiences().arm;
        self.session.client.token(audience).map(|_| ())
    }

    pub(super) fn data_token(&mut self) -> Result<(), Error> {
        let audience = &self.session.client.audiences().data;
        self.session.client.token(audience).map(|_| ())
    }

    pub(super) fn create_database(&mut self) -> Result<(), Error> {
        let call = arm::databases::create(&self.arm, &self.database, None);
        let started = self.session.run(&call);
        // What was refused was not made; after any other end it may have been.
        self.made_database = !matches!(started, Err(Error::Status(_)));
        self.started = Some(started?.value);
        Ok(())
    }

    pub(super) fn follow(&mut self) -> Result<(), Error> {
        let Some(started) = self.started.take() else {
            return Ok(());
        };
        database::change(self.session, &self.arm, &self.database).wait(&started, true)
    }

    pub(super) fn create_container(&mut self) -> Result<(), Error> {
        let definition = Definition {
            paths: vec!["/pk".into()],
            ..Definition::default()
        };
        let (database, name) = (&self.database, &self.container);
        let call = arm::containers::create(&self.arm, database, name, &definition, None);
        let started = self.session.run(&call)?.value;
        container::change(self.session, &self.arm, database, name).wait(&started, true)
    }

    pub(super) fn wrong_plane(&mut self) -> Result<(), Error> {
        let name = Name::new(format!("{}-refused", self.database))?;
        let call = cosmos::databases::create(&self.account, &name, None);
        self.expect_refusal(self.session.run(&call).map(|_| ()))
    }

    pub(super) fn missing_role(&mut self) -> Result<(), Error> {
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

    pub(super) fn grant(&mut self) -> Result<(), Error> {
        let given = Grant {
            role: DataRole::Contributor,
            principal: self.session.own_object_id()?,
            scope: format!("/dbs/{}", self.database),
        };
        let show = arm::roles::show(&self.arm, &given.guid(&self.arm))?;
        let is_ours = !self.session.is_there(&show)?;
        let outcome = grant::give(self.session, &self.arm, &given);
        if is_ours && !matches!(outcome, Err(Error::Status(_))) {
            self.made_grant = Some(given.clone());
        }
        outcome?;
        grant::verify(self.session, &given)
    }

    pub(super) fn create_item(&mut self) -> Result<(), Error> {
        let item = RawValue::from_string(ITEM.into()).map_err(|e| Error::local(e.to_string()))?;
        let (key, options) = (PartitionKey::from_text("pkey"), items::Options::default());
        let call = items::create(&self.place(), &key, &item, &options);
        self.written = self.session.run(&call)?.session;
        Ok(())
    }

    pub(super) fn read_item(&mut self) -> Result<(), Error> {
        let id = Name::new("1")?;
        let options = items::Options {
            session: self.written.clone(),
            ..items::Options::default()
        };
        let key = PartitionKey::from_text("pkey");
        let call = items::read(&self.place(), &id, &key, &options);
        self.charges.0 = self.session.run(&call)?.charge;
        Ok(())
    }

    pub(super) fn query(&mut self) -> Result<(), Error> {
        let text = Query::new("SELECT * FROM c");
        let paging = Paging {
            session: self.written.clone(),
            ..Paging::default()
        };
        let call = query::items(&self.place(), &text, &Across::All, &paging);
        self.charges.1 = self.session.run(&call)?.charge;
        Ok(())
    }

    pub(super) fn compare(&mut self) -> Result<(), Error> {
        self.remark = match self.charges {
            (Some(read), Some(query)) => Some(format!(
                "The read cost {} RU, the query {} RU: whoever knows id and key should read.",
                read, query
            )),
            _ => Some("This service does not say what requests cost.".into()),
        };
        Ok(())
    }

    pub(super) fn clean_up(&mut self) -> Result<(), Error> {
        let (revoked, deleted) = (self.revoke(), self.delete());
        revoked.and(deleted)
    }

    fn revoke(&mut self) -> Result<(), Error> {
        let Some(given) = self.made_grant.take() else {
            return Ok(());
        };
        let started = {
            let guid = given.guid(&self.arm);
            self.session.run(&arm::roles::revoke(&self.arm, &guid)?)?
        };
        grant::change(self.session, &self.arm, &given)?.wait(&started.value, false)
    }

    fn delete(&mut self) -> Result<(), Error> {
        if !std::mem::take(&mut self.made_database) {
            return Ok(());
        }
        let call = arm::databases::delete(&self.arm, &self.database);
        let started = self.session.run(&call)?;
        database::change(self.session, &self.arm, &self.database).wait(&started.value, false)
    }

    /// After a failure: what was made goes, and what cannot be deleted is named.
    pub(super) fn leave_nothing(&mut self) {
        let (database, grant) = (self.made_database, self.made_grant.is_some());
        let Err(e) = self.clean_up() else { return };
        let name = &self.database;
        self.session.say(&format!(
            "note: of what the tour made (database {name}, a role) something is left: {e}"
        ));
        let account = commands_options(self.session.settings.args());
        if grant {
            self.session.say(&format!(
                "to take the role back: rawcosmos grant --revoke --role data-contributor --scope /dbs/{name}{account}"
            ));
        }
        if database {
            self.session.say(&format!(
                "to delete the database: rawcosmos database delete --name {name}{account}"
            ));
        }
    }

    fn place(&self) -> cosmos::Container {
        self.account
            .database(&self.database)
            .container(&self.container)
    }
}
