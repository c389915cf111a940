//! What ARM and the resource provider behind it say no to.

use super::{Rule, arm};

const NO_AZURE_ROLE: Rule = Rule::new(
    arm(&[403]).says(&["authorizationfailed"]),
    "not allowed to {deed}",
)
.why("ARM knows you, but no Azure role covers this action")
.who()
.need("{action}[ on {resource}]: {roles}")
.note("data roles do not grant this, and nobody gives it to themselves; a new Azure role takes up to 10 minutes to work")
.fix(GIVE_ROLE);

const GIVE_ROLE: &[&str] = &[
    "?rawcosmos grant --role {word} --principal {principal} --scope {armscope}",
    "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role {role} --scope {armscope}",
];

const ACCOUNTS: &[&str] = &["rawcosmos account list", "az cosmosdb list -o table"];

const NO_ACCOUNT: Rule = Rule::new(
    arm(&[404]).says(&["resourcenotfound"]),
    "there is no such account",
)
.why("the resource group has no such resource, or the name belongs to another group")
.fix(ACCOUNTS);

const NO_GRANT: Rule = Rule::new(
    arm(&[404]).at("/sqlRoleAssignments"),
    "there is no such grant",
)
.why("a grant is of one role, to one principal, at one scope: it may be given at a wider or narrower one")
.fix(&[
    "rawcosmos role list --plane data[ -a {account}][ -g {group}]",
    "az cosmosdb sql role assignment list -a {account} -g {group}",
]);

const BUSY: Rule = Rule::new(
    arm(&[412]).says(&["exclusive lock"]),
    "another change of the account is running",
)
.why("an account makes one change at a time, and this one was refused until we gave up")
.note("nothing was changed: run it again in some minutes");

const LOCKED: Rule = Rule::new(
    arm(&[403, 409]).says(&["scopelocked"]),
    "a lock forbids this",
)
.why("somebody put a lock on the account, its group or the subscription: roles do not help")
.fix(&["az lock list[ -g {group}] -o table"]);

const UNREGISTERED: Rule = Rule::new(
    arm(&[409]).says(&["missingsubscriptionregistration"]),
    "the subscription does not use Cosmos DB yet",
)
.why("the resource provider Microsoft.DocumentDB is not registered")
.note("that takes some minutes, once, and an Azure role on the subscription such as Contributor")
.fix(&[
    "az provider register --namespace Microsoft.DocumentDB --wait[ --subscription {subscription}]",
]);

const UNKNOWN_PRINCIPAL: Rule = Rule::new(
    arm(&[200, 400]).says(&["not found in the aad tenant"]),
    "the tenant does not know this principal yet",
)
.why("it must be an object id of the account's tenant; a new identity is visible after up to some minutes")
.fix(&["rawcosmos whoami"]);

const UNCHANGEABLE: Rule = Rule::new(
    arm(&[200, 400]).says(&["role assignment principal id is not permitted"]),
    "a grant cannot be turned into another one",
)
.why("only its role may change; this one is for another principal or another scope")
.note("take it back and grant anew: rawcosmos gives each grant a name of its own")
.fix(&[
    "rawcosmos role list --plane data[ -a {account}][ -g {group}]",
    "az cosmosdb sql role assignment list -a {account} -g {group}",
]);

const UNKNOWN_VERSION: Rule = Rule::new(
    arm(&[400]).says(&[
        "noregisteredproviderfound",
        "invalidresourcetype",
        "invalidapiversionparameter",
    ]),
    "ARM does not know this version of the interface here",
)
.why("other clouds and new regions get versions later; what it does know stands in its own words")
.note("--arm-endpoint says which cloud is asked");

/// The account is there, cannot be used, and keeps its name until it is deleted.
const LEFT_FAILED: Rule = Rule::new(
    arm(&[400, 409]).says(&["failed provisioning state"]),
    "an earlier attempt to make this account failed",
)
.why("what is left of it keeps the name and cannot be repaired")
.fix(&[
    "rawcosmos account delete -n {account}[ -g {group}]",
    "az cosmosdb delete -n {account} -g {group}",
]);

