//! The account key: a text, its HMAC, a header. One function each.
//!
//! <https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources#constructkeytoken>

use base64::prelude::*;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::error::Error;
use crate::name::{Secret, percent_encode};

/// The primary or secondary key of an account.
#[derive(Clone)]
pub struct MasterKey {
    /// The key has gone into it: that is half the work of a signature.
    begun: Hmac<Sha256>,
    text: Secret,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

impl MasterKey {
    /// Reads the base64 text the portal shows.
    pub fn new(text: &str) -> Result<MasterKey, Error> {
        let text = text.trim();
        let bytes = BASE64_STANDARD.decode(text).ok();
        let bytes = bytes.filter(|bytes| !bytes.is_empty());
        let begun = bytes.and_then(|bytes| Hmac::new_from_slice(&bytes).ok());
        let begun = begun.ok_or_else(|| {
            Error::usage(
                "the account key is not base64; a connection string holds it after AccountKey=",
            )
        })?;
        Ok(MasterKey {
            begun,
            text: Secret::new("key", text),
        })
    }

    /// The text, for masking.
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    /// The value of `Authorization` for one request. `date` is the value of `x-ms-date`, in its normal case.
    ///
    /// ```
    /// use rawcosmos::authorize::master_key::MasterKey;
    /// let key = "dsZQi3KtZmCv1ljt3VNWNm7sQUF1y5rJfC6kv5JiwvW0EndXdDku/dkKBp8/ufDToSxLzR4y+O/0H/t4bQtVNw==";
    /// let header = MasterKey::new(key).unwrap().authorization(
    ///     "GET", "dbs", "dbs/ToDoList", "Thu, 27 Apr 2017 00:51:12 GMT",
    /// );
    /// assert_eq!(
    ///     header.expose(),
    ///     "type%3Dmaster%26ver%3D1.0%26sig%3Dc09PEVJrgp2uQRkr934kFbTqhByc7TVr3OHyqlu%2Bc%2Bc%3D"
    /// );
    /// ```
    pub fn authorization(&self, method: &str, kind: &str, link: &str, date: &str) -> Secret {
        header(&self.signature(&text_to_sign(method, kind, link, date)))
    }

    /// HMAC-SHA256 of the text under the decoded key, in base64.
    pub fn signature(&self, text: &str) -> String {
        let mut mac = self.begun.clone();
        mac.update(text.as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// The text that is signed: verb, type and date in lower case, the link as it is, and five line ends.
///
/// The fifth line holds the `Date` header of callers that send no `x-ms-date`: here it is always empty.
pub fn text_to_sign(method: &str, kind: &str, link: &str, date: &str) -> String {
    let mut text = [method, "\n", kind, "\n", link, "\n", date, "\n\n"].concat();
    let before_link = method.len() + kind.len() + 2;
    for part in [0..before_link, before_link + link.len()..text.len()] {
        if let Some(part) = text.get_mut(part) {
            part.make_ascii_lowercase();
        }
    }
    text
}

/// The header. It must be encoded: a signature holds `+`, `/` and `=`.
pub fn header(signature: &str) -> Secret {
    const SCHEME: &str = "type%3Dmaster%26ver%3D1.0%26sig%3D";
    let value = SCHEME.to_string() + &percent_encode(signature);
    Secret::behind(SCHEME, value, &Secret::new("signature", signature))
}
