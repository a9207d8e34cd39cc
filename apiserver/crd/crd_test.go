package crd_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDefinition_makes_a_kind(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.refused(404, "GET", boatsPath, "")
		s.ok("POST", definitionsPath, boats)
		defined := s.ok("GET", definitionsPath+"/boats.example.org", "")
		require.Equal(t, "boat", defined.at("status.acceptedNames.singular"))
		require.Equal(t, []any{"v1"}, defined.at("status.storedVersions"))

		created := s.ok("POST", boatsPath, boat("argo", "wood: oak, sails: 3, cargo: {wool: 7}, crew: [{name: jason}]"))
		require.Equal(t, map[string]any{
			"wood": "oak", "oars": 2.0, "cargo": map[string]any{"wool": 7.0},
			"crew": []any{map[string]any{"name": "jason", "rank": "sailor"}},
		}, created.at("spec"), "sails are pruned, oars and rank are defaults")
		require.Equal(t, 1.0, created.at("metadata.generation"))

		require.Contains(t, s.refused(422, "POST", boatsPath, boat("b", "wood: iron")),
			`spec.wood: Unsupported value: "iron": supported values: "oak", "pine", "balsa"`)
		require.Contains(t, s.refused(422, "POST", boatsPath, boat("b", "oars: 1")), "spec.wood: Required value")
		require.Contains(t, s.refused(422, "POST", boatsPath, boat("b", "wood: balsa, oars: 5")),
			`spec: Invalid value: balsa carries two oars`)
		require.Equal(t, `Boat in version "v1" cannot be handled as a Boat: strict decoding error: unknown field "spec.sails"`,
			s.refused(400, "POST", boatsPath+"?fieldValidation=Strict", boat("b", "wood: oak, sails: 3")))
		s.refused(422, "PUT", boatsPath+"/argo", boat("argo", "wood: pine"))
		s.refused(415, "PATCH", boatsPath+"/argo", `{}`, "Content-Type: application/strategic-merge-patch+json")

		list := s.ok("GET", boatsPath+"?fieldSelector=spec.wood%3Doak", "")
		require.Equal(t, "BoatList", list.at("kind"))
		require.Len(t, list.at("items"), 1)
		require.Empty(t, s.ok("GET", boatsPath+"?fieldSelector=spec.wood%3Dpine", "").at("items"))
		scale := s.ok("GET", boatsPath+"/argo/scale", "")
		require.Equal(t, 2.0, scale.at("spec.replicas"))
		s.ok("PATCH", boatsPath+"/argo/scale", `{"spec":{"replicas":8}}`)
		require.Equal(t, 8.0, s.ok("GET", boatsPath+"/argo", "").at("spec.oars"))
	})
}

func TestDefinition_goes_with_its_objects(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		s.ok("POST", boatsPath, boat("argo", "wood: oak"))
		held := boat("held", "wood: oak")
		s.ok("POST", boatsPath, held)
		s.ok("PATCH", boatsPath+"/held", `{"metadata":{"finalizers":["example.org/anchor"]}}`)

		going := s.ok("DELETE", definitionsPath+"/boats.example.org", "")
		require.Equal(t, []any{"customresourcecleanup.apiextensions.k8s.io"}, going.at("metadata.finalizers"))
		time.Sleep(10 * time.Second)
		s.refused(404, "GET", boatsPath+"/argo", "")
		require.NotNil(t, s.ok("GET", boatsPath+"/held", "").at("metadata.deletionTimestamp"))
		require.Contains(t, s.refused(403, "POST", boatsPath, boat("late", "wood: oak")),
			"create not allowed while custom resource definition is terminating")
		s.ok("PATCH", boatsPath+"/held", `{"metadata":{"finalizers":null}}`)
		time.Sleep(10 * time.Second)
		s.refused(404, "GET", definitionsPath+"/boats.example.org", "")
		s.refused(404, "GET", boatsPath, "")

		s.ok("POST", definitionsPath, boats)
		require.Empty(t, s.ok("GET", boatsPath, "").at("items"), "the kind is back, its objects are not")
	})
}

// Server-side apply merges by the definition's schema: the crew by name.
func TestCustomObject_is_applied(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		apply := func(manager, spec string, code int) *httptest.ResponseRecorder {
			w := s.do("PATCH", boatsPath+"/argo?fieldManager="+manager, boat("argo", spec), "Content-Type: application/apply-patch+yaml")
			require.Equal(t, code, w.Code, w.Body)
			return w
		}
		apply("ana", "wood: oak, crew: [{name: jason, rank: captain}]", 201)
		both := s.parse(apply("bob", "crew: [{name: orpheus}]", 200))
		require.Equal(t, []any{
			map[string]any{"name": "jason", "rank": "captain"}, map[string]any{"name": "orpheus", "rank": "sailor"},
		}, both.at("spec.crew"))
		require.Contains(t, s.parse(apply("bob", "crew: [{name: orpheus}, {name: jason, rank: cook}]", 409)).at("message"),
			`conflict with "ana": .spec.crew[name="jason"].rank`)
		w := apply("bob", "sails: 3", 500)
		require.Contains(t, s.parse(w).at("message"), ".spec.sails: field not declared in schema")
	})
}

