// Package apply knows who manages which field of an object, and merges what
// several clients want of the same object: server-side apply (KEP-555).
//
// # The idea
//
// Two clients seldom want the same of an object: one sets its image, another
// its number of replicas, a controller its status. So the server notes, for each
// client, the set of fields it manages, in metadata.managedFields:
//
//	manager: ana, operation: Apply      f:spec: {f:replicas: {}}
//	manager: kubelet, operation: Update, subresource: status
//	                                    f:status: {f:conditions: {k:{"type":"Ready"}: {...}}}
//
// A field is named "f:" and its name, an element of a list "k:" and its keys, of
// a set "v:" and itself; "." is the thing itself, besides what is in it.
//
// Whoever applies sends all the fields it cares for, and no others:
//
//	              live object
//	                   │
//	config ──> merge ──┴─> new object ──> less what the manager had and dropped
//	              │
//	              └─ a field set otherwise by somebody else: a conflict (409),
//	                 unless forced: then it is theirs no more
//
// Any other write just says what the object is to be. It manages from then on what
// it has changed, and takes that from others without asking.
//
// # What merges
//
// A struct or map is merged field by field, a scalar replaced. A list is one
// value, except where the API says that its elements have keys (containers by
// name, ports by number and protocol) or that it is a set (finalizers). The Go
// types do not say so in a form that can be read, and their patchMergeKey tags
// say something else: they merge ports by the number alone. So the tables in
// lists.go hold what the API reference says. The schema of a custom kind says so
// itself (custom.go); without one, maps merge, and lists are one value.
//
// # Who does the work
//
// Sets, merging and conflicts are structured-merge-diff and the managedfields
// package of apimachinery, the same that Kubernetes uses. A [Tracker] makes
// schemas for them from Go types ([SchemaOf]), which fields a path lets its
// clients own (a status path only the status), and three shortcuts:
//
//   - a created object needs no comparison. Its fields are listed in one walk
//     (outline.go, created.go), which comes to the same as comparing it with
//     an empty object, for a fraction of the time;
//   - an updated object is compared only in those parts that differ (part.go);
//   - sets that the update does not concern are looked into as they are written, and
//     neither read nor written (shortcut.go, written.go).
//
// # In Kubernetes
//
// The schema comes from the OpenAPI document there. Conversion from one version of
// a kind to another goes by way of the internal version; here by way of the stored
// form ([api.Stored]). Both drop the fields of managers in a version that is gone. Entries for the scale path say spec.replicas of the object itself; the
// Scale that a client reads does not show them.
//
// # Reading order
//
// tracker.go, schema.go with lists.go, converter.go and versions.go, merge.go for who
// merges without managers, then the shortcuts. How
// requests come here is in package apiserver: apply.go and managedfields.go;
// testdata/apply.story there tells how it all feels to a client.
package apply
