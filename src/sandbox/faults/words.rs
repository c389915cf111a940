//! What the data plane says to each status and substatus, in the service's words where they are known.

type Words = (&'static str, &'static str);

/// The code and the sentence; of a pair that is not in the table those of its status.
pub fn words(status: u16, substatus: u16) -> Words {
    let (code, general) = general(status);
    let row = PAIRS
        .iter()
        .find(|(of, sub, _)| (*of, *sub) == (status, substatus));
    (code, row.map_or(general, |(_, _, text)| text))
}

fn general(status: u16) -> Words {
    match status {
        401 => (
            "Unauthorized",
            "The input authorization token can't serve the request. Please check that the expected payload is built as per the protocol, and check the key being used.",
        ),
        403 => ("Forbidden", "The request is not allowed."),
        404 => (
            "NotFound",
            "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found",
        ),
        408 => ("RequestTimeout", "Request timed out."),
        409 => (
            "Conflict",
            "Resource with specified id or name already exists.",
        ),
        410 => (
            "Gone",
            "The requested resource is no longer available at the server.",
        ),
        412 => (
            "PreconditionFailed",
            "One of the specified pre-condition is not met",
        ),
        413 => ("RequestEntityTooLarge", "Request size is too large"),
        429 => (
            "429",
            "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request later. Learn more: http://aka.ms/cosmosdb-error-429",
        ),
        449 => (
            "449",
            "Conflicting request to resource has been attempted. Retry to avoid conflicts.",
        ),
        503 => (
            "ServiceUnavailable",
            "Service is currently unavailable, please retry after a while.",
        ),
        500.. => (
            "InternalServerError",
            "Unknown server error occurred when processing this request.",
        ),
        _ => ("BadRequest", "One of the input values is invalid."),
    }
}

#[rustfmt::skip]
const PAIRS: &[(u16, u16, &str)] = &[
    (400, 1001, "PartitionKey extracted from document doesn't match the one specified in the header. Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value"),
    (400, 1004, "The provided cross partition query can not be directly served by the gateway."),
    (400, 1013, "The partition key definition is not specified."),
    (400, 1024, "The collection was recreated: its _rid is not the intended one."),
    (401, 5000, "Required Header authorization is missing. Ensure a valid Authorization token is passed."),
    (401, 5001, "Authorization header doesn't confirm to the required format. Please verify and try again."),
    (401, 5006, "The AAD token has expired."),
    (401, 5007, "Provided AAD token was issued by an authority which is not trusted by this database account. Please ensure the token has been issued by the right AAD tenant."),
    (401, 5008, "Provided AAD token is intended for another audience than this database account accepts."),
    (401, 5013, "The AAD token has been revoked: a token with other claims is needed."),
    (401, 5202, "Local Authorization is disabled. Use an AAD token to authorize all requests."),
    (403, 3, "The requested operation cannot be performed at this region"),
    (403, 1008, "The database account does not exist in this region."),
    (403, 1010, "The database that shares its throughput has no room for more."),
    (403, 1012, "The database is there as it was put before."),
    (403, 1014, "Partition key reached maximum size of 20 GB. Learn more: https://aka.ms/CosmosDB/sql/errors/full-pk"),
    (403, 1028, "Your account is currently configured with a total throughput limit, which this operation would exceed."),
    (403, 1031, "The system partition key is not allowed here."),
    (403, 1034, "The resource has been soft-deleted."),
    (403, 5300, "The given request cannot be authorized by AAD token in data plane. Learn more: https://aka.ms/cosmos-native-rbac."),
    (403, 5301, "Request is blocked because principal does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on any scope. Learn more: https://aka.ms/cosmos-native-rbac."),
    (403, 5302, "Request is blocked because principal does not have required RBAC permissions to perform the action on the resource. Learn more: https://aka.ms/cosmos-native-rbac."),
    (403, 5303, "Request is blocked because principal does not have required RBAC permissions to perform the action on the resource, which was named by its _rid. Learn more: https://aka.ms/cosmos-native-rbac."),
    (403, 5307, "Request was denied by the network security perimeter. More info: https://aka.ms/cosmosdb-tsg-forbidden"),
    (404, 1002, "The read session is not available for the input session token."),
    (404, 1003, "Owner resource does not exist"),
    (404, 1013, "The collection is being created. Try again."),
    (404, 1031, "The collection was deleted while its partition moved."),
    (404, 1034, "The partition to be moved was deleted."),
    (409, 1006, "The request conflicts with an operation of the control plane."),
    (409, 3206, "A database of that name already exists."),
    (409, 3207, "A configuration of that name already exists."),
    (409, 3301, "Unique index constraint violation."),
    (409, 3302, "Another item has the same id and the same hash of its partition key."),
    (410, 1000, "The name of the resource stands for another one now: the name cache is stale."),
    (410, 1002, "The partition key range is gone: it was split or merged."),
    (410, 1007, "The partition key range is being split or merged."),
    (410, 1008, "The partition is being moved."),
    (410, 1022, "The lease was not found."),
    (410, 1024, "The archival partition is not present."),
    (412, 1110, "One of the specified pre-condition is not met: the condition of the patch."),
    (412, 2001, "Splits are disabled."),
    (412, 2002, "Collections in the partition were updated."),
    (412, 2003, "The lock of the partition key ranges is taken."),
    (412, 2004, "The resource of the split was not found."),
    (412, 2011, "A split for storage and one for throughput exclude each other."),
    (412, 2012, "Merges are disabled."),
    (413, 3401, "The transaction is too large."),
    (413, 3402, "The response of the batch is too large."),
    (429, 3084, "Too many stored procedures are running at once."),
    (429, 3088, "The partition is being split, and takes fewer requests until that is done."),
    (429, 3092, "The server is short of resources."),
    (429, 3201, "The gateway is short of resources."),
    (429, 3204, "The throughput cannot be scaled down further at this time."),
    (429, 3207, "The time to prepare the request was exceeded."),
    (429, 3210, "Too many metadata requests. Learn more: http://aka.ms/cosmosdb-error-429"),
    (429, 3212, "The throughput bucket of the request is used up."),
    (429, 3213, "Too many updates of throughput buckets."),
    (429, 3214, "One partition key takes more than its share of requests."),
    (503, 1007, "There are too few partitions to bind to."),
    (503, 1012, "The compute federation was not found."),
    (503, 6001, "The aggregated health of the service is not well."),
    (503, 9002, "The service is offline."),
    (503, 21008, "The server said 503."),
];