const NO_CAPACITY: Rule = LEFT_FAILED
    .on(arm(&[200, 503]).says(&["experiencing high demand"]))
    .what("the region has no room for another account")
    .why("Azure has too little capacity there at the moment; the account is left in the state Failed and keeps its name")
    .note("delete it, then make it with another --location");

const NAME_TAKEN: Rule = Rule::new(
    arm(&[200, 400, 409]).says(&["is already taken"]),
    "the name is taken",
)
.why("names of accounts are the whole cloud's, and somebody has this one; one just deleted is free only after a while")
.fix(&["rawcosmos account exists -n NAME", "az cosmosdb check-name-exists -n NAME"]);

const NO_THROUGHPUT: Rule = Rule::new(
    arm(&[404]),
    "it has no throughput of its own, or is not there",
)
.why("a container without shares its database's, a database without leaves it to its containers")
.note("it cannot be added later: only a new container or database can have it, with --throughput or --max-throughput");

/// The limits of the provider behind ARM are an account's, those of ARM a principal's.
const PROVIDER_BUSY: Rule = Rule::new(
    arm(&[429]).says(&["request rate is large", "action 'microsoft.documentdb/"]),
    "the account's management is asked too often",
)
.why("in 5 minutes an account takes 500 requests for its databases and containers, and 25 changes of throughput")
.note("ARM asked to wait {wait} s");

