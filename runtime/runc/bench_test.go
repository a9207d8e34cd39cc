//go:build linux

package runc_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// BenchmarkPod measures the way from nothing to a running container: sandbox,
// container, start. Beside it stands what runc alone takes to run the same program.
func BenchmarkPod(b *testing.B) {
	b.Run("floor=runc_run", benchmarkFloor)
	b.Run("sandbox+create+start", benchmarkPod)
}

func benchmarkPod(b *testing.B) {
	x := newBench(b)
	warm, sc := x.sandbox() // unpacks the image
	x.run(warm, sc, toolConfig("version"))
	var parts [3]time.Duration
	for b.Loop() {
		began := time.Now()
		sandbox, sc := x.sandbox()
		t1 := time.Now()
		id := x.create(sandbox, sc, toolConfig("sleep"))
		t2 := time.Now()
		x.start(id)
		t3 := time.Now()
		for i, d := range []time.Duration{t1.Sub(began), t2.Sub(t1), t3.Sub(t2)} {
			parts[i] += d
		}
		b.StopTimer()
		_, err := x.r.RemovePodSandbox(x.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox})
		require.NoError(b, err)
		b.StartTimer()
	}
	for i, name := range []string{"sandbox-ms", "create-ms", "start-ms"} {
		b.ReportMetric(float64(parts[i].Microseconds())/1000/float64(b.N), name)
	}
}

// benchmarkFloor is "runc run --detach" of the same program in the simplest bundle.
func benchmarkFloor(b *testing.B) {
	x := newBench(b)
	layers, err := x.images.Unpack(x.ctx, "tool:v1")
	require.NoError(b, err)
	bundle := b.TempDir()
	require.NoError(b, os.CopyFS(filepath.Join(bundle, "rootfs"), os.DirFS(layers[len(layers)-1])))
	spec := exec.Command(x.cfg.RuncPath, "spec")
	spec.Dir = bundle
	require.NoError(b, spec.Run())
	var config map[string]any
	raw, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	require.NoError(b, err)
	require.NoError(b, json.Unmarshal(raw, &config))
	process := config["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/app/tool", "sleep"}
	raw, err = json.Marshal(config)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(filepath.Join(bundle, "config.json"), raw, 0o600))
	root := b.TempDir()
	for b.Loop() {
		// Into the void: with a pipe, Output would wait for the container's end.
		require.NoError(b, exec.Command(x.cfg.RuncPath, "--root", root, "run", "--detach", "--bundle", bundle, "floor").Run())
		b.StopTimer()
		require.NoError(b, exec.Command(x.cfg.RuncPath, "--root", root, "delete", "--force", "floor").Run())
		b.StartTimer()
	}
}
