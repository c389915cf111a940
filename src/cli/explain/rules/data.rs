//! What the data plane says no to.

use super::{Rule, data};

const THROUGH_ARM: &str = "a token reads and writes items on the data plane; databases, containers and throughput are made and changed through ARM";

const NEW_DATABASE: &[&str] = &[
    "rawcosmos database create -n {database}[ -a {account}][ -g {group}]",
    "az cosmosdb sql database create -a {account} -g {group} -n {database}",
];

const NEW_CONTAINER: &[&str] = &[
    "rawcosmos container create -d {database} -n {container} -p /PATH[ -a {account}][ -g {group}]",
    "az cosmosdb sql container create -a {account} -g {group} -d {database} -n {container} -p /PATH",
];

const DATABASE_BY_TOKEN: Rule = Rule::new(
    data(&[403]).says(&["/sqldatabases/write]", "[post /dbs]"]),
    "databases cannot be created on the data plane with a token",
)
.why(THROUGH_ARM)
.note("no data role allows this, whatever action the message names")
.fix(NEW_DATABASE);

const CONTAINER_BY_TOKEN: Rule = Rule::new(
    data(&[403]).says(&["/containers/write]", "/colls] cannot be authorized"]),
    "containers cannot be created on the data plane with a token",
)
.fix(NEW_CONTAINER)
.why(THROUGH_ARM)
.note("no data role allows this, whatever action the message names");

const BY_TOKEN: Rule = Rule::new(
    data(&[403]).sub(&[5300]),
    "this cannot be done on the data plane with a token",
)
.why(THROUGH_ARM)
.note("for items and queries it can also mean that a new data role does not work yet: try again in some minutes");

const NO_DATA_ROLE: Rule = Rule::new(
    data(&[403]).sub(&[5301, 5302, 5303]),
    "not allowed to {deed}",
)
.why("the data plane knows you, but no Cosmos DB data role covers this action")
.who()
.need("{action}[ on {resource}]")
.note("Azure roles such as Owner or Cosmos DB Operator do not grant this; a new role takes up to some minutes to work")
.fix(&[
    "rawcosmos grant --role data-contributor --scope {scope}[ -a {account}][ -g {group}]",
    "az cosmosdb sql role assignment create -a {account} -g {group} --principal-id {principal} --role-definition-id 00000000-0000-0000-0000-000000000002 --scope {scope}",
]);

const FIREWALL: Rule = Rule::new(
    data(&[403]).says(&["originated from", "firewall"]),
    "the account's firewall blocks this machine",
)
.why("the account's network rules do not admit the address the request came from[: {ip}]")
.note("the command replaces the list of addresses, so name all of them; a change takes up to 15 minutes. From inside a virtual network, a private endpoint is the other way")
.fix(&["az cosmosdb update -n {account} -g {group} --ip-range-filter {ip}"]);

const PRIVATE: Rule = Rule::new(
    data(&[403]).says(&["service/private endpoint"]),
    "the account does not admit this machine over the internet",
)
.why("it is open to private endpoints alone, or to networks that this machine is not in[: {ip}]")
.note("inside such a network the account's name has a private address: without its private DNS zone linked there it has the public one")
.fix(&[
    "az network private-endpoint-connection list --id {armscope} -o table",
    "az cosmosdb update -n {account} -g {group} --public-network-access ENABLED",
]);

const PERIMETER: Rule = Rule::new(
    data(&[403]).sub(&[5307, 5308, 5309, 5310, 5311, 5312, 5313]),
    "a network security perimeter blocks this machine",
)
.why("the account is in a perimeter whose rules do not admit this address or identity[: {ip}]")
.note("an administrator adds an inbound rule to the perimeter's profile; a private endpoint is the other way")
.fix(&["az network perimeter profile access-rule create -n rawcosmos --perimeter-name PERIMETER --profile-name PROFILE -g PERIMETER-GROUP --address-prefixes {ip}/32"]);

