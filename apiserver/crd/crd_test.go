package crd_test

import (
	"testing"
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
		require.Equal(t, `strict decoding error: unknown field "spec.sails"`,
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
