package etcdstore_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/etcdserver"
	"github.com/coracle-k8s/coracle/store/etcdstore"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// Two stores over one etcd see each other's writes. The etcd here is one of our
// own; "host1:2379", "host2:2379" would be a real one.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- etcdserver.New(memstore.New(), etcdserver.Options{}).Run(ctx, l) }()

	var stores [2]store.Store
	for i := range stores {
		if stores[i], err = etcdstore.Open(ctx, []string{l.Addr().String()}, etcdstore.Options{}); err != nil {
			log.Fatal(err)
		}
	}
	revision, err := stores[0].Create(ctx, "boat", []byte("coracle"), 0)
	if err != nil {
		log.Fatal(err)
	}
	_, err = stores[1].Update(ctx, "boat", []byte("curragh"), revision, 0)
	if err != nil {
		log.Fatal(err)
	}
	_, err = stores[0].Update(ctx, "boat", []byte("canoe"), revision, 0)
	fmt.Println(err)

	stores[0].Close()
	stores[1].Close()
	stop()
	fmt.Println(<-done)
	// Output:
	// update boat: boat: revision conflict at revision 3
	// <nil>
}
