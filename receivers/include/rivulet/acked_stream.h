#pragma once

#include "rivulet/socket_stream.h"

namespace rivulet {

/// The records that clients send to a TCP port by the acknowledged line protocol: each is processed once, through
/// crashes of either side. `rivulet/client.h` is a client; a few lines of any language are another.
///
///     auto clicks = ackedServerStream(ssc, 9999).uid("clicks");
///
/// A client has a name of its own, and counts its records from 1:
///
///     <name> 0\n               a greeting, which is no record; may be left out
///     <name> <n> <record>\n    a record
///     RESUME <n>\n             the answer to the first line: all up to n is stored
///     ACK <n>\n                all up to n is stored now: with a checkpoint directory, written and synced
///     ERR <why>\n              before the connection is closed for a line that cannot be
///
/// A client that is not sure whether a record has arrived sends it again, with its number, in the same or a new
/// connection: what was received before is acknowledged and not received again. Numbers follow each other in a
/// connection; the first may be any that is new. The number of each client's last record is stored together with the
/// block that has it, so this holds for the next process as well. A name that connects again takes over from its older
/// connection.
///
/// Names have up to 64 bytes without blanks. Records end at `\n` (and a `\r` before it) and have up to `maxLineBytes`;
/// a longer one ends the connection, for a record that was dropped would never be acknowledged.
///
/// Without a checkpoint directory `ACK` means that the record is in memory.
///
/// Shape:   as `socketServerStream`; the records, without names and numbers
/// Cost:    30 bytes of disk and memory for each name that was ever used
/// Errors:  as `socketServerStream`
SocketServerStream ackedServerStream(const StreamingContext& ssc, int port, SocketServerOptions options = {},
                                     std::source_location where = std::source_location::current());

} // namespace rivulet
