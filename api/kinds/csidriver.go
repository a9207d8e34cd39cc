package kinds

import (
	"strings"

	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// csiDrivers are the storage drivers of the cluster, and what each of them wants.
func csiDrivers() *api.Resource {
	type driver = *storagev1.CSIDriver
	doc := storagev1.CSIDriverSpec{}.SwaggerDoc()
	flag := func(name, field string, value func(driver) *bool, otherwise bool) api.Column {
		return boolean(name, doc[field], func(d driver) bool {
			if set := value(d); set != nil {
				return *set
			}
			return otherwise
		})
	}
	return &api.Resource{
		GroupVersionKind: storagev1.SchemeGroupVersion.WithKind("CSIDriver"),
		Plural:           "csidrivers",
		Singular:         "csidriver",
		New:              func() api.Object { return &storagev1.CSIDriver{} },
		NewList:          func() runtime.Object { return &storagev1.CSIDriverList{} },
		Default:          api.Do(defaultCSIDriver),
		// Only changes are counted.
		PrepareCreate: api.Do(func(d driver) { d.Generation = 0 }),
		Validate:      rule(checkCSIDriver),
		ValidateUpdate: pairRule(func(j *judge, d, old driver) {
			j.unchanged(field.NewPath("spec", "attachedRequired"), d.Spec.AttachRequired, old.Spec.AttachRequired)
			j.unchanged(field.NewPath("spec", "volumeLifecycleModes"), d.Spec.VolumeLifecycleModes, old.Spec.VolumeLifecycleModes)
		}),
		Warnings:              warnings(warnCSIDriver),
		Generation:            true,
		NoUnconditionalUpdate: true,
		DeleteReturnsObject:   true,
		Columns: table(
			flag("AttachRequired", "attachRequired", func(d driver) *bool { return d.Spec.AttachRequired }, true),
			flag("PodInfoOnMount", "podInfoOnMount", func(d driver) *bool { return d.Spec.PodInfoOnMount }, false),
			flag("StorageCapacity", "storageCapacity", func(d driver) *bool { return d.Spec.StorageCapacity }, false),
			text("TokenRequests", doc["tokenRequests"], func(d driver) string {
				if d.Spec.TokenRequests == nil {
					return unset
				}
				var audiences []string
				for _, r := range d.Spec.TokenRequests {
					audiences = append(audiences, r.Audience)
				}
				return strings.Join(audiences, ",")
			}),
			flag("RequiresRepublish", "requiresRepublish", func(d driver) *bool { return d.Spec.RequiresRepublish }, false),
			text("Modes", doc["volumeLifecycleModes"], func(d driver) string {
				var modes []string
				for _, m := range d.Spec.VolumeLifecycleModes {
					modes = append(modes, string(m))
				}
				return or(strings.Join(modes, ","), none)
			}),
			api.AgeColumn(),
		),
	}
}

func defaultCSIDriver(d *storagev1.CSIDriver) {
	setDefaultPtr(&d.Spec.AttachRequired, true)
	setDefaultPtr(&d.Spec.PodInfoOnMount, false)
	setDefaultPtr(&d.Spec.StorageCapacity, false)
	setDefaultPtr(&d.Spec.FSGroupPolicy, storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy)
	if len(d.Spec.VolumeLifecycleModes) == 0 {
		d.Spec.VolumeLifecycleModes = []storagev1.VolumeLifecycleMode{storagev1.VolumeLifecyclePersistent}
	}
	setDefaultPtr(&d.Spec.RequiresRepublish, false)
	setDefaultPtr(&d.Spec.SELinuxMount, false)
	setDefaultPtr(&d.Spec.PreventPodSchedulingIfMissing, false)
}

func checkCSIDriver(j *judge, d *storagev1.CSIDriver) {
	spec, path := &d.Spec, field.NewPath("spec")
	if spec.FSGroupPolicy != nil {
		supported(j, path.Child("fsGroupPolicy"), *spec.FSGroupPolicy,
			storagev1.FileFSGroupPolicy, storagev1.NoneFSGroupPolicy, storagev1.ReadWriteOnceWithFSTypeFSGroupPolicy)
	}
	checkCSITokens(j, spec.TokenRequests, path.Child("tokenRequests"))
	for _, mode := range spec.VolumeLifecycleModes {
		supported(j, path.Child("volumeLifecycleModes"), mode, storagev1.VolumeLifecyclePersistent, storagev1.VolumeLifecycleEphemeral)
	}
	if s := spec.NodeAllocatableUpdatePeriodSeconds; s != nil && *s < 10 {
		j.invalid(path.Child("nodeAllocatableUpdatePeriodSeconds"), *s, "must be greater than or equal to 10 seconds")
	}
	if spec.ServiceAccountTokenInSecrets != nil && len(spec.TokenRequests) == 0 {
		j.invalid(path.Child("serviceAccountTokenInSecrets"), spec.ServiceAccountTokenInSecrets,
			"serviceAccountTokenInSecrets is set but no tokenRequests are specified")
	}
}

// How long a token lives, in seconds.
const (
	minTokenSeconds = 10 * 60
	maxTokenSeconds = 1 << 32
)

func checkCSITokens(j *judge, requests []storagev1.TokenRequest, path *field.Path) {
	audiences := map[string]bool{} // of which one may be empty
	for i, r := range requests {
		if audiences[r.Audience] {
			j.duplicate(path.Index(i).Child("audience"), r.Audience)
			continue
		}
		audiences[r.Audience] = true
		if s := r.ExpirationSeconds; s != nil {
			if *s < minTokenSeconds {
				j.invalid(path.Index(i).Child("expirationSeconds"), *s, "may not specify a duration less than 10 minutes")
			}
			if *s > maxTokenSeconds {
				j.invalid(path.Index(i).Child("expirationSeconds"), *s, "may not specify a duration larger than 2^32 seconds")
			}
		}
	}
}

func warnCSIDriver(d, old *storagev1.CSIDriver) []string {
	if len(d.Spec.TokenRequests) == 0 || d.Spec.ServiceAccountTokenInSecrets != nil ||
		old != nil && same(d.Spec.TokenRequests, old.Spec.TokenRequests) {
		return nil
	}
	return []string{"spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, " +
		"set to true to prevent possible logging of tokens in volume attributes"}
}
