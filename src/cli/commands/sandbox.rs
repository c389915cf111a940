//! `sandbox start` and `sandbox run`: the other side, on loopback.

use std::ffi::OsString;
use std::process;
use std::time::Duration;

use crate::cli::interrupt;
use crate::cli::output::{Format, Output};
use crate::cli::say::tell;
use crate::cli::settings::Settings;
use crate::error::Error;
use crate::sandbox::arm::rbac::ROLES;
use crate::sandbox::cloud::Cloud;
use crate::sandbox::faults::Fault;
use crate::sandbox::host::{self, Host};
use crate::sandbox::{self, Options, Sandbox, os};
use crate::show::Mask;

/// Variables that would make a command in the sandbox use a credential or an audience that is not the sandbox's,
/// besides those that say which identity there is.
const LEADING_OUT: &[&str] = &[
    "AZURE_COSMOS_AAD_SCOPE_OVERRIDE",
    "RAWCOSMOS_TOKEN_FILE",
    "RAWCOSMOS_KEY_FILE",
    "RAWCOSMOS_ARM_AUDIENCE",
    "RAWCOSMOS_DATA_AUDIENCE",
];

/// `sandbox start [--host HOST] [--port N] [--partitions N] [--regions N] [--multi-write] [--ragged-pages SEED] [--azure-role NAME] [--fault SPEC]…`: serves until it is ended.
pub fn start(settings: &Settings, _: &Mask, _: &[String]) -> Result<u8, Error> {
    let sandbox = begin(settings)?;
    let mut output = Output::new(Format::Auto, None, false, Box::new(std::io::stdout()))?;
    output.text(&sandbox.ready_line())?;
    output.finish()?;
    match interrupt::is_installed() {
        true => interrupt::wait(),
        false => sandbox.wait(),
    }
    sandbox.stop();
    Ok(0)
}

/// `sandbox run [options] -- COMMAND…`: starts one, runs the command with its addresses, and passes its exit code on.
pub fn run(settings: &Settings, _: &Mask, _: &[String]) -> Result<u8, Error> {
    let Some((program, arguments)) = settings.args().rest.split_first() else {
        return Err(Error::usage(
            "which command? rawcosmos sandbox run -- COMMAND",
        ));
    };
    // From now on no signal ends this process before its child.
    interrupt::hold();
    let sandbox = begin(settings)?;
    if interrupt::is_raised() {
        sandbox.stop();
        return Ok(1);
    }
    let mut command = process::Command::new(program);
    for variable in LEADING_OUT.iter().chain(host::VARIABLES) {
        command.env_remove(variable);
    }
    command.args(arguments).envs(variables(&sandbox));
    // Its endpoints are of this machine, and their hosts name no cloud.
    command.envs(
        settings
            .text("cloud")
            .map(|cloud| ("RAWCOSMOS_CLOUD", cloud)),
    );
    command.envs(own_path().map(|path| ("PATH", path)));
    let status = command.spawn().and_then(outlived);
    sandbox.stop();
    match status {
        Ok(status) => Ok(code(status)),
        Err(e) => {
            let program = program.to_string_lossy();
            tell(&format!("error: cannot run {program}: {e}"));
            // As shells do: 126 found but not to be run, 127 not found.
            Ok(if e.kind() == std::io::ErrorKind::NotFound {
                127
            } else {
                126
            })
        }
    }
}

/// Waits until the child ends, also after Ctrl-C, which the child gets as well. What is sent to this process alone is
/// passed on to it.
fn outlived(mut child: process::Child) -> std::io::Result<process::ExitStatus> {
    const LONGEST: Duration = Duration::from_millis(20);
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(signal) = interrupt::take().filter(|signal| *signal != interrupt::CTRL_C) {
            interrupt::send(child.id(), signal);
        }
        if let Some(status) = child.try_wait()? {
            interrupt::take();
            return Ok(status);
        }
        std::thread::sleep(pause);
        pause = LONGEST.min(pause * 2);
    }
}

