package storagemigration

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	migrationv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

const (
	// pageSize is how many objects are listed at a time.
	pageSize = 500
	// patience is how long a migration waits for its kind to exist.
	patience = time.Minute
)

// New returns the controller. Its keys are StorageVersionMigrations.
func New(c *client.Client, informers *client.Informers, opts controller.Options) *controller.Controller {
	r := &reconciler{
		client:     c,
		migrations: client.Shared[*migrationv1.StorageVersionMigration](informers),
		write:      client.For[*migrationv1.StorageVersionMigration](c),
	}
	ctl := controller.New("storage-version-migrator-controller", r, opts)
	controller.Watch(ctl, r.migrations, controller.Self)
	return ctl
}

type reconciler struct {
	client     *client.Client
	migrations *client.Informer[*migrationv1.StorageVersionMigration]
	write      *client.Kind[*migrationv1.StorageVersionMigration]
}

// Reconcile implements controller.Reconciler.
func (r *reconciler) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	cached, ok := r.migrations.Get("", key.Name)
	if !ok || cached.DeletionTimestamp != nil || ended(cached) {
		return controller.Result{}, nil
	}
	m := api.Clone(cached)
	kind, err := r.kind(ctx, m.Spec.Resource)
	switch {
	case err != nil:
		return controller.Result{}, err
	case kind == nil && time.Since(m.CreationTimestamp.Time) < patience:
		return controller.Result{RequeueAfter: patience / 6}, nil
	case kind == nil:
		return controller.Result{}, r.end(ctx, m, migrationv1.MigrationFailed, "there is no resource "+m.Spec.Resource.String())
	}
	objects := client.Metadata(r.client, kind)
	all, revision, err := list(ctx, objects)
	if err != nil {
		return controller.Result{}, err
	}
	if m, err = r.begin(ctx, m, revision); err != nil {
		return controller.Result{}, err
	}
	for _, obj := range all {
		if err := rewrite(ctx, objects, obj); err != nil {
			if passes(err) {
				return controller.Result{}, err // and begin again
			}
			return controller.Result{}, r.end(ctx, m, migrationv1.MigrationFailed, err.Error())
		}
	}
	return controller.Result{}, r.end(ctx, m, migrationv1.MigrationSucceeded, "Migration completed")
}

func ended(m *migrationv1.StorageVersionMigration) bool {
	return apimeta.IsStatusConditionTrue(m.Status.Conditions, string(migrationv1.MigrationSucceeded)) ||
		apimeta.IsStatusConditionTrue(m.Status.Conditions, string(migrationv1.MigrationFailed))
}

// kind finds a resource in the version that the server prefers; nil if there is none.
func (r *reconciler) kind(ctx context.Context, name metav1.GroupResource) (*api.Resource, error) {
	kinds, err := r.client.Discover(ctx)
	i := slices.IndexFunc(kinds, func(k *api.Resource) bool {
		return k.Group == name.Group && k.Plural == name.Resource && client.Supports(k, "list") && client.Supports(k, "patch")
	})
	if i < 0 {
		return nil, err
	}
	return kinds[i], nil
}

// list returns the metadata of all objects, and the revision at which they were read.
func list(ctx context.Context, objects *client.Kind[*metav1.PartialObjectMetadata]) (all []*metav1.PartialObjectMetadata, revision string, err error) {
	opts := client.ListOptions{Limit: pageSize}
	for {
		page, err := objects.List(ctx, "", opts)
		if err != nil {
			return nil, "", err
		}
		all = append(all, page.Items...)
		if opts.Continue = page.Continue; opts.Continue == "" {
			return all, page.ResourceVersion, nil
		}
	}
}

// rewrite patches an object with nothing, if it is as it was listed. One that has
// been written since, or is gone, needs it no more.
func rewrite(ctx context.Context, objects *client.Kind[*metav1.PartialObjectMetadata], obj *metav1.PartialObjectMetadata) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]string{"resourceVersion": obj.ResourceVersion, "uid": string(obj.UID)}})
	if err != nil {
		return err
	}
	_, err = objects.Patch(ctx, obj.Namespace, obj.Name, types.MergePatchType, patch)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write %s anew: %w", api.Key(obj.Namespace, obj.Name), err)
	}
	return nil
}

// passes says whether an error may not be there the next time.
func passes(err error) bool {
	return apierrors.ReasonForError(err) == metav1.StatusReasonUnknown || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// begin notes that the migration is under way, and from which revision. It writes even
// what is there already: if that is out of date, such as of a migration that has ended
// meanwhile, the answer is a conflict.
func (r *reconciler) begin(ctx context.Context, m *migrationv1.StorageVersionMigration, revision string) (*migrationv1.StorageVersionMigration, error) {
	m.Status.ResourceVersion = cmp.Or(m.Status.ResourceVersion, revision)
	return r.note(ctx, m, migrationv1.MigrationRunning, "MigrationRunning", "the objects are being written anew")
}

// end notes how the migration ended.
func (r *reconciler) end(ctx context.Context, m *migrationv1.StorageVersionMigration, how migrationv1.MigrationConditionType, message string) error {
	_, err := r.note(ctx, m, how, "StorageVersionMigration"+string(how), message)
	return err
}

func (r *reconciler) note(
	ctx context.Context, m *migrationv1.StorageVersionMigration, what migrationv1.MigrationConditionType, reason, message string,
) (*migrationv1.StorageVersionMigration, error) {
	apimeta.SetStatusCondition(&m.Status.Conditions, metav1.Condition{
		Type: string(what), Status: metav1.ConditionTrue, Reason: reason, Message: message,
	})
	stored, err := r.write.UpdateStatus(ctx, m)
	if apierrors.IsNotFound(err) {
		return m, nil // nobody wants it any more
	}
	if err != nil {
		return nil, err
	}
	return stored, nil
}
