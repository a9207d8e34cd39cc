package clustertest_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// hello answers HTTP with the pod's name, and has a command for exec.
func hello(p *goroutine.Process) http.Handler {
	p.Logf("hello from %s", p.Pod.Name)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, p.Pod.Name) })
}

const web = `
# A pod and its Service.
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: web, labels: {app: web}}
  spec:
    terminationGracePeriodSeconds: 1
    containers: [{name: web, image: web}]
`

// inBoth runs a test in a bubble and outside.
func inBoth(t *testing.T, test func(t *testing.T)) {
	t.Run("wall clock", func(t *testing.T) { t.Parallel(); test(t) })
	t.Run("bubble", func(t *testing.T) { t.Parallel(); synctest.Test(t, test) })
}

func TestCluster_runsAPodThatIsReachedByEveryName(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("web", goroutine.Serve(":8080", hello)))
		c.Apply(web)
		c.WaitFor("an answer of the Service", func() bool {
			_, err := c.Get(t.Context(), "http://web/")
			return err == nil
		})
		service := clustertest.Get[*corev1.Service](c, "default", "web")
		pod := clustertest.Get[*corev1.Pod](c, "default", "web")
		for _, host := range []string{
			"web.default", "web.default.svc.cluster.local", service.Spec.ClusterIP, pod.Status.PodIP + ":8080",
		} {
			body, err := c.Get(t.Context(), "http://"+host+"/")
			require.NoError(t, err, host)
			require.Equal(t, "web", body, host)
		}
		_, err := c.Get(t.Context(), "http://nobody/")
		require.ErrorContains(t, err, "no such host")
		require.Equal(t, "hello from web\n", c.Logs("default", "web", ""))
	})
}

func TestCluster_exec(t *testing.T) {
	t.Parallel()
	inBoth(t, func(t *testing.T) {
		c := clustertest.New(t)
		c.Apply(web)
		c.WaitFor("the pod", func() bool {
			return clustertest.Get[*corev1.Pod](c, "default", "web").Status.Phase == corev1.PodRunning
		})
		stdout, stderr, err := c.Exec(t.Context(), "default", "web", "web", "echo", "one", "two")
		require.NoError(t, err)
		require.Equal(t, "one two\n", stdout)
		require.Empty(t, stderr)

		_, _, err = c.Exec(t.Context(), "default", "web", "", "false")
		require.ErrorContains(t, err, "exit code 1")
		_, _, err = c.Exec(t.Context(), "default", "nobody", "", "true")
		require.ErrorContains(t, err, "not found")
	})
}

func TestExample(t *testing.T) {
	t.Parallel()
	testShopSurvivesTheLossOfANode(t)
}

func TestApply_changesWhatIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithNodes(0))
		c.Apply(web)
		before := clustertest.Get[*corev1.Service](c, "default", "web")
		c.Apply(strings.Replace(web, "port: 80,", "port: 81,", 1))
		after := clustertest.Get[*corev1.Service](c, "default", "web")
		require.Len(t, after.Spec.Ports, 1)
		require.EqualValues(t, 81, after.Spec.Ports[0].Port)
		require.Equal(t, before.Spec.ClusterIP, after.Spec.ClusterIP, "what the text does not name stays")
		require.Equal(t, before.UID, after.UID)
	})
}

func TestClientAs_hasTheRightsOfTheUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithNodes(0))
		_, err := client.For[*corev1.Pod](c.ClientAs("jane")).List(t.Context(), "default", client.ListOptions{})
		require.True(t, apierrors.IsForbidden(err), "%v", err)
	})
}

func TestCluster_nodeStopsAndStarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t)
		ready := func() (n int) {
			for _, node := range clustertest.List[*corev1.Node](c, "", "") {
				for _, cond := range node.Status.Conditions {
					if cond.Type == corev1.NodeReady && cond.Status == corev1.ConditionTrue {
						n++
					}
				}
			}
			return n
		}
		require.Equal(t, 2, ready())
		c.StopNode("node-1")
		time.Sleep(time.Minute)
		require.Equal(t, 1, ready())
		c.StartNode("node-1")
		c.WaitFor("the node to be back", func() bool { return ready() == 2 })
	})
}

// WaitFor must explain itself, so that nobody needs a debugger.
func TestWaitFor_saysWhatTheClusterLooksLike(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.New(t)
		c.Apply(`{apiVersion: v1, kind: Pod, metadata: {name: huge}, spec: {containers: [{name: a, image: a, resources: {requests: {cpu: "100"}}}]}}`)
		time.Sleep(5 * time.Second)
		dump := c.Dump()
		require.Contains(t, dump, "node node-1: ready true, taints []")
		require.Contains(t, dump, "pod default/huge: Pending, Unschedulable: 0/2 nodes are available")
		require.Contains(t, dump, "event 00:00:0")
		require.Contains(t, dump, "Warning pod/huge: FailedScheduling")
	})
}

func TestNew_inParallel(t *testing.T) {
	t.Parallel()
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := clustertest.New(t)
				c.Apply(web)
				c.WaitFor("the pod", func() bool {
					return clustertest.Get[*corev1.Pod](c, "default", "web").Status.Phase == corev1.PodRunning
				})
			})
		})
	}
}
