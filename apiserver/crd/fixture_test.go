package crd_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/coracle-k8s/coracle/api/kinds"
	"github.com/coracle-k8s/coracle/apiserver"
	"github.com/coracle-k8s/coracle/apiserver/crd"
	"github.com/coracle-k8s/coracle/store"
	"github.com/coracle-k8s/coracle/store/memstore"
)

// A server is an API server with definitions, in memory, where everybody may
// do everything.
type server struct {
	*apiserver.Server
	t       testing.TB
	patient bool // in real time: nobody waits until all is still
}

type anybody struct{}

func (anybody) Authenticate(*http.Request) (*apiserver.User, error) {
	return &apiserver.User{Name: "admin"}, nil
}

func (anybody) Authorize(context.Context, *apiserver.Attributes) (apiserver.Decision, string, error) {
	return apiserver.Allow, "", nil
}

// inBubble runs a test with a server.
func inBubble(t *testing.T, test func(t *testing.T, s *server)) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New()
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		test(t, start(t, st))
	})
}

// start runs a server over a store until the test ends.
func start(t *testing.T, st store.Store, hooks ...apiserver.Hook) *server {
	return startDialing(t, st, nil, hooks...)
}

// startDialing is start with a way to connect to the endpoints of services.
func startDialing(
	t *testing.T, st store.Store, dial func(ctx context.Context, network, address string) (net.Conn, error), hooks ...apiserver.Hook,
) *server {
	registry := crd.NewRegistry(kinds.Registry())
	storage := apiserver.NewStorage(st, registry, nil)
	controller := crd.NewController(crd.Options{Storage: storage, Registry: registry, Dial: dial})
	s, err := apiserver.New(apiserver.Config{
		Storage: storage, Hooks: append(hooks, controller.Hook()),
		Authenticators: []apiserver.Authenticator{anybody{}}, Authorizer: anybody{},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, run := range []func(context.Context) error{s.Run, controller.Run} {
		running.Go(func() {
			if err := run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	<-s.Ready()
	return &server{Server: s, t: t}
}

// An answer is the body of a response.
type answer map[string]any

// at returns what stands at a path with dots.
func (a answer) at(path string) any {
	var value any = map[string]any(a)
	for _, name := range strings.Split(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

// do sends a request whose body is YAML, with headers as "Name: value".
func (s *server) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(body))
	require.NoError(s.t, err)
	if body == "" {
		asJSON = nil
	}
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(string(asJSON)))
	if method == http.MethodPatch {
		r.Header.Set("Content-Type", "application/merge-patch+json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if !s.patient {
		synctest.Wait()
	}
	return w
}

// until asks again and again until the answer has a code.
func (s *server) until(code int, method, path string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.do(method, path, "").Code == code }, 20*time.Second, 5*time.Millisecond)
}

// ok sends a request that must succeed.
func (s *server) ok(method, path, body string, headers ...string) answer {
	s.t.Helper()
	w := s.do(method, path, body, headers...)
	require.Less(s.t, w.Code, 300, "%s %s: %s", method, path, w.Body)
	return s.parse(w)
}

// refused sends a request that must fail with a code, and returns the message.
func (s *server) refused(code int, method, path, body string, headers ...string) string {
	s.t.Helper()
	w := s.do(method, path, body, headers...)
	require.Equal(s.t, code, w.Code, "%s %s: %s", method, path, w.Body)
	message, _ := s.parse(w).at("message").(string)
	return message
}

func (s *server) parse(w *httptest.ResponseRecorder) answer {
	s.t.Helper()
	var a answer
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &a), "%s", w.Body)
	return a
}

const (
	definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	boatsPath       = "/apis/example.org/v1/namespaces/default/boats"
)

// boats is a definition with a bit of everything.
const boats = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: boats, kind: Boat, shortNames: [bt], categories: [all]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      status: {}
      scale: {specReplicasPath: .spec.oars, statusReplicasPath: .status.oars, labelSelectorPath: .status.selector}
    selectableFields: [{jsonPath: .spec.wood}]
    additionalPrinterColumns:
    - {name: Wood, type: string, jsonPath: .spec.wood}
    - {name: Oars, type: integer, jsonPath: .spec.oars}
    - {name: Afloat, type: string, jsonPath: '.status.conditions[?(@.type=="Afloat")].status'}
    - {name: Age, type: date, jsonPath: .metadata.creationTimestamp}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [wood]
            x-kubernetes-validations:
            - rule: "self.wood != 'balsa' || self.oars < 3"
              messageExpression: "'balsa carries ' + (self.oars > 9 ? 'few' : 'two') + ' oars'"
            properties:
              wood: {type: string, enum: [oak, pine, balsa]}
              oars: {type: integer, default: 2, minimum: 0}
              name:
                type: string
                x-kubernetes-validations:
                - {rule: self == oldSelf, message: a boat keeps its name}
              crew:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [name]
                items:
                  type: object
                  required: [name]
                  properties:
                    name: {type: string}
                    rank: {type: string, default: sailor}
              cargo: {type: object, x-kubernetes-preserve-unknown-fields: true}
              depth: {x-kubernetes-int-or-string: true}
          status:
            type: object
            properties:
              oars: {type: integer}
              selector: {type: string}
              conditions:
                type: array
                items:
                  type: object
                  properties: {type: {type: string}, status: {type: string}}
`

// boat writes a boat with fields of its spec.
func boat(name, spec string) string {
	return "apiVersion: example.org/v1\nkind: Boat\nmetadata: {name: " + name + "}\nspec: {" + spec + "}\n"
}
