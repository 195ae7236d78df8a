//! Names of users and groups, as passwd(5) and group(5) of a container's root have them.
//!
//! The parser is strict, because its mistakes grant rights: an id is decimal digits and nothing
//! else, and what is not understood is an error and never 0.

/// A user or a group: by number or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// A number.
    Number(u32),
    /// A name, to be looked up.
    Name(String),
}

/// A user, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub uid: u32,
    /// Its primary group.
    pub gid: u32,
    /// The other groups that list it as a member.
    pub groups: Vec<u32>,
    /// Its name, where the passwd file has one.
    pub name: Option<String>,
    /// Its home directory.
    pub home: Option<String>,
    /// Its shell.
    pub shell: Option<String>,
}

/// Reads an id: only decimal digits are a number, and 4294967295 means "no change" to the kernel.
pub fn parse_id(text: &str) -> Result<Id, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        let number = text.parse::<u32>().ok().filter(|number| *number != u32::MAX && number.to_string() == text);
        return number.map(Id::Number).ok_or_else(|| format!("{text:?} is not an id from 0 to 4294967294"));
    }
    let fine = |c: char| c.is_alphanumeric() || "_.-@$+\\".contains(c);
    let starts = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if starts && text.chars().all(fine) { Ok(Id::Name(text.to_owned())) } else { Err(format!("{text:?} is neither an id nor a name")) }
}

/// Reads `user` or `user:group`.
pub fn parse_spec(text: &str) -> Result<(Id, Option<Id>), String> {
    match text.split_once(':') {
        Some((user, group)) => Ok((parse_id(user)?, Some(parse_id(group)?))),
        None => Ok((parse_id(text)?, None)),
    }
}

/// The number in a field of a line that is going to be used.
fn field(text: Option<&&str>, line: &str) -> Result<u32, String> {
    match text.map(|text| parse_id(text)) {
        Some(Ok(Id::Number(number))) => Ok(number),
        _ => Err(format!("the line {line:?} has no number where an id must be")),
    }
}

/// Looks a user up in the texts of the two files.
///
/// A number that no line has is that user, with the primary group 0 (as container engines do)
/// unless the group is given too. A name that no line has is an error.
pub fn user(spec: &(Id, Option<Id>), passwd: &str, group: &str) -> Result<User, String> {
    let mut found = None;
    for line in passwd.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let fits = match &spec.0 {
            Id::Name(name) => fields.first() == Some(&name.as_str()),
            Id::Number(number) => fields.len() == 7 && fields.get(2) == Some(&number.to_string().as_str()),
        };
        if !fits {
            continue;
        }
        if fields.len() != 7 {
            return Err(format!("the line {line:?} does not have the seven fields of passwd(5)"));
        }
        let text = |index: usize| fields.get(index).map(|text| (*text).to_owned());
        let (uid, gid) = (field(fields.get(2), line)?, field(fields.get(3), line)?);
        found = Some(User { uid, gid, groups: Vec::new(), name: text(0), home: text(5), shell: text(6) });
        break;
    }
    let mut user = match (found, &spec.0) {
        (Some(user), _) => user,
        (None, Id::Number(uid)) => User { uid: *uid, ..User::default() },
        (None, Id::Name(name)) => return Err(format!("no user is called {name:?} in this root's /etc/passwd")),
    };
    if let Some(name) = user.name.clone() {
        user.groups = groups_of(&name, group)?;
    }
    if let Some(wanted) = &spec.1 {
        user.gid = group_id(wanted, group)?;
    }
    Ok(user)
}

/// The number of a group.
pub fn group_id(id: &Id, group: &str) -> Result<u32, String> {
    let name = match id {
        Id::Number(number) => return Ok(*number),
        Id::Name(name) => name,
    };
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.first() == Some(&name.as_str()) {
            return field(fields.get(2), line);
        }
    }
    Err(format!("no group is called {name:?} in this root's /etc/group"))
}

/// The groups that list a user as a member.
fn groups_of(name: &str, group: &str) -> Result<Vec<u32>, String> {
    let mut groups = Vec::new();
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name)) {
            groups.push(field(fields.get(2), line)?);
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\n1:x:7:7::/:/bin/sh\napp:x:1000:100:App:/srv:/bin/false\nbad:x:zero:0::/:\nshort:x:5\n";
    const GROUP: &str = "root:x:0:\nusers:x:100:\naudio:x:29:app,other\nodd:x:-1:\n";

    fn look(text: &str) -> Result<User, String> {
        user(&parse_spec(text)?, PASSWD, GROUP)
    }

    #[test]
    fn garbage_is_refused_and_never_root() {
        for text in
            ["", ":", "1:", ":1", "-1", "+1", " 1", "1 ", "01", "0x0", "1.0", "4294967295", "99999999999", "a b", "a/b", "1:2:3", "٣"]
        {
            assert!(parse_spec(text).is_err(), "{text:?}");
        }
        for text in ["bad", "short", "nobody", "app:odd", "app:nogroup"] {
            assert!(look(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_number_is_that_id_even_where_a_name_looks_like_it() -> Result<(), String> {
        assert_eq!(look("1")?.uid, 1);
        assert_eq!(look("7")?.gid, 7);
        assert_eq!(look("4294967294")?.uid, 4_294_967_294);
        for number in [0, 1, 1000, u32::MAX - 1] {
            assert_eq!(parse_id(&number.to_string())?, Id::Number(number));
        }
        Ok(())
    }

    #[test]
    fn names_bring_their_groups() -> Result<(), String> {
        let app = look("app")?;
        assert_eq!((app.uid, app.gid, app.groups), (1000, 100, vec![29]));
        assert_eq!(look("app:audio")?.gid, 29);
        assert_eq!(look("1000:5")?.gid, 5);
        assert_eq!(look("1000")?.home.as_deref(), Some("/srv"));
        Ok(())
    }
}
