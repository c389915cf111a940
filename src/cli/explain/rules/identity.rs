//! Why there is no token: what identity endpoints and Entra say no to, and where none answers.

use super::{Kind, Rule, When, when};
use crate::error::{Plane, Stage};
use crate::identity::refusal::Refusal;

const fn refused(refusal: Refusal) -> When {
    when(Kind::Refused(refusal), None)
}

const fn entra(refusal: Refusal) -> When {
    when(Kind::Refused(refusal), Some(Plane::Entra))
}

const fn broken(stage: Stage) -> When {
    when(Kind::Broken(stage), Some(Plane::Identity))
}

pub(super) const NO_IMDS: Rule = Rule::new(broken(Stage::Connect), "no identity endpoint answers here")
    .why("this is not an Azure machine, or it is a container without a route to 169.254.169.254")
    .note("elsewhere a token can be brought along with --token-file; without Azure there is rawcosmos tour --sandbox")
    .fix(&[
        "rawcosmos whoami --identity-source imds",
        "curl -s -m 5 -H Metadata:true --noproxy '*' 'http://169.254.169.254/metadata/instance/compute?api-version=2021-02-01'",
        "ip route get 169.254.169.254",
    ]);

pub(super) const POD_FIX: &[&str] = &[
    "kubectl annotate serviceaccount SERVICE-ACCOUNT azure.workload.identity/client-id=CLIENT-ID",
    "az aks update -g CLUSTER-GROUP -n CLUSTER --enable-oidc-issuer --enable-workload-identity",
];

const POD: Rule = Rule::new(
    broken(Stage::Connect).says(&["kubernetes"]),
    "no metadata service answers this pod",
)
.why("clusters can keep pods from it; a workload identity is asked for where AZURE_FEDERATED_TOKEN_FILE is set, unless another source is named")
.note("the label azure.workload.identity/use: \"true\" belongs on the pod's template; pods made before it lack the variables")
.fix(&[
    "kubectl annotate serviceaccount SERVICE-ACCOUNT azure.workload.identity/client-id=CLIENT-ID",
    "az aks update -g CLUSTER-GROUP -n CLUSTER --enable-oidc-issuer --enable-workload-identity",
    "az aks update -g CLUSTER-GROUP -n CLUSTER --disable-imds-restriction",
]);

const NO_AGENT: Rule = Rule::new(
    broken(Stage::Connect).at(":40342/"),
    "the Arc agent does not answer",
)
.why("its service is not running, or this is a container, which cannot reach it")
.note("on an Azure machine that was in Arc once: --identity-source imds")
.fix(&["sudo systemctl status himds", "sudo azcmagent show"]);

const NO_APP: Rule = Rule::new(
    broken(Stage::Connect).at("/msi/token"),
    "the app's identity endpoint does not answer",
)
.why("it comes up after the app, or this is an init container, which may have no identity")
.fix(&["rawcosmos whoami"]);

pub(super) const NO_ENTRA: Rule = Rule::new(
    when(Kind::Broken(Stage::Connect), Some(Plane::Entra)),
    "Microsoft Entra cannot be reached",
)
.why("pods need a way out to it, by a rule of the network or by HTTPS_PROXY; AZURE_AUTHORITY_HOST or --cloud says where it is");

const NO_IDENTITY: Rule = Rule::new(
    refused(Refusal::NoIdentity),
    "this machine has no managed identity, or not the one that was named",
)
.note("a new identity works after up to some minutes, and a re-created one has a new client id; a user-assigned one must be attached to this very machine")
.fix(&[
    "rawcosmos whoami",
    "az {kind} identity assign -g {vmgroup} -n {vm}",
    "az {kind} identity assign -g {vmgroup} -n {vm} --identities IDENTITY-RESOURCE-ID",
    "?az vmss update-instances -g {vmgroup} -n {set} --instance-ids '*'",
    "?az container show -g {containergroup} -n CONTAINER --query identity",
]);

/// As the version of its protocol tells; its port may be another one.
const ASKED_OF_ARC: &str = "/oauth2/token?api-version=2020-06-01";

const NO_ARC_IDENTITY: Rule = Rule::new(
    refused(Refusal::NoIdentity).at(ASKED_OF_ARC),
    "this server has no managed identity, or not the one that was named",
)
.note("its own one comes with Azure Arc; a user-assigned one must be attached to this very server")
.fix(&[
    "rawcosmos whoami",
    "sudo azcmagent show",
    "az connectedmachine show -g SERVER-GROUP -n SERVER --query identity",
]);

const UNKNOWN_AUDIENCE: Rule = Rule::new(
    refused(Refusal::UnknownAudience),
    "the tenant does not know the audience that was asked for",
)
.note("--arm-audience and --data-audience set it; another cloud has other audiences: --cloud")
.fix(&[
    "rawcosmos token --plane data -v",
    "rawcosmos token --plane data --cloud usgov",
]);

