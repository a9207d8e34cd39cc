package crd_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/pki"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A shipyard is a conversion webhook: v1 says wood, v2 says material. It runs
// over TLS on loopback, so its tests are not in a bubble.
type shipyard struct {
	*httptest.Server
	asked  atomic.Int32 // requests
	broken atomic.Value // a text to fail with; empty works
	hold   chan struct{}
}

func newShipyard(t *testing.T) *shipyard {
	y := &shipyard{hold: make(chan struct{})}
	close(y.hold)
	y.broken.Store("")
	y.Server = httptest.NewTLSServer(http.HandlerFunc(y.serve))
	t.Cleanup(y.Close)
	return y
}

func (y *shipyard) serve(w http.ResponseWriter, r *http.Request) {
	y.asked.Add(1)
	select {
	case <-y.hold:
	case <-r.Context().Done():
		return
	}
	var review map[string]any
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request := review["request"].(map[string]any)
	response := map[string]any{"uid": request["uid"], "result": map[string]any{"status": "Success"}}
	if text := y.broken.Load().(string); text != "" {
		response["result"] = map[string]any{"status": "Failure", "message": text}
	}
	var converted []any
	for _, each := range request["objects"].([]any) {
		boat := each.(map[string]any)
		boat["apiVersion"] = request["desiredAPIVersion"]
		spec := boat["spec"].(map[string]any)
		from, to := "wood", "material"
		if strings.HasSuffix(request["desiredAPIVersion"].(string), "/v1") {
			from, to = to, from
		}
		spec[to] = spec[from]
		delete(spec, from)
		converted = append(converted, boat)
	}
	response["convertedObjects"] = converted
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})
}

// definition is one of two versions that the shipyard converts.
func (y *shipyard) definition() string {
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: y.Certificate().Raw})
	return y.definitionBy(`{url: "` + y.URL + `/convert", caBundle: ` + base64.StdEncoding.EncodeToString(bundle) + `}`)
}

// definitionBy is definition with a way to reach the shipyard.
func (y *shipyard) definitionBy(client string) string {
	version := func(name, field string, storage bool) string {
		return fmt.Sprintf(`
  - name: %s
    served: true
    storage: %v
    selectableFields: [{jsonPath: .spec.%s}]
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, required: [%s], properties: {%s: {type: string}, oars: {type: integer, default: 2}}}}}}`,
			name, storage, field, field, field)
	}
	return `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: boats, kind: Boat}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: ` + client + `
  versions:` + version("v1", "wood", false) + version("v2", "material", true)
}

// real runs a test with a server in real time.
func real(t *testing.T) *server {
	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	s := start(t, st)
	s.patient = true
	return s
}

const boats2Path = "/apis/example.org/v2/namespaces/default/boats"

func TestConversion_by_webhook(t *testing.T) {
	t.Parallel()
	y, s := newShipyard(t), real(t)
	s.ok("POST", definitionsPath, y.definition())
	s.until(200, "GET", boats2Path)

	s.ok("POST", boatsPath, boat("argo", "wood: oak"))
	require.Equal(t, map[string]any{"material": "oak", "oars": 2.0}, s.ok("GET", boats2Path+"/argo", "").at("spec"))
	s.ok("PATCH", boats2Path+"/argo", `{"spec":{"material":"pine"}}`)
	require.Equal(t, map[string]any{"wood": "pine", "oars": 2.0}, s.ok("GET", boatsPath+"/argo", "").at("spec"))
	require.Contains(t, s.refused(422, "PATCH", boatsPath+"/argo", `{"spec":{"wood":null}}`), "spec.wood: Required value")
	for i := range 3 {
		s.ok("POST", boatsPath, boat(fmt.Sprint("b", i), "wood: oak"))
	}
	require.Len(t, s.ok("GET", boatsPath+"?fieldSelector=spec.wood%3Doak", "").at("items"), 3)
	asked := y.asked.Load()
	require.Len(t, s.ok("GET", boatsPath, "").at("items"), 4)
	require.Equal(t, asked, y.asked.Load(), "what has been converted once is not converted again")

	y.broken.Store("the yard is closed")
	s.ok("GET", boats2Path+"/argo", "")
	s.ok("PATCH", boats2Path+"/argo", `{"spec":{"material":"ash"}}`)
	require.Contains(t, s.refused(500, "GET", boatsPath, ""),
		"conversion webhook for example.org/v2, Kind=Boat failed: the yard is closed")
	s.ok("DELETE", definitionsPath+"/boats.example.org", "")
	s.until(404, "GET", definitionsPath+"/boats.example.org")
}

