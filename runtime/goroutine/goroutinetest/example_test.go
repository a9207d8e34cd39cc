package goroutinetest_test

import (
	"context"
	"fmt"
	"net/netip"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
	"github.com/coracle-k8s/coracle/runtime/goroutine/goroutinetest"
)

// The guest exits with the code that it is told.
func ExampleGuest() {
	ctx := context.Background()
	node := goroutine.New(goroutine.Config{
		Images:  goroutine.Programs(map[string]goroutine.Program{"guest:latest": goroutinetest.Guest}),
		PodCIDR: netip.MustParsePrefix("10.0.1.0/24"),
	})
	defer node.Close()
	sandbox, err := node.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "guest", Namespace: "default", Uid: "1"},
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	image := &cri.ImageSpec{Image: "guest:latest"}
	_, err = node.PullImage(ctx, &cri.PullImageRequest{Image: image})
	if err != nil {
		fmt.Println(err)
		return
	}
	container, err := node.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: sandbox.PodSandboxId,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "guest"}, Image: image, Command: []string{"/guest", "exit", "7"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = node.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: container.ContainerId})
	for err == nil {
		status, _ := node.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: container.ContainerId})
		if status.Status.State == cri.ContainerState_CONTAINER_EXITED {
			fmt.Println("exit code", status.Status.ExitCode)
			return
		}
	}
	fmt.Println(err)
	// Output: exit code 7
}
