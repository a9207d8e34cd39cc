package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/pki"
)

// RunAPI runs an API server as a process of its own until ctx ends. It serves on
// cfg.Listeners over cfg.Store, and reaches kubelets at the addresses that their
// Nodes have. ready is called once it answers and the objects are there that
// every cluster has; its error ends the server.
func RunAPI(ctx context.Context, cfg Config, ready func() error) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	if cfg.Store == nil {
		return errors.New("run the API server: no store given")
	}
	identity, err := cfg.PKI.ClientTLS(pki.UserKubeletClient, pki.GroupMasters)
	if err != nil {
		return err
	}
	nodes := connect.NodeTLS(identity)
	defer nodes.Close()
	api, err := NewAPI(cfg, cfg.Store, nodes, nil)
	if err != nil {
		return err
	}
	admin, err := adminOf(api)
	if err != nil {
		return err
	}
	started := make(chan struct{})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return api.Run(ctx, func() { close(started) }) })
	g.Go(func() error {
		select {
		case <-started:
		case <-ctx.Done():
			return nil
		}
		firstObjects(ctx, admin, cfg)
		if ctx.Err() != nil {
			return nil
		}
		return ready()
	})
	return g.Wait()
}

// adminOf is a client of an API server in this process that may do everything.
func adminOf(h http.Handler) (*client.Client, error) {
	admin := &apiserver.User{Name: pki.UserAdmin, Groups: []string{pki.GroupMasters, auth.GroupAuthenticated}}
	c, err := client.New(client.Config{
		BaseURL: "http://coracle", Transport: client.InMemory(auth.As(admin, h)), UserAgent: pki.UserAPIServer,
	})
	if err != nil {
		return nil, fmt.Errorf("client of the API server in this process: %w", err)
	}
	return c, nil
}
