package store_test

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coracle-k8s/coracle/interop/store/programs"
)

func TestMain(m *testing.M) {
	programs.Main() // if this process is to be our server
	os.Exit(m.Run())
}

// program starts what make returns on an empty folder. It ends with the test.
func program(t *testing.T, make func(string, io.Writer) (*programs.Program, error)) *programs.Program {
	t.Helper()
	p, err := make(t.TempDir(), t.Output())
	needs(t, err)
	start(t, p)
	return p
}

// needs skips the test if err says that a program was not built.
func needs(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, programs.ErrNotBuilt) {
		t.Skip(err)
	}
	require.NoError(t, err)
}

// start starts programs and waits until all are ready.
func start(t *testing.T, ps ...*programs.Program) {
	t.Helper()
	for _, p := range ps {
		require.NoError(t, p.Start())
		t.Cleanup(func() { require.NoError(t, p.Stop()) })
	}
	for _, p := range ps {
		require.NoError(t, p.Ready(t.Context()))
	}
}

func dial(t *testing.T, ps ...*programs.Program) *clientv3.Client {
	t.Helper()
	c, err := programs.Dial(ps...)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}