const NO_APP_IDENTITY: Rule = Rule::new(
    refused(Refusal::NoIdentity).says(&["unable to load the proper managed identity"]),
    "the app has no managed identity, or not the one that was named",
);

const NOT_TRUSTED: Rule = Rule::new(
    entra(Refusal::PodRefused).says(&["aadsts70021"]),
    "no identity trusts this pod's token",
)
.why("its federated credential names another issuer, subject or audience than the pod's token[; its issuer is {issuer}][; its subject is {subject}]")
.note("they are compared letter by letter, with the slash at the issuer's end; a new one works after some minutes")
.fix(&[
    "az identity federated-credential list --identity-name IDENTITY -g IDENTITY-GROUP",
    "az identity federated-credential create -n rawcosmos --identity-name IDENTITY -g IDENTITY-GROUP --issuer {issuer} --subject {subject} --audiences api://AzureADTokenExchange",
]);

const KEY: Rule = Rule::new(
    refused(Refusal::KeyWanted),
    "the Arc agent does not give a token without its key",
);

pub(super) const SOMEBODY_ELSE: Rule = Rule::new(refused(Refusal::SomebodyElse), "something other than Azure's metadata service answered")
    .why("a proxy that nobody named, a container's network or another metadata service has this address; configured proxies are gone around")
    .note("--imds-endpoint or --identity-source names the right one")
    .fix(&["rawcosmos whoami --trace=headers", "ip route get 169.254.169.254"]);

