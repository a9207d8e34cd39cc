package proxy_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/network/proxy"
)

var update = flag.Bool("update", false, "rewrite the golden tables")

// read parses the objects of a story.
func read(t *testing.T, path string) (services []*corev1.Service, slices []*discoveryv1.EndpointSlice) {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	for doc := range strings.SplitSeq(string(data), "\n---\n") {
		var meta metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal([]byte(doc), &meta))
		switch meta.Kind {
		case "Service":
			services = append(services, new(corev1.Service))
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), services[len(services)-1]))
		case "EndpointSlice":
			slices = append(slices, new(discoveryv1.EndpointSlice))
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), slices[len(slices)-1]))
		default:
			t.Fatalf("%s: a %q is not part of these stories", path, meta.Kind)
		}
	}
	return services, slices
}

func TestBuild(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, story := range stories {
		t.Run(filepath.Base(story), func(t *testing.T) {
			services, slices := read(t, story)
			got := proxy.Build(services, slices, "here").String()
			golden := strings.TrimSuffix(story, ".yaml") + ".table"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("table of %s (-want +got):\n%s", story, diff)
			}
		})
	}
}

var (
	clusterIP = netip.MustParseAddrPort("10.96.0.10:80")
	podA      = netip.MustParseAddrPort("10.244.1.2:8080")
	podB      = netip.MustParseAddrPort("10.244.2.2:8080")
	client1   = netip.MustParseAddr("10.244.9.1")
)

func table(affinity time.Duration, endpoints ...netip.AddrPort) proxy.Table {
	return proxy.Table{Ports: []proxy.Port{{
		Service: "shop/web", Protocol: corev1.ProtocolTCP,
		IPs: []netip.Addr{clusterIP.Addr()}, Number: clusterIP.Port(), NodePort: 30080,
		Affinity: affinity, Endpoints: endpoints, External: endpoints,
	}}}
}

func pick(t *testing.T, b *proxy.Balancer) netip.AddrPort {
	t.Helper()
	got, ok, err := b.Pick(corev1.ProtocolTCP, clusterIP, client1)
	require.NoError(t, err)
	require.True(t, ok)
	return got
}

func TestBalancer_takes_turns(t *testing.T) {
	b := proxy.NewBalancer()
	require.NoError(t, b.Sync(t.Context(), table(0, podA, podB)))
	seen := map[netip.AddrPort]int{}
	for range 10 {
		seen[pick(t, b)]++
	}
	require.Equal(t, map[netip.AddrPort]int{podA: 5, podB: 5}, seen)

	_, ok, err := b.Pick(corev1.ProtocolUDP, clusterIP, client1)
	require.NoError(t, err)
	require.False(t, ok, "the same number over another protocol is not the Service's")
	_, ok, err = b.Pick(corev1.ProtocolTCP, netip.AddrPortFrom(netip.Addr{}, 30080), client1)
	require.NoError(t, err)
	require.True(t, ok, "the node port")
}

func TestBalancer_refuses_for_a_service_without_pods(t *testing.T) {
	b := proxy.NewBalancer()
	require.NoError(t, b.Sync(t.Context(), table(0)))
	_, ok, err := b.Pick(corev1.ProtocolTCP, clusterIP, client1)
	require.True(t, ok)
	require.EqualError(t, err, "connection refused: service port shop/web:/tcp has no endpoints")
}

func TestBalancer_keeps_a_client_with_its_pod_until_it_was_away_too_long(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := proxy.NewBalancer()
		require.NoError(t, b.Sync(t.Context(), table(time.Hour, podA, podB)))
		first := pick(t, b)
		for range 5 {
			time.Sleep(50 * time.Minute)
			require.NoError(t, b.Sync(t.Context(), table(time.Hour, podA, podB)))
			require.Equal(t, first, pick(t, b))
		}
		time.Sleep(61 * time.Minute)
		require.NotEqual(t, first, pick(t, b), "its turn went on meanwhile")
	})
}

func TestBalancer_moves_a_client_whose_pod_left(t *testing.T) {
	b := proxy.NewBalancer()
	require.NoError(t, b.Sync(t.Context(), table(time.Hour, podA, podB)))
	require.Equal(t, podA, pick(t, b))
	require.NoError(t, b.Sync(t.Context(), table(time.Hour, podB)))
	require.Equal(t, podB, pick(t, b))
}

func ExampleBuild() {
	ready := true
	table := proxy.Build(
		[]*corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
			Spec: corev1.ServiceSpec{
				ClusterIP: "10.96.0.10",
				Ports:     []corev1.ServicePort{{Protocol: corev1.ProtocolTCP, Port: 80}},
			},
		}},
		[]*discoveryv1.EndpointSlice{{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "default", Name: "web-x",
				Labels: map[string]string{discoveryv1.LabelServiceName: "web"},
			},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Port: new(int32(8080))}},
			Endpoints: []discoveryv1.Endpoint{{
				Addresses:  []string{"10.244.1.2"},
				Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			}},
		}},
		"node-1")
	fmt.Print(table)
	// Output: default/web:/tcp 10.96.0.10:80 -> 10.244.1.2:8080
}
