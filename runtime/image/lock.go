package image

import (
	"errors"
	"os"
	"path/filepath"
)

// Two locks keep processes out of each other's way, each held on a file so that
// the kernel drops it when its holder dies.
//
//   - index.lock, exclusive, for the blink in which index.json is changed.
//   - use.lock, shared by everyone who is about to refer to blobs or layers that
//     nothing refers to yet (adding an image, unpacking it for a container), and
//     exclusive for the collector that deletes what nothing refers to. The
//     collector never waits: if someone is at work, it leaves a note in the file
//     "garbage", and whoever ends his work then collects.

func (s *Store) lockIndex() (unlock func(), err error) {
	return lockFile(filepath.Join(s.root, "index.lock"), true, true)
}

// beginUse keeps the collector away until done is called, which then collects
// what was left for it.
func (s *Store) beginUse() (done func(), err error) {
	unlock, err := lockFile(filepath.Join(s.root, "use.lock"), false, true)
	if err != nil {
		return nil, err
	}
	return func() {
		unlock()
		if _, err := os.Stat(s.garbagePath()); err == nil {
			s.collect()
		}
	}, nil
}

func (s *Store) garbagePath() string { return filepath.Join(s.root, "garbage") }

// errBusy says that somebody else holds a lock which we would not wait for.
var errBusy = errors.New("locked by somebody else")
