package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/coracle-k8s/coracle/store"
)

// recall reads the leases from the file. As after a restart of etcd, each has its
// full time again.
func (s *Server) recall(ctx context.Context) error {
	if s.opts.LeaseFile == "" {
		return nil
	}
	b, err := os.ReadFile(s.opts.LeaseFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the leases: %w", err)
	}
	recalled := newLeases()
	for line := range strings.Lines(string(b)) {
		if err := recalled.replay(line); err != nil {
			// The last line may be torn, after a failure of the machine others too.
			s.log.Warn("a line of the leases is left out", "line", line, "error", err)
		}
	}
	if err := recalled.check(ctx, s.store); err != nil {
		return fmt.Errorf("read the leases: %w", err)
	}
	recalled.log = &leaseLog{path: s.opts.LeaseFile, log: s.log}
	if err := recalled.log.rewrite(recalled.lines()); err != nil {
		return errors.Join(fmt.Errorf("write the leases: %w", err), recalled.log.close())
	}
	s.leases = recalled
	return nil
}

// replay does what a line says. The leases are nobody else's yet.
func (l *leases) replay(line string) error {
	verb, _, _ := strings.Cut(line, " ")
	var id, number int64
	var key string
	switch verb {
	case "grant":
		if _, err := fmt.Sscanf(line, "grant %d %d\n", &id, &number); err != nil {
			return err
		}
		_, err := l.grant(id, number)
		return err
	case "attach":
		if _, err := fmt.Sscanf(line, "attach %d %d %q\n", &id, &number, &key); err != nil {
			return err
		}
		l.attach(id, key, number, 0)
		return nil
	case "end":
		if _, err := fmt.Sscanf(line, "end %d\n", &id); err != nil {
			return err
		}
		l.take(id)
		return nil
	}
	return fmt.Errorf("%q is not understood", verb)
}

// check drops the keys that have been written, or deleted, since they were attached,
// and learns when the store deletes the others.
func (l *leases) check(ctx context.Context, s store.Store) error {
	for _, g := range l.byID {
		for key, a := range g.keys {
			kv, _, err := s.Get(ctx, key, 0)
			switch {
			case errors.Is(err, store.ErrNotFound) || err == nil && kv.ModRevision != a.revision:
				delete(g.keys, key)
				delete(l.byKey, key)
			case err != nil:
				return err
			default:
				a.until = kv.Expires
				g.keys[key], l.byKey[key] = a, a
			}
		}
	}
	return nil
}

// lines returns the shortest file that says what is so.
func (l *leases) lines() []string {
	var lines []string
	for _, g := range l.byID {
		lines = append(lines, grantLine(g))
		for key, a := range g.keys {
			lines = append(lines, attachLine(key, a))
		}
	}
	return lines
}
