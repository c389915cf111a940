//! Azure's own roles: what each covers, and whether somebody has one that covers an action.

use crate::sandbox::azure::Assignment;
use crate::sandbox::world::World;

/// A built-in role.
#[derive(Debug)]
pub struct Role {
    /// How an option of the sandbox calls it.
    pub word: &'static str,
    /// Its GUID.
    pub id: &'static str,
    /// `roleName`.
    pub title: &'static str,
    /// The sandbox gives it on the subscription, not on the group.
    pub wide: bool,
    /// Patterns of actions.
    pub actions: &'static [&'static str],
    /// Patterns of actions taken out of them.
    pub not_actions: &'static [&'static str],
}

/// Those that matter for an account.
pub const ROLES: [Role; 7] = [
    Role {
        word: "owner",
        id: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        title: "Owner",
        wide: true,
        actions: &["*"],
        not_actions: &[],
    },
    Role {
        word: "contributor",
        id: "b24988ac-6180-42a0-ab88-20f7382dd24c",
        title: "Contributor",
        wide: true,
        actions: &["*"],
        not_actions: &[
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
        ],
    },
    Role {
        word: "reader",
        id: "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        title: "Reader",
        wide: true,
        actions: &["*/read"],
        not_actions: &[],
    },
    Role {
        word: "account-contributor",
        id: "5bd9cd88-fe45-4216-938b-f97437e15450",
        title: "DocumentDB Account Contributor",
        wide: false,
        actions: MANAGE,
        not_actions: &[],
    },
    Role {
        word: "operator",
        id: "230815da-be43-4aae-9cb4-875f7bd000aa",
        title: "Cosmos DB Operator",
        wide: false,
        actions: MANAGE,
        not_actions: SECRETS,
    },
    Role {
        word: "account-reader",
        id: "fbdf93bf-df7d-467e-a4d2-9458aa1360c8",
        title: "Cosmos DB Account Reader Role",
        wide: false,
        actions: &[
            "Microsoft.Authorization/*/read",
            "Microsoft.DocumentDB/*/read",
            "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            "Microsoft.Support/*",
        ],
        not_actions: &[],
    },
    Role {
        word: "user-access-administrator",
        id: "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        title: "User Access Administrator",
        wide: true,
        actions: &["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"],
        not_actions: &[],
    },
];

const MANAGE: &[&str] = &[
    "Microsoft.DocumentDb/databaseAccounts/*",
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
    "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
];

const SECRETS: &[&str] = &[
    "Microsoft.DocumentDB/databaseAccounts/dataTransferJobs/*",
    "Microsoft.DocumentDB/databaseAccounts/copyJobs/*",
    "Microsoft.DocumentDB/databaseAccounts/readonlyKeys/*",
    "Microsoft.DocumentDB/databaseAccounts/regenerateKey/*",
    "Microsoft.DocumentDB/databaseAccounts/listKeys/*",
    "Microsoft.DocumentDB/databaseAccounts/listConnectionStrings/*",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions/write",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions/delete",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write",
    "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/delete",
];

/// The role an option names.
pub fn named(word: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.word == word)
}

/// The role with a GUID.
pub(super) fn by_id(id: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.id.eq_ignore_ascii_case(id))
}

impl Role {
    fn covers(&self, action: &str) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| fits(pattern, action));
        any(self.actions) && !any(self.not_actions)
    }
}

/// Whether a principal may do something somewhere.
pub(super) fn may(world: &World, principal: &str, action: &str, scope: &str) -> bool {
    let covers = |held: &Assignment| by_id(&held.role).is_some_and(|role| role.covers(action));
    let mut all = world.azure.assignments.values();
    all.any(|held| {
        held.principal.eq_ignore_ascii_case(principal) && within(&held.scope, scope) && covers(held)
    })
}

/// Whether a principal has any role at all, anywhere.
pub(super) fn known(world: &World, principal: &str) -> bool {
    let mut all = world.azure.assignments.values();
    all.any(|held| held.principal.eq_ignore_ascii_case(principal))
}

/// Whether a place is a scope or below it.
pub(super) fn within(scope: &str, place: &str) -> bool {
    let scope = scope.trim_end_matches('/');
    let start = place.get(..scope.len());
    let rest = place.get(scope.len()..).unwrap_or_default();
    start.is_some_and(|start| start.eq_ignore_ascii_case(scope))
        && (rest.is_empty() || rest.starts_with('/'))
}

/// Whether an action is of a pattern, in which a star is any text.
fn fits(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = action.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let found = if last {
            rest.strip_suffix(part).map(|_| "")
        } else {
            rest.split_once(part).map(|(_, after)| after)
        };
        match found {
            Some(after) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_star_is_any_text() {
        let rows = [
            ("*", "a/b/read", true),
            ("*/read", "a/b/read", true),
            ("*/read", "a/b/write", false),
            ("a/*/read", "A/b/c/read", true),
            ("a/*/read", "a/read", false),
            ("a/*", "a/b", true),
            ("a/b", "a/b", true),
            ("a/b", "a/bc", false),
            ("a/b/*", "a/bc/d", false),
        ];
        for (pattern, action, wanted) in rows {
            assert_eq!(fits(pattern, action), wanted, "{pattern} {action}");
        }
    }

    #[test]
    fn each_role_covers_what_it_is_for() {
        let account = "Microsoft.DocumentDB/databaseAccounts/";
        let rows = [
            (
                "sqlDatabases/write",
                "contributor account-contributor operator owner",
            ),
            ("listKeys/action", "contributor account-contributor owner"),
            (
                "sqlRoleAssignments/write",
                "contributor account-contributor owner",
            ),
            (
                "readonlykeys/action",
                "contributor account-contributor account-reader owner",
            ),
            (
                "sqlDatabases/read",
                "contributor account-contributor operator account-reader reader owner user-access-administrator",
            ),
        ];
        for (action, wanted) in rows {
            for role in &ROLES {
                let covers = role.covers(&format!("{account}{action}"));
                let wanted = wanted.split(' ').any(|word| word == role.word);
                assert_eq!(covers, wanted, "{} {action}", role.word);
            }
        }
        for (word, wanted) in [
            ("owner", true),
            ("contributor", false),
            ("account-contributor", false),
            ("user-access-administrator", true),
        ] {
            let role = named(word).unwrap();
            assert_eq!(
                role.covers("Microsoft.Authorization/roleAssignments/write"),
                wanted,
                "{word}"
            );
        }
    }

    #[test]
    fn a_scope_ends_at_a_slash() {
        assert!(within(
            "/subscriptions/S",
            "/subscriptions/s/resourceGroups/g"
        ));
        assert!(within("/", "/subscriptions/s"));
        assert!(!within(
            "/subscriptions/s/resourceGroups/g",
            "/subscriptions/s/resourceGroups/gg"
        ));
        assert!(!within(
            "/subscriptions/s/resourceGroups/g",
            "/subscriptions/s"
        ));
    }
}
