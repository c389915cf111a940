//! The front door: who is there, which version is spoken, may they, and does the place exist.

use time::OffsetDateTime;

use super::call::Call;
use super::{Answer, accounts, errors, versions};
use crate::sandbox::http::{Request, Response};
use crate::sandbox::token::{self, Claims};
use crate::sandbox::world::World;

/// Lets a request in that carries a good token and a version.
pub(super) fn admit<'a>(
    world: &World,
    request: &'a Request,
    now: OffsetDateTime,
) -> Result<Call<'a>, Response> {
    let claims = authenticate(world, request, now).map_err(|refusal| challenge(world, refusal))?;
    let call = Call::new(request, claims, now);
    match call.query("api-version") {
        Some(version) if is_version(version) => Ok(call),
        Some(version) => Err(errors::front(
            400,
            "InvalidApiVersionParameter",
            &format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                versions::provider(world, "").join(",")
            ),
        )),
        None => Err(errors::front(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )),
    }
}

fn is_version(version: &str) -> bool {
    let date = version.get(..10).unwrap_or_default();
    let shape = |(place, letter): (usize, u8)| match place {
        4 | 7 => letter == b'-',
        _ => letter.is_ascii_digit(),
    };
    date.len() == 10
        && date.bytes().enumerate().all(shape)
        && matches!(
            version.get(10..),
            Some("" | "-preview" | "-alpha" | "-beta")
        )
}

fn authenticate(world: &World, request: &Request, now: OffsetDateTime) -> Result<Claims, Response> {
    let refuse = |code: &str, message: &str| Err(errors::front(401, code, message));
    let Some(sent) = request
        .header("Authorization")
        .map(str::trim)
        .filter(|sent| !sent.is_empty())
    else {
        return refuse(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        );
    };
    let token = match sent.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer") => token.trim(),
        _ => {
            let message = "Authentication failed. The 'Authorization' header is provided in an invalid format.";
            return refuse("AuthenticationFailedInvalidHeader", message);
        }
    };
    let now = now.unix_timestamp();
    let audiences = world.cloud.arm_audiences();
    match token::verify(token) {
        Some(claims) if !audiences.contains(&claims.aud) => refuse(
            "InvalidAuthenticationTokenAudience",
            &wrong_audience(&claims.aud, &audiences),
        ),
        Some(claims) if claims.exp <= now => {
            refuse("ExpiredAuthenticationToken", &expired(claims.exp, now))
        }
        Some(claims) if claims.nbf <= now + 300 => Ok(claims),
        _ => refuse("InvalidAuthenticationToken", "The access token is invalid."),
    }
}

fn wrong_audience(audience: &str, audiences: &[String]) -> String {
    format!(
        "The access token has been obtained for wrong audience or resource '{audience}'. \
         It should exactly match with one of the allowed audiences '{}'.",
        audiences.join("','")
    )
}

fn expired(expiry: i64, now: i64) -> String {
    format!(
        "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
        american(expiry),
        american(now)
    )
}

/// `10/23/2019 3:54:29 PM`.
fn american(epoch: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(epoch).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (month, hour) = (u8::from(time.month()), (time.hour() + 11) % 12 + 1);
    let half = if time.hour() < 12 { "AM" } else { "PM" };
    let (day, year) = (time.day(), time.year());
    format!(
        "{month}/{day}/{year} {hour}:{:02}:{:02} {half}",
        time.minute(),
        time.second()
    )
}

fn challenge(world: &World, refusal: Response) -> Response {
    let value = format!(
        "Bearer authorization_uri=\"https://login.windows.net/{}\", error=\"invalid_token\", error_description=\"The access token is missing or invalid.\"",
        world.tenant
    );
    refusal.with("WWW-Authenticate", value)
}

pub(super) fn check_subscription(world: &World, call: &Call<'_>) -> Result<(), Response> {
    check_tenant(world, call)?;
    let sent = call.name("subscriptions");
    if sent.eq_ignore_ascii_case(&world.subscription) {
        return Ok(());
    }
    Err(match is_guid(sent) {
        true => {
            let message = format!("The subscription '{sent}' could not be found.");
            errors::front(404, "SubscriptionNotFound", &message)
        }
        false => {
            let message =
                format!("The provided subscription identifier '{sent}' is malformed or invalid.");
            errors::front(400, "InvalidSubscriptionId", &message)
        }
    })
}

/// The subscription trusts one tenant; who is of another may still list their own subscriptions.
fn check_tenant(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let (sent, tenant) = (&call.claims.tid, &world.tenant);
    if sent == tenant {
        return Ok(());
    }
    let message = format!(
        "The access token is from the wrong issuer 'https://sts.windows.net/{sent}/'. It must match the tenant \
         'https://sts.windows.net/{tenant}/' associated with this subscription. Please use the authority (URL) \
         'https://login.windows.net/{tenant}' to get the token."
    );
    let refusal = errors::front(401, "InvalidAuthenticationTokenTenant", &message);
    Err(challenge(world, refusal))
}

/// Eight, four, four, four and twelve hexadecimal digits.
pub(super) fn is_guid(text: &str) -> bool {
    let shape = |(place, letter): (usize, u8)| match place {
        8 | 13 | 18 | 23 => letter == b'-',
        _ => letter.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(shape)
}

pub(super) fn check_group(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let sent = call.name("resourcegroups");
    let group = world.azure.groups.get(&sent.to_ascii_lowercase());
    match (call.method, group) {
        (_, None) => {
            let message = format!("Resource group '{sent}' could not be found.");
            Err(errors::front(404, "ResourceGroupNotFound", &message))
        }
        ("PUT" | "PATCH", Some(group)) if group.deleting => {
            let message = format!(
                "The resource group '{sent}' is in deprovisioning state and cannot perform this operation."
            );
            Err(errors::front(409, "ResourceGroupBeingDeleted", &message))
        }
        _ => Ok(()),
    }
}

/// Whether the account is there, in the group of the path; `itself` where nothing below it is asked for.
pub(super) fn check_account(world: &World, call: &Call<'_>, itself: bool) -> Result<(), Response> {
    if accounts::find(world, call).is_some() {
        return Ok(());
    }
    let (sent, group) = (call.name("databaseaccounts"), call.name("resourcegroups"));
    match (call.method, itself) {
        ("PUT" | "DELETE", true) => Ok(()),
        ("PUT", false) => {
            let message = format!(
                "Can not perform requested operation on nested resource. Parent resource '{sent}' not found."
            );
            Err(errors::front(404, "ParentResourceNotFound", &message))
        }
        _ => {
            let message = format!(
                "The Resource 'Microsoft.DocumentDB/databaseAccounts/{sent}' under resource group '{group}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix"
            );
            Err(errors::front(404, "ResourceNotFound", &message))
        }
    }
}

/// `200` with a body of the provider.
pub(super) fn ok(body: &serde_json::Value) -> Answer {
    Ok(errors::plain(200, body))
}
