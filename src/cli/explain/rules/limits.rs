//! What the data plane has no time, no room or no units for.

use super::data::THROUGHPUT_OF_CONTAINER;
use super::{Rule, data};

const UNITS: Rule = Rule::new(data(&[429]), "too many requests for the throughput there is")
    .why("the container or database has used up its request units for this second, again and again")
    .fix(&[
        THROUGHPUT_OF_CONTAINER,
        "rawcosmos throughput update -d {database} -c {container} --throughput RU[ -a {account}][ -g {group}]",
        "az cosmosdb sql container throughput update -a {account} -g {group} -d {database} -n {container} --throughput RU",
    ]);

const METADATA_UNITS: Rule = Rule::new(
    data(&[429]).sub(&[3210]),
    "databases and containers are asked for or changed too often",
)
.why("that has a small budget of its own in each account, which no throughput makes larger")
.note("name database, container and key instead of listing them; wait a minute and go slower");

const GONE: Rule = Rule::new(data(&[410]), "the partition was moving, again and again")
    .note("nothing is lost: run it again in a minute");

pub(super) const RULES: &[Rule] = &[
    Rule::new(data(&[408]), "the service did not get it done in time")
        .note("a query that names a partition key (-k) has less to do"),
    GONE.on(data(&[410]).sub(&[1000]))
        .note("the container was perhaps deleted and made again: run it again"),
    GONE,
    Rule::new(data(&[413]).sub(&[3401, 3402]), "the batch is too large")
        .why("a batch may have 2 MB and 100 operations, its answer as much"),
    Rule::new(data(&[413]), "too large")
        .why("an item may have 2 MB as JSON, a batch 2 MB and 100 operations"),
    Rule::new(
        data(&[429]).sub(&[3204, 3213]),
        "a limit of the account that waiting does not change",
    )
    .why("throughput cannot be lowered so far, or its buckets were changed too often"),
    METADATA_UNITS,
    Rule::new(
        data(&[429]).sub(&[3214]),
        "one partition key is asked for too often",
    )
    .why("a key has 10000 RU/s at most, whatever the container has")
    .note("more throughput does not help; a key that divides the load better does"),
    Rule::new(
        data(&[429]).sub(&[3212]),
        "the throughput bucket is used up",
    )
    .why("this kind of request has a share of the container's throughput, and no more"),
    Rule::new(
        data(&[429]).sub(&[3084, 3088, 3092, 3201]),
        "the service is busy, whatever the throughput",
    )
    .why("its gateway or the partition is overloaded, or the partition is being split")
    .note("run it again in a minute"),
    UNITS.on(data(&[429]).at("/docs")),
    METADATA_UNITS.on(data(&[429]).at("/dbs")),
    UNITS,
    Rule::new(
        data(&[449]).sub(&[5350, 5351]),
        "the service could not look up groups or roles just now",
    )
    .note("nothing was changed: it can be sent again"),
    Rule::new(
        data(&[449]),
        "the write met other writes to the same item, again and again",
    )
    .note("nothing was changed: it can be sent again"),
    Rule::new(
        data(&[503]),
        "the service is not available, again and again",
    )
    .why("a region or a partition is overloaded, moving or down; nothing was done")
    .note("run it again in some minutes"),
    Rule::new(
        data(&[500, 502, 504]),
        "the service failed, again and again",
    )
    .note("run it again; if it stays so, the activity id is for support"),
];