const METADATA_LOCKED: Rule = Rule::new(
    data(&[403]).says(&["resource 'dbs' is not allowed through"]),
    "the account lets nobody change databases and containers on the data plane",
)
.why("disableKeyBasedMetadataWriteAccess is set: such changes go through ARM, with a token")
.fix(NEW_DATABASE);

const CLOCK: Rule = Rule::new(
    data(&[403]).says(&["not valid at the current time"]),
    "this machine's clock is wrong",
)
.why("a signature is good for some minutes around the time it names, by the service's clock[, which said {date}][; here it is {now}]")
.fix(&["sudo timedatectl set-ntp true", "sudo chronyc makestep"]);

const DAMAGED: Rule = Rule::new(
    data(&[401]).sub(&[5001, 5003, 5004, 5200]),
    "this is no token the data plane can read",
)
.note("--token-file wants the access token alone, on one line, without Bearer; one for a managed identity comes by itself");

const UNDATED: Rule = Rule::new(
    data(&[401]).says(&["mandates date", "date header"]),
    "the request's date did not arrive",
)
.why("every request has x-ms-date: something on the way took it out or changed it")
.note("compare what is sent with --trace=headers");

const KEYS_OFF: Rule = Rule::new(
    data(&[401]).sub(&[5202, 5203]),
    "account keys are switched off here",
)
.why("the account has disableLocalAuth set: it takes tokens only")
.note("leave out --key-file: a managed identity is the default, and needs a data role")
.fix(&["rawcosmos grant --role data-contributor --scope {scope}[ -a {account}][ -g {group}]"]);

const AUDIENCE: Rule = Rule::new(data(&[401]).sub(&[5008]), "the token is for another audience")
    .why("[the token is for {intended}; ]the account accepts {accepted}")
    .note("a trailing slash is enough to be refused; --token-file needs a token for the data plane, not for ARM")
    .fix(&["rawcosmos token --plane data"]);

const MAKE_DATABASE: &[&str] = &[
    "rawcosmos database create -n {database}[ -a {account}][ -g {group}]",
    "rawcosmos database list[ -a {account}][ -g {group}]",
];

const MAKE_CONTAINER: &[&str] = &[
    "rawcosmos container list -d {database}[ -a {account}][ -g {group}]",
    "rawcosmos container create -d {database} -n {container} -p /PATH[ -a {account}][ -g {group}]",
];

const MISSING_PARENT: Rule = Rule::new(
    data(&[404]).says(&["owner resource does not exist"]),
    "there is no such database or container",
)
.why("the request was for something in {resource}")
.fix(MAKE_CONTAINER);

const ACROSS: Rule = Rule::new(data(&[400]).sub(&[1004]), "the service cannot run this query across partitions")
    .why("TOP, ORDER BY, DISTINCT, OFFSET, GROUP BY and aggregates over several partitions are the client's work")
    .note("rawcosmos query does that work, but not page by page with --one-page or --continuation; within one partition key (-k) every query runs")
    .fix(&["rawcosmos query -d {database} -c {container} -k KEY SQL"]);

pub(super) const THROUGHPUT_OF_CONTAINER: &str =
    "rawcosmos throughput show -d {database} -c {container}[ -a {account}][ -g {group}]";

