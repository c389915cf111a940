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
.why("a signature is good for some minutes around the time it names, by the service's clock[, which said {date}]")
.fix(&["sudo timedatectl set-ntp true", "sudo chronyc makestep"]);

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

const MISSING_PARENT: Rule = Rule::new(
    data(&[404]).says(&["owner resource does not exist"]),
    "there is no such database or container",
)
.why("the request was for something in {resource}")
.fix(&[
    "rawcosmos container list -d {database}[ -a {account}][ -g {group}]",
    "rawcosmos container create -d {database} -n {container} -p /PATH[ -a {account}][ -g {group}]",
]);

const ACROSS: Rule = Rule::new(data(&[400]).sub(&[1004]), "the service cannot run this query across partitions")
    .why("TOP, ORDER BY, DISTINCT, OFFSET, GROUP BY and aggregates over several partitions are the client's work")
    .note("within one partition key every query runs")
    .fix(&["rawcosmos query -d {database} -c {container} -k KEY SQL"]);

const THROUGHPUT_OF_CONTAINER: &str =
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
    FIREWALL,
    FIREWALL.on(data(&[403]).sub(&[5307, 5308, 5309, 5310, 5311, 5312, 5313])),
    METADATA_LOCKED,
    METADATA_LOCKED
        .on(data(&[403]).says(&["is not allowed through azure cosmos db endpoint"]))
        .fix(NEW_CONTAINER),
    CLOCK,
    Rule::new(data(&[403]).sub(&[1014]), "the logical partition is full")
        .why("items with the same partition key may take 20 GB together"),
    KEYS_OFF,
    KEYS_OFF.on(data(&[401]).says(&["local authorization is disabled"])),
    AUDIENCE,
    AUDIENCE.on(data(&[401]).says(&["accepts tokens intended for"])),
    Rule::new(data(&[401]).sub(&[5005]), "the token is not valid yet")
        .why("the service's clock[, which said {date},] is behind the one that made the token, or this token is for later")
        .fix(&["rawcosmos token --plane data"]),
    Rule::new(data(&[401]).sub(&[5006]), "the token has expired")
        .why("a token lasts about a day, one from --token-file often an hour; the service's clock decides[, and it said {date}]")
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
    Rule::new(data(&[404]).at("/dbs/*/colls$"), "there is no such database")
        .fix(&[
            "rawcosmos database create -n {database}[ -a {account}][ -g {group}]",
            "rawcosmos database list[ -a {account}][ -g {group}]",
        ]),
    MISSING_PARENT,
    MISSING_PARENT.on(data(&[404]).sub(&[1003])),
    Rule::new(data(&[404]).sub(&[1002]), "who was asked has not seen the write of this session yet")
        .why("the session token is ahead of the region that answered, and stayed so until we gave up")
        .note("run it again; without --session-token the answer may be older than that write"),
    Rule::new(data(&[404]).at("/docs/"), "there is no such item")
        .why("an item is found by its id and its partition key together, and both by exact spelling")
        .fix(&["rawcosmos query -d {database} -c {container} 'SELECT c.id FROM c'"]),
    Rule::new(data(&[404]).at("/colls"), "there is no such container")
        .fix(&["rawcosmos container list -d {database}[ -a {account}][ -g {group}]"]),
    Rule::new(data(&[404]).at("/dbs"), "there is no such database")
        .fix(&["rawcosmos database list[ -a {account}][ -g {group}]"]),
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
    Rule::new(data(&[400]).says(&["request too long", "request headers is too long"]), "the request's headers are too long")
        .why("token, partition key and continuation are headers; the web server takes 16 KB of them together")
        .note("a smaller --page-size makes shorter continuations"),
    Rule::new(data(&[413]), "too large")
        .why("an item may have 2 MB as JSON, a batch 2 MB and 100 operations"),
    Rule::new(data(&[429]).sub(&[3204, 3213]), "a limit of the account that waiting does not change"),
    Rule::new(data(&[429]), "too many requests for the throughput there is")
        .why("the container or database has used up its request units for this second, again and again")
        .fix(&[
            THROUGHPUT_OF_CONTAINER,
            "rawcosmos throughput update -d {database} -c {container} --throughput RU[ -a {account}][ -g {group}]",
            "az cosmosdb sql container throughput update -a {account} -g {group} -d {database} -n {container} --throughput RU",
        ]),
    Rule::new(data(&[449]), "the write met other writes to the same item, again and again")
        .note("nothing was changed: it can be sent again"),
];
