//! The settings of the command that failed, as options for the commands that are printed.
//!
//! A printed command runs in the same shell, so environment variables still apply and are not repeated. An exception
//! is a key file or token file that a variable names and that the printed command cannot use: it is switched off.

use crate::cli::settings::Settings;
use crate::error::Plane;
use crate::show::quote;

/// Options that say where requests go and with which identity.
const REPEATED: &[&str] = &[
    "subscription",
    "endpoint",
    "arm-endpoint",
    "imds-endpoint",
    "arm-audience",
    "data-audience",
    "identity-source",
    "client-id",
    "object-id",
    "identity-resource-id",
    "token-file",
    "key-file",
    "arc-key-directory",
    "cloud",
    "cacert",
];

const SELECTORS: &[&str] = &["client-id", "object-id", "identity-resource-id"];
const FILES: &[&str] = &["key-file", "token-file"];

/// Commands that speak to ARM whenever they have no account key.
const ARM_COMMANDS: &[&str] = &[
    "grant",
    "account",
    "group",
    "database",
    "container",
    "throughput",
    "role",
];
/// Of these, and of the commands about identities, those that an account key is of no use to.
const KEYLESS_COMMANDS: &[&str] = &["grant", "account", "group", "role", "token", "whoami"];

/// Commands that write items.
const WRITERS: &[&str] = &[
    "item create",
    "item upsert",
    "item replace",
    "item patch",
    "item delete",
    "item batch",
    "import",
    "procedure execute",
];

/// The ARM action a command is about. It may fail earlier, at a read that a smaller role covers.
const ARM_ACTIONS: &[(&str, &str)] = &[
    (
        "account create",
        "Microsoft.DocumentDB/databaseAccounts/write",
    ),
    (
        "account delete",
        "Microsoft.DocumentDB/databaseAccounts/delete",
    ),
    (
        "account update",
        "Microsoft.DocumentDB/databaseAccounts/write",
    ),
    ("database create", DATABASES),
    ("database delete", DATABASES),
    ("container create", DATABASES),
    ("container update", DATABASES),
    ("container delete", DATABASES),
    ("throughput update", DATABASES),
    ("throughput migrate", DATABASES),
];
const DATABASES: &str = "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/write";

