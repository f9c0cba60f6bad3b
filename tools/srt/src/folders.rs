//! Folders of the user.

use std::path::PathBuf;

/// A folder of the user: from the variable if it is an absolute path, else below the home folder.
pub(crate) fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below_home));
    named.filter(|dir| dir.is_absolute()).or_else(home)
}
