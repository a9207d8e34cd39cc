package image

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// Usage is what a directory takes on its disk.
type Usage struct {
	// Bytes is the sum of the files' sizes.
	Bytes uint64
	// Inodes is the number of files and directories.
	Inodes uint64
}

// Usage returns what the store takes.
func (s *Store) Usage() (Usage, error) { return DiskUsage(s.root) }

// DiskUsage adds up what is below a directory. Files that vanish meanwhile do not
// count, and a file with several names counts for each.
func DiskUsage(dir string) (Usage, error) {
	var u Usage
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		u.Inodes++
		if info.Mode().IsRegular() {
			u.Bytes += uint64(info.Size())
		}
		return nil
	})
	return u, err
}
