package goroutine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"

	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// hello says where it is, and ends when it is asked to.
func hello(ctx context.Context, p *goroutine.Process) int {
	p.Logf("I am %s at %s", p.Pod, p.IP())
	select {
	case <-p.Stopping(): // SIGTERM
		return 0
	case <-ctx.Done(): // SIGKILL
		return 1
	}
}

// A program is a function, and an image is a name for it.
func ExamplePrograms() {
	node := goroutine.New(goroutine.Config{
		Images: goroutine.Programs(map[string]goroutine.Program{"hello:v1": hello}),
	})
	defer node.Close()
	for _, name := range []string{"hello:v1", "hello:v2"} {
		_, err := node.PullImage(context.Background(), &cri.PullImageRequest{Image: &cri.ImageSpec{Image: name}})
		fmt.Println(name, err == nil)
	}
	// Output:
	// hello:v1 true
	// hello:v2 false
}

// A node runs one pod, whose only container is a web server in Go; a test
// reaches it at the pod's address.
func Example() {
	ctx := context.Background()
	node := goroutine.New(goroutine.Config{
		PodCIDR: netip.MustParsePrefix("10.0.1.0/24"),
		Images: goroutine.Programs(map[string]goroutine.Program{
			"web:v1": goroutine.Serve(":8080", func(p *goroutine.Process) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					fmt.Fprintf(w, "%s says %s", p.Hostname, p.Getenv("GREETING"))
				})
			}),
		}),
	})
	defer node.Close()

	image := &cri.ImageSpec{Image: "web:v1"}
	_, _ = node.PullImage(ctx, &cri.PullImageRequest{Image: image})
	sandbox, _ := node.RunPodSandbox(ctx, &cri.RunPodSandboxRequest{Config: &cri.PodSandboxConfig{
		Metadata: &cri.PodSandboxMetadata{Name: "web-0", Namespace: "default", Uid: "1"},
	}})
	container, _ := node.CreateContainer(ctx, &cri.CreateContainerRequest{
		PodSandboxId: sandbox.PodSandboxId,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: "web"}, Image: image,
			Envs: []*cri.KeyValue{{Key: "GREETING", Value: []byte("ahoy")}},
		},
	})
	_, _ = node.StartContainer(ctx, &cri.StartContainerRequest{ContainerId: container.ContainerId})

	status, _ := node.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: sandbox.PodSandboxId})
	ip := status.Status.Network.Ip
	client := &http.Client{Transport: &http.Transport{DialContext: node.Network().Dial}}
	var body []byte
	for body == nil { // the server may not listen yet
		if resp, err := client.Get("http://" + ip + ":8080/"); err == nil {
			body, _ = io.ReadAll(resp.Body)
			_ = resp.Body.Close()
		}
	}
	fmt.Printf("%s: %s\n", ip, body)

	exec, _ := node.ExecSync(ctx, &cri.ExecSyncRequest{ContainerId: container.ContainerId, Cmd: []string{"hostname"}})
	fmt.Printf("exec: %s", exec.Stdout)
	_, _ = node.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: container.ContainerId, Timeout: 10})
	end, _ := node.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: container.ContainerId})
	fmt.Println(end.Status.State, end.Status.ExitCode)
	// Output:
	// 10.0.1.2: web-0 says ahoy
	// exec: web-0
	// CONTAINER_EXITED 0
}
