package apitest

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/admission/bootstrap"
	"github.com/coracle-k8s/coracle/apiserver/connect"
	"github.com/coracle-k8s/coracle/apiserver/crd"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A Server is a running API server.
type Server struct {
	*apiserver.Server
}

// Start starts a server with the usual namespaces. It ends with the test.
// Pods need no ServiceAccount, so a test need not wait for one.
func Start(t testing.TB) *Server {
	t.Helper()
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	registry := crd.NewRegistry(kinds.Registry())
	storage := apiserver.NewStorage(st, registry, nil)
	definitions := crd.NewController(crd.Options{Storage: storage, Registry: registry})
	var server *apiserver.Server
	var err error
	server, err = apiserver.New(apiserver.Config{
		Storage:        storage,
		Authenticators: []apiserver.Authenticator{anybody{}},
		Authorizer:     anything{},
		Hooks: []apiserver.Hook{
			admission.NamespaceLifecycle{Objects: storage.Objects()},
			definitions.Hook(),
			admission.TaintNodesByCondition(),
			admission.Priority{Objects: storage.Objects()},
			admission.DefaultTolerationSeconds(300),
			admission.ResourceQuota{Objects: storage.Objects()},
		},
		Connectors: connect.Connectors(connect.Options{
			Objects: storage.Objects(), Nodes: noNodes{},
			API: func() http.Handler { return server },
		}),
	})
	require.NoError(t, err)
	Run(t, server.Run)
	Run(t, definitions.Run)
	<-server.Ready()
	require.NoError(t, bootstrap.Bootstrap{Objects: server.Objects()}.Once(t.Context()))
	return &Server{server}
}

// Client returns a client that calls the server in memory, through the
// transports of wrap, of which the last is outermost.
func (s *Server) Client(t testing.TB, wrap ...func(http.RoundTripper) http.RoundTripper) *client.Client {
	t.Helper()
	transport := client.InMemory(s)
	for _, w := range wrap {
		transport = w(transport)
	}
	c, err := client.New(client.Config{BaseURL: "http://coracle", Transport: transport})
	require.NoError(t, err)
	return c
}

// Run runs a component until the test ends, and waits for it then. What is
// started last ends first.
func Run(t testing.TB, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := run(ctx); err != nil {
			t.Error("a component ended by itself:", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// anybody is an authenticator for which everybody is an administrator.
type anybody struct{}

func (anybody) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "admin", Groups: []string{"system:masters"}}, nil
}

// anything is an authorizer that allows everything.
type anything struct{}

func (anything) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

// noNodes reaches no kubelet: there are none.
type noNodes struct{}

func (noNodes) RoundTripper(node *corev1.Node) (http.RoundTripper, string, error) {
	return nil, "", fmt.Errorf("node %s has no kubelet in this test", node.Name)
}
