package client

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/coracle-k8s/coracle/api"
)

// maxFrame is the greatest size of one event, in bytes. Objects are limited to 3 MiB.
const maxFrame = 16 << 20

// frames cuts the body of a watch into events. In JSON these are documents
// {"type":…,"object":…} one after the other; in protobuf each is a
// meta.k8s.io WatchEvent after four bytes of its length, big-endian.
type frames struct {
	mediaType string
	json      *json.Decoder
	proto     *bufio.Reader
}

func newFrames(resp *http.Response) *frames {
	f := &frames{mediaType: mediaType(resp)}
	if f.mediaType == api.Protobuf {
		f.proto = bufio.NewReader(resp.Body)
	} else {
		f.json = json.NewDecoder(resp.Body)
	}
	return f
}

// next returns the type of the next event and its object, encoded. The error is
// io.EOF only between frames.
func (f *frames) next() (watch.EventType, []byte, error) {
	var event metav1.WatchEvent
	if f.json != nil {
		if err := f.json.Decode(&event); err != nil {
			return "", nil, err
		}
		return watch.EventType(event.Type), event.Object.Raw, nil
	}
	data, err := f.nextProto()
	if err != nil {
		return "", nil, err
	}
	if err := event.Unmarshal(data); err != nil {
		return "", nil, fmt.Errorf("decode watch event: %w", err)
	}
	return watch.EventType(event.Type), event.Object.Raw, nil
}

func (f *frames) nextProto() ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(f.proto, header[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxFrame {
		return nil, fmt.Errorf("read watch event: a frame of %d bytes is too large", size)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(f.proto, data); err != nil {
		return nil, fmt.Errorf("read watch event: %w", noEOF(err))
	}
	return data, nil
}

// noEOF keeps an end in the middle from looking like an end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
