//! The names the service's own sources give to its substatuses.
//!
//! <https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-forbidden>

/// Status, substatus and name, a line each. The same number means something else under another status.
const NAMES: &str = "\
400/1001 PartitionKeyMismatch
400/1004 CrossPartitionQueryNotServable
400/1013 PartitionKeyDefinitionNotSpecified
400/1024 CollectionRidMismatch
401/5000 MissingAuthHeader
401/5001 InvalidAuthHeaderFormat
401/5002 AadAuthDisabled
401/5003 AadTokenInvalidFormat
401/5004 AadTokenInvalidSignature
401/5005 AadTokenNotYetValid
401/5006 AadTokenExpired
401/5007 AadTokenInvalidIssuer
401/5008 AadTokenInvalidAudience
401/5009 AadTokenInvalidScope
401/5010 FailedToGetAadToken
401/5011 AadTokenMissingObjectIdentifier
401/5012 SasTokenAuthDisabled
401/5013 AadTokenRevoked
401/5200 AadTokenInvalidSigningKey
401/5201 AadTokenGroupExpansionError
401/5202 LocalAuthDisabled
401/5203 LocalAuthDisabled
403/3 WriteForbidden
403/1008 DatabaseAccountNotFound
403/1010 SharedThroughputDatabaseQuotaExceeded
403/1014 PartitionKeyQuotaOverLimit
403/1028 ThroughputCapQuotaExceeded
403/5300 RbacOperationNotSupported
403/5301 RbacUnauthorizedMetadataRequest
403/5302 RbacUnauthorizedNameBasedDataRequest
403/5303 RbacUnauthorizedRidBasedDataRequest
403/5304 RbacRidCannotBeResolved
403/5305 RbacMissingUserId
403/5306 RbacMissingAction
403/5307 NspInboundDenied
403/5400 RbacRequestWasNotAuthorized
404/1002 ReadSessionNotAvailable
404/1003 OwnerResourceNotFound
404/1013 CollectionCreateInProgress
409/1006 ConflictWithControlPlane
409/3206 DatabaseNameAlreadyExists
409/3301 UniqueIndexConflict
409/3302 PartitionKeyHashCollisionForId
410/1000 NameCacheIsStale
410/1002 PartitionKeyRangeGone
410/1007 CompletingSplitOrMerge
410/1008 CompletingPartitionMigration
410/1022 LeaseNotFound
412/1110 PatchConditionNotMet
413/3401 TransactionLimitExceeded
413/3402 BatchResponseSizeExceeded
429/3084 StoredProcedureConcurrency
429/3088 ThrottleDueToSplit
429/3092 SystemResourceUnavailable
429/3200 RUBudgetExceeded
429/3201 GatewayThrottled
429/3204 ThrottledOfferScaleDown
429/3210 RUBudgetExceededForMaster
429/3212 ThroughputBucketLimitExhausted
429/3213 TooManyThroughputBucketUpdates
429/3214 HotPartitionKeyThrottled
449/5350 RbacAadGroupUnavailable
449/5351 AzureRbacAccessDecisionUnavailable
500/5360 RbacDisabledDueToArmPath
503/1007 InsufficientBindablePartitions
503/9002 ServiceIsOffline
503/21008 ServerGenerated503
";

/// All of them.
pub fn all() -> impl Iterator<Item = (u16, u32, &'static str)> {
    NAMES.lines().filter_map(|line| {
        let (numbers, name) = line.split_once(' ')?;
        let (status, substatus) = numbers.split_once('/')?;
        Some((status.parse().ok()?, substatus.parse().ok()?, name))
    })
}

/// The name of one.
pub fn of(status: u32, substatus: u32) -> Option<&'static str> {
    let mut all = all();
    let found = all.find(|(of, number, _)| (u32::from(*of), *number) == (status, substatus));
    found.map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(all().count(), NAMES.lines().count());
        assert_eq!(of(404, 1002), Some("ReadSessionNotAvailable"));
        assert_eq!(of(410, 1002), Some("PartitionKeyRangeGone"));
        assert_eq!(of(403, 1002), None);
    }
}
