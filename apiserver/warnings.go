package apiserver

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/coracle-k8s/coracle/api"
)

// warn adds a Warning header (RFC 7234, section 5.5) for people to read.
func (q *request) warn(text string) {
	for _, given := range q.warnings {
		if given == text {
			return
		}
	}
	q.warnings = append(q.warnings, text)
	q.w.Header().Add("Warning", fmt.Sprintf("299 - %q", text))
}

// warnOfKind tells a client that it uses a kind that is on its way out.
func (q *request) warnOfKind() {
	if text := q.resource.DeprecationWarning; text != "" {
		q.deprecated(text)
	}
}

// deprecated tells the client, and the auditor.
func (q *request) deprecated(text string) {
	q.warn(text)
	q.trail.annotate("k8s.io/deprecated", "true")
}

// tidyOwners drops owners that an object names twice, and says so.
func (q *request) tidyOwners(obj api.Object) {
	owners := obj.GetOwnerReferences()
	var once []metav1.OwnerReference
	var twice []string
	for i, owner := range owners {
		again := false
		for _, seen := range owners[:i] {
			again = again || equality.Semantic.DeepEqual(owner, seen)
		}
		if again {
			twice = append(twice, string(owner.UID))
			continue
		}
		once = append(once, owner)
	}
	if len(twice) == 0 {
		return
	}
	obj.SetOwnerReferences(once)
	q.warn(".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests " +
		"as early as 1.24; please fix your requests; duplicate UID(s) observed: " + strings.Join(twice, ", "))
}

// checkFinalizers judges names without a domain, which two writers may both take
// for theirs: built-in kinds refuse them, custom ones warn.
func (q *request) checkFinalizers(obj api.Object) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("metadata", "finalizers")
	for i, name := range obj.GetFinalizers() {
		switch {
		case strings.Contains(name, "/"), isStandardFinalizer(name), q.resource.AnyFinalizer:
		case !isCustom(q.resource):
			errs = append(errs, field.Invalid(path.Index(i), name, "name is neither a standard finalizer name nor is it fully qualified"))
		case strings.Contains(name, "."):
			q.warn(fmt.Sprintf("%s: %q: prefer a domain-qualified finalizer name including a path (/) "+
				"to avoid accidental conflicts with other finalizer writers", path, name))
		default:
			q.warn(fmt.Sprintf("%s: %q: prefer a domain-qualified finalizer name "+
				"to avoid accidental conflicts with other finalizer writers", path, name))
		}
	}
	return errs
}

func isStandardFinalizer(name string) bool {
	switch name {
	case "kubernetes", metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents:
		return true
	}
	return false
}
