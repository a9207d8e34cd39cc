// Command 05-run-a-container does what a kubelet does for a pod of one container, with
// the calls of the container runtime interface.
package main

import (
	"context"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

func main() {
	hello := func(_ context.Context, p *goroutine.Process) int {
		p.Logf("%s, %s! I am at %s.", p.Args[1], p.Getenv("WHO"), p.IP())
		return 7
	}
	node := goroutine.New(goroutine.Config{
		Images:  goroutine.Programs(map[string]goroutine.Program{"hello": hello}),
		PodCIDR: netip.MustParsePrefix("10.0.0.0/24"),
	})
	defer node.Close()
	if err := run(context.Background(), node); err != nil {
		log.Fatal(err)
	}
}

// run runs a pod on any runtime: this one, containerd, CRI-O.
func run(ctx context.Context, node runtime.Service) error {
	logs, err := os.MkdirTemp("", "example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(logs)

	// A sandbox is what the containers of a pod share: its network, above all.
	pod := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: "hello", Namespace: "default", Uid: "1"},
		LogDirectory: logs,
	}
	sandbox, err := node.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: pod})
	if err != nil {
		return err
	}
	image := &cri.ImageSpec{Image: "hello"}
	if _, err := node.PullImage(ctx, &cri.PullImageRequest{Image: image}); err != nil {
		return err
	}
	made, err := node.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: sandbox.PodSandboxId, SandboxConfig: pod,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "main"}, Image: image, LogPath: "main.log",
			Command: []string{"hello", "Good morning"}, Envs: []*cri.KeyValue{{Key: "WHO", Value: []byte("world")}},
		},
	})
	if err != nil {
		return err
	}
	if _, err := node.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: made.ContainerId}); err != nil {
		return err
	}
	for {
		answer, err := node.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: made.ContainerId})
		if err != nil {
			return err
		}
		if answer.Status.State == cri.ContainerState_CONTAINER_EXITED {
			fmt.Println(answer.Status.State, "with", answer.Status.ExitCode)
			break
		}
		time.Sleep(time.Millisecond)
	}
	text, err := os.ReadFile(filepath.Join(logs, "main.log"))
	if err != nil {
		return err
	}
	_, line, _ := strings.Cut(string(text), " ") // the time comes first
	fmt.Print("log: ", line)
	_, err = node.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: sandbox.PodSandboxId})
	return err
}
