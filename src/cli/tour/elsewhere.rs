//! What the first steps say where no metadata service describes the machine.

use super::Step;

/// Of some sources: what there is instead, what to see in that, and what to see in the tokens.
type Row = (
    &'static [&'static str],
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (&["app-service", "aci-windows"], "This host has an endpoint for tokens alone: IDENTITY_ENDPOINT and IDENTITY_HEADER show it.",
        "A header whose value the host sets stands where a machine has Metadata: true.",
        "resource= becomes the token's aud letter by letter. expires_on is the moment at which it ends."),
    (&["arc"], "This server is not in Azure. Its Arc agent gives it tokens, and nothing else.",
        "Who may read the agent's key files may have its tokens: that is the proof here.",
        "The first answer is 401 and names a file. What is in it, sent as Authorization: Basic, gets the token."),
    (&["workload"], "Kubernetes gave this pod a token of its own, in the file that AZURE_FEDERATED_TOKEN_FILE names.",
        "AZURE_TENANT_ID and AZURE_CLIENT_ID say where and as whom to ask.",
        "client_assertion is the pod's own token, which Entra takes in place of a secret."),
];

/// The step as it is with that source.
pub(super) fn fitting(at: usize, mut step: Step, source: &str) -> Step {
    let row = ROWS.iter().find(|(known, ..)| known.contains(&source));
    match (at, row) {
        (0, Some((_, goal, notice, _))) => {
            (step.goal, step.notice) = (goal, notice);
            step.work = |tour| {
                tour.remark = Some("Nothing was asked: subscription and group were given.".into());
                Ok(())
            };
        }
        (1, Some((.., notice))) => step.notice = notice,
        _ => {}
    }
    step
}
