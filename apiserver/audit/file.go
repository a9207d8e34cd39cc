package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// FileOptions say where a log is written. The fields are kube-apiserver's flags.
type FileOptions struct {
	// Path is the file, or "-" for the standard output.
	Path string
	// MaxSize is the size in megabytes beyond which the file is put aside, and a
	// new one begun; zero means never.
	MaxSize int
	// MaxBackups is how many such files are kept, MaxAge for how many days; zero
	// means without bound.
	MaxBackups, MaxAge int
	// Logger hears of old files that cannot be removed; nil discards.
	Logger *slog.Logger
}

// OpenFile opens a log's file, which only its owner may read. It is for one
// goroutine, such as that of [Log.Run]. Whoever is done with it closes it.
func OpenFile(opts FileOptions) (io.WriteCloser, error) {
	if opts.MaxSize < 0 || opts.MaxBackups < 0 || opts.MaxAge < 0 {
		return nil, fmt.Errorf("audit log %s: size %d, files %d, age %d: none may be less than 0",
			opts.Path, opts.MaxSize, opts.MaxBackups, opts.MaxAge)
	}
	if opts.Path == "-" {
		return notOurs{os.Stdout}, nil
	}
	if err := os.MkdirAll(filepath.Dir(opts.Path), 0o700); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	f := &file{FileOptions: opts}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// notOurs is a file that others close.
type notOurs struct{ io.Writer }

func (notOurs) Close() error { return nil }

// A file is a log's file, with those before it, which have the time in their names:
//
//	audit.log  audit-2026-11-05T12-30-00.000.log
type file struct {
	FileOptions
	now  *os.File
	size int64 // bytes
}

func (f *file) open() (err error) {
	if f.now, err = os.OpenFile(f.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	info, err := f.now.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("audit log: %w", err), f.now.Close())
	}
	f.size = info.Size()
	return nil
}

// Write appends whole lines, to a new file if the old one is full.
func (f *file) Write(lines []byte) (int, error) {
	if full := int64(f.MaxSize) << 20; full > 0 && f.size > 0 && f.size+int64(len(lines)) > full {
		if err := f.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := f.now.Write(lines)
	f.size += int64(n)
	return n, err
}

// Close implements io.Closer.
func (f *file) Close() error { return f.now.Close() }

// timeForm is in the names of files put aside, and orders them.
const timeForm = "2006-01-02T15-04-05.000"

// rotate puts the file aside and begins a new one.
func (f *file) rotate() error {
	prefix, ext := f.parts()
	aside := prefix + time.Now().UTC().Format(timeForm) + ext
	if _, err := os.Lstat(aside); err == nil {
		return nil // one a millisecond is enough; the file grows a bit more
	}
	if err := errors.Join(f.now.Close(), os.Rename(f.Path, aside), f.open()); err != nil {
		return fmt.Errorf("begin a new audit log: %w", err)
	}
	if err := f.prune(); err != nil {
		f.Logger.Error("the audit log goes on, but keeps too much", "err", err)
	}
	return nil
}

// parts are what stands in the name of a file put aside before and behind the time.
func (f *file) parts() (prefix, ext string) {
	ext = filepath.Ext(f.Path)
	return strings.TrimSuffix(f.Path, ext) + "-", ext
}

// prune removes files that are too many, or too old.
func (f *file) prune() error {
	prefix, ext := f.parts()
	entries, err := os.ReadDir(filepath.Dir(f.Path))
	if err != nil {
		return fmt.Errorf("look for old audit logs: %w", err)
	}
	var errs []error
	aside := 0
	for _, entry := range slices.Backward(entries) { // the newest first
		text, begins := strings.CutPrefix(entry.Name(), filepath.Base(prefix))
		text, ends := strings.CutSuffix(text, ext)
		at, err := time.Parse(timeForm, text)
		if !begins || !ends || err != nil {
			continue // somebody else's
		}
		aside++
		tooMany := f.MaxBackups > 0 && aside > f.MaxBackups
		tooOld := f.MaxAge > 0 && time.Since(at) > time.Duration(f.MaxAge)*24*time.Hour
		if tooMany || tooOld {
			errs = append(errs, os.Remove(filepath.Join(filepath.Dir(f.Path), entry.Name())))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove old audit logs: %w", err)
	}
	return nil
}
