package etcdserver

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A leaseLog is the file by which leases outlive the server, see
// [Options.LeaseFile]. A line says what happened:
//
//	grant 7587 60               the lease 7587 lives for 60 seconds
//	attach 7587 12 "mortal"     the write of revision 12 tied the key to it
//	end 7587
//
// That a lease was granted, or revoked, is on disk when the client is told. The other
// lines are left to the system: if the machine fails before it writes them, a key is
// not tied to its lease afterwards, and goes at the time that the store has for it.
//
// It belongs to [leases], which calls it with its lock held. Without a file, nil, it
// does nothing.
type leaseLog struct {
	path  string
	file  *os.File
	lines int // in the file
	log   *slog.Logger
}

// fewLines is how many lines a file may have before it is worth its while to make it
// shorter.
const fewLines = 1024

func grantLine(g *lease) string { return fmt.Sprintf("grant %d %d\n", g.id, int64(g.ttl/time.Second)) }

func attachLine(key string, a attachment) string {
	return fmt.Sprintf("attach %d %d %q\n", a.lease, a.revision, key)
}

func endLine(id int64) string { return fmt.Sprintf("end %d\n", id) }

// write adds a line.
func (l *leaseLog) write(line string) error {
	if l == nil {
		return nil
	}
	if _, err := l.file.WriteString(line); err != nil {
		return fmt.Errorf("write the leases: %w", err)
	}
	l.lines++
	return nil
}

// note is write where there is nobody to tell of a failure, which takes effect only
// at a restart.
func (l *leaseLog) note(line string) {
	if err := l.write(line); err != nil {
		l.log.Error("a restart will not know what became of a lease", "error", err)
	}
}

// sync waits until all lines are on disk.
func (l *leaseLog) sync() error {
	if l == nil {
		return nil
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("write the leases: %w", err)
	}
	return nil
}

// tooLong reports whether the file says much that is no longer so, if live lines
// would do.
func (l *leaseLog) tooLong(live int) bool { return l != nil && l.lines > fewLines+4*live }

// rewrite replaces the file by one with these lines, or leaves it if it fails.
func (l *leaseLog) rewrite(lines []string) error {
	next := l.path + ".new"
	if err := writeFile(next, strings.Join(lines, "")); err != nil {
		return errors.Join(err, os.Remove(next))
	}
	if l.file != nil {
		l.file.Close() // some systems cannot rename what is open
	}
	renamed := os.Rename(next, l.path)
	if renamed == nil {
		l.lines = len(lines)
	}
	var opened error
	l.file, opened = os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return errors.Join(renamed, opened, syncFolder(filepath.Dir(l.path)))
}

// writeFile writes a file that is on disk when it returns.
func writeFile(path, content string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a new name in a folder last.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	// Not every system can; then the name lasts when the system is ready.
	_ = folder.Sync()
	return folder.Close()
}

func (l *leaseLog) close() error {
	if l == nil || l.file == nil {
		return nil
	}
	return l.file.Close()
}
