package logs

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// A Line is one line of a log file, or a part of one.
type Line struct {
	Time time.Time
	// Stream is stdout or stderr.
	Stream string
	// Text is what the container wrote, with its newline unless Partial.
	Text []byte
	// Partial says that the next line of this stream continues it.
	Partial bool
}

// ErrLine says that a line is not in CRI's form.
var ErrLine = errors.New("malformed log line")

// ParseLine takes a line of a log file apart. The Text shares memory with raw.
func ParseLine(raw []byte) (Line, error) {
	stamp, rest, ok := bytes.Cut(raw, []byte{' '})
	if !ok {
		return Line{}, fmt.Errorf("%w: no timestamp", ErrLine)
	}
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return Line{}, fmt.Errorf("%w: timestamp %q", ErrLine, stamp)
	}
	stream, rest, ok := bytes.Cut(rest, []byte{' '})
	if !ok || string(stream) != "stdout" && string(stream) != "stderr" {
		return Line{}, fmt.Errorf("%w: stream %q", ErrLine, stream)
	}
	tags, text, ok := bytes.Cut(rest, []byte{' '})
	if !ok { // an empty line may have lost its last space
		tags, text = bytes.TrimSuffix(rest, []byte{'\n'}), []byte("\n")
	}
	line := Line{Time: at, Stream: string(stream), Text: text}
	switch tag, _, _ := bytes.Cut(tags, []byte{':'}); string(tag) {
	case "F":
	case "P":
		line.Partial = true
		line.Text = bytes.TrimSuffix(text, []byte{'\n'})
	default:
		return Line{}, fmt.Errorf("%w: tag %q", ErrLine, tags)
	}
	return line, nil
}
