package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Options say which part of a log to read, and how.
type Options struct {
	// Tail is how many lines of the end to read, negative for all.
	Tail int64
	// Since leaves out what is older; zero leaves out nothing.
	Since time.Time
	// Timestamps puts the time before each line.
	Timestamps bool
	// Limit is after how many bytes to end, negative for no limit.
	Limit int64
	// Follow goes on when the end is reached, until Running is false.
	Follow bool
	// Running says whether the container may still write.
	Running func() bool
}

// How often a followed log is looked at: at once when something came, then
// more and more seldom.
const (
	fastestLook = 20 * time.Millisecond
	slowestLook = time.Second
)

// errLimit ends a read when Limit is reached.
var errLimit = errors.New("limit reached")

// Read writes the log at file, with the files rotated away from it, to the two
// writers, which may be the same. A log that does not exist yet is empty. It
// returns when the log is read, Limit is reached, ctx ends or a write fails.
func Read(ctx context.Context, file string, opts Options, stdout, stderr io.Writer) error {
	r := &reader{opts: opts, stdout: stdout, stderr: stderr, left: opts.Limit, fresh: map[string]bool{"stdout": true, "stderr": true}}
	err := r.read(ctx, file)
	if errors.Is(err, errLimit) || ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	return nil
}

type reader struct {
	opts           Options
	stdout, stderr io.Writer
	left           int64           // bytes until the limit
	fresh          map[string]bool // by stream: the next text starts a line
}

func (r *reader) read(ctx context.Context, file string) error {
	files, skip, err := start(file, r.opts.Tail)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for i, f := range files {
		if _, err := f.Seek(skip, io.SeekStart); err != nil {
			return err
		}
		skip = 0
		last := i == len(files)-1
		if last && r.opts.Follow {
			files[i] = nil
			return r.follow(ctx, file, f)
		}
		if err := r.copy(bufio.NewReader(f), nil); err != nil {
			return err
		}
	}
	if len(files) == 0 && r.opts.Follow {
		return r.follow(ctx, file, nil)
	}
	return nil
}

// copy writes the lines of in. A line without an end is appended to rest, if
// that is not nil: more of it may come.
func (r *reader) copy(in *bufio.Reader, rest *[]byte) error {
	for {
		raw, err := in.ReadBytes('\n')
		if rest != nil {
			raw = append(*rest, raw...)
			*rest = nil
		}
		switch {
		case err == io.EOF:
			if rest != nil {
				*rest = raw
				return nil
			}
			if len(raw) == 0 {
				return nil
			}
			return r.line(raw)
		case err != nil:
			return err
		}
		if err := r.line(raw); err != nil {
			return err
		}
	}
}

// follow reads f, which it closes, and what is rotated into its place.
func (r *reader) follow(ctx context.Context, file string, f *os.File) error {
	var rest []byte
	wait := fastestLook
	for {
		running := r.opts.Running != nil && r.opts.Running()
		var before int64
		if f != nil {
			before, _ = f.Seek(0, io.SeekCurrent)
			if err := r.copy(bufio.NewReader(f), &rest); err != nil {
				f.Close()
				return err
			}
			if after, _ := f.Seek(0, io.SeekCurrent); after > before {
				wait = fastestLook
			}
		}
		next, err := renewed(file, f)
		if err != nil {
			return err
		}
		if next != nil {
			if f != nil { // what came between the last read and the rotation
				err = r.copy(bufio.NewReader(f), &rest)
				f.Close()
			}
			if f, wait = next, fastestLook; err != nil {
				f.Close()
				return err
			}
			continue
		}
		if !running || !sleep(ctx, wait) {
			if f != nil {
				f.Close()
			}
			return nil
		}
		wait = min(2*wait, slowestLook)
	}
}

// renewed opens the file if it is not the one that is open, else returns nil.
func renewed(file string, open *os.File) (*os.File, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // between rename and reopen
	}
	if err != nil {
		return nil, err
	}
	if open != nil {
		if old, err := open.Stat(); err != nil || os.SameFile(old, info) {
			return nil, err
		}
	}
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// line writes one raw line. A malformed one is left out: nobody wrote it.
func (r *reader) line(raw []byte) error {
	line, err := ParseLine(raw)
	if err != nil || line.Time.Before(r.opts.Since) {
		return nil
	}
	out := r.stdout
	if line.Stream == "stderr" {
		out = r.stderr
	}
	text := line.Text
	if r.opts.Timestamps && r.fresh[line.Stream] {
		text = append([]byte(line.Time.Format(time.RFC3339Nano)+" "), text...)
	}
	r.fresh[line.Stream] = !line.Partial
	return r.write(out, text)
}

func (r *reader) write(out io.Writer, text []byte) error {
	if r.opts.Limit >= 0 && int64(len(text)) >= r.left {
		if _, err := out.Write(text[:r.left]); err != nil {
			return err
		}
		return errLimit
	}
	r.left -= int64(len(text))
	_, err := out.Write(text)
	return err
}
