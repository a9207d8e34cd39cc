package kinds

import (
	"strings"

	resourcev1 "k8s.io/api/resource/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// resourceClaims ask for devices; their status says which, and for whom.
func resourceClaims() *api.Resource {
	type claim = *resourcev1.ResourceClaim
	return &api.Resource{
		GroupVersionKind: resourcev1.SchemeGroupVersion.WithKind("ResourceClaim"),
		Plural:           "resourceclaims",
		Singular:         "resourceclaim",
		Namespaced:       true,
		New:              func() api.Object { return &resourcev1.ResourceClaim{} },
		NewList:          func() runtime.Object { return &resourcev1.ResourceClaimList{} },
		Default:          api.Do(func(c claim) { defaultDeviceClaim(&c.Spec.Devices) }),
		ValidateCreate: rule(func(j *judge, c claim) {
			checkDeviceClaim(j, &c.Spec.Devices, field.NewPath("spec", "devices"))
		}),
		ValidateUpdate: pairRule(func(j *judge, c, old claim) {
			j.unchangedLater(field.NewPath("spec"), c.Spec, old.Spec)
		}),
		PrepareStatus:       api.Pair(dropFreedDevices),
		ValidateStatus:      pairRule(checkClaimStatus),
		CopyStatus:          api.Pair(func(dst, src claim) { dst.Status = src.Status }),
		StatusAlone:         true,
		DeleteReturnsObject: true,
		Columns: table(
			text("State", "A summary of the current state (allocated, pending, reserved, etc.).", claimState),
			api.AgeColumn(),
		),
	}
}

func claimState(c *resourcev1.ResourceClaim) string {
	var states []string
	if c.DeletionTimestamp != nil {
		states = append(states, "deleted")
	}
	switch {
	case c.Status.Allocation != nil && len(c.Status.ReservedFor) > 0:
		states = append(states, "allocated", "reserved")
	case c.Status.Allocation != nil:
		states = append(states, "allocated")
	case c.DeletionTimestamp == nil:
		states = append(states, "pending")
	}
	return strings.Join(states, ",")
}

// resourceClaimTemplates are what claims are made from, one for each pod.
func resourceClaimTemplates() *api.Resource {
	type template = *resourcev1.ResourceClaimTemplate
	return &api.Resource{
		GroupVersionKind: resourcev1.SchemeGroupVersion.WithKind("ResourceClaimTemplate"),
		Plural:           "resourceclaimtemplates",
		Singular:         "resourceclaimtemplate",
		Namespaced:       true,
		New:              func() api.Object { return &resourcev1.ResourceClaimTemplate{} },
		NewList:          func() runtime.Object { return &resourcev1.ResourceClaimTemplateList{} },
		Default:          api.Do(func(t template) { defaultDeviceClaim(&t.Spec.Spec.Devices) }),
		ValidateCreate: rule(func(j *judge, t template) {
			meta := field.NewPath("spec", "metadata")
			j.add(apivalidation.ValidateAnnotations(t.Spec.Annotations, meta.Child("annotations")))
			j.add(metavalidation.ValidateLabels(t.Spec.Labels, meta.Child("labels")))
			checkDeviceClaim(j, &t.Spec.Spec.Devices, field.NewPath("spec", "spec", "devices"))
		}),
		ValidateUpdate: pairRule(func(j *judge, t, old template) {
			j.unchanged(field.NewPath("spec"), t.Spec, old.Spec)
		}),
		DeleteReturnsObject: true,
		Columns:             table(api.AgeColumn()),
	}
}

// defaultDeviceClaim: who does not say how many devices wants one.
func defaultDeviceClaim(c *resourcev1.DeviceClaim) {
	one := func(mode *resourcev1.DeviceAllocationMode, count *int64) {
		setDefault(mode, resourcev1.DeviceAllocationModeExactCount)
		if *mode == resourcev1.DeviceAllocationModeExactCount {
			setDefault(count, 1)
		}
	}
	for i := range c.Requests {
		if r := c.Requests[i].Exactly; r != nil {
			one(&r.AllocationMode, &r.Count)
		}
		for k := range c.Requests[i].FirstAvailable {
			r := &c.Requests[i].FirstAvailable[k]
			one(&r.AllocationMode, &r.Count)
		}
	}
}
