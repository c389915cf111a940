//! What ARM and the resource provider behind it say no to.

use super::{Rule, arm};

const NO_AZURE_ROLE: Rule = Rule::new(
    arm(&[403]).says(&["authorizationfailed"]),
    "not allowed to {deed}",
)
.why("ARM knows you, but no Azure role covers this action")
.who()
.need("{action}[ on {resource}]: {roles}")
.note("data roles do not grant this; a new Azure role takes up to 10 minutes to work")
.fix(&["az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role {role} --scope {armscope}"]);

const NO_ACCOUNT: Rule = Rule::new(
    arm(&[404]).says(&["resourcenotfound"]),
    "there is no such account",
)
.why("the resource group has no such resource, or the name belongs to another group")
.fix(&["az cosmosdb list -o table"]);

const BUSY: Rule = Rule::new(
    arm(&[412]).says(&["exclusive lock"]),
    "another change of the account is running",
)
.why("an account makes one change at a time, and this one was refused until we gave up")
.note("nothing was changed: run it again in some minutes");

pub(super) const RULES: &[Rule] = &[
    Rule::new(arm(&[403]).says(&["requestdisallowedbypolicy"]), "a policy of the subscription forbids this")
        .why("an Azure Policy assignment denies resources of this form: roles do not help")
        .fix(&["az policy assignment list --disable-scope-strict-match -g {group} -o table"]),
    NO_AZURE_ROLE
        .on(arm(&[403]).says(&["/operationresults/read", "operationsstatus/read"]))
        .note("the change itself was accepted and may be done: look before repeating it"),
    NO_AZURE_ROLE,
    NO_AZURE_ROLE.on(arm(&[403]).says(&["does not have authorization"])),
    Rule::new(arm(&[401]).says(&["tokenaudience", "wrong audience"]), "the token is for another audience")
        .why("[the token is for {intended}; ]ARM accepts {accepted}")
        .note("--token-file needs a token for ARM here, not one for the data plane")
        .fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[401]).says(&["expiredauthenticationtoken"]), "the token has expired")
        .why("a token lasts about a day, one from --token-file often an hour; ARM's clock decides[, and it said {date}]")
        .fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[401]), "ARM does not accept the token").fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[404]).says(&["resourcegroupnotfound"]), "there is no such resource group")
        .why("the group is not in this subscription[ ({subscription})], or the identity may not see it")
        .fix(&["az cosmosdb list -o table", "az group list -o table"]),
    Rule::new(arm(&[404]).says(&["subscriptionnotfound"]), "there is no such subscription")
        .why("the identity's tenant has no such subscription")
        .fix(&["rawcosmos whoami", "az account list -o table"]),
    NO_ACCOUNT,
    Rule::new(arm(&[404]).at("PUT */sqlDatabases/*/containers/"), "there is no such database")
        .fix(&[
            "rawcosmos database create -n {database}[ -a {account}][ -g {group}]",
            "rawcosmos database list[ -a {account}][ -g {group}]",
        ]),
    Rule::new(arm(&[404]).at("/containers/"), "there is no such container, or no such database")
        .fix(&[
            "rawcosmos container list -d {database}[ -a {account}][ -g {group}]",
            "rawcosmos database list[ -a {account}][ -g {group}]",
        ]),
    Rule::new(arm(&[404]).at("/containers"), "there is no such database")
        .fix(&["rawcosmos database list[ -a {account}][ -g {group}]"]),
    Rule::new(arm(&[404]).at("/sqlRoleAssignments"), "there is no such grant")
        .fix(&["az cosmosdb sql role assignment list -a {account} -g {group}"]),
    Rule::new(arm(&[404]).at("/sqlDatabases/"), "there is no such database")
        .fix(&["rawcosmos database list[ -a {account}][ -g {group}]"]),
    Rule::new(arm(&[404]).says(&["role assignment with id"]), "there is no such grant")
        .fix(&["az cosmosdb sql role assignment list -a {account} -g {group}"]),
    Rule::new(arm(&[404]), "not found").fix(&["az cosmosdb list -o table"]),
    Rule::new(
        arm(&[409]).says(&["missingsubscriptionregistration"]),
        "the subscription does not use Cosmos DB yet",
    )
    .why("the resource provider Microsoft.DocumentDB is not registered")
    .fix(&["az provider register --namespace Microsoft.DocumentDB --wait[ --subscription {subscription}]"]),
    BUSY,
    BUSY.on(arm(&[409, 429]).says(&["exclusive lock"])),
    Rule::new(arm(&[429]), "ARM is asked too often")
        .why("a subscription may ask ARM so often in some minutes, all its users together")
        .note("ARM asked to wait {wait} s"),
    Rule::new(
        arm(&[200, 400]).says(&["not found in the aad tenant"]),
        "the tenant does not know this principal yet",
    )
    .why("it must be an object id of the account's tenant; a new identity is visible after up to some minutes")
    .fix(&["rawcosmos whoami"]),
    Rule::new(
        arm(&[200, 400]).says(&["unsupported type : [application]"]),
        "this is the id of an application, not of its identity",
    )
    .why("a data role wants the object id (oid) of the service principal, not its client id and not the application's object id")
    .fix(&["rawcosmos whoami", "az ad sp show --id CLIENT-ID --query id -o tsv"]),
    Rule::new(
        arm(&[400]).says(&["not supported for serverless accounts"]),
        "a serverless account has no throughput to set",
    )
    .note("leave out --throughput and --max-throughput"),
    Rule::new(
        arm(&[400]).says(&["noregisteredproviderfound", "invalidresourcetype", "invalidapiversionparameter"]),
        "ARM does not know this version of its interface here",
    )
    .why("clouds and regions get versions at different times, and none that is listed is old enough for us")
    .note("the list is in the service's own words"),
    Rule::new(arm(&[200]), "the change was accepted and then failed"),
];
