//! Why each part of an exchange is there: the lines `--explain` adds.

use crate::error::Plane;

/// What a request to a plane is about.
pub fn of_plane(plane: Plane) -> &'static str {
    match plane {
        Plane::Identity => {
            "identity: the machine's metadata service says who we are. Plain HTTP that never leaves the host, no proxy, no secret"
        }
        Plane::Entra => {
            "identity: Microsoft Entra exchanges the pod's own token, which the cluster signed, for one of the identity that trusts it"
        }
        Plane::Arm => {
            "management plane (ARM): makes databases, containers and grants. Azure roles are checked; data roles do not count here"
        }
        Plane::Data => {
            "data plane: the account itself. Data roles are checked; Azure roles, even Owner, do not count here"
        }
    }
}

/// Requests: `>`; answers: `<`.
const HEADERS: &[(&str, &str, &str)] = &[
    (
        ">",
        "metadata",
        "proves that the caller chose to set a header: a tricked browser or proxy does not",
    ),
    (
        ">",
        "authorization",
        "ARM takes Bearer; the data plane takes type=aad&ver=1.0&sig=…, percent-encoded, and never Bearer",
    ),
    (
        ">",
        "x-ms-date",
        "part of what is signed, in English and GMT; accounts behind a firewall refuse a token without it",
    ),
    (
        ">",
        "x-ms-version",
        "the protocol's version; without it the service falls back to an old one",
    ),
    (
        ">",
        "x-ms-documentdb-partitionkey",
        "a JSON array in ASCII, one element a path: [\"pkey\"], never the bare value",
    ),
    (
        ">",
        "x-ms-documentdb-is-upsert",
        "makes the create replace an item that is already there",
    ),
    (
        ">",
        "x-ms-documentdb-isquery",
        "makes the POST a query instead of a new item",
    ),
    (
        ">",
        "x-ms-cosmos-is-query-plan-request",
        "asks for a plan instead of rows: what each range is to be asked, and how the answers become one",
    ),
    (
        ">",
        "x-ms-cosmos-supported-query-features",
        "what can be merged here: a query that needs anything else is refused",
    ),
    (
        ">",
        "x-ms-documentdb-query-enablecrosspartition",
        "no key is given, so every partition is asked: it costs more",
    ),
    (
        ">",
        "x-ms-documentdb-responsecontinuationtokenlimitinkb",
        "keeps the continuation small: token and continuation share the gateway's header limit",
    ),
    (
        ">",
        "x-ms-documentdb-partitionkeyrangeid",
        "one range of the container: rawcosmos ranges shows them",
    ),
    (
        ">",
        "x-ms-start-epk",
        "only a part of the range: of a prefix of a hierarchical key, as hashes",
    ),
    (
        ">",
        "x-ms-cosmos-is-batch-request",
        "makes the POST a list of operations instead of a new item",
    ),
    (">", "x-ms-cosmos-batch-atomic", "all of them or none"),
    (
        ">",
        "a-im",
        "makes the list of items one of changes, the oldest first",
    ),
    (
        ">",
        "if-modified-since",
        "only what changed after this moment",
    ),
    (
        ">",
        "x-ms-session-token",
        "as an earlier answer said: this read sees at least what that one saw",
    ),
    (
        ">",
        "x-ms-consistency-level",
        "weaker than the account's own level; a stronger one is refused",
    ),
    (
        ">",
        "prefer",
        "the answer to a write need not hold the item",
    ),
    (
        ">",
        "x-ms-cosmos-sdk-supportedcapabilities",
        "a bit map: 1 says that the caller follows merged partition key ranges",
    ),
    (
        ">",
        "x-ms-activity-id",
        "a new UUID for each request: quote it to support, even where no answer came",
    ),
    (
        ">",
        "x-ms-max-item-count",
        "the most items a page may have; a page may have fewer, even none",
    ),
    (
        ">",
        "x-ms-continuation",
        "where the next page begins, as the last answer said; opaque",
    ),
    (
        ">",
        "if-match",
        "write only if nobody else has changed the item since it was read; else 412",
    ),
    (
        ">",
        "if-none-match",
        "answer only if something has changed since; else 304 without a body",
    ),
    (
        ">",
        "content-type",
        "exactly this: application/query+json makes a query, a charset behind it is refused",
    ),
    (
        ">",
        "content-length",
        "a length is always stated; a POST without one is refused with 411",
    ),
    (
        "<",
        "azure-asyncoperation",
        "the change goes on: this URL tells how far it is. Signed, so it is sent back letter by letter",
    ),
    (
        "<",
        "location",
        "the result will be here once the operation is over",
    ),
    (
        "<",
        "x-ms-request-charge",
        "request units billed for this exchange",
    ),
    (
        "<",
        "x-ms-session-token",
        "sent back with the next read, that read sees this write",
    ),
    ("<", "x-ms-activity-id", "quote this to support"),
    ("<", "x-ms-request-id", "quote this to support"),
    (
        "<",
        "etag",
        "changes with every write; send it as If-Match to write only what you have seen",
    ),
    (
        "<",
        "x-ms-continuation",
        "there is more: the next page begins here, even if this one is empty",
    ),
    (
        "<",
        "x-ms-substatus",
        "tells refusals with the same status apart",
    ),
    (
        "<",
        "x-ms-retry-after-ms",
        "how long to wait before asking again",
    ),
    (
        "<",
        "retry-after",
        "how many seconds to wait before asking again",
    ),
    (
        "<",
        "date",
        "the service's clock: a signature too far from it is refused",
    ),
];

/// Where tokens come from, some of them are for something else.
const TOKENS: &[(&str, &str, &str)] = &[
    (
        ">",
        "x-identity-header",
        "proves that the caller runs inside the app: its value stands in the app's environment alone",
    ),
    (
        ">",
        "secret",
        "proves that the caller runs inside the container: its value stands in its environment alone",
    ),
    (
        ">",
        "authorization",
        "the text of the file that the first answer named, as it is: proves that the caller may read it",
    ),
    (
        "<",
        "www-authenticate",
        "names a file that only the agent's group can read; its text is the proof",
    ),
    (
        ">",
        "content-type",
        "a form: the pod's own token stands in it as client_assertion, in place of a secret",
    ),
    (
        "<",
        "server",
        "IMDS/ is the metadata service itself; another name is somebody else",
    ),
];

/// Why a header is there.
pub fn of_header(plane: Plane, sign: &str, name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let named = |(side, header, _): &&(&str, &str, &str)| *side == sign && *header == name;
    let tokens = TOKENS.iter().filter(|_| plane.gives_tokens());
    let row = tokens.chain(HEADERS).find(named)?;
    Some(row.2)
}

/// All of them, for people.
pub fn table() -> String {
    let rows = HEADERS.iter().chain(TOKENS);
    rows.map(|(sign, name, why)| format!("{sign} {name}\n    {why}\n"))
        .collect()
}

/// Why a header is there, whichever way it goes.
pub fn of_any_header(name: &str) -> Option<&'static str> {
    let of = |sign| of_header(Plane::Data, sign, name);
    let of_tokens = |sign| of_header(Plane::Identity, sign, name);
    let found = of(">").or_else(|| of("<"));
    found.or_else(|| of_tokens(">")).or_else(|| of_tokens("<"))
}
