package kinds

import (
	"slices"
	"strings"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

// customResourceDefinitions are the objects that make new kinds. What they are
// here is data: the rules about schemas, and all that a definition brings
// about, are in package apiserver/crd.
func customResourceDefinitions() *api.Resource {
	return &api.Resource{
		GroupVersionKind: apiextensionsv1.SchemeGroupVersion.WithKind("CustomResourceDefinition"),
		Plural:           "customresourcedefinitions",
		Singular:         "customresourcedefinition",
		ShortNames:       []string{"crd", "crds"},
		Categories:       []string{"api-extensions"},
		StorageKey:       "apiextensions.k8s.io/customresourcedefinitions",
		New:              func() api.Object { return &apiextensionsv1.CustomResourceDefinition{} },
		NewList:          func() runtime.Object { return &apiextensionsv1.CustomResourceDefinitionList{} },
		Default:          api.Do(apiextensionsv1.SetObjectDefaults_CustomResourceDefinition),
		PrepareUpdate: api.Pair(func(d, _ *apiextensionsv1.CustomResourceDefinition) {
			noteStoredVersion(d)
		}),
		CopyStatus: api.Pair(func(dst, src *apiextensionsv1.CustomResourceDefinition) {
			dst.Status = src.Status
		}),
		Generation:            true,
		BeginDelete:           api.Do(beginDefinitionDelete),
		NoUnconditionalUpdate: true,
		Columns:               definitionColumns(),
	}
}

// noteStoredVersion remembers that objects may be stored in the version that is
// now the one for it.
func noteStoredVersion(d *apiextensionsv1.CustomResourceDefinition) {
	for _, v := range d.Spec.Versions {
		if !v.Storage {
			continue
		}
		if !slices.Contains(d.Status.StoredVersions, v.Name) {
			d.Status.StoredVersions = append(slices.Clone(d.Status.StoredVersions), v.Name)
		}
		return
	}
}

// beginDefinitionDelete makes a definition stay until its objects are gone.
func beginDefinitionDelete(d *apiextensionsv1.CustomResourceDefinition) {
	if !slices.Contains(d.Finalizers, apiextensionsv1.CustomResourceCleanupFinalizer) {
		d.Finalizers = append(d.Finalizers, apiextensionsv1.CustomResourceCleanupFinalizer)
	}
	condition := apiextensionsv1.CustomResourceDefinitionCondition{
		Type: apiextensionsv1.Terminating, Status: apiextensionsv1.ConditionTrue,
		LastTransitionTime: metav1.Now(), Reason: "InstanceDeletionPending",
		Message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
	}
	kept := slices.DeleteFunc(slices.Clone(d.Status.Conditions), func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return c.Type == condition.Type
	})
	d.Status.Conditions = append(kept, condition)
}

func definitionColumns() []api.Column {
	type definition = *apiextensionsv1.CustomResourceDefinition
	return table(
		text("Scope", "Cluster/Namespaced", func(d definition) string { return string(d.Spec.Scope) }),
		text("Versions", "Served versions", servedVersions),
		api.Column{
			Name: "Created At", Type: "date", Description: metav1.ObjectMeta{}.SwaggerDoc()["creationTimestamp"],
			Value: api.Cell(func(d definition) string { return d.CreationTimestamp.UTC().Format(time.RFC3339) }),
		},
		wide(text("Group", "API group", func(d definition) string { return d.Spec.Group })),
		wide(text("Kind", "CustomResource kind", func(d definition) string { return d.Spec.Names.Kind })),
		wide(text("ShortNames", "Short names", func(d definition) string { return strings.Join(d.Spec.Names.ShortNames, ",") })),
		wide(boolean("Established", "Established status", func(d definition) bool {
			return slices.ContainsFunc(d.Status.Conditions, func(c apiextensionsv1.CustomResourceDefinitionCondition) bool {
				return c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue
			})
		})),
	)
}

// servedVersions lists the versions that a definition serves, and which of them
// objects are stored in.
func servedVersions(d *apiextensionsv1.CustomResourceDefinition) string {
	var versions []string
	for _, v := range d.Spec.Versions {
		switch {
		case v.Served && v.Storage:
			versions = append(versions, v.Name+"(storage)")
		case v.Served:
			versions = append(versions, v.Name)
		}
	}
	slices.Sort(versions)
	return strings.Join(versions, ",")
}
