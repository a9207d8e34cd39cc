//go:build linux

package runc

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coracle-k8s/coracle/runtime/runc/internal/bundle"
	"github.com/coracle-k8s/coracle/runtime/runc/internal/shim"
	"google.golang.org/protobuf/proto"
)

// recordFile is what is written about a sandbox or a container in its directory.
const recordFile = "record.json"

// A sandboxRecord is what is known of a sandbox, as it is on disk.
type sandboxRecord struct {
	ID      string
	Config  []byte // cri.PodSandboxConfig, protobuf
	Handler string
	Created time.Time
	Ready   bool
	// Connected says that Network.Setup was called and Teardown was not.
	Connected bool
	IPs       []string
	// Cgroup is the pod's cgroup; OwnCgroup says that we made it.
	Cgroup    string
	OwnCgroup bool
	// Holder keeps the shared process namespace, if there is one.
	Holder shim.Process
}

// A containerRecord is what is known of a container, as it is on disk.
type containerRecord struct {
	ID, Sandbox string
	Config      []byte // cri.ContainerConfig, protobuf
	// ImageID and ImageRef are the image's ID and the name it was asked for by.
	ImageID, ImageRef string
	User              bundle.User
	StopSignal        int
	Cgroup, LogPath   string
	Created, Started  time.Time
	PID, ShimPID      int
	// Ended is set once the container has ended or could not start.
	Ended *ending
}

// An ending is how a container ended, and what to tell about it.
type ending struct {
	shim.Exit
	Reason, Message string
}

func newID() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	return hex.EncodeToString(raw)
}

// save writes a record in one step. It is not forced to the disk: after a crash of
// the machine nothing runs any more, and a broken record is tidied away.
func save(dir string, record any) error {
	raw, err := json.Marshal(record)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordFile)
	if err := os.WriteFile(path+".tmp", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

func load(dir string, record any) error {
	raw, err := os.ReadFile(filepath.Join(dir, recordFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, record); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(dir, recordFile), err)
	}
	return nil
}

func pack(m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(m)
}

// lockDir claims a directory for this runtime until release is called or the
// process dies.
func lockDir(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%s is in use by another runtime", dir)
		}
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		// A child that is being started just now may hold the file as well, for
		// an instant: closing alone would not give the lock free.
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
		_ = f.Close()
	}, nil
}
