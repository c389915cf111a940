//! What the first steps say where no metadata service describes the machine.

use super::Step;

/// Of a source: what there is instead, what to see in that, and what to see in its tokens.
type Row = (&'static str, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("app-service", "No metadata service describes this host. It has an endpoint for tokens alone, which IDENTITY_ENDPOINT and IDENTITY_HEADER show.",
        "Nothing was asked: subscription and group were given. X-IDENTITY-HEADER, whose value the host sets, stands where a machine has Metadata: true.",
        "resource= becomes the token's aud letter by letter. expires_on is the moment at which it ends."),
    ("aci-windows", "No metadata service describes this container. It has an endpoint for tokens alone, which IDENTITY_ENDPOINT and IDENTITY_HEADER show.",
        "Nothing was asked: subscription and group were given. The header secret, whose value the host sets, stands where a machine has Metadata: true.",
        "resource= becomes the token's aud letter by letter."),
    ("arc", "This server is not in Azure, and its Arc agent gives it tokens alone: at an address of its own, not at the metadata service's.",
        "Nothing was asked: subscription and group were given. Who may read the agent's key files may have its tokens: that is the proof here.",
        "The first answer is 401, and names a file in WWW-Authenticate. What is in the file is shown with Authorization: Basic, and the token comes."),
    ("workload", "A pod asks no metadata service. Kubernetes gave it a token of its own, in the file that AZURE_FEDERATED_TOKEN_FILE names.",
        "Nothing was asked: subscription and group were given. AZURE_TENANT_ID and AZURE_CLIENT_ID say where and as whom a token is asked for.",
        "client_assertion is the pod's own token, which Entra takes in place of a secret. scope is the audience with /.default behind it."),
];

/// The step as it is with that source.
pub(super) fn fitting(at: usize, step: &Step, source: &str) -> Step {
    let row = ROWS.iter().find(|(known, ..)| *known == source);
    match (at, row) {
        (0, Some((_, goal, notice, _))) => Step {
            goal,
            notice,
            work: |_| Ok(()),
            ..*step
        },
        (1, Some((.., notice))) => Step { notice, ..*step },
        _ => *step,
    }
}
