package apiserver

import (
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// A deflated is a part of a gzip stream, compressed on its own, so that it can
// stand in many streams: it ends on a whole byte and refers to nothing before it
// (RFC 1951, section 3.2).
type deflated struct {
	data []byte
	size int    // bytes before compression
	crc  uint32 // of these
}

// deflate compresses what write writes.
func deflate(zip *flate.Writer, write func(io.Writer)) deflated {
	var d deflated
	var to byteWriter
	zip.Reset(&to)
	write(writerFunc(func(p []byte) {
		d.crc, d.size = crc32.Update(d.crc, crc32.IEEETable, p), d.size+len(p)
		_, _ = zip.Write(p) // memory does not fail
	}))
	_ = zip.Flush()
	d.data = append([]byte(nil), to...) // no more than it needs, for it may be kept
	return d
}

// newDeflater returns a writer for deflate. It has a megabyte of its own, so they
// are used again.
func newDeflater() any {
	zip, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level is one
	return zip
}

// verbatim is a short text as a part of a gzip stream, not compressed. The last
// part of a stream is such a one.
func verbatim(text []byte, last bool) deflated {
	head := [5]byte{}
	if last {
		head[0] = 1
	}
	binary.LittleEndian.PutUint16(head[1:], uint16(len(text)))
	binary.LittleEndian.PutUint16(head[3:], ^uint16(len(text)))
	return deflated{data: append(head[:], text...), size: len(text), crc: crc32.ChecksumIEEE(text)}
}

// gzipHead begins a gzip stream: its magic, the method, and nothing about a file
// (RFC 1952, section 2.3).
var gzipHead = [10]byte{0: 0x1f, 1: 0x8b, 2: 8, 9: 255}

// gzipSize is how many bytes writeGzip writes.
func gzipSize(parts []deflated) int {
	size := len(gzipHead) + 8
	for _, p := range parts {
		size += len(p.data)
	}
	return size
}

// writeGzip writes a gzip stream that is made of parts.
func writeGzip(w io.Writer, parts []deflated) error {
	if _, err := w.Write(gzipHead[:]); err != nil {
		return err
	}
	var all deflated
	for _, p := range parts {
		if _, err := w.Write(p.data); err != nil {
			return err
		}
		all.crc, all.size = joinCRC(all.crc, p.crc, p.size), all.size+p.size
	}
	foot := binary.LittleEndian.AppendUint32(nil, all.crc)
	_, err := w.Write(binary.LittleEndian.AppendUint32(foot, uint32(all.size)))
	return err
}

// joinCRC returns the CRC-32 of two texts one behind the other. A CRC is the
// remainder of a polynomial, so to put n bytes behind a text multiplies its CRC by
// x to the power of 8n.
func joinCRC(first, second uint32, size int) uint32 {
	power, square := uint32(1)<<31, uint32(1)<<30 // x^0 and x^1: the highest bit is the lowest power
	for n := uint64(size) * 8; n > 0; n >>= 1 {
		if n&1 != 0 {
			power = multiply(power, square)
		}
		square = multiply(square, square)
	}
	return multiply(power, first) ^ second
}

// multiply multiplies two polynomials modulo that of the CRC.
func multiply(a, b uint32) uint32 {
	var product uint32
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		if b >>= 1; carry != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}

// A writerFunc is a writer that takes everything.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// A byteWriter appends what is written.
type byteWriter []byte

func (b *byteWriter) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
