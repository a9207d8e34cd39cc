package dns_test

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	coracledns "github.com/coracle-k8s/coracle/network/dns"
)

var update = flag.Bool("update", false, "rewrite the golden answers")

// fixed is a source that is written down.
type fixed struct {
	services []*corev1.Service
	slices   []*discoveryv1.EndpointSlice
}

func (f *fixed) Namespace(name string) bool { return name == "shop" }

func (f *fixed) Service(namespace, name string) *corev1.Service {
	for _, svc := range f.services {
		if svc.Namespace == namespace && svc.Name == name {
			return svc
		}
	}
	return nil
}

func (f *fixed) Endpoints(namespace, name string) (out []*discoveryv1.EndpointSlice) {
	for _, s := range f.slices {
		if s.Namespace == namespace && s.Labels[discoveryv1.LabelServiceName] == name {
			out = append(out, s)
		}
	}
	return out
}

func (f *fixed) ServiceAt(ip netip.Addr) *corev1.Service {
	for _, svc := range f.services {
		if svc.Spec.ClusterIP == ip.String() {
			return svc
		}
	}
	return nil
}

func (f *fixed) EndpointAt(ip netip.Addr) (*corev1.Service, *discoveryv1.Endpoint) {
	for _, s := range f.slices {
		for i := range s.Endpoints {
			if s.Endpoints[i].Addresses[0] == ip.String() {
				return f.Service(s.Namespace, s.Labels[discoveryv1.LabelServiceName]), &s.Endpoints[i]
			}
		}
	}
	return nil, nil
}

func zone(t testing.TB) coracledns.Zone {
	t.Helper()
	data, err := os.ReadFile("testdata/cluster.yaml")
	require.NoError(t, err)
	f := &fixed{}
	for doc := range strings.SplitSeq(string(data), "\n---\n") {
		var meta metav1.TypeMeta
		require.NoError(t, yaml.Unmarshal([]byte(doc), &meta))
		if meta.Kind == "Service" {
			f.services = append(f.services, new(corev1.Service))
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), f.services[len(f.services)-1]))
		} else {
			f.slices = append(f.slices, new(discoveryv1.EndpointSlice))
			require.NoError(t, yaml.UnmarshalStrict([]byte(doc), f.slices[len(f.slices)-1]))
		}
	}
	return coracledns.Zone{Domain: coracledns.DefaultDomain, Source: f}
}

func tell(a coracledns.Answer) string {
	if a.Elsewhere {
		return "  ask elsewhere\n"
	}
	var b strings.Builder
	if a.Code != dns.RcodeSuccess || len(a.Records) == 0 {
		fmt.Fprintf(&b, "  %s\n", map[bool]string{true: "NODATA", false: dns.RcodeToString[a.Code]}[a.Code == dns.RcodeSuccess])
	}
	for _, rr := range a.Records {
		fmt.Fprintf(&b, "  %s\n", strings.Join(strings.Fields(rr.String())[3:], " "))
	}
	for _, rr := range a.Extra {
		fmt.Fprintf(&b, "  extra %s\n", strings.Join(strings.Fields(rr.String()), " "))
	}
	return b.String()
}

