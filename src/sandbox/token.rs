//! Access tokens that look like the real ones and say that they are not.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The key every sandbox signs with: public, because nothing real accepts it.
const SIGNING_KEY: &[u8] = b"rawcosmos sandbox: worth nothing outside of loopback";
/// What a decoded header shows to somebody who mistakes the token for a real one.
const KEY_ID: &str = "rawcosmos-sandbox-not-a-real-token";

/// What a token says about its bearer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// The `resource` that was asked for, verbatim.
    pub aud: String,
    /// Object id of the identity.
    pub oid: String,
    /// Client id of the identity.
    pub appid: String,
    /// Tenant id.
    pub tid: String,
    /// Epoch seconds of the issue.
    pub iat: i64,
    /// Epoch seconds before which it is not valid.
    pub nbf: i64,
    /// Epoch seconds from which it is not valid.
    pub exp: i64,
    /// ARM id of the identity: of the machine for the one it was born with.
    pub xms_mirid: String,
    /// ARM id of the machine, for a user-assigned identity only.
    pub xms_az_rid: Option<String>,
}

/// Writes and signs a token.
pub fn mint(claims: &Claims) -> String {
    let header = json!({"typ": "JWT", "alg": "HS256", "kid": KEY_ID});
    let signed = format!("{}.{}", encode(&header), encode(&payload(claims)));
    let signature = URL_SAFE_NO_PAD.encode(signature(&signed).finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// What a token says if a sandbox signed it; times and audience are the caller's to judge.
pub fn verify(token: &str) -> Option<Claims> {
    let (signed, mac) = token.rsplit_once('.')?;
    let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
    signature(signed).verify_slice(&mac).ok()?;
    let (_, body) = signed.split_once('.')?;
    let body = URL_SAFE_NO_PAD.decode(body).ok()?;
    read(&serde_json::from_slice(&body).ok()?)
}

fn payload(claims: &Claims) -> Value {
    let issuer = format!("https://sts.windows.net/{}/", claims.tid);
    let mut payload = json!({
        "aud": claims.aud, "iss": issuer, "iat": claims.iat, "nbf": claims.nbf, "exp": claims.exp,
        "aio": "sandbox", "appid": claims.appid, "appidacr": "2", "idp": issuer, "idtyp": "app",
        "oid": claims.oid, "rh": "sandbox", "sub": claims.oid, "tid": claims.tid, "uti": "sandbox",
        "ver": "1.0", "xms_mirid": claims.xms_mirid,
    });
    if let (Some(machine), Some(members)) = (&claims.xms_az_rid, payload.as_object_mut()) {
        members.insert("xms_az_rid".to_owned(), json!(machine));
    }
    payload
}

fn read(payload: &Value) -> Option<Claims> {
    let text = |name: &str| payload.get(name)?.as_str().map(str::to_owned);
    let time = |name: &str| payload.get(name)?.as_i64();
    Some(Claims {
        aud: text("aud")?,
        oid: text("oid")?,
        appid: text("appid")?,
        tid: text("tid")?,
        iat: time("iat")?,
        nbf: time("nbf")?,
        exp: time("exp")?,
        xms_mirid: text("xms_mirid")?,
        xms_az_rid: text("xms_az_rid"),
    })
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// HMAC takes a key of any length, so there is always a result to start from.
fn signature(signed: &str) -> Hmac<Sha256> {
    use hmac::digest::KeyInit;
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (place, byte) in block.iter_mut().zip(SIGNING_KEY) {
        *place = *byte;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block);
    mac.update(signed.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;

    fn claims() -> Claims {
        Claims {
            aud: "https://cosmos.azure.com".into(),
            oid: "aaaaaaaa-bbbb-cccc-1111-222222222222".into(),
            iat: 1_760_000_000,
            nbf: 1_760_000_000,
            exp: 1_760_086_700,
            ..Claims::default()
        }
    }

    #[test]
    fn what_is_minted_is_read_back() {
        assert_eq!(verify(&mint(&claims())), Some(claims()));
        let user = Claims {
            xms_az_rid: Some("/subscriptions/s".into()),
            ..claims()
        };
        assert_eq!(verify(&mint(&user)), Some(user));
    }

    #[test]
    fn the_header_says_that_it_is_not_real() {
        let token = mint(&claims());
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap());
        let header = String::from_utf8(header.unwrap()).unwrap();
        assert!(header.contains("not-a-real-token"), "{header}");
    }

    #[test]
    fn tampered_and_foreign_tokens_are_refused() {
        let token = mint(&claims());
        let parts: Vec<&str> = token.split('.').collect();
        let other = payload(&Claims {
            oid: "somebody else".into(),
            ..claims()
        });
        let tampered = format!("{}.{}.{}", parts[0], encode(&other), parts[2]);
        assert_eq!(verify(&tampered), None);
        let foreign = format!("{}.{}.bm90LWEtc2lnbmF0dXJl", parts[0], parts[1]);
        assert_eq!(verify(&foreign), None);
        for text in [
            "",
            ".",
            "..",
            "a.b.c",
            &format!("{}.{}", parts[0], parts[1]),
        ] {
            assert_eq!(verify(text), None, "{text}");
        }
    }
}
