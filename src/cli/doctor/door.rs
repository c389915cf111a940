//! What ARM and the account answer to somebody who does not say who it is: that they are there, and what time it is.

use super::Doctor;
use crate::error::{Broken, Error, Failure, Plane};
use crate::exchange::Credential;
use crate::message::{Call, Effect, Request, Response, Scope};

/// An answer to a bare question.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// The sender's clock.
    pub date: Option<String>,
    /// How it was refused.
    pub failure: Option<Failure>,
}

impl Doctor<'_, '_> {
    /// The data plane's.
    pub fn account_door(&self) -> Result<&Door, Error> {
        let endpoint = self.session.account()?.endpoint().clone();
        self.door(0, Plane::Data, endpoint.as_str())
    }

    /// ARM's.
    pub fn arm_door(&self) -> Result<&Door, Error> {
        let endpoint = self.session.arm()?;
        self.door(1, Plane::Arm, endpoint.as_str())
    }

    /// The data plane's, if it was asked for.
    pub fn account_refused(&self) -> Option<&Failure> {
        let [account, _] = &self.doors;
        account.get()?.as_ref().ok()?.failure.as_ref()
    }

    fn door(&self, which: usize, plane: Plane, endpoint: &str) -> Result<&Door, Error> {
        let Some(cell) = self.doors.get(which) else {
            return Err(Error::Local("there are two doors".into()));
        };
        let asked = cell.get_or_init(|| self.ask(plane, endpoint));
        asked.as_ref().map_err(|e| Error::Transport(e.clone()))
    }

    fn ask(&self, plane: Plane, endpoint: &str) -> Result<Door, Broken> {
        let request = Request::new(plane, "GET", format!("{endpoint}/"));
        let call = Call {
            request,
            scope: Scope::Open,
            action: "",
            effect: Effect::Read,
            read: date,
        };
        match self.session.client.run(&call) {
            Ok(answer) => Ok(Door {
                date: answer.value,
                failure: None,
            }),
            Err(Error::Status(failure)) => Ok(Door {
                date: failure.date.clone(),
                failure: Some(*failure),
            }),
            Err(Error::Transport(broken)) => Err(broken),
            Err(_) => Ok(Door::default()),
        }
    }

    /// Why ARM is not asked; `None` where it is.
    pub fn without_arm(&self) -> Option<String> {
        let token = match self.session.client.credential() {
            Credential::Identity { .. } => return None,
            Credential::Key(_) => {
                return Some("the account key is in use, which ARM does not take".into());
            }
            Credential::Token(token) => token,
        };
        let claims = token.claims()?;
        let audience = claims.text("aud")?;
        let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
        let arm = self.session.client.audiences().arm;
        let is_arms = bare(audience) == bare(&arm) || audience.contains("://management.");
        (!is_arms && audience.contains("://"))
            .then(|| format!("the ready token is for {audience}, which ARM does not take"))
    }
}

/// The time an answer came, by its sender.
pub fn date(response: &Response) -> Result<Option<String>, Error> {
    Ok(response.header("date").map(str::to_string))
}