/// The search path with this program before all others: the command may call `rawcosmos`, and means this one.
fn own_path() -> Option<OsString> {
    // Without /proc nobody but the one who started it says where it is; a bare name was found on the path.
    let said = || {
        let program = std::path::absolute(std::env::args_os().next()?).ok()?;
        program.is_file().then_some(program)
    };
    let program = std::env::current_exe().ok().or_else(said)?;
    let folder = program.parent()?.to_path_buf();
    let others = std::env::var_os("PATH").unwrap_or_default();
    // An empty part would mean whatever folder the command happens to be in.
    let others = std::env::split_paths(&others).filter(|part| !part.as_os_str().is_empty());
    let all = std::iter::once(folder).chain(others);
    std::env::join_paths(all).ok()
}

/// The variables that point every command at a sandbox.
pub fn variables(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    sandbox.with_world(|world| {
        let mut variables = host::environment(world);
        variables.extend([
            ("RAWCOSMOS_IMDS_ENDPOINT", world.imds.clone()),
            ("RAWCOSMOS_ARM_ENDPOINT", world.arm.clone()),
            ("RAWCOSMOS_ENDPOINT", world.cosmos.clone()),
            ("RAWCOSMOS_SUBSCRIPTION", world.subscription.clone()),
            ("RAWCOSMOS_RESOURCE_GROUP", world.resource_group.clone()),
            ("RAWCOSMOS_ACCOUNT_NAME", world.account.clone()),
        ]);
        variables
    })
}

fn begin(settings: &Settings) -> Result<Sandbox, Error> {
    if settings.on("dry-run") {
        return Err(Error::usage(
            "a sandbox sends nothing, so it has no --dry-run",
        ));
    }
    let faults: Result<Vec<Fault>, String> = settings
        .args()
        .values("fault")
        .into_iter()
        .map(Fault::parse)
        .collect();
    let usual = Options::default();
    let partitions = settings.number("partitions")?.unwrap_or(usual.partitions);
    if !(1..=1000).contains(&partitions) {
        return Err(Error::usage("--partitions must be 1 to 1000"));
    }
    let host = settings.text("host");
    let cloud = settings.text("cloud");
    let regions = settings.number("regions")?.unwrap_or(usual.regions);
    if !(1..=2).contains(&regions) {
        return Err(Error::usage("--regions must be 1 or 2"));
    }
    if settings.on("multi-write") && regions != 2 {
        return Err(Error::usage("--multi-write needs --regions 2"));
    }
    let options = Options {
        host: host
            .map_or(Ok(usual.host), |name| Host::parse(&name))
            .map_err(Error::usage)?,
        cloud: cloud
            .map_or(Ok(usual.cloud), |name| Cloud::parse(&name))
            .map_err(Error::usage)?,
        port: settings.number("port")?.unwrap_or(usual.port),
        partitions,
        azure_role: azure_role(settings)?.unwrap_or_else(|| usual.azure_role.clone()),
        regions,
        multi_write: settings.on("multi-write"),
        ragged_pages: settings.number("ragged-pages")?,
        faults: faults.map_err(Error::usage)?,
        ..usual
    };
    sandbox::start(options).map_err(|e| Error::local(format!("cannot start the sandbox: {e}")))
}

/// The word of a role of Azure, or `none`.
fn azure_role(settings: &Settings) -> Result<Option<String>, Error> {
    let Some(word) = settings.args().value("azure-role") else {
        return Ok(None);
    };
    let known = ROLES.iter().map(|role| role.word).chain(["none"]);
    if known.clone().any(|known| known == word) {
        return Ok(Some(word.to_string()));
    }
    let known: Vec<&str> = known.collect();
    Err(Error::usage(format!(
        "--azure-role must be one of {}",
        known.join(", ")
    )))
}

/// The child's code; 128 and the signal's number where a signal ended it.
fn code(status: process::ExitStatus) -> u8 {
    let signal = os::signal(status).map(|signal| 128 + signal);
    let code = signal.or(status.code());
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
