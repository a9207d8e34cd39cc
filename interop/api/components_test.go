package api_test

import (
	"errors"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/interop/store/programs"
	"github.com/coracle-k8s/coracle/pki"
)

// run starts a real component until the test ends.
func run(t *testing.T, c programs.Component) *programs.Program {
	t.Helper()
	p, err := c.Program(t.Output())
	if errors.Is(err, programs.ErrNotBuilt) {
		t.Skip(err)
	}
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { require.NoError(t, p.Stop()) })
	return p
}

// A served cluster is one whose API has an address.
type served struct {
	*clustertest.Cluster
	trust *pki.PKI
	url   string
}

// serve starts a cluster without the parts that are named.
func serve(t *testing.T, nodes int, without ...string) served {
	t.Helper()
	trust, err := pki.Open(t.TempDir())
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := clustertest.New(t, clustertest.WithNodes(nodes), clustertest.WithConfig(func(cfg *cluster.Config) {
		cfg.PKI, cfg.Without = trust, without
		cfg.Listeners = []net.Listener{listener}
	}))
	return served{Cluster: c, trust: trust, url: "https://" + listener.Addr().String()}
}

// kubeconfig writes one for a user.
func (s served) kubeconfig(t *testing.T, user string, groups ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, s.trust.WriteKubeconfig(path, pki.Kubeconfig{Server: s.url, User: user, Groups: groups}))
	return path
}

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, resources: {requests: {cpu: 100m}}}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

// The real kube-controller-manager and kube-scheduler take the places of ours:
// they make a Deployment's pods, bind them to our nodes and fill in the Service's
// endpoints, and clean up after it.
func TestControllerManagerAndScheduler(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real components")
	}
	c := serve(t, 2, cluster.Scheduler, cluster.ControllerManager)
	run(t, programs.ControllerManager(c.kubeconfig(t, pki.UserControllerManager), c.trust))
	run(t, programs.Scheduler(c.kubeconfig(t, pki.UserScheduler)))

	c.WaitFor("the default account", func() bool {
		_, err := clustertest.For[*corev1.ServiceAccount](c.Cluster).Get(t.Context(), "default", "default")
		return err == nil
	})
	c.Apply(web)
	c.WaitFor("three available replicas", func() bool {
		return clustertest.Get[*appsv1.Deployment](c.Cluster, "default", "web").Status.AvailableReplicas == 3
	})
	addresses := map[string]bool{}
	for _, p := range clustertest.List[*corev1.Pod](c.Cluster, "default", "app=web") {
		require.NotEmpty(t, p.Spec.NodeName)
		addresses[p.Status.PodIP] = true
	}
	require.Len(t, addresses, 3)
	c.WaitFor("endpoints of the three, in both forms", func() bool {
		return len(endpoints(c)) == 3 && len(ready(c)) == 3
	})
	for _, ip := range append(endpoints(c), ready(c)...) {
		require.True(t, addresses[ip], "endpoint %s is no pod's", ip)
	}
	for _, lock := range []string{"kube-controller-manager", "kube-scheduler"} {
		lease := clustertest.Get[*coordinationv1.Lease](c.Cluster, "kube-system", lock)
		require.NotEmpty(t, *lease.Spec.HolderIdentity)
	}

	scale(t, c, 1)
	c.WaitFor("one pod is left", func() bool {
		return len(clustertest.List[*corev1.Pod](c.Cluster, "default", "app=web")) == 1
	})
	require.NoError(t, clustertest.For[*appsv1.Deployment](c.Cluster).Delete(t.Context(), "default", "web"))
	c.WaitFor("the garbage collector has been", func() bool {
		return len(clustertest.List[*corev1.Pod](c.Cluster, "default", "app=web")) == 0 &&
			len(clustertest.List[*appsv1.ReplicaSet](c.Cluster, "default", "app=web")) == 0
	})
}

func scale(t *testing.T, c served, replicas int32) {
	t.Helper()
	_, err := clustertest.For[*appsv1.Deployment](c.Cluster).Modify(t.Context(), "default", "web", func(d *appsv1.Deployment) error {
		d.Spec.Replicas = &replicas
		return nil
	})
	require.NoError(t, err)
}

// endpoints are the Service's addresses as the older kind has them.
func endpoints(c served) (ips []string) {
	for _, e := range clustertest.List[*corev1.Endpoints](c.Cluster, "default", "") {
		for _, subset := range e.Subsets {
			for _, a := range subset.Addresses {
				if e.Name == "web" {
					ips = append(ips, a.IP)
				}
			}
		}
	}
	return ips
}

// ready are its ready addresses as EndpointSlices have them.
func ready(c served) (ips []string) {
	for _, s := range clustertest.List[*discoveryv1.EndpointSlice](c.Cluster, "default", discoveryv1.LabelServiceName+"=web") {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && *e.Conditions.Ready {
				ips = append(ips, e.Addresses...)
			}
		}
	}
	return ips
}

// A namespace goes away with all that is in it, by the real controllers.
func TestControllerManager_Namespace(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts real components")
	}
	c := serve(t, 0, cluster.ControllerManager)
	run(t, programs.ControllerManager(c.kubeconfig(t, pki.UserControllerManager), c.trust))
	c.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}")
	c.WaitFor("the namespace is furnished", func() bool {
		_, account := clustertest.For[*corev1.ServiceAccount](c.Cluster).Get(t.Context(), "shop", "default")
		_, root := clustertest.For[*corev1.ConfigMap](c.Cluster).Get(t.Context(), "shop", "kube-root-ca.crt")
		return account == nil && root == nil
	})
	namespaces := clustertest.For[*corev1.Namespace](c.Cluster)
	require.NoError(t, namespaces.Delete(t.Context(), "", "shop"))
	c.WaitFor("the namespace is gone", func() bool {
		list, err := namespaces.List(t.Context(), "", client.ListOptions{FieldSelector: "metadata.name=shop"})
		return err == nil && len(list.Items) == 0
	})
}
