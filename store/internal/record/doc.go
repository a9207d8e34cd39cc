// Package record is how a change is written to disk: in boltstore's file and in
// snapshots.
//
// A record is
//
//	4 bytes   CRC-32C of the rest, big endian
//	1 byte    0 for a put, 1 for a delete
//	uvarint   create revision      \
//	uvarint   mod revision          |  zero in a delete, but for
//	uvarint   version               |  the mod revision and the key
//	uvarint   expiry, Unix seconds  |
//	uvarint   expiry, nanoseconds   |
//	uvarint   length of the key     |
//	bytes     the key               |
//	bytes     the value            /
//
// A uvarint is a number in as many groups of seven bits as it needs (see
// encoding/binary). The checksum finds bits that rotted on the disk. It does not
// keep out those who mean harm.
package record
