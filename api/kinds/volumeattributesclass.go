package kinds

import (
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// volumeAttributesClasses are what a volume can be changed to while it is used.
func volumeAttributesClasses() *api.Resource {
	type class = *storagev1.VolumeAttributesClass
	driver, parameters := field.NewPath("driverName"), field.NewPath("parameters")
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("VolumeAttributesClass"),
		Plural:           "volumeattributesclasses",
		Singular:         "volumeattributesclass",
		ShortNames:       []string{"vac"},
		New:              func() api.Object { return &storagev1.VolumeAttributesClass{} },
		NewList:          func() runtime.Object { return &storagev1.VolumeAttributesClassList{} },
		Validate: rule(func(j *judge, c class) {
			if j.filled(driver, c.DriverName) {
				j.qualified(driver, strings.ToLower(c.DriverName))
			}
			checkClassParameters(j, c.Parameters, parameters)
			if len(c.Parameters) == 0 {
				j.required(parameters, "must contain at least one key/value pair")
			}
		}),
		ValidateUpdate: pairRule(func(j *judge, c, old class) {
			if c.DriverName != old.DriverName {
				j.forbidden(driver, "updates to driverName are forbidden.")
			}
			if !same(c.Parameters, old.Parameters) {
				j.forbidden(parameters, "updates to parameters are forbidden.")
			}
		}),
		DeleteReturnsObject: true,
		Columns: table(
			text("DriverName", storagev1.VolumeAttributesClass{}.SwaggerDoc()["driverName"], func(c class) string { return c.DriverName }),
			api.AgeColumn(),
		),
	}
}
