// Package envtest gives controller-runtime's envtest a Coracle cluster instead of
// programs to start. Tests of operators keep their shape:
//
//	env := envtest.New(t)
//	env.CRDDirectoryPaths = []string{"config/crd"}
//	cfg, err := env.Start()
//	...
//	err = env.Stop()
//
// What changes is what is behind it: no program is downloaded or started, it is
// ready in milliseconds, and it is a whole cluster: controllers make pods of
// Deployments, nodes run them, owners take their dependents along, namespaces go
// away. Many environments fit into one process, so tests run in parallel.
//
// It stands here and not in the main module because it needs controller-runtime.
package envtest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
)

// An Environment is controller-runtime's, with the cluster it works on.
type Environment struct {
	*envtest.Environment
	// Cluster is there as soon as the environment is.
	Cluster *clustertest.Cluster
}

// New starts a cluster, with options as [clustertest.New] takes them, and returns
// an environment that uses it. The cluster ends with the test; the environment's
// Stop only takes away what its Start installed.
func New(t testing.TB, opts ...clustertest.Option) *Environment {
	t.Helper()
	c := clustertest.New(t, append([]clustertest.Option{clustertest.WithKubeconfig()}, opts...)...)
	existing := true
	return &Environment{
		Cluster:     c,
		Environment: &envtest.Environment{UseExistingCluster: &existing, Config: restConfig(t, c)},
	}
}

func restConfig(t testing.TB, c *clustertest.Cluster) *rest.Config {
	t.Helper()
	cfg, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	require.NoError(t, err)
	cfg.QPS = -1 // a test waits for nobody
	return cfg
}
