package programs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNotBuilt: a real program is not there. `make interop` builds them.
var ErrNotBuilt = errors.New("program not found: build it with make")

// Find returns the path of a real program: on the path, or in bin/ of the
// project, looked for from the working directory upwards.
func Find(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "bin", name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("%s: %w %[1]s", name, ErrNotBuilt)
		}
		dir = parent
	}
}
