//! STEP 2: a token or a key becomes headers. Pure: the time is an argument.
//!
//! The two planes use two schemes. ARM takes `Bearer`; the data plane takes a scheme of its own, percent-encoded,
//! and always a date.
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources>

pub mod master_key;

use time::macros::format_description;
use time::{OffsetDateTime, UtcOffset};

use crate::message::{Request, Scope};
use crate::name::Secret;
use master_key::MasterKey;

/// What proves who asks.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A header that was made before, for the plane of the request: most requests of a run have the same one.
    Ready(Secret),
    /// Nothing: for the identity endpoint.
    None,
    /// A token for the audience of the request's plane.
    Token(Secret),
    /// The key of the account.
    Key(MasterKey),
}

/// Adds the headers that authorize a request for its scope.
pub fn authorize(request: Request, scope: &Scope, proof: &Proof, now: OffsetDateTime) -> Request {
    match (scope, proof) {
        (Scope::Open, _) | (_, Proof::None) => request,
        (Scope::Arm, Proof::Ready(header)) => request.header("authorization", header.clone()),
        (Scope::Data { .. }, Proof::Ready(header)) => request
            .header("x-ms-date", http_date(now))
            .header("authorization", header.clone()),
        (Scope::Arm, Proof::Token(token)) => request.header("authorization", bearer(token)),
        // ARM knows no keys; it answers 401, which says so better than we could.
        (Scope::Arm, Proof::Key(_)) => request,
        (Scope::Data { .. }, Proof::Token(token)) => request
            .header("x-ms-date", http_date(now))
            .header("authorization", aad(token)),
        (Scope::Data { kind, link }, Proof::Key(key)) => {
            let date = http_date(now);
            let signature = key.authorization(request.method, kind, link, &date);
            request
                .header("x-ms-date", date)
                .header("authorization", signature)
        }
    }
}

/// `Bearer {token}`, as ARM wants it.
pub fn bearer(token: &Secret) -> Secret {
    behind("Bearer ", token)
}

/// `type=aad&ver=1.0&sig={token}`, percent-encoded, as the data plane wants it. Not `Bearer`.
///
/// A token is base64url and dots: nothing in it needs encoding.
pub fn aad(token: &Secret) -> Secret {
    behind("type%3Daad%26ver%3D1.0%26sig%3D", token)
}

fn behind(scheme: &'static str, token: &Secret) -> Secret {
    Secret::behind(scheme, [scheme, token.expose()].concat(), token)
}

/// A moment as HTTP writes it: `Tue, 01 Nov 1994 08:12:31 GMT`. English and in GMT wherever it runs.
pub fn http_date(now: OffsetDateTime) -> String {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    // It fails only where a part is missing, and a moment has them all.
    now.to_offset(UtcOffset::UTC)
        .format(format)
        .unwrap_or_default()
}