pub(super) const RULES: &[Rule] = &[
    Rule::new(arm(&[403]).says(&["requestdisallowedbypolicy"]), "a policy of the subscription forbids this")
        .why("an Azure Policy assignment denies resources of this form: roles do not help")
        .fix(&["az policy assignment list --disable-scope-strict-match -g {group} -o table"]),
    NO_AZURE_ROLE
        .on(arm(&[403]).says(&["/operationresults/read", "operationsstatus/read"]))
        .note("the change itself was accepted and may be done: look before repeating it"),
    NO_AZURE_ROLE.on(arm(&[403]).says(&["authorizationfailed"]).at("/resourceGroups/*/databaseAccounts$")),
    NO_AZURE_ROLE
        .on(arm(&[403]).says(&["authorizationfailed"]).at("GET */providers/Microsoft.DocumentDB/*databaseAccounts$"))
        .note("a role on one resource group alone may list that group: name it")
        .fix(&[
            "rawcosmos account list -g {group}",
            "?rawcosmos grant --role {word} --principal {principal} --scope {armscope}",
            "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role {role} --scope {armscope}",
        ]),
    NO_AZURE_ROLE
        .on(arm(&[403]).says(&["action 'microsoft.resources/subscriptions/resourcegroups/read'"]))
        .note("a role on one group sees no other, not even whether it is there; to make one takes a role on the subscription")
        .fix(&[
            "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role {role} --scope {armscope}",
            "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role Contributor --scope /subscriptions/{subscription}",
        ]),
    NO_AZURE_ROLE,
    NO_AZURE_ROLE.on(arm(&[403]).says(&["does not have authorization"])),
    LOCKED,
    Rule::new(arm(&[401]).says(&["tokenaudience", "wrong audience"]), "the token is for another audience")
        .why("[the token is for {intended}; ]ARM accepts {accepted}")
        .note("--token-file needs a token for ARM here, not one for the data plane")
        .fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[401]).says(&["expiredauthenticationtoken"]), "the token has expired")
        .why("a token lasts about a day, one from --token-file often an hour; ARM's clock decides[, and it said {date}]")
        .fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[401]).says(&["invalidauthenticationtokentenant", "wrong issuer"]), "the token is from another tenant")
        .why("a subscription takes tokens of its own tenant only")
        .note("it is another subscription than the one this identity belongs to, or its token is for another tenant")
        .fix(&["rawcosmos whoami", "az account show --query tenantId -o tsv"]),
    Rule::new(arm(&[401]), "ARM does not accept the token").fix(&["rawcosmos token --plane arm"]),
    Rule::new(arm(&[404]).says(&["resourcegroupnotfound"]), "there is no such resource group")
        .why("the group is not in this subscription[ ({subscription})], or the identity may not see it")
        .fix(&[
            "rawcosmos account list",
            "?rawcosmos group create -n {group} --location LOCATION",
            "az group list -o table",
        ]),
    Rule::new(arm(&[404]).says(&["subscriptionnotfound"]), "there is no such subscription")
        .why("the identity's tenant has no such subscription, or the identity has no role at all in it; or it is another cloud's")
        .fix(&["rawcosmos whoami", "az account list -o table"]),
    NO_ACCOUNT,
    NO_THROUGHPUT
        .on(arm(&[404]).at("/containers/*/throughputSettings/"))
        .fix(&[
            "rawcosmos throughput show -d {database}[ -a {account}][ -g {group}]",
            "rawcosmos container show -d {database} -n {container}[ -a {account}][ -g {group}]",
        ]),
    NO_THROUGHPUT
        .on(arm(&[404]).at("/throughputSettings/"))
        .fix(&["rawcosmos container list -d {database}[ -a {account}][ -g {group}]"]),
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
    NO_GRANT,
    NO_GRANT
        .on(arm(&[404]).at("/Microsoft.Authorization/roleAssignments"))
        .fix(&[
            "rawcosmos role list --plane arm[ -a {account}][ -g {group}]",
            "az role assignment list --all --assignee {principal} -o table",
        ]),
    Rule::new(arm(&[404]).at("/sqlDatabases/"), "there is no such database")
        .fix(&["rawcosmos database list[ -a {account}][ -g {group}]"]),
    NO_GRANT.on(arm(&[404]).says(&["role assignment with id"])),
    Rule::new(arm(&[404]), "not found").fix(ACCOUNTS),
    UNREGISTERED,
    BUSY,
    BUSY.on(arm(&[200, 409, 429]).says(&["exclusive lock"])),
    Rule::new(arm(&[409]).says(&["roleassignmentexists"]), "the role is given already")
        .why("to the same principal at the same scope, under another name")
        .fix(&[
            "rawcosmos role list --plane arm[ -a {account}][ -g {group}]",
            "az role assignment list --all --assignee {principal} -o table",
        ]),
    PROVIDER_BUSY,
    Rule::new(arm(&[429]), "ARM is asked too often")
        .why("a subscription may ask ARM so often in some minutes, all its users together")
        .note("ARM asked to wait {wait} s"),
    UNKNOWN_PRINCIPAL,
    UNKNOWN_PRINCIPAL
        .on(arm(&[400]).says(&["principalnotfound", "does not exist in the directory"]))
        .note("whether it is a ServicePrincipal, a User or a Group is said with --principal-type"),
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
    .why("it is billed by use, and stays serverless")
    .note("leave out --throughput and --max-throughput; a container there needs no throughput"),
    UNCHANGEABLE,
    UNCHANGEABLE
        .on(arm(&[400, 409]).says(&["roleassignmentupdatenotpermitted"]))
        .fix(&[
            "rawcosmos role list --plane arm[ -a {account}][ -g {group}]",
            "az role assignment list --all --assignee {principal} -o table",
        ]),
    UNKNOWN_VERSION,
    LEFT_FAILED,
    NO_CAPACITY,
    NAME_TAKEN,
    Rule::new(
        arm(&[200, 400, 409]).says(&["free tier has already been applied"]),
        "the subscription has used up its free tier",
    )
    .why("one account of a subscription may have it, from its first day")
    .note("leave out --free-tier"),
    Rule::new(
        arm(&[200, 400]).says(&["created without dedicated throughput"]),
        "it was made without throughput of its own",
    )
    .note("that cannot be added later: only a new container or database can have it, with --throughput or --max-throughput"),
    Rule::new(arm(&[500, 502, 503, 504]), "ARM failed, again and again")
        .note("run it again; items and queries need nothing of it"),
    Rule::new(arm(&[200]), "the change was accepted and then failed"),
];
