package admission_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"encoding/json"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/admission"
	"github.com/coracle-k8s/coracle/apiserver/auth"
	"github.com/coracle-k8s/coracle/apiserver/typed"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server is a real API server whose services get addresses of a small range.
type server struct {
	t        *testing.T
	objects  apiserver.Objects
	services *admission.ServiceIPs
	handler  http.Handler
}

var smallRange = admission.ServiceRange{
	Addresses: netip.MustParsePrefix("10.0.0.0/28"), // 14 addresses
	FirstPort: 30000, LastPort: 30009,
}

// serve starts a server over a store, which several servers may share.
func serve(t *testing.T, st store.Store, ranges admission.ServiceRange) *server {
	t.Helper()
	storage := apiserver.NewStorage(st, kinds.Registry(), nil)
	services, err := admission.NewServiceIPs(storage.Objects(), ranges)
	require.NoError(t, err)
	s, err := apiserver.New(apiserver.Config{
		Storage: storage, Authenticators: []apiserver.Authenticator{auth.InProcess{}}, Authorizer: auth.Masters{},
		Hooks: admission.Default(storage.Objects(), admission.Options{Services: services}),
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return &server{t: t, objects: storage.Objects(), services: services, handler: auth.As(auth.Server(), s)}
}

func newServer(t *testing.T, ranges admission.ServiceRange) *server {
	t.Helper()
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	s := serve(t, st, ranges)
	_, err := typed.Create(t.Context(), s.objects, namespace("shop"))
	require.NoError(t, err)
	return s
}

// call returns the answer's code, the service in it, and its message.
func (s *server) call(method, name, body string) (int, *corev1.Service, string) {
	path := "/api/v1/namespaces/shop/services"
	if name != "" {
		path += "/" + name
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", map[bool]string{false: "application/json", true: "application/merge-patch+json"}[method == "PATCH"])
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	service, status := &corev1.Service{}, &metav1.Status{}
	_ = json.Unmarshal(w.Body.Bytes(), service)
	_ = json.Unmarshal(w.Body.Bytes(), status)
	return w.Code, service, status.Message
}

func spec(name, spec string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{%s}}`, name, spec)
}

const (
	port80    = `"ports":[{"port":80}]`
	nodePorts = `"type":"NodePort","ports":[{"name":"a","port":80},{"name":"b","port":81}]`
)

func (s *server) must(method, name, body string) *corev1.Service {
	s.t.Helper()
	code, service, message := s.call(method, name, body)
	require.Less(s.t, code, 300, message)
	return service
}

func TestServiceIP_allocates(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	require.Equal(t, "10.96.0.1", s.services.First())
	web := s.must("POST", "", spec("web", port80))
	addr := netip.MustParseAddr(web.Spec.ClusterIP)
	require.True(t, netip.MustParsePrefix("10.96.0.0/16").Contains(addr))
	require.True(t, netip.MustParseAddr("10.96.1.0").Less(addr), "the first 256 are for those who choose: %s", addr)
	require.Equal(t, []string{web.Spec.ClusterIP}, web.Spec.ClusterIPs)
	require.Equal(t, []corev1.IPFamily{corev1.IPv4Protocol}, web.Spec.IPFamilies)
	require.Equal(t, corev1.IPFamilyPolicySingleStack, *web.Spec.IPFamilyPolicy)

	none := s.must("POST", "", spec("headless", `"clusterIP":"None",`+port80))
	require.Equal(t, []string{"None"}, none.Spec.ClusterIPs)
	external := s.must("POST", "", spec("external", `"type":"ExternalName","externalName":"example.com"`))
	require.Empty(t, external.Spec.ClusterIP)

	chosen := s.must("POST", "", spec("dns", `"clusterIP":"10.96.0.10",`+port80))
	require.Equal(t, "10.96.0.10", chosen.Spec.ClusterIP)
	for name, test := range map[string]struct{ spec, message string }{
		"taken":            {`"clusterIP":"10.96.0.10"`, "failed to allocate IP 10.96.0.10: provided IP is already allocated"},
		"elsewhere":        {`"clusterIP":"10.97.0.1"`, "failed to allocate IP 10.97.0.1: the provided network does not match the current range"},
		"the network":      {`"clusterIP":"10.96.0.0"`, "does not match the current range"},
		"the broadcast":    {`"clusterIP":"10.96.255.255"`, "does not match the current range"},
		"IPv6":             {`"ipFamilies":["IPv6"]`, "not configured on this cluster"},
		"two families":     {`"ipFamilyPolicy":"RequireDualStack"`, "not configured for dual-stack"},
		"a low node port":  {`"type":"NodePort","ports":[{"port":80,"nodePort":80}]`, "provided port is not in the valid range. The range of valid ports is 30000-32767"},
		"a high node port": {`"type":"NodePort","ports":[{"port":80,"nodePort":32768}]`, "provided port is not in the valid range"},
	} {
		if !strings.Contains(test.spec, "ports") {
			test.spec += "," + port80
		}
		code, _, message := s.call("POST", "", spec("bad", test.spec))
		require.Equal(t, 422, code, name)
		require.Contains(t, message, test.message, name)
	}
}

// TestServiceIP_objects: every address has its IPAddress, and what others write
// there counts.
func TestServiceIP_objects(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	parent := func(ip string) string {
		entry, err := typed.Get[*networkingv1.IPAddress](t.Context(), s.objects, "", ip)
		if apierrors.IsNotFound(err) {
			return ""
		}
		require.NoError(t, err)
		return entry.Spec.ParentRef.Resource + " " + entry.Spec.ParentRef.Name
	}
	web := s.must("POST", "", spec("web", port80))
	require.Equal(t, "services web", parent(web.Spec.ClusterIP))
	s.must("PATCH", "web", `{"spec":{"type":"ExternalName","externalName":"example.com"}}`)
	require.Empty(t, parent(web.Spec.ClusterIP))
	s.must("POST", "", spec("dns", `"clusterIP":"10.96.0.10",`+port80))
	require.Equal(t, "services dns", parent("10.96.0.10"))
	s.must("DELETE", "dns", "")
	require.Empty(t, parent("10.96.0.10"))

	_, err := typed.Create(t.Context(), s.objects, &networkingv1.IPAddress{
		ObjectMeta: metav1.ObjectMeta{Name: "10.96.0.11"},
		Spec:       networkingv1.IPAddressSpec{ParentRef: &networkingv1.ParentReference{Group: "example.com", Resource: "gateways", Name: "g"}},
	})
	require.NoError(t, err)
	code, _, message := s.call("POST", "", spec("thief", `"clusterIP":"10.96.0.11",`+port80))
	require.Equal(t, 422, code)
	require.Contains(t, message, "provided IP is already allocated")
	require.Equal(t, "gateways g", parent("10.96.0.11"))

	// What is lost is written again.
	web = s.must("PATCH", "web", `{"spec":{"type":"ClusterIP","externalName":null}}`)
	require.NoError(t, typed.Delete[*networkingv1.IPAddress](t.Context(), s.objects, "", web.Spec.ClusterIP))
	require.NoError(t, s.services.Repair(t.Context()))
	require.Equal(t, "services web", parent(web.Spec.ClusterIP))
}

// TestServiceIP_moreRanges: a ServiceCIDR is a range like the server's own.
func TestServiceIP_moreRanges(t *testing.T) {
	s := newServer(t, smallRange)
	_, err := typed.Create(t.Context(), s.objects, &networkingv1.ServiceCIDR{
		ObjectMeta: metav1.ObjectMeta{Name: "more"},
		Spec:       networkingv1.ServiceCIDRSpec{CIDRs: []string{"10.0.1.0/30", "fd00::/112"}},
	})
	require.NoError(t, err)
	s.must("POST", "", spec("chosen", `"clusterIP":"10.0.1.1",`+port80))
	for i := range 14 {
		ip := s.must("POST", "", spec(fmt.Sprintf("s%d", i), port80)).Spec.ClusterIP
		require.True(t, smallRange.Addresses.Contains(netip.MustParseAddr(ip)), ip)
	}
	require.Equal(t, "10.0.1.2", s.must("POST", "", spec("next", port80)).Spec.ClusterIP)
	code, _, message := s.call("POST", "", spec("late", port80))
	require.Equal(t, 500, code)
	require.Contains(t, message, "range is full")
}

func TestServiceIP_nodePorts(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	web := s.must("POST", "", spec("web", nodePorts))
	a, b := web.Spec.Ports[0].NodePort, web.Spec.Ports[1].NodePort
	require.NotEqual(t, a, b)
	for _, p := range []int32{a, b} {
		require.True(t, p >= 30086 && p <= 32767, p)
	}
	dns := s.must("POST", "", spec("dns", `"type":"NodePort","ports":[{"name":"u","port":53,"protocol":"UDP"},{"name":"t","port":53}]`))
	require.Equal(t, dns.Spec.Ports[0].NodePort, dns.Spec.Ports[1].NodePort, "two protocols share a port")

	code, _, message := s.call("POST", "", spec("thief", fmt.Sprintf(`"type":"NodePort","ports":[{"port":80,"nodePort":%d}]`, a)))
	require.Equal(t, 422, code)
	require.Contains(t, message, "spec.ports[0].nodePort: Invalid value: "+strconv.Itoa(int(a))+": provided port is already allocated")

	// An update that leaves out what was allocated keeps it.
	again := s.must("PUT", "web", spec("web", nodePorts))
	require.Equal(t, web.Spec.ClusterIP, again.Spec.ClusterIP)
	require.Equal(t, web.Spec.Ports, again.Spec.Ports)

	// Another type gives the ports back, and another service can have them.
	plain := s.must("PATCH", "web", `{"spec":{"type":"ClusterIP"}}`)
	require.Zero(t, plain.Spec.Ports[0].NodePort)
	require.Equal(t, web.Spec.ClusterIP, plain.Spec.ClusterIP)
	s.must("POST", "", spec("heir", fmt.Sprintf(`"type":"NodePort","ports":[{"port":80,"nodePort":%d}]`, a)))

	// So does a name for a service elsewhere, with its address.
	gone := s.must("PATCH", "web", `{"spec":{"type":"ExternalName","externalName":"example.com"}}`)
	require.Empty(t, gone.Spec.ClusterIP)
	require.Empty(t, gone.Spec.ClusterIPs)
	s.must("POST", "", spec("heir2", fmt.Sprintf(`"clusterIP":%q,%s`, web.Spec.ClusterIP, port80)))
	back := s.must("PATCH", "web", `{"spec":{"type":"ClusterIP","externalName":null}}`)
	require.NotEqual(t, web.Spec.ClusterIP, back.Spec.ClusterIP)
	require.NotEmpty(t, back.Spec.ClusterIP)
}

func TestServiceIP_isFreeAfterADelete(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	for range 3 {
		s.must("POST", "", spec("dns", `"clusterIP":"10.96.0.10","type":"NodePort","ports":[{"port":53,"nodePort":30053}]`))
		s.must("DELETE", "dns", "")
	}
}

// TestServiceIP_notBeforeTheDelete: a deletion that has begun gives nothing
// back.
func TestServiceIP_notBeforeTheDelete(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	s.must("POST", "", `{"metadata":{"name":"dns","finalizers":["example.com/wait"]},"spec":{"clusterIP":"10.96.0.10",`+port80+`}}`)
	s.must("DELETE", "dns", "")
	code, _, message := s.call("POST", "", spec("thief", `"clusterIP":"10.96.0.10",`+port80))
	require.Equal(t, 422, code, message)
	s.must("PATCH", "dns", `{"metadata":{"finalizers":null}}`)
	s.must("POST", "", spec("thief", `"clusterIP":"10.96.0.10",`+port80))
}

func TestServiceIP_failedRequestsKeepNothing(t *testing.T) {
	s := newServer(t, admission.ServiceRange{})
	code, _, _ := s.call("POST", "", spec("web", `"clusterIP":"10.96.0.10","ports":[{"port":99999}]`))
	require.Equal(t, 422, code)
	s.must("POST", "", spec("web", `"clusterIP":"10.96.0.10",`+port80))

	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/v1/namespaces/shop/services?dryRun=All", strings.NewReader(spec("dry", `"clusterIP":"10.96.0.11",`+port80)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	require.Equal(t, 201, w.Code, w.Body)
	s.must("POST", "", spec("wet", `"clusterIP":"10.96.0.11",`+port80))
}

// TestServiceIP_races: many at once, over two servers, and never one address
// twice, though there are fewer addresses than who wants one.
func TestServiceIP_races(t *testing.T) {
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	servers := []*server{serve(t, st, smallRange), serve(t, st, smallRange)}
	_, err := typed.Create(t.Context(), servers[0].objects, namespace("shop"))
	require.NoError(t, err)

	var (
		wg      sync.WaitGroup
		mu      sync.Mutex // guards the fields below
		ips     = map[string]int{}
		refused int
	)
	for i := range 40 {
		wg.Go(func() {
			body := spec(fmt.Sprintf("s%d", i), port80)
			if i%4 == 0 { // some choose, and all choose the same
				body = spec(fmt.Sprintf("s%d", i), `"clusterIP":"10.0.0.5",`+port80)
			}
			code, service, _ := servers[i%2].call("POST", "", body)
			mu.Lock()
			defer mu.Unlock()
			if code == 201 {
				ips[service.Spec.ClusterIP]++
			} else {
				refused++
			}
		})
	}
	wg.Wait()
	require.Len(t, ips, 14, "all addresses of the range are in use")
	for ip, n := range ips {
		require.Equal(t, 1, n, ip)
	}
	require.Equal(t, 26, refused)
	code, _, message := servers[0].call("POST", "", spec("late", port80))
	require.Equal(t, 500, code)
	require.Contains(t, message, "range is full")

	// And back and forth: creating and deleting at once never doubles one.
	for i := range 8 {
		wg.Go(func() {
			for range 10 {
				name := fmt.Sprintf("c%d", i)
				servers[i%2].call("DELETE", fmt.Sprintf("s%d", i), "")
				servers[(i+1)%2].call("POST", "", spec(name, port80))
				services, err := typed.List[*corev1.Service](t.Context(), servers[i%2].objects, "shop")
				if err != nil {
					t.Error(err)
				}
				seen := map[string]string{}
				for _, s := range services {
					if other := seen[s.Spec.ClusterIP]; other != "" {
						t.Errorf("%s and %s both have %s", s.Name, other, s.Spec.ClusterIP)
					}
					seen[s.Spec.ClusterIP] = s.Name
				}
				servers[i%2].call("DELETE", name, "")
			}
		})
	}
	wg.Wait()
}

// TestServiceIP_crash: a claim whose request died comes free by itself, and a
// service that came without a claim gets one.
func TestServiceIP_crash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, smallRange)
		lost := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "lost", UID: "u1"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.0.0.9", ClusterIPs: []string{"10.0.0.9"}},
		}
		require.NoError(t, admit(t.Context(), []apiserver.Hook{s.services}, apiserver.Create, lost, nil)) // and no store
		code, _, _ := s.call("POST", "", spec("web", `"clusterIP":"10.0.0.9",`+port80))
		require.Equal(t, 422, code, "the request might still be under way")
		time.Sleep(2*time.Minute + time.Second)
		s.must("POST", "", spec("web", `"clusterIP":"10.0.0.9",`+port80))

		_, err := typed.Create(t.Context(), s.objects, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "restored"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.0.0.3", ClusterIPs: []string{"10.0.0.3"}},
		})
		require.NoError(t, err)
		require.NoError(t, s.services.Repair(t.Context()))
		code, _, _ = s.call("POST", "", spec("thief", `"clusterIP":"10.0.0.3",`+port80))
		require.Equal(t, 422, code)

		_, err = typed.Create(t.Context(), s.objects, &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "double"},
			Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.0.0.3", ClusterIPs: []string{"10.0.0.3"}},
		})
		require.NoError(t, err)
		require.ErrorContains(t, s.services.Repair(t.Context()), "shop/double", "it cannot be repaired, but it is not hidden")
	})
}

func TestNewServiceIPs_refuses(t *testing.T) {
	for name, ranges := range map[string]admission.ServiceRange{
		"IPv6":          {Addresses: netip.MustParsePrefix("fd00::/112")},
		"too small":     {Addresses: netip.MustParsePrefix("10.0.0.0/31")},
		"too large":     {Addresses: netip.MustParsePrefix("0.0.0.0/0")},
		"ports reverse": {FirstPort: 40000, LastPort: 30000},
		"no port":       {FirstPort: 1, LastPort: 70000},
	} {
		_, err := admission.NewServiceIPs(nil, ranges)
		require.Error(t, err, name)
	}
}
