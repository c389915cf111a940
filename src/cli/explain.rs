//! Errors for people.
use crate::error::Error;
/// ctx
#[derive(Debug, Default, Clone)]
pub struct Context {
    /// a
    pub account: Option<String>,
    /// a
    pub group: Option<String>,
    /// a
    pub subscription: Option<String>,
    /// a
    pub database: Option<String>,
    /// a
    pub container: Option<String>,
    /// a
    pub principal: Option<String>,
    /// a
    pub action: &'static str,
}
/// e
pub struct Explained(String);
impl std::fmt::Display for Explained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl Explained {
    /// j
    pub fn to_json(&self) -> String {
        self.0.clone()
    }
}
/// x
pub fn explain(e: &Error, _: &Context) -> Explained {
    Explained(format!("error: {e}"))
}
/// x
pub fn exit_code(_: &Error) -> u8 {
    1
}
