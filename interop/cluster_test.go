package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"

	"github.com/coracle-k8s/coracle/cluster/clustertest"
	"github.com/coracle-k8s/coracle/runtime/goroutine"
)

// start starts a cluster that programs outside reach, with images web:v1 and
// web:v2.
func start(t *testing.T, opts ...clustertest.Option) *clustertest.Cluster {
	t.Helper()
	return clustertest.New(t, append([]clustertest.Option{
		clustertest.WithKubeconfig(),
		clustertest.WithImage("web:v1", web("v1")),
		clustertest.WithImage("web:v2", web("v2")),
		clustertest.WithImage("talker:v1", talk),
		clustertest.WithLog(logLevel()),
	}, opts...)...)
}

// logLevel is what the cluster logs: CORACLE_LOG=debug shows more.
func logLevel() slog.Level {
	level := slog.LevelError
	level.UnmarshalText([]byte(os.Getenv("CORACLE_LOG")))
	return level
}

// web is a container that answers with its version at port 8080, and logs what it
// is asked. It has a tar, for kubectl cp.
func web(version string) goroutine.Program {
	return func(ctx context.Context, p *goroutine.Process) int {
		listener, err := p.Listen("tcp", ":8080")
		if err != nil {
			fmt.Fprintln(p.Stderr, err)
			return 1
		}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(p.Stdout, "GET %s\n", r.URL.Path)
			io.WriteString(w, "this is "+version+"\n")
		})}
		p.HandleExec("tar", tarProgram(p))
		p.SetCPU(0.1)
		p.SetMemory(32 << 20)
		fmt.Fprintf(p.Stdout, "web %s starts\n", version)
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(listener) }()
		select {
		case <-p.Stopping():
		case <-ctx.Done():
		}
		server.Close()
		<-ended
		fmt.Fprintf(p.Stdout, "web %s ends\n", version)
		return 0
	}
}

// talk says back what it is told, for attach.
func talk(_ context.Context, p *goroutine.Process) int {
	lines := bufio.NewScanner(p.Stdin)
	for lines.Scan() {
		fmt.Fprintf(p.Stdout, "you said %q\n", lines.Text())
	}
	return 0
}
