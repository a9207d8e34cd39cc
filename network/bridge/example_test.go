package bridge_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/coracle-k8s/coracle/network/bridge"
)

// The bridge needs root, so this example is compiled but not run.
func Example() {
	b, err := bridge.New(bridge.Config{
		PodCIDR: netip.MustParsePrefix("10.244.1.0/24"),
		Dir:     "/var/lib/coracle/ipam",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	addr, err := b.Setup(context.Background(), "/run/netns/pod", "sandbox-id")
	fmt.Println(addr, err)
}
