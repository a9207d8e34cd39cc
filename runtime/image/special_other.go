//go:build !linux

package image

import (
	"errors"
	"fmt"
	"os"
)

// Deletions are written for overlayfs, and only Linux has it.

func mkwhiteout(_ *os.File, base string) error {
	return fmt.Errorf("whiteout of %q needs Linux: %w", base, errors.ErrUnsupported)
}

func setOpaque(dir *os.File) error {
	return fmt.Errorf("opaque directory %q needs Linux: %w", dir.Name(), errors.ErrUnsupported)
}

func mkfifo(_ *os.File, base string) error {
	return fmt.Errorf("named pipe %q needs Linux: %w", base, errors.ErrUnsupported)
}

func setXattrs(*os.File, map[string]string) error { return nil }
