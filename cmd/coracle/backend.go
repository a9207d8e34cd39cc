package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/etcdstore"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// tlsFlags say how to be known and whom to trust, with files as etcd has them.
type tlsFlags struct {
	ca, cert, key string
}

// config returns nil if no flag was given.
func (f *tlsFlags) config() (*tls.Config, error) {
	if *f == (tlsFlags{}) {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		data, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(data) {
			return nil, fmt.Errorf("%s: no PEM certificate in it", f.ca)
		}
	}
	if f.cert != "" || f.key != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, fmt.Errorf("certificate %q with key %q: %w", f.cert, f.key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// storeFlags say where objects are kept.
type storeFlags struct {
	store string
	etcd  tlsFlags
}

// maxHistory is that of [cluster.Config]: etcd keeps its history on disk.
func (f *storeFlags) maxHistory() int64 {
	if strings.HasPrefix(f.store, "etcd://") {
		return -1
	}
	return 0
}

func (f *storeFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.store, "store", "bolt", "where objects are kept: bolt (a file in the data directory), memory, or etcd://HOST:PORT[,HOST:PORT...]")
	cmd.Flags().StringVar(&f.etcd.ca, "etcd-cafile", "", "file of the certificates by which etcd is known; TLS is used if any --etcd-*file is given")
	cmd.Flags().StringVar(&f.etcd.cert, "etcd-certfile", "", "file of the certificate to show etcd")
	cmd.Flags().StringVar(&f.etcd.key, "etcd-keyfile", "", "file of its key")
}

// open opens the store. A compaction of what is old goes on beside it, by the API
// server.
func (f *storeFlags) open(ctx context.Context, path string, log *slog.Logger) (store.Store, error) {
	endpoints, isEtcd := strings.CutPrefix(f.store, "etcd://")
	switch {
	case !isEtcd && f.etcd != (tlsFlags{}):
		return nil, errors.New("--etcd-cafile, --etcd-certfile and --etcd-keyfile belong to a --store of etcd://HOST:PORT")
	case f.store == "bolt":
		return boltstore.Open(path, boltstore.Options{})
	case f.store == "memory":
		log.Warn("objects are kept in memory: they are gone when this process ends")
		return memstore.New(), nil
	case isEtcd:
		config, err := f.etcd.config()
		if err != nil {
			return nil, err
		}
		return etcdstore.Open(ctx, strings.Split(endpoints, ","), etcdstore.Options{TLS: config})
	}
	return nil, fmt.Errorf("--store %s: want bolt, memory or etcd://HOST:PORT", f.store)
}
