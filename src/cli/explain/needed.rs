//! Which Azure role an action needs.

/// Which roles cover some actions.
pub struct Needed {
    /// Parts of the action, in lower case; all actions where there is none.
    of: &'static [&'static str],
    /// The smallest one.
    pub role: &'static str,
    /// All that will do.
    pub roles: &'static str,
    /// How `grant` calls the smallest one; empty where it does not give it.
    pub word: &'static str,
}

/// The first row that applies.
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
        ],
        role: "DocumentDB Account Contributor",
        roles: "the Azure role DocumentDB Account Contributor",
        word: "account-contributor",
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
    OTHERS,
];

const OTHERS: Needed = Needed {
    of: &[],
    role: "Reader",
    roles: "an Azure role that covers it, such as Reader",
    word: "",
};

/// The smallest built-in role that covers an ARM action.
pub fn azure_role(action: &str) -> &'static Needed {
    let action = action.to_ascii_lowercase();
    let mut rows = NEEDED.iter();
    let covers =
        |row: &&Needed| row.of.is_empty() || row.of.iter().any(|part| action.contains(part));
    rows.find(covers).unwrap_or(&OTHERS)
}
