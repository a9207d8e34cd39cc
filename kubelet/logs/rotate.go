package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const rotatedStamp = "20060102-150405.000000000"

// Rotate moves the log at file aside if it is larger than size bytes, and
// makes the runtime write to a new one by calling reopen. Of the files that
// make up the log, the newest keep stay. If reopen fails the file is put back.
func Rotate(ctx context.Context, file string, size int64, keep int, reopen func(context.Context) error) (bool, error) {
	info, err := os.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() <= size {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("rotate log: %w", err)
	}
	aside := file + "." + time.Now().UTC().Format(rotatedStamp)
	if err := os.Rename(file, aside); err != nil {
		return false, fmt.Errorf("rotate log: %w", err)
	}
	if err := reopen(ctx); err != nil {
		if _, statErr := os.Stat(file); errors.Is(statErr, fs.ErrNotExist) {
			err = errors.Join(err, os.Rename(aside, file))
		}
		return false, fmt.Errorf("rotate log: %w", err)
	}
	old, err := rotated(file)
	if err != nil {
		return true, fmt.Errorf("rotate log: %w", err)
	}
	for len(old) > max(0, keep-1) {
		if err := os.Remove(old[0]); err != nil {
			return true, fmt.Errorf("rotate log: %w", err)
		}
		old = old[1:]
	}
	return true, nil
}

// rotated returns the files that were moved aside from file, oldest first.
func rotated(file string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	prefix := filepath.Base(file) + "."
	for _, e := range entries {
		name := e.Name()
		if len(name) != len(prefix)+len(rotatedStamp) || name[:len(prefix)] != prefix {
			continue
		}
		if _, err := time.Parse(rotatedStamp, name[len(prefix):]); err == nil {
			names = append(names, filepath.Join(filepath.Dir(file), name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Remove deletes a log with all its rotated files.
func Remove(file string) error {
	names, err := rotated(file)
	if err != nil {
		return fmt.Errorf("remove log: %w", err)
	}
	for _, name := range append(names, file) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove log: %w", err)
		}
	}
	return nil
}