/// The command line that failed, as far as other commands repeat it.
#[derive(Debug, Clone, Default)]
pub struct CallSettings {
    /// The command's words, with a blank between them.
    command: String,
    /// Options with their values, in the order they are printed.
    options: Vec<(&'static str, String)>,
    /// Variables that name a key file or a token file that is in use.
    file_variables: Vec<(&'static str, String)>,
    /// Whether an option makes a command write that otherwise reads.
    writes: bool,
    /// The whole line without `--principal-type`, as words for a shell.
    line: String,
}

impl CallSettings {
    /// Of the command `words`, in plain words.
    pub fn new(settings: &Settings, words: &[&str]) -> CallSettings {
        let args = settings.args();
        let given = |name: &&'static str| Some((*name, args.value(name)?.to_string()));
        let named = |name: &&'static str| {
            let value = settings.find(name).filter(|_| !args.has(name))?;
            Some((*name, value.origin))
        };
        CallSettings {
            command: words.join(" "),
            options: REPEATED.iter().filter_map(given).collect(),
            file_variables: FILES.iter().filter_map(named).collect(),
            writes: settings.on("probe-write") || is_writing_api(words),
            line: line(settings),
        }
    }

    /// The data action of which a role is needed: the refused one, unless the command goes on to write.
    pub fn data_role(&self, action: &str) -> DataRole {
        const READ: [&str; 4] = [
            "items/read",
            "executequery",
            "readchangefeed",
            "readmetadata",
        ];
        let action = action.to_ascii_lowercase();
        let reads = READ.iter().any(|ending| action.ends_with(ending));
        match reads && !self.is_of(WRITERS) && !self.writes {
            true => DataRole::READER,
            false => DataRole::CONTRIBUTOR,
        }
    }

    /// The ARM action of which a role is needed: the refused one, unless the command goes on to change something.
    pub fn arm_action<'a>(&self, action: &'a str) -> &'a str {
        let lower = action.to_ascii_lowercase();
        // To follow an operation takes no more, whatever it changes.
        let reads = lower.starts_with("microsoft.documentdb/")
            && lower.ends_with("/read")
            && !lower.contains("/operation");
        let own = ARM_ACTIONS
            .iter()
            .find(|(command, _)| self.is_of(&[command]));
        match (reads, own) {
            (true, Some((_, own))) => own,
            _ => action,
        }
    }

    fn is_of(&self, commands: &[&str]) -> bool {
        let starts = |known: &&str| {
            let rest = self.command.strip_prefix(known);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        commands.iter().any(starts)
    }

    /// The failed command once more, without `--principal-type`.
    pub fn again(&self) -> Option<String> {
        Some(self.line.clone()).filter(|line| !line.is_empty())
    }

    /// A command line of this program with the settings of the failed one. `template` is what it was made from.
    pub fn apply(&self, line: &str, template: &str, refused: Option<Plane>) -> String {
        let Some(command) = first_word(template) else {
            return line.to_string();
        };
        let wanted = |name: &str| self.is_wanted(name, command, template, refused);
        let options = self.options.iter().filter(|(name, _)| wanted(name));
        let options: Vec<String> = options
            .map(|(name, value)| format!(" --{name} {}", quote(value)))
            .collect();
        let off = self.file_variables.iter().filter(|(name, _)| !wanted(name));
        let off: Vec<String> = off.map(|(_, variable)| format!("{variable}= ")).collect();
        let (off, options) = (off.concat(), options.concat());
        match line.split_once(SHELL_END) {
            Some((before, after)) => {
                let before = before.replacen("rawcosmos ", &format!("{off}rawcosmos "), 1);
                format!("{before}{options}{SHELL_END}{after}")
            }
            None => format!("{off}{line}{options}"),
        }
    }

    fn is_wanted(&self, name: &str, command: &str, template: &str, refused: Option<Plane>) -> bool {
        let said = |name: &str| template.contains(&format!("--{name} "));
        let selects = SELECTORS.contains(&name);
        // The identity that lacks an Azure role cannot give it to itself.
        let for_others = template.contains("{word}");
        let of_arm = ARM_COMMANDS.contains(&command);
        match name {
            _ if said(name) || selects && SELECTORS.iter().any(|other| said(other)) => false,
            _ if selects => !for_others,
            "token-file" if for_others || command == "grant" => false,
            "token-file" => !of_arm || refused == Some(Plane::Arm),
            "key-file" => !KEYLESS_COMMANDS.contains(&command),
            _ => true,
        }
    }
}

/// Behind the options of a command whose output goes into a file.
const SHELL_END: &str = " > ";

/// The first word behind the program's name, where the line runs this program.
fn first_word(template: &str) -> Option<&str> {
    let template = template.trim_start_matches('?');
    let line = template.strip_prefix("(umask 077 && ").unwrap_or(template);
    let rest = line.strip_prefix("rawcosmos ")?;
    rest.split([' ', '[']).next()
}

fn is_writing_api(words: &[&str]) -> bool {
    matches!(words, ["api", "data", method, ..] if !method.eq_ignore_ascii_case("GET"))
}

/// The command line as words for a shell.
fn line(settings: &Settings) -> String {
    let args = settings.args();
    if args.words.is_empty() {
        return String::new();
    }
    let mut line = "rawcosmos".to_string();
    for word in &args.words {
        line.push_str(&format!(" {}", quote(word)));
    }
    for (name, value) in args.given().filter(|(name, _)| *name != "principal-type") {
        let value = value.map_or(String::new(), |value| format!(" {}", quote(value)));
        line.push_str(&format!(" --{name}{value}"));
    }
    line
}

/// A built-in data role.
pub struct DataRole {
    /// As `grant` calls it.
    pub word: &'static str,
    /// Its GUID.
    pub guid: &'static str,
}

impl DataRole {
    const READER: DataRole = DataRole {
        word: "data-reader",
        guid: "00000000-0000-0000-0000-000000000001",
    };
    const CONTRIBUTOR: DataRole = DataRole {
        word: "data-contributor",
        guid: "00000000-0000-0000-0000-000000000002",
    };
}