func TestZone(t *testing.T) {
	z := zone(t)
	questions, err := os.ReadFile("testdata/questions.txt")
	require.NoError(t, err)
	var got strings.Builder
	for line := range strings.Lines(string(questions)) {
		got.WriteString(line)
		typ, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if qtype, known := dns.StringToType[typ]; ok && known {
			got.WriteString(tell(z.Answer(dns.Question{Name: name + ".", Qtype: qtype, Qclass: dns.ClassINET})))
		}
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/answers.txt", []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile("testdata/answers.txt")
	require.NoError(t, err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

func TestLookup(t *testing.T) {
	z := zone(t)
	for host, want := range map[string]string{
		"web.shop.svc.cluster.local":  "[10.96.0.10]",
		"web.shop.svc.cluster.local.": "[10.96.0.10]",
		"db.shop.svc.cluster.local":   "[10.244.1.2 10.244.2.2]",
		"web":                         "[]",
		"docs.shop.svc.cluster.local": "[]",
	} {
		require.Equal(t, want, fmt.Sprint(z.Lookup(host)), host)
	}
}

// start runs a server on loopback and returns its address.
func start(t *testing.T, cfg coracledns.Config) string {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	require.NoError(t, err)
	cfg.TCP, cfg.UDP = tcp, udp
	server, err := coracledns.NewServer(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return tcp.Addr().String()
}

func question(name string, qtype uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, qtype) }

func TestServer_answers_over_both_transports_and_ends(t *testing.T) {
	addr := start(t, coracledns.Config{Zone: zone(t)})
	for _, network := range []string{"udp", "tcp"} {
		client := dns.Client{Net: network}
		reply, _, err := client.Exchange(question("web.shop.svc.cluster.local.", dns.TypeA), addr)
		require.NoError(t, err, network)
		require.Len(t, reply.Answer, 1)
		require.Equal(t, "10.96.0.10", reply.Answer[0].(*dns.A).A.String())

		reply, _, err = client.Exchange(question("web.shop.svc.cluster.local.", dns.TypeAAAA), addr)
		require.NoError(t, err)
		require.Equal(t, dns.RcodeSuccess, reply.Rcode)
		require.Empty(t, reply.Answer)
		require.IsType(t, &dns.SOA{}, reply.Ns[0], "resolvers remember a missing name by it")

		reply, _, err = client.Exchange(question("example.org.", dns.TypeA), addr)
		require.NoError(t, err)
		require.Equal(t, dns.RcodeRefused, reply.Rcode, "without upstream there is no world")
	}
}

func TestServer_asks_upstream_about_the_world(t *testing.T) {
	world := coracledns.Config{
		Zone:     zone(t),
		Upstream: []string{"dead", "alive"},
		Exchange: func(_ context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
			if server == "dead" {
				return nil, net.ErrClosed
			}
			reply := new(dns.Msg).SetReply(q)
			rr, err := dns.NewRR(q.Question[0].Name + " 60 IN A 192.0.2.1")
			reply.Answer = append(reply.Answer, rr)
			return reply, err
		},
	}
	addr := start(t, world)
	for name, want := range map[string]int{
		"example.org.":                  1,
		"docs.shop.svc.cluster.local.":  2, // the alias and what it stands for
		"alias.shop.svc.cluster.local.": 2,
	} {
		reply, err := dns.Exchange(question(name, dns.TypeA), addr)
		require.NoError(t, err, name)
		require.Len(t, reply.Answer, want, name)
	}
}

func TestServer_cuts_what_does_not_fit(t *testing.T) {
	z := zone(t)
	slice := &discoveryv1.EndpointSlice{AddressType: discoveryv1.AddressTypeIPv4}
	slice.Namespace, slice.Labels = "shop", map[string]string{discoveryv1.LabelServiceName: "peers"}
	for i := range 200 {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.244.4.%d", i)}})
	}
	source := z.Source.(*fixed)
	source.slices = append(source.slices, slice)
	addr := start(t, coracledns.Config{Zone: z})

	reply, err := dns.Exchange(question("peers.shop.svc.cluster.local.", dns.TypeA), addr)
	require.NoError(t, err)
	require.True(t, reply.Truncated)
	tcp := dns.Client{Net: "tcp"}
	reply, _, err = tcp.Exchange(question("peers.shop.svc.cluster.local.", dns.TypeA), addr)
	require.NoError(t, err)
	require.Len(t, reply.Answer, 201)
}

// Whatever bytes come in, an answer goes out that can be sent.
func FuzzServer_Answer(f *testing.F) {
	for _, name := range []string{"web.shop.svc.cluster.local.", ".", "1.0.96.10.in-addr.arpa.", "_a._b.c.shop.svc.cluster.local."} {
		data, err := question(name, dns.TypeANY).Pack()
		require.NoError(f, err)
		f.Add(data)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(f, err)
	defer l.Close()
	server, err := coracledns.NewServer(coracledns.Config{Zone: zone(f), TCP: l})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		q := new(dns.Msg)
		if q.Unpack(data) != nil {
			return
		}
		reply := server.Answer(t.Context(), q, dns.MinMsgSize)
		_, err := reply.Pack()
		require.NoError(t, err)
	})
}

func ExampleZone_Answer() {
	svc := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"},
		Spec:       corev1.ServiceSpec{ClusterIP: "10.96.0.10"},
	}
	z := coracledns.Zone{Domain: "cluster.local", Source: &fixed{services: []*corev1.Service{svc}}}
	a := z.Answer(dns.Question{Name: "web.shop.svc.cluster.local.", Qtype: dns.TypeA, Qclass: dns.ClassINET})
	fmt.Println(a.Records[0].(*dns.A).A)
	// Output: 10.96.0.10
}
