package api

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// A Message is an object in protobuf as [Codec.EncodeStored] leaves it, taken apart
// at the one place where what is stored differs from what is sent: the
// resourceVersion, which the store gives. So the bytes of the store can be sent at
// a revision, alone or in a list, without being decoded and encoded again:
//
//	k8s\0 | typeMeta | object( metadata( before | resourceVersion | after ) | rest ) | end
//
// It shares memory with the bytes it was parsed from.
type Message struct {
	typeMeta, before, after, rest, end []byte
}

// The tags of the fields that are looked for: a number, shifted by three, and
// above it the 2 of a field with a length.
const (
	tagTypeMeta        = 1<<3 | 2 // of the envelope
	tagRaw             = 2<<3 | 2 // of the envelope: the object's own message
	tagMetadata        = 1<<3 | 2 // of an object, and of a list
	tagItem            = 2<<3 | 2 // of a list
	tagResourceVersion = 6<<3 | 2 // of an object's metadata
	tagEventType       = 1<<3 | 2 // of a watch event
	tagEventObject     = 2<<3 | 2 // of a watch event: a message around the object's envelope
	tagEventRaw        = 1<<3 | 2 // of that message
)

// ParseMessage takes apart what EncodeStored returned. It is false for all other
// bytes, such as a custom resource, which is JSON: these must be encoded.
func ParseMessage(stored []byte) (m Message, ok bool) {
	typeMeta, raw, end, ok := openEnvelope(stored)
	if !ok {
		return m, false
	}
	metadata, rest, ok := cutField(raw, tagMetadata)
	if !ok {
		return m, false
	}
	at := 0
	for at < len(metadata) && metadata[at] < tagResourceVersion {
		_, behind, ok := cutField(metadata[at:], metadata[at])
		if metadata[at]&7 != 2 || !ok {
			return m, false
		}
		at = len(metadata) - len(behind)
	}
	revision, after, ok := cutField(metadata[at:], tagResourceVersion)
	if !ok || len(revision) > 0 {
		return m, false
	}
	return Message{typeMeta: typeMeta, before: metadata[:at], after: after, rest: rest, end: end}, true
}

// openEnvelope returns the parts of the message around every object.
func openEnvelope(data []byte) (typeMeta, raw, end []byte, ok bool) {
	data, ok = bytes.CutPrefix(data, protobufMagic)
	if !ok {
		return nil, nil, nil, false
	}
	if typeMeta, data, ok = cutField(data, tagTypeMeta); !ok {
		return nil, nil, nil, false
	}
	raw, end, ok = cutField(data, tagRaw)
	return typeMeta, raw, end, ok
}

// cutField returns the content of the field that data begins with, which must
// have the tag, and what is behind it.
func cutField(data []byte, tag byte) (content, behind []byte, ok bool) {
	if len(data) == 0 || data[0] != tag {
		return nil, nil, false
	}
	size, n := binary.Uvarint(data[1:])
	if n <= 0 || size > uint64(len(data)-1-n) {
		return nil, nil, false
	}
	from, to := 1+n, 1+n+int(size)
	return data[from:to:to], data[to:], true
}

// fieldSize is how many bytes a field takes whose content has a size.
func fieldSize(size int) int { return 1 + (bits.Len(uint(size)|1)+6)/7 + size }

// appendField begins a field whose content has a size.
func appendField(dst []byte, tag byte, size int) []byte {
	return binary.AppendUvarint(append(dst, tag), uint64(size))
}

func (m Message) metadataSize(revision string) int {
	return len(m.before) + fieldSize(len(revision)) + len(m.after)
}

func (m Message) objectSize(revision string) int {
	return fieldSize(m.metadataSize(revision)) + len(m.rest)
}

func (m Message) appendObject(dst []byte, revision string) []byte {
	dst = appendField(dst, tagMetadata, m.metadataSize(revision))
	dst = append(dst, m.before...)
	dst = appendField(dst, tagResourceVersion, len(revision))
	dst = append(append(dst, revision...), m.after...)
	return append(dst, m.rest...)
}

// Size is how many bytes Append appends.
func (m Message) Size(revision string) int {
	return len(protobufMagic) + fieldSize(len(m.typeMeta)) + fieldSize(m.objectSize(revision)) + len(m.end)
}

// Append appends what [Codec.Encode] writes for the object at a revision.
func (m Message) Append(dst []byte, revision string) []byte {
	dst = append(dst, protobufMagic...)
	dst = append(appendField(dst, tagTypeMeta, len(m.typeMeta)), m.typeMeta...)
	dst = m.appendObject(appendField(dst, tagRaw, m.objectSize(revision)), revision)
	return append(dst, m.end...)
}

// ItemSize is how many bytes AppendItem appends.
func (m Message) ItemSize(revision string) int { return fieldSize(m.objectSize(revision)) }

// AppendItem appends the object at a revision as it stands in a list: see [ListMessage].
func (m Message) AppendItem(dst []byte, revision string) []byte {
	return m.appendObject(appendField(dst, tagItem, m.objectSize(revision)), revision)
}

// EventSize is how many bytes AppendEvent appends.
func (m Message) EventSize(eventType, revision string) int {
	return fieldSize(len(eventType)) + fieldSize(fieldSize(m.Size(revision)))
}

// AppendEvent appends a metav1.WatchEvent of a type with the object at a revision.
func (m Message) AppendEvent(dst []byte, eventType, revision string) []byte {
	size := m.Size(revision)
	dst = append(appendField(dst, tagEventType, len(eventType)), eventType...)
	dst = appendField(dst, tagEventObject, fieldSize(size))
	return m.Append(appendField(dst, tagEventRaw, size), revision)
}

// A ListMessage is what is around the items of a list in protobuf.
type ListMessage struct {
	typeMeta, raw, end []byte
}

// ParseListMessage takes apart what [Codec.EncodeBytes] returned for a list that
// has no items. It is false for all other bytes.
func ParseListMessage(empty []byte) (l ListMessage, ok bool) {
	l.typeMeta, l.raw, l.end, ok = openEnvelope(empty)
	if !ok {
		return l, false
	}
	_, items, ok := cutField(l.raw, tagMetadata)
	return l, ok && len(items) == 0
}

// Size is how many bytes the list has around so many bytes of items, and with
// them.
func (l ListMessage) Size(items int) int {
	return len(protobufMagic) + fieldSize(len(l.typeMeta)) + fieldSize(len(l.raw)+items) + len(l.end)
}

// Begin appends what comes before so many bytes of items.
func (l ListMessage) Begin(dst []byte, items int) []byte {
	dst = append(dst, protobufMagic...)
	dst = append(appendField(dst, tagTypeMeta, len(l.typeMeta)), l.typeMeta...)
	return append(appendField(dst, tagRaw, len(l.raw)+items), l.raw...)
}

// End appends what comes after the items.
func (l ListMessage) End(dst []byte) []byte { return append(dst, l.end...) }
