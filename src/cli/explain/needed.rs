//! Which Azure role an action needs.

/// Which roles cover some actions.
pub struct Needed {
    /// Parts of the action, in lower case; or its start and its end, with a star between.
    of: &'static [&'static str],
    /// The smallest one.
    pub role: &'static str,
    /// All that will do.
    pub roles: &'static str,
    /// How `grant` calls the smallest one; empty where it does not give it.
    pub word: &'static str,
}

/// The first row that applies. An action that no row covers has no role here: a guess would be a wrong one.
///
/// <https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/databases>
const NEEDED: &[Needed] = &[
    Needed {
        of: &["/readonlykeys/action"],
        role: "Cosmos DB Account Reader Role",
        roles: "the Azure role Cosmos DB Account Reader Role or DocumentDB Account Contributor",
        word: "account-reader",
    },
    Needed {
        of: &[
            "/listkeys/action",
            "/regeneratekey/action",
            "/listconnectionstrings/action",
            "/sqlroleassignments/write",
            "/sqlroleassignments/delete",
            "/sqlroledefinitions/write",
            "/sqlroledefinitions/delete",
        ],
        role: "DocumentDB Account Contributor",
        roles: "the Azure role DocumentDB Account Contributor",
        word: "account-contributor",
    },
    Needed {
        of: &["microsoft.documentdb/*/read"],
        role: "Cosmos DB Account Reader Role",
        roles: "the Azure role Cosmos DB Account Reader Role or Cosmos DB Operator",
        word: "account-reader",
    },
    Needed {
        of: &["microsoft.documentdb/databaseaccounts/"],
        role: "Cosmos DB Operator",
        roles: "the Azure role Cosmos DB Operator or DocumentDB Account Contributor",
        word: "operator",
    },
    Needed {
        of: &[
            "microsoft.authorization/roleassignments/write",
            "microsoft.authorization/roleassignments/delete",
        ],
        role: "User Access Administrator",
        roles: "the Azure role User Access Administrator or Owner",
        word: "",
    },
    Needed {
        of: &["resourcegroups/write", "resourcegroups/delete"],
        role: "Contributor",
        roles: "an Azure role that covers it, such as Contributor",
        word: "",
    },
    Needed {
        of: &[
            "microsoft.resources/*/read",
            "microsoft.authorization/*/read",
        ],
        role: "Reader",
        roles: "an Azure role that covers it, such as Reader",
        word: "",
    },
    Needed {
        of: &[
            "microsoft.managedidentity/*/assign/action",
            "microsoft.managedidentity/userassignedidentities/read",
        ],
        role: "Managed Identity Operator",
        roles: "the Azure role Managed Identity Operator or Managed Identity Contributor",
        word: "",
    },
    Needed {
        of: &["microsoft.managedidentity/"],
        role: "Managed Identity Contributor",
        roles: "the Azure role Managed Identity Contributor",
        word: "",
    },
    Needed {
        of: &[
            "microsoft.compute/virtualmachines/",
            "microsoft.compute/virtualmachinescalesets/",
        ],
        role: "Virtual Machine Contributor",
        roles: "the Azure role Virtual Machine Contributor",
        word: "",
    },
    Needed {
        of: &["microsoft.network/"],
        role: "Network Contributor",
        roles: "the Azure role Network Contributor",
        word: "",
    },
];

/// The smallest built-in role that covers an ARM action.
pub fn azure_role(action: &str) -> Option<&'static Needed> {
    let action = action.to_ascii_lowercase();
    let is_of = |part: &&str| match part.split_once('*') {
        Some((start, end)) => action.starts_with(start) && action.ends_with(end),
        None => action.contains(part),
    };
    NEEDED.iter().find(|row| row.of.iter().any(is_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_outside_the_table_names_no_role() {
        let rows = [
            ("Microsoft.Storage/storageAccounts/write", ""),
            ("Microsoft.Web/sites/read", ""),
            ("", ""),
            (
                "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
                "Managed Identity Operator",
            ),
            (
                "Microsoft.ManagedIdentity/userAssignedIdentities/write",
                "Managed Identity Contributor",
            ),
            (
                "Microsoft.Compute/virtualMachines/write",
                "Virtual Machine Contributor",
            ),
            ("Microsoft.Compute/disks/write", ""),
            (
                "Microsoft.Network/virtualNetworks/write",
                "Network Contributor",
            ),
            (
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/read",
                "Cosmos DB Account Reader Role",
            ),
            (
                "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write",
                "Cosmos DB Operator",
            ),
            (
                "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/read",
                "Cosmos DB Account Reader Role",
            ),
            (
                "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write",
                "DocumentDB Account Contributor",
            ),
        ];
        for (action, role) in rows {
            let named = azure_role(action).map_or("", |needed| needed.role);
            assert_eq!(named, role, "{action}");
        }
    }
}
