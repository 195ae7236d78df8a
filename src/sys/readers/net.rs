//! `/proc/PID/net`: sockets, devices and routes of a process's network namespace.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Field, Record, decimal, hex, hex_field, lines, number, words};

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// TCP sockets over IPv4.
    Tcp,
    /// TCP sockets over IPv6.
    Tcp6,
    /// UDP sockets over IPv4.
    Udp,
    /// UDP sockets over IPv6.
    Udp6,
    /// Sockets of the file system and abstract ones: unix(7).
    Unix,
    /// Network devices and their counters.
    Dev,
    /// The IPv4 routing table.
    Route,
}

/// Every table with the name of its file.
pub const TABLES: [(&str, Table); 7] = [
    ("tcp", Table::Tcp),
    ("tcp6", Table::Tcp6),
    ("udp", Table::Udp),
    ("udp6", Table::Udp6),
    ("unix", Table::Unix),
    ("dev", Table::Dev),
    ("route", Table::Route),
];

impl Table {
    /// The table in the file `name`.
    #[must_use]
    pub fn from_word(name: &str) -> Option<Self> {
        TABLES.iter().find(|(other, _)| *other == name).map(|(_, table)| *table)
    }

    /// The file's name.
    #[must_use]
    pub fn file(self) -> &'static str {
        TABLES.iter().find(|(_, table)| *table == self).map_or("", |(name, _)| name)
    }
}

/// Parses the file of a table.
pub fn parse(table: Table, bytes: &[u8]) -> Option<Field> {
    let headers = if table == Table::Dev { 2 } else { 1 };
    let rows = lines(bytes).skip(headers);
    match table {
        Table::Tcp | Table::Tcp6 => rows.map(|row| inet(row, &TCP_STATES)).collect::<Option<Vec<_>>>().map(Field::List),
        Table::Udp | Table::Udp6 => rows.map(|row| inet(row, &UDP_STATES)).collect::<Option<Vec<_>>>().map(Field::List),
        Table::Dev => rows.map(device).collect::<Option<Vec<_>>>().map(Field::List),
        Table::Route => rows.map(route).collect::<Option<Vec<_>>>().map(Field::List),
        Table::Unix => unix(rows),
    }
}

/// `include/net/tcp_states.h`, in order from 1.
const TCP_STATES: [&str; 12] = [
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_recv",
];

/// UDP borrows two of them: connected, and not.
const UDP_STATES: [&str; 7] = ["established", "", "", "", "", "", "unconnected"];

/// `sl: LOCAL REMOTE STATE TX:RX TIMER:WHEN RETRNSMT UID TIMEOUT INODE …`
fn inet(row: &[u8], states: &[&str]) -> Option<Field> {
    let mut values = words(row).skip(1);
    let mut record = Record::default();
    for side in ["local", "rem"] {
        let (address, port) = address(values.next()?)?;
        record.put(format!("{side}_address"), address.as_str());
        record.put(format!("{side}_port"), port);
    }
    let state = hex(values.next()?)?;
    let name = usize::try_from(state).ok().and_then(|state| states.get(state.wrapping_sub(1))).filter(|name| !name.is_empty());
    record.put("st", name.map_or_else(|| Field::from(state.to_string().as_str()), |name| Field::from(*name)));
    let queues = values.next()?;
    let colon = queues.iter().position(|byte| *byte == b':')?;
    record.put("tx_queue", hex_field(queues.get(..colon)?)?);
    record.put("rx_queue", hex_field(queues.get(colon + 1..)?)?);
    let mut values = values.skip(2);
    record.put("uid", decimal(values.next()?)?);
    record.put("timeout", number(values.next()?)?);
    record.put("inode", number(values.next()?)?);
    Some(record.done())
}

/// `0100007F:0050` is 127.0.0.1 port 80: words of 32 bits in the machine's order.
fn address(text: &[u8]) -> Option<(String, i64)> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let (address, port) = text.split_once(':')?;
    let port = i64::from_str_radix(port, 16).ok()?;
    let word = |index: usize| u32::from_str_radix(address.get(index * 8..index * 8 + 8)?, 16).ok().map(u32::to_ne_bytes);
    match address.len() {
        8 => Some((Ipv4Addr::from(word(0)?).to_string(), port)),
        32 => {
            let mut bytes = [0; 16];
            for (index, chunk) in bytes.chunks_mut(4).enumerate() {
                chunk.copy_from_slice(&word(index)?);
            }
            Some((Ipv6Addr::from(bytes).to_string(), port))
        }
        _ => None,
    }
}

