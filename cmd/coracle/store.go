package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/store/boltstore"
	"github.com/coracle-k8s/coracle/store/etcdserver"
)

// storeServerFlags are the flags of `coracle store`.
type storeServerFlags struct {
	logFlags
	dataDir string
	listen  string
	tls     tlsFlags
	health  string
}

func storeCommand() *cobra.Command {
	var f storeServerFlags
	cmd := &cobra.Command{
		Use: "store", GroupID: "part",
		Short: "Serve a data file as etcd",
		Long: `Serve a data file with the API of etcd, for coracle apiserver --store etcd://...,
etcdctl, or kube-apiserver.

Whoever reaches it reads and writes everything. So without TLS it listens on
loopback addresses only; with --trusted-ca-file, only who has a certificate of
that authority gets in.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.dataDir, "data-dir", defaultDataDir(), "directory of the data file, store.db")
	cmd.Flags().StringVar(&f.listen, "listen", "127.0.0.1:2379", "IP:PORT to serve at")
	cmd.Flags().StringVar(&f.tls.cert, "cert-file", "", "file of the server's certificate, for TLS")
	cmd.Flags().StringVar(&f.tls.key, "key-file", "", "file of its key")
	cmd.Flags().StringVar(&f.tls.ca, "trusted-ca-file", "", "file of the authority of the clients' certificates")
	healthFlag(cmd, &f.health, "127.0.0.1:2381")
	return cmd
}

func (f *storeServerFlags) run(cmd *cobra.Command) (err error) {
	log, err := f.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	opts := etcdserver.Options{Logger: log, LeaseFile: filepath.Join(f.dataDir, "store.leases")}
	if opts.TLS, err = f.serverTLS(); err != nil {
		return err
	}
	if err := os.MkdirAll(f.dataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	st, err := boltstore.Open(filepath.Join(f.dataDir, "store.db"), boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	listener, err := listenTCP(f.listen, "--listen")
	if err != nil {
		return err
	}
	scheme := "http"
	if opts.TLS != nil {
		scheme = "https"
	}
	opts.ClientURLs = []string{scheme + "://" + listener.Addr().String()}
	say(cmd, "The store answers at %s, as etcd\n", opts.ClientURLs[0])
	return withHealth(cmd.Context(), f.health, cluster.NewMetrics(), log, func(ctx context.Context) error {
		return etcdserver.New(st, opts).Run(ctx, listener)
	})
}

// serverTLS is how to be known, and whether clients must be.
func (f *storeServerFlags) serverTLS() (*tls.Config, error) {
	config, err := f.tls.config()
	if err != nil {
		return nil, err
	}
	if config == nil {
		addr, err := netip.ParseAddrPort(f.listen)
		if err != nil {
			return nil, fmt.Errorf("--listen %s: want IP:PORT", f.listen)
		}
		if !addr.Addr().IsLoopback() {
			return nil, fmt.Errorf("--listen %s: others would read and write everything: say --cert-file, --key-file and --trusted-ca-file, or listen on 127.0.0.1", f.listen)
		}
		return nil, nil
	}
	if len(config.Certificates) == 0 {
		return nil, errors.New("--trusted-ca-file needs --cert-file and --key-file too")
	}
	if config.RootCAs == nil {
		return nil, errors.New("--cert-file without --trusted-ca-file would let everybody in: say which authority the clients' certificates are of")
	}
	config.ClientCAs, config.ClientAuth, config.RootCAs = config.RootCAs, tls.RequireAndVerifyClientCert, nil
	return config, nil
}
