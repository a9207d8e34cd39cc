package cluster_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

func TestConfigMap_changeReachesTheVolume(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := clustertest.New(t, clustertest.WithImage("reader", func(ctx context.Context, p *goroutine.Process) int {
			p.HandleExec("show", func(_ context.Context, e *goroutine.Process) int {
				data, err := e.ReadFile("/etc/settings/colour")
				if err != nil {
					e.Logf("%v", err)
					return 1
				}
				_, _ = e.Stdout.Write(data)
				return 0
			})
			return goroutine.Pause(ctx, p)
		}))
		settings := `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {colour: red}}`
		c.Apply(settings)
		c.Apply(`
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers:
  - {name: a, image: reader, volumeMounts: [{name: settings, mountPath: /etc/settings}]}
  volumes: [{name: settings, configMap: {name: settings}}]`)
		waitPhase(c, "reader", corev1.PodRunning)
		show := func() string {
			out, _, err := c.Exec(t.Context(), "default", "reader", "", "show")
			require.NoError(t, err, out)
			return out
		}
		require.Equal(t, "red", show())
		c.Apply(strings.Replace(settings, "red", "green", 1))
		c.WaitWithin(2*time.Minute, "the new value in the volume", func() bool { return show() == "green" })
	})
}

// Of the two storage classes, one makes a directory for all nodes at once, the
// other one on the node of the first pod that needs it.
func TestClaims_getTheirVolumes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		write := func(_ context.Context, p *goroutine.Process) int {
			if err := p.WriteFile("/data/"+p.Pod.Name, []byte("was here")); err != nil {
				p.Logf("%v", err)
				return 1
			}
			return 0
		}
		read := func(_ context.Context, p *goroutine.Process) int {
			data, err := p.ReadFile("/data/" + p.Getenv("WHOSE"))
			p.Logf("%s %v", data, err)
			return 0
		}
		c := clustertest.New(t, clustertest.WithImage("write", write), clustertest.WithImage("read", read))
		claim := `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: CLASS}
spec:
  accessModes: [MODE]
  storageClassName: CLASS
  resources: {requests: {storage: 1Gi}}`
		c.Apply(strings.NewReplacer("CLASS", "shared", "MODE", "ReadWriteMany").Replace(claim))
		c.Apply(strings.NewReplacer("CLASS", "standard", "MODE", "ReadWriteOnce").Replace(claim))
		phase := func(name string) corev1.PersistentVolumeClaimPhase {
			return clustertest.Get[*corev1.PersistentVolumeClaim](c, "default", name).Status.Phase
		}
		c.WaitFor("the shared claim to be bound", func() bool { return phase("shared") == corev1.ClaimBound })
		require.Equal(t, corev1.ClaimPending, phase("standard"), "it waits for its first consumer")

		for _, class := range []string{"shared", "standard"} {
			job := strings.NewReplacer("CLASS", class).Replace(`
apiVersion: v1
kind: Pod
metadata: {name: PROGRAM-CLASS}
spec:
  restartPolicy: Never
  NODE
  containers:
  - {name: a, image: PROGRAM, env: [{name: WHOSE, value: write-CLASS}], volumeMounts: [{name: data, mountPath: /data}]}
  volumes: [{name: data, persistentVolumeClaim: {claimName: CLASS}}]`)
			c.Apply(strings.NewReplacer("PROGRAM", "write", "NODE", "").Replace(job))
			waitPhase(c, "write-"+class, corev1.PodSucceeded)
			writer := pod(c, "write-"+class).Spec.NodeName
			node := "" // the reader of a local volume has to find the way to it
			if class == "shared" {
				node = "nodeSelector: {kubernetes.io/hostname: " + map[string]string{"node-1": "node-2", "node-2": "node-1"}[writer] + "}"
			}
			c.Apply(strings.NewReplacer("PROGRAM", "read", "NODE", node).Replace(job))
			waitPhase(c, "read-"+class, corev1.PodSucceeded)
			require.Equal(t, "was here <nil>\n", c.Logs("default", "read-"+class, ""))
			if class == "standard" {
				require.Equal(t, writer, pod(c, "read-"+class).Spec.NodeName)
			}
		}

		volume := clustertest.Get[*corev1.PersistentVolumeClaim](c, "default", "standard").Spec.VolumeName
		dir := clustertest.Get[*corev1.PersistentVolume](c, "", volume).Spec.HostPath.Path
		require.DirExists(t, dir)
		for _, name := range []string{"write-standard", "read-standard"} {
			require.NoError(t, clustertest.For[*corev1.Pod](c).Delete(t.Context(), "default", name))
		}
		require.NoError(t, clustertest.For[*corev1.PersistentVolumeClaim](c).Delete(t.Context(), "default", "standard"))
		c.WaitFor("the volume's directory to be removed", func() bool {
			_, err := os.Stat(dir)
			return os.IsNotExist(err)
		})
	})
}
