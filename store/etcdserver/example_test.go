package etcdserver_test

import (
	"context"
	"fmt"
	"log"
	"net"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// The client of etcd writes to, and reads from, a store in memory.
func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s, done := memstore.New(), make(chan error)
	go func() { done <- etcdserver.New(s, etcdserver.Options{}).Run(ctx, l) }()

	client, err := clientv3.New(clientv3.Config{Endpoints: []string{l.Addr().String()}, Logger: zap.NewNop()})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Put(ctx, "boat", "coracle"); err != nil {
		log.Fatal(err)
	}
	kv, _, err := s.Get(ctx, "boat", 0)
	fmt.Println(string(kv.Value), kv.ModRevision, err)

	client.Close()
	stop()
	fmt.Println(<-done, s.Close())
	// Output:
	// coracle 2 <nil>
	// <nil> <nil>
}
