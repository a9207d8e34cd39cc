package ipam_test

import (
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/network/ipam"
)

func open(t *testing.T, dir, prefix string) *ipam.Pool {
	t.Helper()
	pool, err := ipam.Open(dir, netip.MustParsePrefix(prefix))
	require.NoError(t, err)
	return pool
}

func TestPool_hands_out_every_usable_address_once(t *testing.T) {
	pool := open(t, t.TempDir(), "10.0.0.0/29")
	var got []string
	for i := range 5 {
		addr, err := pool.Allocate(fmt.Sprint(i))
		require.NoError(t, err)
		got = append(got, addr.String())
	}
	require.Equal(t, []string{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"}, got)
	_, err := pool.Allocate("one too many")
	require.ErrorIs(t, err, ipam.ErrExhausted)
}

func TestPool_gives_an_owner_the_same_address_again_also_after_reopening(t *testing.T) {
	dir := t.TempDir()
	first, err := open(t, dir, "10.0.0.0/24").Allocate("pod")
	require.NoError(t, err)
	again, err := open(t, dir, "10.0.0.0/24").Allocate("pod")
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestPool_reuses_a_released_address_last(t *testing.T) {
	pool := open(t, t.TempDir(), "10.0.0.0/29")
	for _, owner := range []string{"a", "b"} {
		_, err := pool.Allocate(owner)
		require.NoError(t, err)
	}
	require.NoError(t, pool.Release("a"))
	require.NoError(t, pool.Release("a"), "releasing twice")
	var got []string
	for _, owner := range []string{"c", "d", "e", "f"} {
		addr, err := pool.Allocate(owner)
		require.NoError(t, err)
		got = append(got, addr.String())
	}
	require.Equal(t, []string{"10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.2"}, got)
}

func TestPool_never_gives_one_address_to_two_owners(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	seen := map[netip.Addr]string{}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			pool, err := ipam.Open(dir, netip.MustParsePrefix("10.0.0.0/25"))
			if err != nil {
				t.Error(err)
				return
			}
			owner := fmt.Sprint(i)
			addr, err := pool.Allocate(owner)
			mu.Lock()
			defer mu.Unlock()
			if err != nil || seen[addr] != "" {
				t.Errorf("owner %s got %v, %v, which %q has", owner, addr, err, seen[addr])
			}
			seen[addr] = owner
		})
	}
	wg.Wait()
}

func TestOpen_refuses_ranges_it_cannot_serve(t *testing.T) {
	for _, prefix := range []string{"10.0.0.0/30", "fd00::/64"} {
		_, err := ipam.Open(t.TempDir(), netip.MustParsePrefix(prefix))
		require.ErrorContains(t, err, "want IPv4", prefix)
	}
}

func ExamplePool() {
	dir, _ := os.MkdirTemp("", "ipam")
	defer os.RemoveAll(dir)
	pool, err := ipam.Open(dir, netip.MustParsePrefix("10.244.1.0/24"))
	if err != nil {
		fmt.Println(err)
		return
	}
	web, _ := pool.Allocate("pod-web")
	db, _ := pool.Allocate("pod-db")
	fmt.Println(pool.Gateway(), web, db)
	// Output: 10.244.1.1 10.244.1.2 10.244.1.3
}