/// `NUM: REFCOUNT PROTOCOL FLAGS TYPE ST INODE PATH`.
///
/// The kernel writes a path as it is. One with a line's end in it goes on in lines that are no
/// rows; a path made to look like a row cannot be told from one.
fn unix<'a>(rows: impl Iterator<Item = &'a [u8]>) -> Option<Field> {
    let mut found: Vec<Record> = Vec::new();
    for row in rows {
        if let Some(record) = unix_row(row) {
            found.push(record);
            continue;
        }
        match found.last_mut()?.0.last_mut() {
            Some((name, Field::Text(path))) if name == "path" => {
                path.push(b'\n');
                path.extend_from_slice(row);
            }
            _ => return None,
        }
    }
    Some(Field::List(found.into_iter().map(Record::done).collect()))
}

fn unix_row(row: &[u8]) -> Option<Record> {
    // The path is the rest of the line, spaces and all; the number before it is padded.
    let mut rest = row;
    let mut next = || {
        let start = rest.iter().position(|byte| *byte != b' ')?;
        let word = rest.get(start..)?;
        let end = word.iter().position(|byte| *byte == b' ').unwrap_or(word.len());
        rest = word.get(end..)?;
        word.get(..end)
    };
    hex(next()?.strip_suffix(b":")?)?;
    let mut record = Record::default();
    record.put("ref_count", hex_field(next()?)?);
    record.put("protocol", hex_field(next()?)?);
    record.put("flags", next()?);
    record.put(
        "type",
        match hex(next()?)? {
            1 => Field::from("stream"),
            2 => "dgram".into(),
            5 => "seqpacket".into(),
            other => other.to_string().as_str().into(),
        },
    );
    record.put(
        "st",
        match hex(next()?)? {
            1 => Field::from("unconnected"),
            2 => "connecting".into(),
            3 => "connected".into(),
            4 => "disconnecting".into(),
            other => other.to_string().as_str().into(),
        },
    );
    record.put("inode", number(next()?)?);
    if let Some(path) = rest.strip_prefix(b" ") {
        record.put("path", path);
    }
    Some(record)
}

const COUNTERS: [&str; 16] = [
    "rx_bytes",
    "rx_packets",
    "rx_errs",
    "rx_drop",
    "rx_fifo",
    "rx_frame",
    "rx_compressed",
    "rx_multicast",
    "tx_bytes",
    "tx_packets",
    "tx_errs",
    "tx_drop",
    "tx_fifo",
    "tx_colls",
    "tx_carrier",
    "tx_compressed",
];

/// `NAME: COUNTERS…`; the kernel allows no colon in a name.
fn device(row: &[u8]) -> Option<Field> {
    let colon = row.iter().position(|byte| *byte == b':')?;
    let mut record = Record::default();
    record.put("interface", row.get(..colon)?.trim_ascii());
    let mut values = words(row.get(colon + 1..)?);
    for name in COUNTERS {
        record.put(name, number(values.next()?)?);
    }
    Some(record.done())
}

