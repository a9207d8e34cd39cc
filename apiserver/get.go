package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/coracle-k8s/coracle/store"
)

// revisionPatience is how long a read waits for a revision still to come.
const revisionPatience = 3 * time.Second

// get answers with one object, from the cache.
func (q *request) get(v *view) error {
	revision, err := parseRevision("resourceVersion", q.URL.Query().Get("resourceVersion"))
	if err != nil {
		return apierrors.NewBadRequest(err.Error())
	}
	match := notOlderThan
	switch q.URL.Query().Get("resourceVersion") {
	case "":
		match = latest
	case "0":
		match = anyRevision
	}
	if err := q.await(match, revision); err != nil {
		return err
	}
	found, _, err := q.server.storage.cache.get(q.Context(), q.resource, keyOf(q.resource, q.info.Namespace, q.info.Name))
	switch {
	case err != nil:
		return storeError(q.resource, q.info.Name, err)
	case found == nil:
		return storeError(q.resource, q.info.Name, store.ErrNotFound)
	case found.err != nil:
		return apierrors.NewInternalError(found.err)
	}
	if message, ok := q.message(found); ok && v.whole {
		return q.sendMessage(http.StatusOK, message, found.revision)
	}
	return q.answer(http.StatusOK, v.show(found.object()))
}

// await waits until the cache is as new as a read demands.
func (q *request) await(match revisionMatch, revision int64) error {
	cache := q.server.storage.cache
	switch match {
	case latest:
		return storeError(q.resource, q.info.Name, cache.fresh(q.Context()))
	case notOlderThan, exactly:
		ctx, cancel := context.WithTimeout(q.Context(), revisionPatience)
		defer cancel()
		err := cache.wait(ctx, revision)
		if errors.Is(err, context.DeadlineExceeded) {
			return tooLargeRevisionError(fmt.Sprintf("%d, current: %d", revision, cache.applied()))
		}
		return storeError(q.resource, q.info.Name, err)
	default:
		return nil
	}
}
