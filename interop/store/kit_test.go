package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/etcdstore"
	"github.com/coracle-k8s/coracle/store/storetest"
)

// The contract holds over a real etcd: whoever can use our stores can use etcd.
func TestEtcdstore_kit(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return openEtcd(t, program(t, programs.Etcd))
	}, storetest.Options{
		Reopen: func(s store.Store) (store.Store, error) {
			if err := s.Close(); err != nil {
				return nil, err
			}
			return etcdstore.Open(t.Context(), s.(*etcdstore.Store).Endpoints(), etcdstore.Options{})
		},
		BufferedWatch: true,
		// etcd gives no lease less than a little over its election timeout.
		MinTTL:   2 * time.Second,
		TTLSlack: 2 * time.Second,
		Patience: time.Minute,
	})
}

// openEtcd opens an etcdstore over programs that are one cluster.
func openEtcd(t *testing.T, ps ...*programs.Program) *etcdstore.Store {
	t.Helper()
	var endpoints []string
	for _, p := range ps {
		endpoints = append(endpoints, p.Address)
	}
	s, err := etcdstore.Open(t.Context(), endpoints, etcdstore.Options{DialTimeout: 20 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
