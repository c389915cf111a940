//! What authorizes a request. The header of a token is made once, and most requests have it.

use super::{Client, Credential, locked};
use crate::authorize::{Proof, aad, bearer};
use crate::error::Error;
use crate::identity::Token;
use crate::message::Scope;
use crate::name::Secret;

/// A header that was made of a token.
pub(super) struct Ready {
    token: Secret,
    /// How long it lived then.
    minutes: i64,
    /// Whether it is for the data plane.
    data: bool,
    header: Secret,
}

impl Client<'_> {
    /// What authorizes a scope: nothing, the key, or a token for the plane's audience.
    pub(super) fn proof(&self, scope: &Scope) -> Result<Proof, Error> {
        match (scope, &self.credential) {
            (Scope::Open, _) => Ok(Proof::None),
            (Scope::Arm, Credential::Key(_)) => Err(Error::usage(
                "ARM takes no account key: this needs a managed identity or a token",
            )),
            (Scope::Data { .. }, Credential::Key(key)) => Ok(Proof::Key(key.clone())),
            (Scope::Arm, _) => {
                let audience = locked(&self.audiences).arm.clone();
                Ok(self.proof_of(&self.token(&audience)?, scope))
            }
            (Scope::Data { .. }, _) => Ok(self.proof_of(&self.data_token()?, scope)),
        }
    }

    /// The header of a token, made anew once a minute: its label says how long the token lives.
    fn proof_of(&self, token: &Token, scope: &Scope) -> Proof {
        let now = self.now();
        let life = (token.expires.moment(now) - now).whole_seconds();
        let data = matches!(scope, Scope::Data { .. });
        let mut ready = locked(&self.ready);
        let known = ready.iter().find(|known| known.is_for(token, life, data));
        if let Some(known) = known {
            return Proof::Ready(known.header.clone());
        }
        let scheme = if data { aad } else { bearer };
        let header = scheme(&token.secret.living(life));
        ready.retain(|known| known.data != data);
        ready.push(Ready {
            token: token.secret.clone(),
            minutes: life / 60,
            data,
            header: header.clone(),
        });
        Proof::Ready(header)
    }
}

impl Ready {
    fn is_for(&self, token: &Token, life: i64, data: bool) -> bool {
        (self.data, self.minutes) == (data, life / 60) && self.token == token.secret
    }
}