// Rules of transition, and faults that are older than the rule.
func TestCustomObject_is_ratcheted(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		s.ok("POST", boatsPath, boat("argo", "wood: oak, name: Argo, oars: 50"))
		require.Contains(t, s.refused(422, "PATCH", boatsPath+"/argo", `{"spec":{"name":"Ogra"}}`), "spec.name: Invalid value: \"Ogra\": a boat keeps its name")
		s.ok("PUT", definitionsPath+"/boats.example.org", withRevision(s, strings.Replace(boats, "minimum: 0", "minimum: 0, maximum: 9", 1)))
		require.Contains(t, s.refused(422, "PATCH", boatsPath+"/argo", `{"spec":{"oars":51}}`), "should be less than or equal to 9")
		s.ok("PATCH", boatsPath+"/argo", `{"spec":{"wood":"pine"}}`)
		require.Contains(t, s.refused(422, "POST", boatsPath, boat("b", "wood: oak, oars: 50")), "should be less than or equal to 9")
	})
}

// withRevision gives a definition the revision that is to be replaced.
func withRevision(s *server, body string) string {
	revision := s.ok("GET", definitionsPath+"/boats.example.org", "").at("metadata.resourceVersion").(string)
	return strings.Replace(body, "{name: boats.example.org}", "{name: boats.example.org, resourceVersion: '"+revision+"'}", 1)
}

// A kind of two versions that differ in name alone.
func TestDefinition_of_two_versions(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		s.ok("POST", boatsPath, boat("argo", "wood: oak"))
		version := boats[strings.Index(boats, "  - name: v1"):]
		both := strings.Replace(boats, "storage: true", "storage: false, deprecated: true", 1)
		both = strings.Replace(both, "served: true\n    storage: false, deprecated: true", "served: true\n    storage: false\n    deprecated: true", 1)
		both += strings.Replace(version, "name: v1", "name: v2", 1)
		s.ok("PUT", definitionsPath+"/boats.example.org", withRevision(s, both))
		require.Equal(t, []any{"v1", "v2"}, s.ok("GET", definitionsPath+"/boats.example.org", "").at("status.storedVersions"))

		second := strings.Replace(boatsPath, "v1", "v2", 1)
		require.Equal(t, "example.org/v2", s.ok("GET", second+"/argo", "").at("apiVersion"))
		s.ok("PATCH", second+"/argo", `{"spec":{"oars":7}}`)
		w := s.do("GET", boatsPath+"/argo", "")
		require.Equal(t, 7.0, s.parse(w).at("spec.oars"))
		require.Equal(t, "example.org/v1", s.parse(w).at("apiVersion"))
		require.Equal(t, `299 - "example.org/v1 Boat is deprecated; use example.org/v2 Boat"`, w.Header().Get("Warning"))

		unserved := strings.Replace(both, "served: true", "served: false", 1)
		s.ok("PUT", definitionsPath+"/boats.example.org", withRevision(s, unserved))
		s.refused(404, "GET", boatsPath+"/argo", "")
		s.ok("GET", second+"/argo", "")
	})
}

// The watches of a kind that changes or goes end, so that clients ask anew.
func TestDefinition_ends_watches(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		watch := func() chan int {
			ended := make(chan int)
			go func() {
				r := httptest.NewRequestWithContext(t.Context(), "GET", boatsPath+"?watch=true", nil)
				w := httptest.NewRecorder()
				s.ServeHTTP(w, r)
				ended <- w.Code
			}()
			synctest.Wait()
			return ended
		}
		s.ok("POST", definitionsPath, boats)
		first := watch()
		s.ok("PATCH", definitionsPath+"/boats.example.org/status", `{"metadata":{"labels":{"a":"b"}}}`)
		select {
		case <-first:
			t.Fatal("a change that is none of the kind's ends its watches")
		default:
		}
		s.ok("PATCH", definitionsPath+"/boats.example.org", `{"spec":{"names":{"shortNames":["b"]}}}`)
		require.Equal(t, 200, <-first)
		second := watch()
		s.ok("DELETE", definitionsPath+"/boats.example.org", "")
		require.Equal(t, 200, <-second)
		require.Equal(t, 404, <-watch())
	})
}

// Custom objects have no protobuf form, but their metadata has.
func TestCustomObject_in_protobuf(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		s.ok("POST", boatsPath, boat("argo", "wood: oak"))
		s.refused(415, "POST", boatsPath, boat("b", "wood: oak"), "Content-Type: application/vnd.kubernetes.protobuf")
		require.Equal(t, 406, s.do("GET", boatsPath, "", "Accept: application/vnd.kubernetes.protobuf").Code)
		w := s.do("GET", boatsPath, "", "Accept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
		require.Equal(t, 200, w.Code)
		require.True(t, strings.HasPrefix(w.Body.String(), "k8s\x00"), "%q", w.Body)
	})
}