pub(super) const RULES: &[Rule] = &[
    NO_APP_IDENTITY
        .why("no identity was named, and it has no system-assigned one; a user-assigned one is not taken unless named")
        .fix(&[
            "rawcosmos whoami --client-id CLIENT-ID",
            "az webapp identity assign -g APP-GROUP -n APP",
            "az containerapp identity assign -g APP-GROUP -n APP --system-assigned",
        ]),
    NO_APP_IDENTITY
        .on(refused(Refusal::NoIdentity).says(&["clientid/resourceid"]))
        .why("a user-assigned identity must be attached to this very app; a re-created one has a new client id")
        .fix(&[
            "rawcosmos whoami",
            "az webapp identity show -g APP-GROUP -n APP",
            "az webapp identity assign -g APP-GROUP -n APP --identities IDENTITY-RESOURCE-ID",
            "az containerapp identity assign -g APP-GROUP -n APP --user-assigned IDENTITY-RESOURCE-ID",
        ]),
    Rule::new(
        refused(Refusal::NoIdentity).says(&["defaultidentitynotdefined"]),
        "the container group has no managed identity, or not the one that was named",
    )
    .why("no identity was named, and it has no system-assigned one; or the one that was named is not attached to it")
    .fix(&[
        "rawcosmos whoami --object-id OBJECT-ID",
        "az container show -g CONTAINER-GROUP -n CONTAINER --query identity",
    ]),
    NO_ARC_IDENTITY,
    NO_IDENTITY,
    Rule::new(refused(Refusal::ManyIdentities), "this machine has several user-assigned identities: name one")
        .why("without a system-assigned identity the machine does not choose among several")
        .fix(&[
            "rawcosmos whoami --client-id ID",
            "az {kind} identity show -g {vmgroup} -n {vm}",
            "az identity list -o table",
        ]),
    Rule::new(
        refused(Refusal::UnknownAudience).says(&["is not a supported msi token audience"]),
        "Azure Cloud Shell gives no token for this audience",
    )
    .why("its tokens are yours, and only for a list of services that Cosmos DB is not on")
    .fix(&["az account get-access-token --resource https://cosmos.azure.com --query accessToken -o tsv | rawcosmos token --token-file -"]),
    UNKNOWN_AUDIENCE
        .on(refused(Refusal::UnknownAudience).says(&["fetching the aad token"]))
        .why("that is what this failure of the app's identity service means as a rule"),
    UNKNOWN_AUDIENCE,
    Rule::new(refused(Refusal::HeaderLost), "the header Metadata: true did not arrive")
        .why("a proxy or service mesh between here and the identity endpoint rewrote the request")
        .note("requests to 169.254.169.254 must leave the machine directly; Istio leaves out what traffic.sidecar.istio.io/excludeOutboundIPRanges names"),
    Rule::new(
        refused(Refusal::BadRequest).says(&["api-version is invalid"]),
        "the metadata service does not know this version of its protocol",
    )
    .fix(&["curl -s -H Metadata:true --noproxy '*' http://169.254.169.254/metadata/versions"]),
    Rule::new(
        refused(Refusal::BadRequest).says(&["secret is not found"]),
        "this is Service Fabric's identity endpoint, which is not supported",
    )
    .note("--token-file brings a token along"),
    Rule::new(refused(Refusal::BadRequest).at(ASKED_OF_ARC), "the Arc agent does not accept the request")
        .why("it gives the server's own identity only where none is named, and may be too old to know others")
        .note("AZURE_CLIENT_ID names one as --client-id does")
        .fix(&["rawcosmos whoami -v", "sudo azcmagent version"]),
    Rule::new(refused(Refusal::BadRequest), "the identity endpoint does not accept the request")
        .note("an endpoint of another kind may be set: whoami says what the choice went by")
        .fix(&["rawcosmos whoami -v --trace"]),
    Rule::new(refused(Refusal::NotConfigured), "the machine's identity is not set up for this request")
        .why("it never had one, or machine or subscription were moved to another tenant and the identity stayed behind")
        .fix(&[
            "az {kind} identity show -g {vmgroup} -n {vm}",
            "az {kind} update -g {vmgroup} -n {vm} --set tags.fixVM=1",
        ]),
    Rule::new(refused(Refusal::NotAzure), "this is Docker Desktop, not Azure")
        .why("Docker Desktop answers for an address that it cannot reach")
        .note("--token-file brings a token along; the sandbox needs none")
        .fix(&["rawcosmos tour --sandbox"]),
    Rule::new(refused(Refusal::OtherCloud), "this is a machine of another cloud, not of Azure")
        .why("its metadata service has the same address")
        .note("--token-file brings a token along; a server elsewhere has an identity once Azure Arc manages it"),
    SOMEBODY_ELSE,
    Rule::new(refused(Refusal::NoMachine), "there is no machine to be described here")
        .why("containers have an identity, and no metadata")
        .note("--subscription and --resource-group say what the metadata would"),
    KEY.on(refused(Refusal::KeyWanted).says(&["permission denied"]))
        .why("its key file is for root and for the group himds")
        .note("log in again afterwards; a service needs a restart")
        .fix(&["sudo usermod -aG himds \"$USER\""]),
    KEY.on(refused(Refusal::KeyWanted).says(&["not in the directory", "does not end in", "no regular file", "longer than", "names no key"]))
        .why("the answer names a file that is none of the agent's keys: something else may listen at its port")
        .note("nothing was shown to it; --arc-key-directory names the directory of the keys where it is elsewhere")
        .fix(&["sudo ss -ltnp 'sport = :40342'"]),
    KEY.why("the key it asked for is not there, or was not the right one")
        .fix(&["sudo systemctl status himds", "sudo azcmagent show"]),
    Rule::new(refused(Refusal::Updating), "the metadata service is being updated, or does not know a new identity yet")
        .note("that takes 70 seconds at most: run it again"),
    Rule::new(entra(Refusal::Busy), "Microsoft Entra is asked too often"),
    Rule::new(refused(Refusal::Busy), "this machine asks its metadata service too often")
        .why("all processes of a machine share one limit")
        .note("one process that keeps its token asks once a day"),
    Rule::new(entra(Refusal::Failing), "Microsoft Entra failed").note("run it again"),
    Rule::new(refused(Refusal::Failing), "the metadata service failed")
        .note("run it again; if it goes on, the identity may be missing or the audience unknown"),
    NOT_TRUSTED
        .on(entra(Refusal::PodRefused).says(&["aadsts7002138"]))
        .why("its federated credential spells issuer or subject with other capitals"),
    NOT_TRUSTED,
    Rule::new(
        entra(Refusal::PodRefused).says(&["aadsts700016"]),
        "there is no such identity in the tenant",
    )
    .why("AZURE_CLIENT_ID or AZURE_TENANT_ID is another identity's; both come from the service account's annotations")
    .fix(&[
        "az identity show -n IDENTITY -g IDENTITY-GROUP --query clientId -o tsv",
        "kubectl annotate serviceaccount SERVICE-ACCOUNT --overwrite azure.workload.identity/client-id=CLIENT-ID",
    ]),
    Rule::new(
        entra(Refusal::PodRefused).says(&["aadsts700024"]),
        "the pod's own token has expired, or is not valid yet",
    )
    .why("the file is not renewed, or this machine's clock is wrong")
    .fix(&["date -u", "kubectl rollout restart deployment DEPLOYMENT"]),
    Rule::new(
        entra(Refusal::PodRefused).says(&["aadsts90061"]),
        "Microsoft Entra cannot read what the cluster's issuer publishes",
    )
    .why("it fetches the keys of the issuer that the pod's token names, over the internet")
    .fix(&["az aks show -g CLUSTER-GROUP -n CLUSTER --query oidcIssuerProfile"]),
    Rule::new(entra(Refusal::PodRefused), "Microsoft Entra does not accept the pod's token"),
    POD,
    POD.on(broken(Stage::Answer).says(&["kubernetes"])),
    NO_AGENT,
    NO_AGENT.on(broken(Stage::Answer).at(":40342/")),
    NO_APP,
    NO_APP.on(broken(Stage::Connect).at("/MSI/token")),
    NO_IMDS,
    NO_IMDS.on(broken(Stage::Resolve)),
];
