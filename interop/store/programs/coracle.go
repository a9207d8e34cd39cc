package programs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/etcdserver"
)

// How the program that calls Main is told to be a server.
const (
	listenVariable = "CORACLE_INTEROP_LISTEN"
	dirVariable    = "CORACLE_INTEROP_DIR"
	// profileVariable is the file for a profile of the processor's time, none if empty.
	profileVariable = "CORACLE_INTEROP_PROFILE"
)

// Coracle returns an etcdserver over a boltstore with its file in dir. What it says
// goes to log. The program that calls it must call [Main] first.
func Coracle(dir string, log io.Writer) (*Program, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(1)
	if err != nil {
		return nil, err
	}
	return &Program{
		Name: "coracle", Address: addresses[0], log: log,
		command: []string{self},
		environ: []string{listenVariable + "=" + addresses[0], dirVariable + "=" + dir},
	}, nil
}

// Main is to be called first in main or TestMain. In a process that [Coracle]'s
// program started it serves until SIGTERM, and does not return; in any other it
// does nothing.
func Main() {
	address, dir := os.Getenv(listenVariable), os.Getenv(dirVariable)
	if address == "" {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	endProfile, err := StartProfile(os.Getenv(profileVariable))
	if err == nil {
		err = errors.Join(serve(ctx, address, filepath.Join(dir, "store.db")), endProfile())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "coracle:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
func serve(ctx context.Context, address, path string) (err error) {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server := etcdserver.New(s, etcdserver.Options{
		ClientURLs: []string{"http://" + address}, LeaseFile: path + ".leases", Logger: log,
	})
	return server.Run(ctx, l)
}
