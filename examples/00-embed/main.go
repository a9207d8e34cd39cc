// Command 00-embed runs a whole cluster in this process and serves its API, so that
// kubectl can look at it.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/coracle-k8s/coracle/cluster"
	"github.com/coracle-k8s/coracle/pki"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	c, err := cluster.New(cluster.Config{Nodes: cluster.Nodes(3), Listeners: []net.Listener{listener}})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		<-c.Ready()
		admin := pki.Kubeconfig{Server: "https://" + listener.Addr().String(), User: pki.UserAdmin, Groups: []string{pki.GroupMasters}}
		if err := c.Config().PKI.WriteKubeconfig("coracle.kubeconfig", admin); err != nil {
			log.Fatal(err)
		}
		fmt.Println("ready: KUBECONFIG=coracle.kubeconfig kubectl get nodes")
	}()
	defer os.Remove("coracle.kubeconfig")
	if err := c.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
