//! What is noticed here although nobody says no: by `doctor`, and by looking at a token.

use super::identity::{POD_FIX, SOMEBODY_ELSE};
use super::{Kind, Rule, When, when};

const fn noticed(says: &'static [&'static str]) -> When {
    when(Kind::Noticed, None).says(says)
}

const POD_NOTE: &str = "the label azure.workload.identity/use: \"true\" belongs on the pod's template, the annotation on its service account; pods made before them lack the variables";

pub(super) const RULES: &[Rule] = &[
    SOMEBODY_ELSE.on(noticed(&["is no token: the body is not json", "not what a metadata service says"])),
    Rule::new(noticed(&["another identity answered"]), "another identity answered")
        .why("the one that was asked for is not this machine's, or what answers goes by no name")
        .note("without --client-id, --object-id and --identity-resource-id, and AZURE_CLIENT_ID unset, the machine's own identity is asked for")
        .fix(&[
            "az {kind} identity show -g {vmgroup} -n {vm}",
            "az {kind} identity assign -g {vmgroup} -n {vm} --identities IDENTITY-RESOURCE-ID",
        ]),
    Rule::new(
        noticed(&["too old to be asked"]),
        "the Arc agent is too old to be asked for an identity by name",
    )
    .why("it passes over names it does not know, and answers as the server itself")
    .note("without --client-id, --object-id and --identity-resource-id, and AZURE_CLIENT_ID unset, the server's own identity is asked for")
    .fix(&["sudo azcmagent version", "sudo apt-get install azcmagent"]),
    Rule::new(noticed(&["cannot read the pod's token"]), "the pod's own token cannot be read")
        .why("AZURE_FEDERATED_TOKEN_FILE names a file that the cluster puts into each pod with a workload identity")
        .note(POD_NOTE)
        .fix(POD_FIX),
    Rule::new(noticed(&["pod without"]), "this pod has no identity of its own")
        .why("AZURE_FEDERATED_TOKEN_FILE is not set: what the metadata service gives is the cluster node's identity, which every pod of it can use")
        .note(POD_NOTE)
        .fix(POD_FIX),
    Rule::new(noticed(&["another tenant"]), "AZURE_TENANT_ID is not the tenant of this identity")
        .why("a managed identity has one tenant; other tools may go by the variable")
        .fix(&["rawcosmos whoami", "az account show --query tenantId -o tsv"]),
    Rule::new(noticed(&["still being made"]), "the account is still being made")
        .why("until then its name leads nowhere, and nothing in it can be made")
        .note("that takes some minutes")
        .fix(&["rawcosmos account show -n {account}[ -g {group}]"]),
    Rule::new(noticed(&["neither microsoft nor digicert"]), "somebody else signed for the account")
        .why("the connection is trusted, by a root certificate of this machine: a proxy that inspects TLS can read all that is sent, tokens too")
        .note("if it is your company's, that may be as wanted; hosts below documents.azure.com can be left out there"),
    Rule::new(noticed(&["wider than needed"]), "the Azure role {held} is wider than needed")
        .why("items need none; databases, containers and throughput need Cosmos DB Operator, and granting data roles DocumentDB Account Contributor")
        .note("then the other is taken back: az role assignment delete --assignee {principal} --role '{held}'")
        .fix(&["?rawcosmos grant --role operator --principal {principal} --scope {armscope}"]),
];