/// `Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT`
fn route(row: &[u8]) -> Option<Field> {
    let mut values = words(row);
    let mut record = Record::default();
    record.put("iface", values.next()?);
    let address = |text: &[u8]| {
        let word = u32::try_from(hex(text)?).ok()?;
        Some(Ipv4Addr::from(word.to_ne_bytes()).to_string())
    };
    record.put("destination", address(values.next()?)?.as_str());
    record.put("gateway", address(values.next()?)?.as_str());
    record.put("flags", values.next()?);
    for name in ["ref_cnt", "use", "metric"] {
        record.put(name, number(values.next()?)?);
    }
    record.put("mask", address(values.next()?)?.as_str());
    for name in ["mtu", "window", "irtt"] {
        record.put(name, number(values.next()?)?);
    }
    Some(record.done())
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    fn rows(table: Table, text: &[u8]) -> Vec<Vec<(String, Field)>> {
        let Some(Field::List(list)) = parse(table, text) else { return Vec::new() };
        list.into_iter().filter_map(|row| if let Field::Record(fields) = row { Some(fields) } else { None }).collect()
    }

    fn get<'a>(rows: &'a [Vec<(String, Field)>], row: usize, name: &str) -> Option<&'a Field> {
        rows.get(row)?.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    #[test]
    fn addresses_are_written_as_people_do() {
        assert_eq!(address(b"0100007F:0050"), Some(("127.0.0.1".into(), 80)));
        assert_eq!(address(b"00000000000000000000000001000000:1F90"), Some(("::1".into(), 8080)));
        for text in [&b"0100007F"[..], b"0100007:0050", b"0100007F:", b"xxxxxxxx:0050", b"0100007F:zz", b"\xff:1", "é100007:1".as_bytes()]
        {
            assert_eq!(address(text), None);
        }
    }

    #[test]
    fn a_listening_socket_is_read() {
        let text = b"  sl  local_address rem_address   st\n   0: 00000000:07E8 00000000:0000 0A 00000001:00000002 00:00000000 00000000     0        0 1061 1 0 100\n";
        let found = rows(Table::Tcp, text);
        assert_eq!(get(&found, 0, "local_port"), Some(&Field::Number(2024)));
        assert_eq!(get(&found, 0, "st"), Some(&"listen".into()));
        assert_eq!(get(&found, 0, "rx_queue"), Some(&Field::Number(2)));
        assert_eq!(get(&found, 0, "inode"), Some(&Field::Number(1061)));
        assert_eq!(parse(Table::Tcp, b"head\n 0: 00000000:07E8 00000000:0000 0A\n"), None);
        assert_eq!(parse(Table::Tcp, b""), Some(Field::List(vec![])));
    }

    #[test]
    fn a_sockets_path_may_have_spaces_and_line_ends() {
        let text = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000002 00000000 00010000 0001 01    12 /run/a b\n  c: 1\n\
            0000000000000000: 00000003 00000000 00000000 0002 03  1057\n\
            0000000000000000: 00000003 00000000 00000000 0005 01 1058 @abstract\xff\n";
        let found = rows(Table::Unix, text);
        assert_eq!(found.len(), 3);
        assert_eq!(get(&found, 0, "path"), Some(&"/run/a b\n  c: 1".into()));
        assert_eq!(get(&found, 1, "path"), None);
        assert_eq!(get(&found, 1, "type"), Some(&"dgram".into()));
        assert_eq!(get(&found, 2, "path"), Some(&b"@abstract\xff".to_vec().into()));
        assert_eq!(parse(Table::Unix, b"head\nbroken\n"), None);
    }

    #[test]
    fn devices_and_routes_are_read() {
        let text = b"a\nb\n    lo:   15335     240    0    0    0     0          0         0    15336     241    0    0    0     0       0          0\n";
        let found = rows(Table::Dev, text);
        assert_eq!(get(&found, 0, "interface"), Some(&"lo".into()));
        assert_eq!(get(&found, 0, "tx_packets"), Some(&Field::Number(241)));
        assert_eq!(parse(Table::Dev, b"a\nb\nlo: 1 2\n"), None);
        assert_eq!(parse(Table::Dev, b"a\nb\nlo\n"), None);
        let text = b"head\neth0\t000200C0\t010200C0\t0003\t0\t0\t5\t00FFFFFF\t0\t0\t0\n";
        let found = rows(Table::Route, text);
        assert_eq!(get(&found, 0, "destination"), Some(&"192.0.2.0".into()));
        assert_eq!(get(&found, 0, "mask"), Some(&"255.255.255.0".into()));
        assert_eq!(get(&found, 0, "metric"), Some(&Field::Number(5)));
        assert_eq!(parse(Table::Route, b"head\neth0\t0\n"), None);
        assert_eq!(parse(Table::Route, b"head\neth0\tFFFFFFFFFF\t0\t0\t0\t0\t0\t0\t0\t0\t0\n"), None);
    }
}
