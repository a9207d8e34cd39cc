package kinds

import (
	migrationv1 "k8s.io/api/storagemigration/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// storageVersionMigrations ask for all objects of a kind to be written again, in
// the form that the store has them in now.
func storageVersionMigrations() *api.Resource {
	type migration = *migrationv1.StorageVersionMigration
	name := api.NameColumn()
	name.Format = ""
	return &api.Resource{
		GroupVersionKind: migrationv1.SchemeGroupVersion.WithKind("StorageVersionMigration"),
		Plural:           "storageversionmigrations",
		Singular:         "storageversionmigration",
		New:              func() api.Object { return &migrationv1.StorageVersionMigration{} },
		NewList:          func() runtime.Object { return &migrationv1.StorageVersionMigrationList{} },
		Validate: rule(func(j *judge, m migration) {
			path := field.NewPath("spec", "resource")
			if m.Spec.Resource.Resource == "" {
				j.required(path.Child("resource"), "resource is required to be set")
			} else {
				j.joined(path.Child("resource"), m.Spec.Resource.Resource, "", validation.IsDNS1035Label(m.Spec.Resource.Resource))
			}
			if m.Spec.Resource.Group != "" {
				j.joined(path.Child("group"), m.Spec.Resource.Group, "", validation.IsDNS1123Subdomain(m.Spec.Resource.Group))
			}
		}),
		ValidateUpdate: pairRule(func(j *judge, m, old migration) {
			j.unchanged(field.NewPath("spec"), m.Spec, old.Spec)
		}),
		ValidateStatus:        pairRule(checkMigrationStatus),
		CopyStatus:            api.Pair(func(dst, src migration) { dst.Status = src.Status }),
		StatusAlone:           true,
		NoUnconditionalUpdate: true,
		Columns: []api.Column{
			name,
			text("Resource", "GroupResource to migrate", func(m migration) string { return m.Spec.Resource.String() }),
			text("Status", "Status of the migration", func(m migration) string {
				state := "Unknown"
				for _, c := range m.Status.Conditions {
					switch c.Type {
					case string(migrationv1.MigrationRunning), string(migrationv1.MigrationFailed), string(migrationv1.MigrationSucceeded):
						if c.Status == metav1.ConditionTrue {
							state = c.Type
						}
					}
				}
				return state
			}),
		},
	}
}

func checkMigrationStatus(j *judge, m, old *migrationv1.StorageVersionMigration) {
	path, now := field.NewPath("status"), m.Status.ResourceVersion
	if now != "" {
		if _, err := resourceversion.CompareResourceVersion(now, now); err != nil {
			j.invalid(path.Child("resourceVersion"), now, err.Error())
		}
	}
	conditions := path.Child("conditions")
	j.add(metavalidation.ValidateConditions(m.Status.Conditions, conditions))
	if was := old.Status.ResourceVersion; was != "" && was != now {
		j.invalid(path.Child("resourceVersion"), now, "field is immutable")
	}
	ended := func(m *migrationv1.StorageVersionMigration, how migrationv1.MigrationConditionType) bool {
		return apimeta.IsStatusConditionTrue(m.Status.Conditions, string(how))
	}
	const succeeded, failed = migrationv1.MigrationSucceeded, migrationv1.MigrationFailed
	if ended(m, succeeded) && ended(m, failed) {
		j.invalid(conditions, m.Status.Conditions, "Both success and failed conditions cannot be true at the same time")
	}
	if ended(old, succeeded) && !ended(m, succeeded) {
		j.invalid(conditions, m.Status.Conditions, "Success condition cannot be set to false once it is true")
	}
	if ended(old, failed) && !ended(m, failed) {
		j.invalid(conditions, m.Status.Conditions, "Failed condition cannot be set to false once it is true")
	}
}
