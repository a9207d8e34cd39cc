package boltstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
)

// faults are the children of this file.
var faults = map[string]func(path string) error{
	"small disk":      beOnSmallDisk,
	"read-only disk":  beOnReadOnlyDisk,
	"file size limit": beLimited,
}

// A disk fills up under a running store: writes fail and say why, nothing that
// was acknowledged is lost, and when there is room again writing goes on.
func TestStore_diskFull(t *testing.T) { runOnOwnDisk(t, "small disk") }

// On a read-only disk the store does not open, says why, and harms nothing.
func TestOpen_readOnlyDisk(t *testing.T) { runOnOwnDisk(t, "read-only disk") }

// The file may not grow, and then it may again.
func TestStore_fileSizeLimit(t *testing.T) {
	t.Parallel()
	out, err := child(t, "file size limit", filepath.Join(t.TempDir(), "data")).Output()
	require.NoError(t, err, "%s", out)
}

func TestOpen_readOnlyFolder(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write to read-only folders; see TestOpen_readOnlyDisk")
	}
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o500))
	_, err := boltstore.Open(filepath.Join(dir, "data"), boltstore.Options{})
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, dir)
}

// runOnOwnDisk runs a child in a mount namespace of its own, in which it may
// mount a file system in memory. What it mounts ends with it.
func runOnOwnDisk(t *testing.T, mode string) {
	t.Parallel()
	cmd := child(t, mode, filepath.Join(t.TempDir(), "disk"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok && err != nil || ok && exit.ExitCode() == exitNoMount {
		t.Skipf("cannot mount a file system of our own: %v", err)
	}
	require.NoError(t, err)
}

const exitNoMount = 77

// mountDisk mounts a file system of 24 MiB at dir, for this process alone.
func mountDisk(dir string) {
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
	}
	if err == nil {
		err = syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mount:", err)
		os.Exit(exitNoMount)
	}
}

// fillUp creates keys of 64 KiB until a write fails, and returns the keys.
func fillUp(s store.Store, from int) (map[string]bool, error) {
	keys := map[string]bool{}
	for i := from; i < from+1000; i++ {
		key := fmt.Sprint(i)
		if _, err := s.Create(context.Background(), key, make([]byte, 64<<10), 0); err != nil {
			return keys, err
		}
		keys[key] = true
	}
	return keys, errors.New("the disk is not full after 1000 keys")
}

// holds checks that the store holds these keys and no others.
func holds(s store.Store, keys map[string]bool) error {
	list, err := s.List(context.Background(), store.Everything, store.ListOptions{})
	if err != nil {
		return err
	}
	found := map[string]bool{}
	for _, kv := range list.Items {
		found[kv.Key] = true
	}
	if !maps.Equal(keys, found) {
		return fmt.Errorf("%d keys were acknowledged, %d are there", len(keys), len(found))
	}
	return nil
}

func beOnSmallDisk(dir string) error {
	mountDisk(dir)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 8<<20), 0o600); err != nil {
		return err
	}
	path := filepath.Join(dir, "data")
	makeRoom := func() error { return os.Remove(ballast) }
	if err := fullAndRoomAgain(path, makeRoom); err != nil {
		return err
	}
	// A disk without room for a new file.
	if err := os.WriteFile(ballast, make([]byte, 24<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("fill the disk: %w", err)
	}
	_, err := boltstore.Open(filepath.Join(dir, "new"), boltstore.Options{})
	if !errors.Is(err, boltstore.ErrFull) {
		return fmt.Errorf("open a new store on a full disk: got %w, want ErrFull", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
		return errors.New("half a store was left behind")
	}
	return nil
}

func beLimited(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 10 << 20, Max: 1 << 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	return fullAndRoomAgain(path, func() error {
		limit.Cur = limit.Max
		return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit)
	})
}

// fullAndRoomAgain fills the disk with a store, makes room, and writes on.
func fullAndRoomAgain(path string, makeRoom func() error) error {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	keys, err := fillUp(s, 0)
	if !errors.Is(err, boltstore.ErrFull) {
		return fmt.Errorf("write to a full disk: got %w, want ErrFull", err)
	}
	if len(keys) < 50 {
		return fmt.Errorf("only %d keys fit", len(keys))
	}
	if err := holds(s, keys); err != nil {
		return fmt.Errorf("on a full disk: %w", err)
	}
	if err := makeRoom(); err != nil {
		return err
	}
	for i := range 10 {
		key := fmt.Sprint("more", i)
		if _, err := s.Create(context.Background(), key, make([]byte, 64<<10), 0); err != nil {
			return fmt.Errorf("with room again: %w", err)
		}
		keys[key] = true
	}
	if err := s.Close(); err != nil {
		return err
	}
	if s, err = boltstore.Open(path, boltstore.Options{}); err != nil {
		return err
	}
	if err := holds(s, keys); err != nil {
		return fmt.Errorf("opened again: %w", err)
	}
	return s.Close()
}

func beOnReadOnlyDisk(dir string) error {
	mountDisk(dir)
	path := filepath.Join(dir, "data")
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	if _, err := s.Create(context.Background(), "a", nil, 0); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		return err
	}
	for _, name := range []string{path, filepath.Join(dir, "new")} {
		_, err := boltstore.Open(name, boltstore.Options{})
		if !errors.Is(err, syscall.EROFS) {
			return fmt.Errorf("open %s on a read-only disk: got %w, want EROFS", name, err)
		}
	}
	// What is there can still be examined.
	report, err := boltstore.Status(path)
	if err != nil || report.Keys != 1 {
		return fmt.Errorf("status on a read-only disk: %+v, %w", report, err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		return err
	}
	if s, err = boltstore.Open(path, boltstore.Options{}); err != nil {
		return err
	}
	if err := holds(s, map[string]bool{"a": true}); err != nil {
		return err
	}
	return s.Close()
}