const THROUGHPUT: &[&str] = &[
    THROUGHPUT_OF_CONTAINER,
    "az cosmosdb sql container throughput show -d {database} -n {container} -a {account} -g {group}",
];
pub(super) const RULES: &[Rule] = &[
    CONTAINER_BY_TOKEN,
    DATABASE_BY_TOKEN,
    Rule::new(
        data(&[403]).says(&["/offers", "throughputsettings/"]),
        "throughput cannot be read or changed on the data plane with a token",
    )
    .why(THROUGH_ARM)
    .fix(THROUGHPUT),
    BY_TOKEN.on(data(&[403]).says(&["/sqldatabases/delete]", "/containers/delete]"])),
    BY_TOKEN,
    NO_DATA_ROLE,
    NO_DATA_ROLE.on(data(&[403]).says(&["rbac permissions"])),
    PERIMETER,
    PERIMETER.on(data(&[403]).says(&["security perimeter"])),
    Rule::new(
        data(&[403]).says(&["client vnet", "through service endpoint", "through private endpoint"]),
        "the account does not admit this virtual network",
    )
    .why("the request came from a virtual network, and the account's rules do not name its subnet or endpoint")
    .note("a change takes up to 15 minutes")
    .fix(&["az cosmosdb network-rule add -n {account} -g {group} --virtual-network VNET --subnet SUBNET"]),
    PRIVATE,
    FIREWALL,
    METADATA_LOCKED,
    METADATA_LOCKED
        .on(data(&[403]).says(&["is not allowed through azure cosmos db endpoint"]))
        .fix(NEW_CONTAINER),
    CLOCK,
    Rule::new(data(&[403]).sub(&[1014]), "the logical partition is full")
        .why("items with the same partition key may take 20 GB together"),
    Rule::new(data(&[403]).sub(&[3, 1008]), "this region does not take the request")
        .why("it is not, or not any more, the one that writes for the account")
        .note("an endpoint without a region's name, https://ACCOUNT.documents.azure.com, leads to the right one")
        .fix(&["az cosmosdb show -n {account} -g {group} --query writeLocations"]),
    Rule::new(data(&[403]).sub(&[1010, 1028]), "the throughput that may be given out is used up")
        .why("the account or the database has a limit on what all its containers have together"),
    Rule::new(data(&[403]).sub(&[5304, 5305, 5306, 5400]), "the data plane could not check the role")
        .note("run it again; if it stays so, the activity id is for support"),
    KEYS_OFF,
    KEYS_OFF.on(data(&[401]).says(&["local authorization is disabled"])),
    AUDIENCE,
    AUDIENCE.on(data(&[401]).says(&["accepts tokens intended for"])),
    AUDIENCE.on(data(&[401]).sub(&[5009])),
    DAMAGED,
    UNDATED,
    Rule::new(data(&[401]).sub(&[5000]), "the request's authorization did not arrive")
        .why("something on the way took the header out"),
    Rule::new(data(&[401]).sub(&[5002]), "the account takes no tokens")
        .note("--key-file signs with the account key instead"),
    Rule::new(data(&[401]).sub(&[5010, 5201]), "the service could not look up who asks")
        .note("run it again in a minute"),
    Rule::new(data(&[401]).sub(&[5011]), "the token does not say whose it is")
        .why("roles are looked up by the claim oid, and the token has none")
        .fix(&["rawcosmos whoami"]),
    Rule::new(data(&[401]).sub(&[5013]), "the token was revoked")
        .why("the identity was disabled or changed, and a new token did not help or could not be had")
        .fix(&["rawcosmos token --plane data"]),
    Rule::new(data(&[401]).sub(&[5005]), "the token is not valid yet")
        .why("the service's clock[, which said {date},] is behind the one that made the token, or this token is for later[; here it is {now}]")
        .fix(&["rawcosmos token --plane data"]),
    Rule::new(data(&[401]).sub(&[5006]), "the token has expired")
        .why("a token lasts about a day, one from --token-file often an hour; the service's clock decides[, and it said {date}][; here it is {now}]")
        .fix(&["rawcosmos token --plane data"]),
    Rule::new(data(&[401]).sub(&[5007]), "the token is from another tenant")
        .why("an account takes tokens of its subscription's tenant only")
        .fix(&["rawcosmos token --plane data", "az account show --query tenantId -o tsv"]),
    Rule::new(
        data(&[401]).says(&["payload to sign", "mac signature", "expected payload is built"]),
        "the signature does not fit",
    )
    .why("the key is not this account's, or is an old one, or something on the way changed the request")
    .note("the service signed {payload}: compare with --trace")
    .fix(&[
        "(umask 077 && rawcosmos account keys -n {account} --kind primary --raw[ -g {group}] > key)",
        "(umask 077 && az cosmosdb keys list -n {account} -g {group} --query primaryMasterKey -o tsv > key)",
    ]),
    Rule::new(data(&[401]), "the data plane accepts neither the token nor the key")
        .fix(&["rawcosmos token --plane data"]),
    Rule::new(data(&[404]).sub(&[1013]), "the container is still being made")
        .note("run it again in some seconds"),
    Rule::new(data(&[404]).at("/dbs/*/colls$"), "there is no such database")
        .fix(MAKE_DATABASE),
    MISSING_PARENT,
    MISSING_PARENT.on(data(&[404]).sub(&[1003])),
    Rule::new(data(&[404]).sub(&[1002]), "who was asked has not seen the write of this session yet")
        .why("the session token is ahead of the region that answered, and stayed so until we gave up")
        .note("run it again; without --session-token the answer may be older than that write"),
    Rule::new(data(&[404]).at("/docs/"), "there is no such item")
        .why("an item is found by its id and its partition key together, and both by exact spelling")
        .fix(&["rawcosmos query -d {database} -c {container} 'SELECT c.id FROM c'"]),
    Rule::new(data(&[404]).at("/colls"), "there is no such container").fix(MAKE_CONTAINER),
    Rule::new(data(&[404]).at("/dbs"), "there is no such database").fix(MAKE_DATABASE),
    Rule::new(data(&[409]).sub(&[3301]), "an item with the same unique key exists already")
        .why("the container's unique key policy allows each value once per partition key"),
    Rule::new(data(&[409]).sub(&[1006]), "the account is being changed")
        .note("run it again in some minutes"),
    Rule::new(data(&[409]).at("/docs"), "an item with this id exists already")
        .why("an id is there once per partition key; a unique key of the container may be the other reason")
        .note("item upsert and item replace overwrite it"),
    Rule::new(data(&[409]), "it exists already").note("--if-not-exists accepts that"),
    Rule::new(data(&[412]).sub(&[1110]), "the condition of the patch does not hold"),
    Rule::new(data(&[412]), "somebody changed it meanwhile")
        .why("its ETag is no longer the one that was given with --if-match")
        .note("read it again, make the change again, and send that with the new ETag"),
    Rule::new(data(&[400]).sub(&[1001]), "the partition key does not fit the item or the container")
        .why("the key that was sent, the item's own value and the container's definition must agree")
        .note("the header is x-ms-documentdb-partitionkey and holds a JSON array of values, not the name of the key")
        .fix(&["rawcosmos container show -d {database} -n {container}[ -a {account}][ -g {group}]"]),
    ACROSS,
    ACROSS.on(data(&[400]).says(&["cross partition query", "cross-partition query"])),
    Rule::new(data(&[400]).sub(&[1024]), "the container was deleted and made again meanwhile")
        .note("run it again: what was known of the old one is of no use"),
    Rule::new(data(&[400]).sub(&[1013]), "a container needs a partition key")
        .fix(NEW_CONTAINER),
    Rule::new(data(&[400]).says(&["syntax error", "sc10", "sc20", "sc30"]), "the service does not understand the query")
        .note("members are named from the alias: c.name; texts stand in '…' or \"…\"; characters are counted from 0"),
    Rule::new(data(&[400]).says(&["continuation"]), "the continuation does not fit")
        .why("it belongs to another query, key or container, or is not as the service gave it")
        .note("without --continuation the list begins anew"),
    Rule::new(data(&[400]).says(&["required properties - 'id"]), "the item has no id")
        .why("an item needs the member id: a text of up to 1023 bytes"),
    Rule::new(data(&[400]).says(&["request too long", "request headers is too long"]), "the request's headers are too long")
        .why("token, partition key and continuation are headers; the web server takes 16 KB of them together")
        .note("a smaller --page-size makes shorter continuations"),
];
