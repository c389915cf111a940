//! Which versions of its interface each part of ARM serves.

use super::call::Call;
use super::errors;
use crate::sandbox::http::Response;
use crate::sandbox::world::World;

/// Those of `Microsoft.DocumentDB`, oldest first.
static PROVIDER: [&str; 35] = [
    "2014-04-01",
    "2015-04-01",
    "2015-04-08",
    "2015-11-06",
    "2016-03-19",
    "2016-03-31",
    "2019-08-01",
    "2019-12-12",
    "2020-03-01",
    "2020-04-01",
    "2020-09-01",
    "2021-01-15",
    "2021-03-15",
    "2021-04-15",
    "2021-05-15",
    "2021-06-15",
    "2021-10-15",
    "2022-05-15",
    "2022-08-15",
    "2022-11-15",
    "2022-11-15-preview",
    "2023-03-15",
    "2023-04-15",
    "2023-09-15",
    "2023-11-15",
    "2024-05-15",
    "2024-08-15",
    "2024-11-15",
    "2025-04-15",
    "2025-10-15",
    "2025-11-01-preview",
    "2026-03-15",
    "2026-04-01-preview",
    "2026-07-15",
    "2026-09-01-preview",
];

/// Those of groups and of the providers themselves.
const RESOURCES: &[&str] = &[
    "2014-04-01",
    "2015-11-01",
    "2016-02-01",
    "2016-07-01",
    "2016-09-01",
    "2017-05-10",
    "2018-02-01",
    "2018-05-01",
    "2019-03-01",
    "2019-05-01",
    "2019-05-10",
    "2019-07-01",
    "2019-08-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2020-08-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-11-01",
    "2025-04-01",
];

/// Those of `Microsoft.Authorization`.
const AUTHORIZATION: &[&str] = &[
    "2014-04-01-preview",
    "2014-07-01-preview",
    "2014-10-01-preview",
    "2015-05-01-preview",
    "2015-06-01",
    "2015-07-01",
    "2016-07-01",
    "2017-05-01",
    "2017-10-01-preview",
    "2018-01-01-preview",
    "2018-07-01",
    "2018-09-01-preview",
    "2018-12-01-preview",
    "2019-04-01-preview",
    "2020-04-01-preview",
    "2020-08-01-preview",
    "2020-10-01-preview",
    "2021-04-01-preview",
    "2022-01-01-preview",
    "2022-04-01",
];

/// The newest version a cloud serves that lags behind.
const LAGGING: &str = "2023-03-15";

/// Every version that the provider has had, oldest first.
pub fn provider_versions() -> &'static [&'static str] {
    &PROVIDER
}

/// The provider's own list; roles are younger than the rest.
pub(super) fn check_provider(world: &World, call: &Call<'_>) -> Result<(), Response> {
    let words = call.words();
    let (kind, oldest) = match words.as_slice() {
        [.., "sqlroleassignments"] | [.., "sqlroleassignments", _] => {
            ("databaseAccounts/sqlRoleAssignments", "2021-04-15")
        }
        [.., "sqlroledefinitions"] | [.., "sqlroledefinitions", _] => {
            ("databaseAccounts/sqlRoleDefinitions", "2021-04-15")
        }
        [.., "sqldatabases"] | [.., "sqldatabases", _] => {
            ("databaseAccounts/sqlDatabases", "2019-08-01")
        }
        _ => ("databaseAccounts", "2014-04-01"),
    };
    unregistered(world, call, kind, &provider(world, oldest))
}

/// What the cloud has by now, from the oldest that is wanted.
pub(super) fn provider(world: &World, oldest: &str) -> Vec<&'static str> {
    let newest = match (world.azure.has("api-version-old"), world.azure.newest) {
        (true, _) => LAGGING,
        (false, Some(newest)) => newest,
        (false, None) => world.cloud.newest,
    };
    let served = |version: &&str| (oldest..=newest).contains(version);
    PROVIDER.iter().copied().filter(served).collect()
}

/// Groups, whose versions are those of ARM itself.
pub(super) fn check_resources(call: &Call<'_>) -> Result<(), Response> {
    let version = call.version();
    if RESOURCES.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The api-version '{version}' is invalid. The supported versions are '{}'.",
        RESOURCES.join(",")
    );
    Err(errors::front(400, "InvalidApiVersionParameter", &message))
}

/// Roles of Azure.
pub(super) fn check_authorization(
    world: &World,
    call: &Call<'_>,
    kind: &str,
) -> Result<(), Response> {
    unregistered(world, call, kind, AUTHORIZATION)
}

fn unregistered(
    world: &World,
    call: &Call<'_>,
    kind: &str,
    known: &[&str],
) -> Result<(), Response> {
    let place = world.cloud.location;
    let version = call.version();
    if known.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "No registered resource provider found for location '{place}' and API version '{version}' for type '{kind}'. \
         The supported api-versions are '{}'. The supported locations are '{place}'.",
        known.join(", ")
    );
    Err(errors::front(400, "NoRegisteredProviderFound", &message))
}
