//! What each step of the tour does.

use serde_json::value::RawValue;

use super::Tour;
use crate::arm;
use crate::arm::containers::Definition;
use crate::arm::operation::Started;
use crate::arm::roles::{DataRole, Grant};
use crate::cli::commands::{database::PATIENCE, grant};
use crate::cosmos::partition_key::PartitionKey;
use crate::cosmos::query::{Across, Query};
use crate::cosmos::{self, Paging, items, query};
use crate::error::Error;
use crate::exchange::poll::Watch;
use crate::name::Name;

/// The item the tour writes.
const ITEM: &str = r#"{"id":"1","pk":"pkey","note":"hello","big":9007199254740993}"#;

impl Tour<'_> {
    pub(super) fn who(&mut self) -> Result<(), Error> {
        self.session.machine().map(|_| ())
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
        self.made_database = true;
        self.started = Some(self.session.run(&call)?.value);
        Ok(())
    }

    pub(super) fn follow(&mut self) -> Result<(), Error> {
        let Some(started) = self.started.take() else {
            return Ok(());
        };
        let show = arm::databases::show(&self.arm, &self.database);
        self.wait(&started, &|| self.session.is_there(&show), "the database")
    }

    pub(super) fn create_container(&mut self) -> Result<(), Error> {
        let definition = Definition {
            paths: vec!["/pk".into()],
            ..Definition::default()
        };
        let (database, name) = (&self.database, &self.container);
        let call = arm::containers::create(&self.arm, database, name, &definition, None);
        let started = self.session.run(&call)?.value;
        let show = arm::containers::show(&self.arm, database, name);
        self.wait(&started, &|| self.session.is_there(&show), "the container")
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

    pub(super) fn create_item(&mut self) -> Result<(), Error> {
        let item = RawValue::from_string(ITEM.into()).map_err(|e| Error::Local(e.to_string()))?;
        let call = items::create(&self.place(), &PartitionKey::from_text("pkey"), &item);
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
                "The read cost {read:.2} RU, the query {query:.2} RU: whoever knows id and key should read."
            )),
            _ => Some("This service does not say what requests cost.".into()),
        };
        Ok(())
    }

    pub(super) fn clean_up(&mut self) -> Result<(), Error> {
        if let Some(grant) = self.made_grant.take() {
            let started = self
                .session
                .run(&arm::roles::revoke(&self.arm, &grant))?
                .value;
            let show = arm::roles::show(&self.arm, &grant.guid(&self.arm))?;
            self.wait(
                &started,
                &|| self.session.is_there(&show).map(|there| !there),
                "the revocation",
            )?;
        }
        if self.made_database {
            let started = self
                .session
                .run(&arm::databases::delete(&self.arm, &self.database))?
                .value;
            let show = arm::databases::show(&self.arm, &self.database);
            self.wait(
                &started,
                &|| self.session.is_there(&show).map(|there| !there),
                "the deletion",
            )?;
            self.made_database = false;
        }
        Ok(())
    }

    /// After a failure: what was made goes, and what cannot be deleted is named.
    pub(super) fn leave_nothing(&mut self) {
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
        let limit = PATIENCE;
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
