package cel

import (
	"slices"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
	resourcev1 "k8s.io/api/resource/v1"
	kubecel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/common"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/apiserver/pkg/cel/library"
	"k8s.io/apiserver/pkg/cel/mutation"
)

// declarations declares the names, with their types where these are known: what
// is in object and params depends on the request, unless types say it.
func declarations(names Names, types Types) []environment.VersionedOptions {
	if names.Device {
		return deviceDeclarations()
	}
	request, namespace := requestType(), namespaceType()
	known := []*kubecel.DeclType{request, namespace}
	typed := func(name string, t *kubecel.DeclType) cel.EnvOption {
		if t == nil {
			return cel.Variable(name, cel.DynType)
		}
		if !slices.Contains(known, t) {
			known = append(known, t)
		}
		return cel.Variable(name, t.CelType())
	}
	options := []cel.EnvOption{
		typed("object", types.Object),
		typed("oldObject", types.Object),
		cel.Variable("namespaceObject", namespace.CelType()),
		cel.Variable("request", request.CelType()),
	}
	if names.Params {
		options = append(options, typed("params", types.Params))
	}
	if names.Authorizer {
		options = append(options,
			cel.Variable("authorizer", library.AuthorizerType),
			cel.Variable("authorizer.requestResource", library.ResourceCheckType))
	}
	return []environment.VersionedOptions{{
		IntroducedVersion: always, EnvOptions: options, DeclTypes: known,
	}, environment.StrictCostOpt}
}

// deviceDeclarations are for selectors of devices
// (https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/): attributes and
// capacities are found by their domain and then by their name.
func deviceDeclarations() []environment.VersionedOptions {
	byName := func(value *kubecel.DeclType) *kubecel.DeclType {
		inner := kubecel.NewMapType(kubecel.StringType, value, resourcev1.ResourceSliceMaxAttributesAndCapacitiesPerDevice)
		return kubecel.NewMapType(kubecel.StringType, inner, resourcev1.ResourceSliceMaxAttributesAndCapacitiesPerDevice)
	}
	device := describe("kubernetes.DRADevice",
		"driver", kubecel.StringType,
		"attributes", byName(kubecel.AnyType),
		"capacity", byName(kubecel.QuantityDeclType),
		"allowMultipleAllocations", kubecel.BoolType)
	return []environment.VersionedOptions{{
		IntroducedVersion: always, DeclTypes: []*kubecel.DeclType{device},
		EnvOptions: []cel.EnvOption{
			cel.Variable("device", device.CelType()),
			ext.Bindings(ext.BindingsVersion(0)), library.SemverLib(library.SemverVersion(1)),
		},
	}}
}

// patchTypes declares the types Object and JSONPatch. They are found by their names
// alone, by a resolver that must be put around everything else.
func patchTypes() environment.VersionedOptions {
	return environment.VersionedOptions{IntroducedVersion: always, EnvOptions: []cel.EnvOption{
		common.ResolverEnvOption(&mutation.DynamicTypeResolver{}),
		environment.UnversionedLib(library.JSONPatch),
	}}
}

// describe returns the type of an object: names and types in turn. Names that end in a
// question mark may be missing.
func describe(name string, pairs ...any) *kubecel.DeclType {
	of := map[string]*kubecel.DeclField{}
	for i := 0; i < len(pairs); i += 2 {
		field, required := pairs[i].(string), true
		if last := len(field) - 1; field[last] == '?' {
			field, required = field[:last], false
		}
		of[field] = kubecel.NewDeclField(field, pairs[i+1].(*kubecel.DeclType), required, nil, nil)
	}
	return kubecel.NewObjectType(name, of)
}

// requestType is an AdmissionRequest without its objects, which have names of
// their own, and without the UID that it would have on its way to a webhook.
func requestType() *kubecel.DeclType {
	text, list := kubecel.StringType, kubecel.NewListType(kubecel.StringType, -1)
	kind := describe("kubernetes.GroupVersionKind", "group", text, "version", text, "kind", text)
	resource := describe("kubernetes.GroupVersionResource", "group", text, "version", text, "resource", text)
	user := describe("kubernetes.UserInfo", "username?", text, "uid?", text, "groups?", list,
		"extra?", kubecel.NewMapType(text, list, -1))
	return describe("kubernetes.AdmissionRequest",
		"kind", kind, "resource", resource, "subResource?", text,
		"requestKind", kind, "requestResource", resource, "requestSubResource?", text,
		"name", text, "namespace?", text, "operation", text, "userInfo", user,
		"dryRun?", kubecel.BoolType, "options?", kubecel.DynType)
}

// namespaceType is the part of a Namespace that expressions can see.
func namespaceType() *kubecel.DeclType {
	text, moment := kubecel.StringType, kubecel.TimestampType
	list, labels := kubecel.NewListType(text, -1), kubecel.NewMapType(text, text, -1)
	condition := describe("kubernetes.NamespaceCondition",
		"status", text, "type", text, "lastTransitionTime", moment, "message", text, "reason", text)
	metadata := describe("kubernetes.NamespaceMetadata",
		"name", text, "generateName", text, "namespace", text, "labels", labels, "annotations", labels,
		"UID", text, "creationTimestamp", moment, "deletionGracePeriodSeconds", kubecel.IntType,
		"deletionTimestamp", moment, "generation", kubecel.IntType, "resourceVersion", text, "finalizers", list)
	return describe("kubernetes.Namespace", "metadata", metadata,
		"spec", describe("kubernetes.NamespaceSpec", "finalizers", list),
		"status", describe("kubernetes.NamespaceStatus", "conditions", kubecel.NewListType(condition, -1), "phase", text))
}

// declared returns the type of a variable, as it is declared for those that use
// it.
func declared(t *cel.Type) *kubecel.DeclType {
	simple := map[*cel.Type]*kubecel.DeclType{
		cel.AnyType: kubecel.AnyType, cel.BoolType: kubecel.BoolType, cel.BytesType: kubecel.BytesType,
		cel.DoubleType: kubecel.DoubleType, cel.DurationType: kubecel.DurationType, cel.IntType: kubecel.IntType,
		cel.NullType: kubecel.NullType, cel.StringType: kubecel.StringType,
		cel.TimestampType: kubecel.TimestampType, cel.UintType: kubecel.UintType,
	}
	if known := simple[t]; known != nil || t == nil {
		return orDyn(known)
	}
	if !t.HasTrait(traits.ContainerType) || !t.HasTrait(traits.IndexerType) {
		return kubecel.DynType
	}
	switch of := t.Parameters(); len(of) {
	case 1:
		return kubecel.NewListType(declared(of[0]), -1)
	case 2:
		return kubecel.NewMapType(declared(of[0]), declared(of[1]), -1)
	default:
		return kubecel.DynType
	}
}

func orDyn(t *kubecel.DeclType) *kubecel.DeclType {
	if t == nil {
		return kubecel.DynType
	}
	return t
}
