package shim

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"
)

// Names of the files in a shim's directory.
const (
	configFile  = "shim.json"
	shimPIDFile = "shim.pid"
	pidFile     = "pid"
	socketFile  = "shim.sock"
	exitFile    = "exit.json"
	runcLogFile = "runc.log"
	shimLogFile = "shim.log"
)

// A Config says what a shim runs.
type Config struct {
	ID string
	// RuncPath and RuncRoot are the program and its --root.
	RuncPath, RuncRoot string
	// Bundle is the directory with config.json.
	Bundle string
	// LogPath is the log file; empty means that output is not kept.
	LogPath string
	// Terminal, Stdin and StdinOnce are as in CRI.
	Terminal, Stdin, StdinOnce bool
	// OOMFile is the cgroup's file that counts processes killed for memory.
	OOMFile string
}

// An Exit is how a container ended.
type Exit struct {
	// Code is the exit code, 128 plus the signal for a killed process.
	Code int
	Time time.Time
	// OOMKilled says that the kernel killed a process for want of memory.
	OOMKilled bool
}

// started is what a shim reports when runc is done.
type started struct {
	PID   int
	Time  time.Time
	Error string
}

// A Request opens a connection to a shim: one line of JSON.
type Request struct {
	// Op is "wait", "signal", "reopen-log" or "attach".
	Op     string
	Signal int  `json:",omitempty"`
	Stdin  bool `json:",omitempty"`
}

// reply answers "signal" and "reopen-log"; "wait" is answered by an Exit, and
// "attach" by frames until the container ends.
type reply struct {
	Error string
}

// Kinds of frames on an attached connection: a byte of kind, four bytes of length
// (big endian), and the data.
const (
	frameStdin    = 'i'
	frameStdinEOF = 'e'
	frameStdout   = 'o'
	frameStderr   = 'r'
	frameResize   = 'w' // width and height, two bytes each
)

// maxFrame bounds a frame's data, in bytes.
const maxFrame = 64 << 10

func writeFrame(w io.Writer, kind byte, data []byte) error {
	frame := make([]byte, 5, 5+len(data))
	frame[0] = kind
	binary.BigEndian.PutUint32(frame[1:], uint32(len(data)))
	_, err := w.Write(append(frame, data...))
	return err
}

func readFrame(r io.Reader, buf []byte) (kind byte, data []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame || int(n) > len(buf) {
		return 0, nil, fmt.Errorf("shim: frame of %d bytes, at most %d", n, maxFrame)
	}
	_, err = io.ReadFull(r, buf[:n])
	return head[0], buf[:n], err
}

// writeJSON replaces a file in one step.
func writeJSON(path string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func readJSON(path string, v any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
