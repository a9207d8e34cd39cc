package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
)

// setUpHostPath checks that a path of the node is what the pod expects there,
// or makes it. See
// https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types.
func setUpHostPath(source *corev1.HostPathVolumeSource) error {
	kind := corev1.HostPathUnset
	if source.Type != nil {
		kind = *source.Type
	}
	info, err := os.Stat(source.Path)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return err
	}
	switch kind {
	case corev1.HostPathUnset:
		if absent { // as runtimes do: what is mounted must exist
			return os.MkdirAll(source.Path, 0o755)
		}
		return nil
	case corev1.HostPathDirectoryOrCreate:
		if absent {
			return os.MkdirAll(source.Path, 0o755)
		}
	case corev1.HostPathFileOrCreate:
		if absent {
			return createFile(source.Path)
		}
	}
	if absent {
		return fmt.Errorf("hostPath type check failed: %s does not exist", source.Path)
	}
	if !isKind(kind, info.Mode()) {
		return fmt.Errorf("hostPath type check failed: %s is not a %s", source.Path, kind)
	}
	return nil
}

func createFile(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

func isKind(kind corev1.HostPathType, mode os.FileMode) bool {
	switch kind {
	case corev1.HostPathDirectory, corev1.HostPathDirectoryOrCreate:
		return mode.IsDir()
	case corev1.HostPathFile, corev1.HostPathFileOrCreate:
		return mode.IsRegular()
	case corev1.HostPathSocket:
		return mode&os.ModeSocket != 0
	case corev1.HostPathCharDev:
		return mode&os.ModeCharDevice != 0
	case corev1.HostPathBlockDev:
		return mode&os.ModeDevice != 0 && mode&os.ModeCharDevice == 0
	}
	return false
}
