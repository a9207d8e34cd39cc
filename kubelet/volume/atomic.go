package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// A Payload is the content of a volume: files by slash-separated path.
type Payload map[string]File

// A File is one file of a [Payload].
type File struct {
	Data []byte
	Mode os.FileMode
	// UID, if set, is the owner.
	UID *int64
}

const (
	dataLink    = "..data"
	newDataLink = "..data_tmp"
)

// WriteAtomic makes payload the content of dir and says whether that changed
// anything. The files are written to a new folder beside the old one, then the
// link ..data is swapped from one to the other by a rename. With a group, the
// files belong to it and it may read them.
func WriteAtomic(dir string, payload Payload, group *int64) (bool, error) {
	for name := range payload {
		if err := checkPath(name); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, fmt.Errorf("write volume: %w", err)
	}
	old, err := os.Readlink(filepath.Join(dir, dataLink))
	if err == nil && same(filepath.Join(dir, old), payload, group) {
		return false, link(dir, payload)
	}
	fresh, err := writeFresh(dir, payload, group)
	if err != nil {
		return false, fmt.Errorf("write volume: %w", err)
	}
	if err := swap(dir, fresh); err != nil {
		return false, fmt.Errorf("write volume: %w", err)
	}
	if err := errors.Join(link(dir, payload), unlink(dir, payload)); err != nil {
		return true, fmt.Errorf("write volume: %w", err)
	}
	if old != "" {
		os.RemoveAll(filepath.Join(dir, old))
	}
	return true, nil
}

// checkPath refuses paths that leave the volume or collide with its machinery.
func checkPath(name string) error {
	first, _, _ := strings.Cut(name, "/")
	switch {
	case !fs.ValidPath(name), name == ".", strings.Contains(name, `\`):
		return fmt.Errorf("invalid path %q: must be relative and stay in the volume", name)
	case strings.HasPrefix(first, ".."):
		return fmt.Errorf("invalid path %q: must not start with '..'", name)
	}
	return nil
}

// same says whether dir holds exactly the payload.
func same(dir string, payload Payload, group *int64) bool {
	found := 0
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, file)
		want, ok := payload[filepath.ToSlash(name)]
		if !ok {
			return fs.ErrNotExist
		}
		info, err := entry.Info()
		if err != nil || info.Mode().Perm() != fileMode(want, group).Perm() {
			return fs.ErrNotExist
		}
		data, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(data, want.Data) {
			return fs.ErrNotExist
		}
		found++
		return nil
	})
	return err == nil && found == len(payload)
}

func fileMode(f File, group *int64) os.FileMode {
	if group != nil {
		return f.Mode | 0o440
	}
	return f.Mode
}

func writeFresh(dir string, payload Payload, group *int64) (string, error) {
	fresh, err := os.MkdirTemp(dir, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return "", err
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return "", err
	}
	for name, file := range payload {
		full := filepath.Join(fresh, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			return "", err
		}
		if err := writeFile(full, file, group); err != nil {
			return "", err
		}
	}
	return filepath.Base(fresh), nil
}

func writeFile(full string, file File, group *int64) error {
	mode := fileMode(file, group)
	if err := os.WriteFile(full, file.Data, 0o600); err != nil {
		return err
	}
	if file.UID != nil || group != nil {
		if err := chown(full, file.UID, group); err != nil {
			return err
		}
	}
	return os.Chmod(full, mode)
}

// chown changes owner and group; nil leaves them.
func chown(file string, uid, gid *int64) error {
	id := func(given *int64) int {
		if given == nil {
			return -1
		}
		return int(*given)
	}
	return os.Lchown(file, id(uid), id(gid))
}

func swap(dir, fresh string) error {
	temporary := filepath.Join(dir, newDataLink)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(fresh, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, dataLink))
}

// link makes the links that people see.
func link(dir string, payload Payload) error {
	for name := range payload {
		first, _, _ := strings.Cut(name, "/")
		err := os.Symlink(path.Join(dataLink, first), filepath.Join(dir, first))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// unlink removes the links of files that are no more.
func unlink(dir string, payload Payload) error {
	wanted := map[string]bool{}
	for name := range payload {
		first, _, _ := strings.Cut(name, "/")
		wanted[first] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "..") || wanted[e.Name()] {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
