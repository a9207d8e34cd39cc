//go:build linux

package runc_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/coracle-k8s/coracle/runtime/image"
	"github.com/coracle-k8s/coracle/runtime/runc"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A pod with one container that says its version. The program's main function has
// to begin with runc.ShimMain().
func Example() {
	if _, err := runc.Find(); err != nil || os.Geteuid() != 0 {
		fmt.Println("v1") // needs root and runc
		return
	}
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "runc-example-*")
	check(err)
	defer os.RemoveAll(dir) //nolint:errcheck // an example's directory

	images, err := image.Open(filepath.Join(dir, "images"), image.Options{})
	check(err)
	program, err := image.BuildGo(ctx, image.GoBuild{Package: "./testdata/tool", Vars: map[string]string{"main.version": "v1"}})
	check(err)
	_, err = images.Add(ctx, program, "tool:v1")
	check(err)

	r, err := runc.New(runc.Config{
		Root: filepath.Join(dir, "runc"), Images: images, Network: runc.Loopback{}, CgroupParent: "/coracle-example",
	})
	check(err)
	defer func() { check(r.Purge(ctx)) }()

	pod := &cri.PodSandboxConfig{Metadata: &cri.PodSandboxMetadata{Name: "pod", Namespace: "default", Uid: "1"}}
	sandbox, err := r.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})
	check(err)
	container, err := r.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: sandbox.PodSandboxId, SandboxConfig: pod,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "main"}, Image: &cri.ImageSpec{Image: "tool:v1"}, Args: []string{"sleep"},
		},
	})
	check(err)
	_, err = r.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: container.ContainerId})
	check(err)
	out, err := r.ExecSync(ctx, &cri.ExecSyncRequest{
		ContainerId: container.ContainerId, Cmd: []string{"tool", "version"}, Timeout: int64(time.Minute / time.Second),
	})
	check(err)
	fmt.Print(string(out.Stdout))
	// Output: v1
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
