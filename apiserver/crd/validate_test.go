package crd_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each case changes the definition of boats, and names what is then wrong with it.
func TestDefinition_is_judged(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		for _, c := range []struct{ from, to, want string }{
			{"name: boats.example.org", "name: ships.example.org", `metadata.name: Invalid value: "ships.example.org": must be spec.names.plural+"."+spec.group`},
			{"scope: Namespaced", "scope: Everywhere", `spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"`},
			{"plural: boats", "plural: Boats", `spec.names.plural: Invalid value: "Boats"`},
			{"kind: Boat,", "kind: Bo_at,", `spec.names.kind: Invalid value: "Bo_at": may have mixed case, but should otherwise match: `},
			{"storage: true", "storage: false", "must have exactly one version marked as storage version"},
			{"name: v1\n", "name: V1\n", `spec.versions[0].name: Invalid value: "V1"`},
			{"group: example.org", "group: example", "spec.group: Invalid value: \"example\": should be a domain with at least one dot"},
			{"specReplicasPath: .spec.oars", "specReplicasPath: .oars", `spec.subresources.scale.specReplicasPath: Invalid value: ".oars": should be a json path under .spec`},
			{"type: integer, jsonPath: .spec.oars", "type: int, jsonPath: .spec.oars", `spec.additionalPrinterColumns[1].type: Invalid value: "int": must be one of boolean,date,integer,number,string`},
			{"jsonPath: .spec.wood}]", "jsonPath: .spec.cargo}]", `spec.selectableFields[0].jsonPath: Invalid value: ".spec.cargo": must point to a field of type string, boolean or integer.`},
			{"name: {type: string}", "name: {}", "spec.validation.openAPIV3Schema.properties[spec].properties[crew].items.properties[name].type: Required value: must not be empty for specified object fields"},
			{"enum: [oak, pine, balsa]", "default: 3", `spec.validation.openAPIV3Schema.properties[spec].properties[wood].default: Invalid value: "integer":  in body must be of type string: "integer"`},
			{"x-kubernetes-list-map-keys: [name]", "x-kubernetes-list-map-keys: [nick]", "x-kubernetes-list-map-keys: Invalid value: [\"nick\"]: entries must all be names of item properties"},
			{"rule: self == oldSelf", "rule: self == oldself", "undeclared reference to 'oldself'"},
			{"cargo: {type: object,", "cargo: {type: object, uniqueItems: true,", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"},
			{"metadata: {name: boats.example.org}", "metadata: {name: boats.example.org}\n", ""},
		} {
			body := strings.Replace(boats, c.from, c.to, 1)
			require.NotEqual(t, boats, body, c.from)
			if c.want == "" {
				s.ok("POST", definitionsPath+"?dryRun=All", body)
				continue
			}
			require.Contains(t, s.refused(422, "POST", definitionsPath, body), c.want, c.to)
		}
	})
}

func TestDefinition_rules_have_a_budget(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		dear := strings.Replace(boats, "rule: self == oldSelf", `rule: "self.split('').all(a, self.split('').all(b, a == b || self.contains(a)))"`, 1)
		require.Contains(t, s.refused(422, "POST", definitionsPath, dear), "estimated rule cost exceeds budget by factor of more than 100x")
	})
}

// What is stored by a definition cannot change under its objects.
func TestDefinition_changes(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		const path = definitionsPath + "/boats.example.org"
		require.Contains(t, s.refused(422, "PATCH", path, `{"spec":{"scope":"Cluster"}}`), `spec.scope: Invalid value: "Cluster": field is immutable`)
		require.Contains(t, s.refused(422, "PATCH", path, `{"spec":{"names":{"kind":"Ship"}}}`), `spec.names.kind: Invalid value: "Ship": field is immutable`)
		s.ok("PATCH", path, `{"spec":{"names":{"shortNames":["b"]}}}`)
		require.Equal(t, []any{"b"}, s.ok("GET", path, "").at("status.acceptedNames.shortNames"))
		require.Contains(t, s.refused(422, "PATCH", path, `[{"op":"replace","path":"/spec/versions/0/name","value":"v2"}]`,
			"Content-Type: application/json-patch+json"), "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions")
	})
}

func TestDefinition_of_a_protected_group(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		body := strings.NewReplacer("example.org", "sea.k8s.io").Replace(boats)
		require.Contains(t, s.refused(422, "POST", definitionsPath, body), "protected groups must have approval annotation")
		s.ok("POST", definitionsPath, strings.Replace(body, "name: boats.sea.k8s.io",
			"name: boats.sea.k8s.io, annotations: {api-approved.kubernetes.io: 'https://github.com/kubernetes/kubernetes/pull/1'}", 1))
		conditions := s.ok("GET", definitionsPath+"/boats.sea.k8s.io", "").at("status.conditions").([]any)
		require.Equal(t, "KubernetesAPIApprovalPolicyConformant", conditions[2].(map[string]any)["type"])
		require.Equal(t, "True", conditions[2].(map[string]any)["status"])
	})
}

// Names belong to who came first; when they are free again, the next gets them.
func TestDefinition_names_conflict(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.ok("POST", definitionsPath, boats)
		second := strings.NewReplacer("boats.example.org", "ships.example.org", "plural: boats", "plural: ships").Replace(boats)
		s.ok("POST", definitionsPath, second)
		ships := s.ok("GET", definitionsPath+"/ships.example.org", "")
		named := ships.at("status.conditions").([]any)[0].(map[string]any)
		require.Equal(t, []any{"False", "ListKindConflict", `"BoatList" is already in use`}, []any{named["status"], named["reason"], named["message"]})
		s.refused(404, "GET", strings.Replace(boatsPath, "boats", "ships", 1), "")
		s.ok("DELETE", definitionsPath+"/boats.example.org", "")
		s.ok("GET", strings.Replace(boatsPath, "boats", "ships", 1), "")
	})
}
