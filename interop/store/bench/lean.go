package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/coracle-k8s/coracle/interop/store/programs"
)

const (
	// fullWindow is as much as HTTP/2 lets a server send before it waits for us.
	fullWindow = math.MaxInt32
	// firstWindow is what either side may send at first, see RFC 9113, 6.9.2.
	firstWindow = 1<<16 - 1
	// prefix is how many bytes come before each message of gRPC: whether it is
	// compressed, and its length.
	prefix = 5
)

// A lean connection speaks gRPC with as little work of its own as can be: it
// writes requests that were encoded before, and looks at no more of the replies
// than whether they succeeded and how long they are. It is for one method, and
// belongs to one goroutine.
type lean struct {
	conn   net.Conn
	in     *bufio.Reader
	out    *bufio.Writer
	framer *http2.Framer

	encoder *hpack.Encoder
	block   bytes.Buffer // where the encoder writes
	path    string

	lastStream uint32
	sendWindow int // bytes that the server is ready to take
	received   int // bytes that the server has not been told we took
}

// dialLean connects to a program, for calls of a method.
func dialLean(p *programs.Program, method string) (*lean, error) {
	conn, err := net.Dial("tcp", p.Address)
	if err != nil {
		return nil, err
	}
	l := &lean{
		conn: conn, in: bufio.NewReaderSize(conn, 64<<10), out: bufio.NewWriterSize(conn, 64<<10),
		path: "/etcdserverpb." + method, sendWindow: firstWindow,
	}
	l.framer = http2.NewFramer(l.out, l.in)
	l.framer.SetReuseFrames()
	l.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	l.encoder = hpack.NewEncoder(&l.block)
	_, err = l.out.WriteString(http2.ClientPreface)
	return l, errors.Join(err,
		l.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: fullWindow}),
		l.framer.WriteWindowUpdate(0, fullWindow-firstWindow))
}

func (l *lean) Close() error { return l.conn.Close() }

// message returns a request as it is on the wire.
func message(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic("a request cannot be encoded: " + err.Error())
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(b))), b...)
}

// open begins a call. It is on its way after a flush.
func (l *lean) open() (stream uint32, err error) {
	l.block.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"},
		{Name: ":path", Value: l.path}, {Name: ":authority", Value: "bench"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	} {
		if err := l.encoder.WriteField(f); err != nil {
			return 0, err
		}
	}
	l.lastStream += 2
	stream = l.lastStream - 1
	return stream, l.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: l.block.Bytes(), EndHeaders: true})
}

// send writes a message of a call, the last one if end.
func (l *lean) send(stream uint32, message []byte, end bool) error {
	if l.sendWindow -= len(message); l.sendWindow < 0 {
		return errors.New("the server takes no more")
	}
	return l.framer.WriteData(stream, end, message)
}

// read returns the next frame that is about a call: one of data, or a header. What
// concerns the connection it answers itself, and it flushes what was written before
// it waits. The frame is valid until the next read.
func (l *lean) read() (http2.Frame, error) {
	for {
		if l.in.Buffered() == 0 {
			if err := l.out.Flush(); err != nil {
				return nil, err
			}
		}
		frame, err := l.framer.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch f := frame.(type) {
		case *http2.DataFrame:
			return f, l.took(f)
		case *http2.MetaHeadersFrame:
			return f, succeeded(f)
		case *http2.PingFrame:
			if !f.IsAck() {
				err = l.framer.WritePing(true, f.Data)
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = l.framer.WriteSettingsAck()
			}
		case *http2.WindowUpdateFrame:
			if f.StreamID == 0 {
				l.sendWindow += int(f.Increment)
			}
		case *http2.GoAwayFrame, *http2.RSTStreamFrame:
			err = fmt.Errorf("the server ended it: %v", f)
		}
		if err != nil {
			return nil, err
		}
	}
}

// took lets the server send more when it has used up half of what it may.
func (l *lean) took(f *http2.DataFrame) error {
	if l.received += len(f.Data()); l.received < fullWindow/2 {
		return nil
	}
	n := uint32(l.received)
	l.received = 0
	// Whichever stream it was: those that end soon do no harm with more.
	return errors.Join(l.framer.WriteWindowUpdate(0, n), l.framer.WriteWindowUpdate(f.StreamID, n))
}

// succeeded returns an error if a call has ended with one.
func succeeded(f *http2.MetaHeadersFrame) error {
	for _, field := range f.Fields {
		if field.Name == "grpc-status" && field.Value != "0" {
			return fmt.Errorf("the call failed: %v", f.Fields)
		}
	}
	return nil
}

// messages takes a stream of bytes apart into messages.
type messages struct{ rest bytes.Buffer }

// add takes bytes, and calls each with every message that is whole.
func (m *messages) add(b []byte, each func([]byte) error) error {
	m.rest.Write(b)
	for m.rest.Len() >= prefix {
		length := prefix + int(binary.BigEndian.Uint32(m.rest.Bytes()[1:]))
		if m.rest.Len() < length {
			break
		}
		if err := each(m.rest.Next(length)[prefix:]); err != nil {
			return err
		}
	}
	return nil
}

// count returns how often a field is in an encoded message.
func count(message []byte, field protowire.Number) (n int64, err error) {
	for len(message) > 0 {
		number, _, size := protowire.ConsumeField(message)
		if size < 0 {
			return 0, io.ErrUnexpectedEOF
		}
		if number == field {
			n++
		}
		message = message[size:]
	}
	return n, nil
}
