//! The metadata service of a virtual machine: plain HTTP on a link-local address that never leaves the host.
//!
//! <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use super::{Selector, Token, read_token};
use crate::message::{Call, Effect, Plane, Request, Scope};
use crate::name::{Endpoint, percent_encode};

/// Where every virtual machine finds it.
pub const ADDRESS: &str = "http://169.254.169.254";

/// The first version that knows tokens, and the only one that container instances know.
pub const VERSION: &str = "2018-02-01";

/// What it calls client id, object id and resource id. Container instances and Arc's agent know no other spelling of
/// the last.
pub(super) const NAMES: [&str; 3] = ["client_id", "object_id", "msi_res_id"];

/// `GET /metadata/identity/oauth2/token`: a token for one audience.
///
/// Needs no role: being on the machine is the proof. `Metadata: true` shows that the caller set a header, which a
/// tricked browser or proxy does not. The audience becomes the token's `aud` letter by letter.
///
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#get-a-token-using-http>
pub fn token(endpoint: &Endpoint, audience: &str, selector: &Selector) -> Call<Token> {
    let resource = percent_encode(audience);
    let selected = selector.parameter(NAMES);
    let url = format!(
        "{endpoint}/metadata/identity/oauth2/token?api-version={VERSION}&resource={resource}{selected}"
    );
    Call {
        request: Request::new(Plane::Identity, "GET", url).header("metadata", "true"),
        scope: Scope::Open,
        action: "",
        effect: Effect::Read,
        read: read_token,
    }
}
