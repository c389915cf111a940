//! A line for every command, and every way to look at it.

use super::Run;

/// One line for every command that talks to a service, with what it needs.
#[rustfmt::skip]
pub const CONVERSATIONS: &[&str] = &[
    "token", "whoami", "database create -n canary", "database show -n shop", "database list",
    "container create -d shop -n canary -p /pk", "container show -d shop -n orders", "container list -d shop",
    "account list", "account show", "account exists", "account keys", "account create -n canary --location westus --if-not-exists --no-wait",
    "group show", "group create --location westus --if-not-exists", "container update -d shop -n canary --ttl 60",
    "throughput show -d shop -c canary", "throughput update -d shop -c canary --throughput 500 -y", "throughput migrate -d shop -c canary --to autoscale -y",
    "role list", "role definitions",
    "grant --role data-contributor --wait 0", "item create -d shop -c orders -b '{\"id\":\"1\",\"pk\":\"a\"}'",
    "item upsert -d shop -c orders -b '{\"id\":\"1\",\"pk\":\"a\"}' -k a", "item read -d shop -c orders -i 1 -k a",
    "item replace -d shop -c orders -b '{\"id\":\"1\",\"pk\":\"a\"}'", "query 'SELECT * FROM c' -d shop -c orders",
    "item patch -d shop -c orders -i 1 -k a --set /n=1", "item batch -d shop -c orders -k a -b '[{\"operationType\":\"Read\",\"id\":\"1\"}]'",
    "import -d shop -c orders --mode upsert fixtures/data-plane/items.ndjson", "export - -d shop -c orders",
    "item read -d shop -c orders -i 1 -i 2 -k a", "changes -d shop -c orders", "ranges -d shop -c orders",
    "procedure execute -d shop -c orders -n canary -k a", "api data GET /dbs/shop/colls", "api arm GET /subscriptions/{subscription}/providers/x",
    "item delete -d shop -c orders -i 1 -k a", "doctor -d shop -c orders --probe-write",
    "container delete -d shop -n canary -y", "database delete -n canary -y",
    "account delete -n canary -y --no-wait", "group delete -n canary -y --no-wait",
];

/// The commands that take no view, or are about no service.
pub const OTHERS: &[&str] = &[
    "explain 403/5301",
    "completions bash",
    "man",
    "tour --live -y -d toured -c toured",
    "tour --live -y -d toured -c toured --format html",
    "sandbox run -- /usr/bin/env",
];

/// Lasts until it is ended, and has no secrets but its own.
pub const LASTING: &str = "sandbox start";

/// Views of a conversation.
pub const VIEWS: &[&str] = &[
    "-o json --trace=headers -v",
    "-o ndjson --trace=body --explain",
    "-o table --trace=json",
    "-o csv --curl",
    "-o tsv --trace=url -v",
    "-o raw --explain",
    "-o none --trace --explain --curl -v",
    "-o json --dry-run --trace=body --curl",
    "-o json --dry-run",
];

/// With one service in the place of all.
pub fn toward(origin: &str, run: Run) -> Run {
    run.env("RAWCOSMOS_IMDS_ENDPOINT", origin)
        .env("RAWCOSMOS_ARM_ENDPOINT", origin)
        .env("RAWCOSMOS_ENDPOINT", origin)
        .env("RAWCOSMOS_SUBSCRIPTION", "s")
        .env("RAWCOSMOS_RESOURCE_GROUP", "g")
        .env("RAWCOSMOS_ACCOUNT_NAME", "a")
}