// A webhook that hangs holds up those who wait for it, and nobody else.
func TestConversion_that_hangs(t *testing.T) {
	t.Parallel()
	y, s := newShipyard(t), real(t)
	s.ok("POST", definitionsPath, y.definition())
	s.until(200, "GET", boats2Path)
	s.ok("POST", boats2Path, strings.NewReplacer("v1", "v2", "wood", "material").Replace(boat("argo", "wood: oak")))
	y.hold = make(chan struct{})
	waiting := make(chan int)
	go func() { waiting <- s.do("GET", boatsPath, "").Code }()
	require.Eventually(t, func() bool { return y.asked.Load() > 0 }, 10*time.Second, time.Millisecond)
	for i := range 20 {
		s.ok("POST", "/api/v1/namespaces/default/configmaps", fmt.Sprintf("{metadata: {name: c%d}}", i))
		s.ok("PATCH", boats2Path+"/argo", fmt.Sprintf(`{"spec":{"oars":%d}}`, i))
	}
	require.Len(t, s.ok("GET", "/api/v1/namespaces/default/configmaps", "").at("items"), 20)
	require.Equal(t, 19.0, s.ok("GET", boats2Path+"/argo", "").at("spec.oars"))
	close(y.hold)
	require.Equal(t, 200, <-waiting)
}

// A webhook behind a Service is reached at one of its endpoints, and must prove to
// be the Service.
func TestConversion_by_service(t *testing.T) {
	t.Parallel()
	trust, err := pki.New()
	require.NoError(t, err)
	y := &shipyard{hold: make(chan struct{})}
	close(y.hold)
	y.broken.Store("")
	y.Server = httptest.NewUnstartedServer(http.HandlerFunc(y.serve))
	y.TLS, err = trust.ServerTLS("yard", "yard.docks.svc")
	require.NoError(t, err)
	y.StartTLS()
	t.Cleanup(y.Close)

	st := memstore.New()
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	var dialed sync.Map
	s := startDialing(t, st, func(ctx context.Context, network, address string) (net.Conn, error) {
		dialed.Store(address, true)
		return (&net.Dialer{}).DialContext(ctx, network, y.Listener.Addr().String())
	})
	s.patient = true
	s.ok("POST", "/api/v1/namespaces/docks/services", `{metadata: {name: yard}, spec: {clusterIP: None, ports: [{name: https, port: 8443}]}}`)
	s.ok("POST", "/apis/discovery.k8s.io/v1/namespaces/docks/endpointslices", `
metadata: {name: yard, labels: {kubernetes.io/service-name: yard}}
addressType: IPv4
endpoints: [{addresses: [10.1.2.3]}, {addresses: [10.1.2.4], conditions: {ready: false}}]
ports: [{name: https, port: 9443}]`)
	bundle := base64.StdEncoding.EncodeToString(trust.CAPEM())
	s.ok("POST", definitionsPath, y.definitionBy(`{service: {namespace: docks, name: yard, path: /convert, port: 8443}, caBundle: `+bundle+`}`))
	s.until(200, "GET", boats2Path)
	s.ok("POST", boatsPath, boat("argo", "wood: oak"))
	require.Equal(t, "oak", s.ok("GET", boats2Path+"/argo", "").at("spec.material"))
	_, ready := dialed.Load("10.1.2.3:9443")
	require.True(t, ready)
	_, other := dialed.Load("10.1.2.4:9443")
	require.False(t, other, "an endpoint that is not ready is not asked")

	s.ok("DELETE", "/apis/discovery.k8s.io/v1/namespaces/docks/endpointslices/yard", "")
	require.Contains(t, s.refused(500, "POST", boatsPath, boat("tub", "wood: oak")), "conversion webhook for example.org/v1, Kind=Boat failed")
}
