//go:build !unix

package image

import "sync"

// Without flock the locks hold within this process only: one process at a time
// may use a store there.
var (
	fileLocksMu sync.Mutex
	fileLocks   = map[string]*sync.RWMutex{}
)

func lockFile(path string, exclusive, wait bool) (unlock func(), err error) {
	fileLocksMu.Lock()
	l := fileLocks[path]
	if l == nil {
		l = new(sync.RWMutex)
		fileLocks[path] = l
	}
	fileLocksMu.Unlock()
	switch {
	case exclusive && !wait:
		if !l.TryLock() {
			return nil, errBusy
		}
		return l.Unlock, nil
	case exclusive:
		l.Lock()
		return l.Unlock, nil
	default:
		l.RLock()
		return l.RUnlock, nil
	}
}
