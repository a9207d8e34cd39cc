package cluster_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// Sixty requests from inside a pod, by name and by ClusterIP, are answered by all
// replicas.
func TestService_reachesEveryReplica(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var mu sync.Mutex // guards answers
		answers := map[string]map[string]int{}
		c := clustertest.New(t,
			clustertest.WithImage("web:v1", app("v1")),
			clustertest.WithImage("client", func(ctx context.Context, p *goroutine.Process) int {
				for _, host := range p.Args[1:] {
					for range 60 {
						body, err := get(p, "http://"+host)
						if err != nil {
							p.Logf("%s: %v", host, err)
							return 1
						}
						mu.Lock()
						if answers[host] == nil {
							answers[host] = map[string]int{}
						}
						answers[host][body]++
						mu.Unlock()
					}
				}
				return 0
			}))
		c.Apply(web("web:v1", 3))
		waitServing(c, 3)
		ip := clustertest.Get[*corev1.Service](c, "default", "web").Spec.ClusterIP
		hosts := []string{"web", "web.default", "web.default.svc.cluster.local", ip, "$(WEB_SERVICE_HOST)"}
		c.Apply(fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: client}
spec:
  restartPolicy: Never
  containers: [{name: a, image: client, command: ["client", %q, %q, %q, %q, %q]}]`,
			hosts[0], hosts[1], hosts[2], hosts[3], hosts[4]))
		c.WaitFor("the client to finish", func() bool {
			phase := pod(c, "client").Status.Phase
			return phase == corev1.PodSucceeded || phase == corev1.PodFailed
		})
		require.Empty(t, c.Logs("default", "client", ""))
		require.Len(t, answers, 4, "the last host is the ClusterIP again: %v", answers)
		for host, by := range answers {
			require.Len(t, by, 3, "%s was answered by %v", host, by)
			for name, n := range by {
				require.Equal(t, map[bool]int{false: 20, true: 40}[host == ip], n, "%s answered %s", name, host)
			}
		}
	})
}

func get(p *goroutine.Process, url string) (string, error) {
	p.HTTP.CloseIdleConnections() // a kept connection stays with one replica
	resp, err := p.HTTP.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}
